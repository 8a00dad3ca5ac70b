"""What befalls workloads for a while: when is it told? Once it has lasted, and once it is over.

Of those that begin together only some are told one by one: an outage of Prometheus holds everything.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autoscaler.shell import cluster
from kube.events import Notice

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from autoscaler.core.decisions.record import Record

_log = logging.getLogger("autoscaler")

_MOST_TOLD = 20


@dataclass(frozen=True, slots=True)
class Words:
    """After how long it is told, the reason of the Event, and what the log says."""

    long_ms: int
    reason: str
    begun: str
    many_begun: str
    over: str
    many_over: str


HELD_FOR_LONG = Words(
    10_000,  # a shorter hold is a pod that was not scraped yet
    "Held",
    "held",
    "many workloads are held; only some are told one by one",
    "decided again",
    "many workloads are decided again",
)
UNPLACED_FOR_LONG = Words(
    60_000,  # a node that is being added, or a pod on its way out, may give room
    "NotPlaceable",
    "not placeable",
    "many workloads get no place for all replicas; only some are told one by one",
    "placeable again",
    "many workloads get a place for all replicas again",
)

UNHELPED_FOR_LONG = Words(
    10_000,  # at its bound the law may be for a moment
    "LatencyNotReached",
    "latency target not reached",
    "many workloads do not reach their latency target; only some are told one by one",
    "latency target can be reached again",
    "many workloads can reach their latency target again",
)


@dataclass(slots=True)
class _Since:
    """Since when it lasts, whether it lasted long enough to be told, and whether it was, by itself."""

    since_ms: int
    long: bool = False
    told: bool = False


class Lasting:
    """One thing that befalls workloads, by their UIDs; `tell` takes the Events."""

    def __init__(self, tell: Callable[[Notice], None], words: Words) -> None:
        self._tell = tell
        self._words = words
        self._since: dict[str, _Since] = {}

    def now(self, uids: Collection[str], at_ms: int, record: Callable[[str], Record | None]) -> None:
        """Say whom it has befallen for long, and for whom it is over; `record` gives the standing record of one."""
        self._ended(uids, record)
        long = []
        for uid in sorted(uids):
            one = self._since.setdefault(uid, _Since(at_ms))
            if not one.long and one.since_ms <= at_ms - self._words.long_ms:
                one.long = True
                long.append(uid)
        if len(long) > _MOST_TOLD:
            _log.warning(self._words.many_begun, extra={"workloads": len(long)})
        for uid in long[:_MOST_TOLD]:
            standing = record(uid)
            if standing is not None:
                self._since[uid].told = True
                key, reason = standing.key, standing.decision.reason
                self._tell(Notice(cluster.workload_reference(key), self._words.reason, reason, "Warning"))
                _log.warning(self._words.begun, extra={"workload": str(key), "reason": reason})

    def retain(self, uids: Collection[str]) -> None:
        """Forget every workload whose UID is not in `uids`: nothing is over for what is gone."""
        for uid in [uid for uid in self._since if uid not in uids]:
            del self._since[uid]

    def _ended(self, uids: Collection[str], record: Callable[[str], Record | None]) -> None:
        together = 0
        for uid in [uid for uid in self._since if uid not in uids]:
            one, standing = self._since.pop(uid), record(uid)
            if one.told and standing is not None:
                reason = standing.decision.reason
                _log.info(self._words.over, extra={"workload": str(standing.key), "reason": reason})
            together += one.long and not one.told
        if together:
            _log.info(self._words.many_over, extra={"workloads": together})
