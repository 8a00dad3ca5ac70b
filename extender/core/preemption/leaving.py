"""Whose room comes free by itself? That of pods that are leaving: it is waited for before anybody else has to leave.

A pod that has not left in its own grace, and a while more, may never do so: it is not waited for any longer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from extender.core.ledger.holding import State

if TYPE_CHECKING:
    from extender.core.gang.planning import Room

_LONGER_S = 60.0
_USUAL_GRACE_S = 30.0  # what Kubernetes gives a pod that says nothing


@dataclass(slots=True)
class Leaving:
    """Since when each pod is seen leaving, in seconds, by UID."""

    _since: dict[str, float] = field(default_factory=dict)

    def soon_gone(self, room: Room, now: float) -> frozenset[str]:
        """Return the pods that hold devices and will leave them before long, as it is seen at `now` seconds."""
        leaving = [
            one.pod.uid
            for one in room.ledger.holdings()
            if (one.leaving or one.state is State.QUARANTINED) and one.devices != ()
        ]
        self._since = {uid: self._since.get(uid, now) for uid in leaving}
        return frozenset(uid for uid in leaving if not self.overdue(uid, room, now))

    def overdue(self, uid: str, room: Room, now: float) -> bool:
        """Tell whether a pod that is leaving should have been gone for a while."""
        since = self._since.get(uid)
        facts = room.checks.facts(uid)
        grace_s = _USUAL_GRACE_S if facts is None else facts.grace_s
        return since is not None and now - since > grace_s + _LONGER_S
