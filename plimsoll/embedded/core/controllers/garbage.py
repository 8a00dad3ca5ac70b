"""What has nobody any more? An object whose owners are all gone, and a pod whose node is gone.

After kube-controller-manager's garbage collector (background deletion) and pod garbage collector.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from plimsoll.embedded.core import kinds
from plimsoll.embedded.core.notation.moments import written

if TYPE_CHECKING:
    from collections.abc import Callable

    from plimsoll.embedded.core.kinds import Kind
    from plimsoll.embedded.core.problem import Object

QUARANTINE_S = 40.0
"""How long a pod's node may be missing before the pod is deleted."""

_KINDS = {(kind.api_version, kind.name): kind for kind in kinds.KINDS}


@dataclass(frozen=True, slots=True)
class Owners:
    """The references of an object, told apart: to what is there, and to what is gone."""

    there: tuple[Object, ...]
    gone: tuple[Object, ...]

    @property
    def collectable(self) -> bool:
        """Whether the object had owners and has none any more."""
        return bool(self.gone) and not self.there


def owners_of(thing: Object, is_there: Callable[[Object], bool]) -> Owners:
    """Tell an object's owners apart; those of kinds that are not served are taken to be there."""
    references = thing["metadata"].get("ownerReferences") or ()
    there = [each for each in references if kind_of(each) is None or is_there(each)]
    return Owners(tuple(there), tuple(each for each in references if each not in there))


def kind_of(reference: Object) -> Kind | None:
    """Return the kind of an owner, None where it is not served."""
    return _KINDS.get((reference.get("apiVersion", ""), reference.get("kind", "")))


def lost_status(pod: Object, now: float) -> Object | None:
    """Return the status of a pod whose node is gone; None where the pod has ended already."""
    status = pod["status"]
    if status.get("phase") in ("Succeeded", "Failed"):
        return None
    generation = pod["metadata"].get("generation", 0)
    new = {
        "type": "DisruptionTarget",
        "observedGeneration": generation,
        "status": "True",
        "lastTransitionTime": written(now),
        "reason": "DeletionByPodGC",
        "message": "PodGC: node no longer exists",
    }
    others = [each for each in status.get("conditions") or () if each.get("type") != "DisruptionTarget"]
    return {**status, "phase": "Failed", "observedGeneration": generation, "conditions": [*others, new]}
