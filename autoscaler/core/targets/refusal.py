"""Why is a labelled object not autoscaled? Because what controls it sets its replicas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection


@dataclass(frozen=True, slots=True)
class Controller:
    """What controls an object: its UID, and the API group, kind and name that it is known by."""

    uid: str
    group: str
    kind: str
    name: str


def refusal(controller: Controller | None, scaled: Collection[tuple[str, str]]) -> str:
    """Return why an object with this controller is not autoscaled, "" where it is.

    `scaled` are the kinds that can be scaled, by group and kind: one of these sets the replicas of what it controls.
    Any other controller may leave them to us; where it does not, it is another writer and treated as such.
    """
    if controller is None or (controller.group, controller.kind) not in scaled:
        return ""
    what = f"{controller.kind} {controller.name}"
    return f"{what} controls it and sets its replicas: label that one instead"
