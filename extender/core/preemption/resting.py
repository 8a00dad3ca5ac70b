"""Which pods were made anew for one that was evicted? They are left alone for a while, so that work gets on.

A pod is known by its UID, its workload by the controller that makes it. Of a workload of which one was evicted, all
that are first seen after that are taken to stand for one that was evicted: nobody says which of them does.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Resting:
    """When pods of each controller were evicted last, and when each pod was seen first; in seconds."""

    _evicted_at: dict[str, float] = field(default_factory=dict)
    _seen_before: dict[str, frozenset[str]] = field(default_factory=dict)

    def evicted(self, owner: str, there: frozenset[str], now: float) -> None:
        """Take note that a pod of a controller is evicted; `there`: its pods that are there now, by UID."""
        if owner:
            if owner not in self._evicted_at:
                self._seen_before[owner] = there
            self._evicted_at[owner] = now

    def rests(self, uid: str, owner: str, for_s: float, now: float) -> bool:
        """Tell whether a pod is to be left alone."""
        at = self._evicted_at.get(owner)
        if at is None or not owner:
            return False
        if now - at >= for_s:
            return False
        return uid not in self._seen_before[owner]

    def forget(self, for_s: float, now: float) -> None:
        """Forget what is over."""
        for owner in [one for one, at in self._evicted_at.items() if now - at >= for_s]:
            del self._evicted_at[owner], self._seen_before[owner]
