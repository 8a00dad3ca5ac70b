"""How many of a workload's replicas are on their way to be ready?

The laws:
- A pod that is not ready is starting for as long as its start may take, from its creation on; one whose start failed
  (it crashed, its image cannot be had) is not.
- A replica that was asked for and has no pod yet is starting for as long, from when it was first missed on: a quota
  that forbids its pod must not count for ever.
- Each has its own time. Where fewer are missed than before, those that were missed last are there or not wanted any
  more: a start that failed stays failed, however many are asked for after it.
- At most eight times are kept apart; of more, the two that are closest become the earlier one. All that failed are one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from autoscaler.core.targets.target import Sight

Missed: TypeAlias = tuple[tuple[int, float], ...]
"""So many replicas were missed first at such a time (Unix seconds), oldest first."""

_MOST_TIMES = 8
_NAMES = tuple((f"missed_{number}", f"missed_{number}_seconds") for number in range(_MOST_TIMES))


class Starts:
    """Remembers since when replicas without a pod are missed; times are Unix seconds."""

    def __init__(self) -> None:
        self._missed: dict[str, Missed] = {}  # by UID

    def starting(self, uid: str, sight: Sight, deadline_s: int, now_s: float) -> int:
        """Return how many replicas of a workload are starting."""
        on_their_way = sum(created_s + deadline_s > now_s for created_s in sight.starting)
        count = sight.current - len(sight.ready) - len(sight.starting) - sight.failed
        missed = _followed(self._missed.pop(uid, ()), count, deadline_s, now_s)
        if missed:
            self._missed[uid] = missed
        return on_their_way + sum(each for each, since_s in missed if since_s + deadline_s > now_s)

    def told(self, uid: str) -> Mapping[str, float]:
        """Return what is remembered of a workload as numbers by name, for a restart; nothing where nothing is."""
        pairs = zip(_NAMES, self._missed.get(uid, ()), strict=False)
        return {name: number for names, numbers in pairs for name, number in zip(names, numbers, strict=True)}

    def recall(self, uid: str, told: Mapping[str, float]) -> None:
        """Remember of a workload what was told of it, and nothing else."""
        here = (names for names in _NAMES if all(name in told for name in names))
        missed = tuple((round(told[count]), told[since_s]) for count, since_s in here)
        self._missed.pop(uid, None)
        if missed:
            self._missed[uid] = missed

    def retain(self, uids: Collection[str]) -> None:
        """Forget every workload whose UID is not in `uids`."""
        for uid in [uid for uid in self._missed if uid not in uids]:
            del self._missed[uid]


def _followed(before: Missed, count: int, deadline_s: int, now_s: float) -> Missed:
    """Return since when replicas are missed, now that so many are."""
    missed: list[tuple[int, float]] = []
    left = count
    for each, since_s in before:
        if left > 0:
            missed.append((min(each, left), min(since_s, now_s)))  # a clock that was set back begins anew
            left -= each
    if left > 0:
        missed.append((left, now_s))
    if len(missed) > _MOST_TIMES:
        times = [max(since_s, now_s - deadline_s) for _, since_s in missed]
        closest = min(range(1, len(times)), key=lambda place: times[place] - times[place - 1])
        (earlier, since_s), (later, _) = missed[closest - 1 : closest + 1]
        missed[closest - 1 : closest + 1] = [(earlier + later, since_s)]
    return tuple(missed)
