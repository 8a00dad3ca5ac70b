"""How many of a workload's replicas are on their way to be ready?

The laws:
- A pod that is not ready is starting for as long as its start may take, from its creation on; one whose start failed
  (it crashed, its image cannot be had) is not.
- A replica that was asked for and has no pod yet is starting for as long, from when it was first missed on: a quota
  that forbids its pod must not count for ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from autoscaler.core.targets.target import Sight


class Starts:
    """Remembers since when replicas without a pod are missed; times are Unix seconds."""

    def __init__(self) -> None:
        self._missed: dict[str, tuple[int, float]] = {}  # by UID: the replicas asked for, and since when

    def starting(self, uid: str, sight: Sight, deadline_s: int, now_s: float) -> int:
        """Return how many replicas of a workload are starting."""
        on_their_way = sum(created_s + deadline_s > now_s for created_s in sight.starting)
        missed = sight.current - len(sight.ready) - len(sight.starting) - sight.failed
        if missed <= 0:
            self._missed.pop(uid, None)
            return on_their_way
        asked, since_s = self._missed.get(uid, (sight.current, now_s))
        if sight.current > asked:
            since_s = now_s
        self._missed[uid] = sight.current, min(since_s, now_s)  # a clock that was set back begins anew
        return on_their_way + (missed if since_s + deadline_s > now_s else 0)

    def retain(self, uids: Collection[str]) -> None:
        """Forget every workload whose UID is not in `uids`."""
        for uid in [uid for uid in self._missed if uid not in uids]:
            del self._missed[uid]
