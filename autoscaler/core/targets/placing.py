"""Is the extender to be asked how many replicas can be placed? And what is known of that meanwhile?

The laws:
- It is asked only while more replicas are wanted, at most every four seconds a workload; at once where more are wanted
  than it was asked about.
- Before its first answer nothing is known, and nothing rises; an answer holds for ten seconds, a failure for thirty.
- Where it does not answer there is no bound.
- What lies in the future, because the clock was set back, is not known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from autoscaler.core.model import MOST_REPLICAS, Placement

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

ASKED_EVERY_MS = 4_000
ANSWER_HOLDS_MS = 10_000
FAILURE_HOLDS_MS = 30_000
UNSETTLED_MS = 5_000
"""A question that was neither answered nor failed after so long has failed: whoever asked is gone."""


@dataclass(slots=True)
class _Asked:
    """What was asked about one workload: when, about how many replicas in all, and what came of it when.

    `failed_ms` is when a question failed after the last answer; None: none did.
    """

    asked_ms: int
    wanted: int
    pending: bool = True
    answer: Placement | None = None
    answered_ms: int = 0
    failed_ms: int | None = None


class Placing:
    """What is known of places, by the workloads' UIDs."""

    def __init__(self) -> None:
        self._asked: dict[str, _Asked] = {}

    def placement(self, uid: str, now_ms: int) -> Placement | None:
        """Return what bounds a workload now; None where nothing does."""
        asked = self._asked.get(uid)
        if asked is None:
            return Placement(0)
        if asked.answer is not None and 0 <= now_ms - asked.answered_ms < ANSWER_HOLDS_MS:
            return asked.answer
        failed = asked.failed_ms is not None and 0 <= now_ms - asked.failed_ms < FAILURE_HOLDS_MS
        lost = asked.pending and not 0 <= now_ms - asked.asked_ms < UNSETTLED_MS
        return None if failed or lost else Placement(0)

    def due(self, rising: Mapping[str, int], now_ms: int) -> dict[str, int]:
        """Return which of the workloads that want so many replicas are to be asked about now, and how many replicas.

        They count as asked about from now on. The number leaves room for a load that goes on rising.
        """
        result: dict[str, int] = {}
        for uid, wanted in rising.items():
            asked = self._asked.get(uid)
            if asked is not None and not self._again(asked, wanted, now_ms):
                continue
            if asked is None:
                asked = self._asked[uid] = _Asked(now_ms, 0)
            asked.asked_ms, asked.pending = now_ms, True
            asked.wanted = result[uid] = min(2 * wanted, MOST_REPLICAS)
        return result

    def answered(self, uid: str, placement: Placement, now_ms: int) -> None:
        """Take an answer."""
        asked = self._asked.get(uid)
        if asked is not None:
            asked.pending, asked.answer, asked.answered_ms, asked.failed_ms = False, placement, now_ms, None

    def failed(self, uid: str, now_ms: int) -> None:
        """Take note that a question got no answer."""
        asked = self._asked.get(uid)
        if asked is not None:
            asked.pending, asked.failed_ms = False, now_ms

    def retain(self, uids: Collection[str]) -> None:
        """Forget every workload whose UID is not in `uids`."""
        for uid in [uid for uid in self._asked if uid not in uids]:
            del self._asked[uid]

    @staticmethod
    def _again(asked: _Asked, wanted: int, now_ms: int) -> bool:
        since_ms = now_ms - asked.asked_ms
        if since_ms < 0:  # the clock was set back
            return True
        if asked.pending:
            return since_ms >= UNSETTLED_MS
        return since_ms >= ASKED_EVERY_MS or wanted > asked.wanted
