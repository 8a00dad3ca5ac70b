"""How are people told what a plan does? By Events on the pods that it concerns, and a line in the log."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Literal

from extender.shell import cluster
from kube.events import Notice

if TYPE_CHECKING:
    from collections.abc import Callable

    from extender.core.gang.steps import Tell

_log = logging.getLogger("extender")

_SAME_S = 300.0
_KINDS: dict[bool, Literal["Normal", "Warning"]] = {False: "Normal", True: "Warning"}  # of an Event, by `Tell.trouble`


def say(one: Tell, write: Callable[[Notice], None], what: str) -> None:
    """Tell it; `what` is the line of the log."""
    for pod in one.pods:
        about, kind = cluster.reference(pod), _KINDS[one.trouble]
        write(Notice(about, one.reason, one.sentence, kind, old_for_s=_SAME_S))
    if one.pods:
        first = one.pods[0]
        _log.info(what, extra={"namespace": first.namespace, "pod": first.name, "note": one.sentence})
