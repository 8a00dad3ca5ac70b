"""How are decided changes carried out? Beside the ticks, one a workload; what became of each is counted and told.

What is to be done before replicas go (`prepare`) is done when the turn of their write comes, and what stands decided
after that is written.

The laws:
- What is written is what stands decided when its turn comes: an API server that hung for minutes must not be given the
  decisions of its past.
- A write without an answer may have been carried out. It was a change of ours where the count stands there afterwards.
- Whatever goes wrong with one write costs the others nothing, and it is tried again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from autoscaler.core.targets.writing import Failed, Overtaken, Refused, Withheld, Written
from kube.outage import Outage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from autoscaler.core.decisions.record import Record
    from autoscaler.core.model import Decision, WorkloadKey
    from autoscaler.core.targets.target import Sight
    from autoscaler.core.targets.writing import Outcome
    from autoscaler.shell.scaling import Scaling

_log = logging.getLogger("autoscaler")

_MOST_AT_ONCE = 16
_REFUSED_PAUSE_S = 30.0  # what was refused once will be refused again: a quota, a webhook, a missing right
_UNANSWERED_S = 60.0  # a write without an answer may still arrive for so long


@dataclass(frozen=True, slots=True)
class Hearers:
    """Who hears what becomes of a change.

    `made` gets the record of each change that was made, `refused` whose count was refused, and a sentence; `ended` the
    result of each write, in a word.
    """

    made: Callable[[Record], None]
    refused: Callable[[WorkloadKey, str], None]
    ended: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class _Unanswered:
    """A change whose write had no answer, and until when it may still arrive (monotonic)."""

    record: Record
    until_s: float


class Changes:
    """Carries changes out; `record` gives the standing record of a workload by UID, None where it is gone."""

    def __init__(
        self,
        scaling: Scaling,
        record: Callable[[str], Record | None],
        hearers: Hearers,
        prepare: Callable[[Record], Awaitable[None]],
    ) -> None:
        self._prepare = prepare
        self._scaling = scaling
        self._record = record
        self._hearers = hearers
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._places = asyncio.Semaphore(_MOST_AT_ONCE)
        self._paused_until_s: dict[str, float] = {}
        self._unanswered: dict[str, _Unanswered] = {}
        self._outage = Outage("writing replica counts", "they are tried again at each tick", _log)

    def begin_tick(self, sights: Mapping[str, Sight]) -> None:
        """Begin a tick: see which unanswered writes were carried out, and forget the workloads that are gone."""
        now = time.monotonic()
        for uid, waiting in list(self._unanswered.items()):
            decision = waiting.record.decision
            current = sights[uid].current if uid in sights else None
            if current == decision.inputs.current and now < waiting.until_s:
                continue
            del self._unanswered[uid]
            if current == decision.desired:
                self._hearers.made(waiting.record)
        for uid in [uid for uid in self._paused_until_s if uid not in sights]:
            del self._paused_until_s[uid]

    def carry_out(self, uids: Iterable[str]) -> None:
        """Begin to write what stands decided for these workloads, but for those whose write goes on or is paused."""
        now = time.monotonic()
        for uid in uids:
            if uid not in self._tasks and self._paused_until_s.get(uid, 0.0) <= now:
                task = self._tasks[uid] = asyncio.create_task(self._carry_out(uid))
                task.add_done_callback(partial(self._done, uid))

    async def _carry_out(self, uid: str) -> None:
        async with self._places:
            record = self._to_change(uid)
            if record is not None and record.decision.desired < record.decision.inputs.current:
                await self._prepare(record)
                record = self._to_change(uid)
            if record is None:
                return  # by now there is nothing to change
            outcome = await self._scaling.write(record.key, record.decision.inputs.current, record.decision.desired)
        self._hearers.ended(type(outcome).__name__.lower())
        self._tell(record, outcome)

    def _to_change(self, uid: str) -> Record | None:
        record = self._record(uid)
        return record if record is not None and _changes(record.decision) else None

    def _done(self, uid: str, task: asyncio.Task[None]) -> None:
        del self._tasks[uid]
        if task.cancelled() or (error := task.exception()) is None:
            return
        self._pause(uid)
        self._hearers.ended("failed")
        _log.error("defect: a replica count is not written", extra={"uid": uid}, exc_info=error)

    def _tell(self, record: Record, outcome: Outcome) -> None:
        key, decision = record.key, record.decision
        change = f"{decision.inputs.current} -> {decision.desired}"
        if not isinstance(outcome, Failed | Withheld):
            self._outage.ended()
        match outcome:
            case Written():
                self._unanswered.pop(key.uid, None)
                self._hearers.made(record)
            case Refused(why):
                self._pause(key.uid)
                sentence = f"replicas {change} were refused: {why}; tried again every {_REFUSED_PAUSE_S:g} s"
                self._hearers.refused(key, sentence)
            case Failed(why, unknown):
                if unknown:
                    self._unanswered[key.uid] = _Unanswered(record, time.monotonic() + _UNANSWERED_S)
                self._outage.failed(f"{key} {change}: {why}")
            case Withheld(why):
                _log.info("withheld", extra={"workload": str(key), "change": change, "reason": why})
            case Overtaken(found, by=by):
                _log.info("overtaken", extra={"workload": str(key), "change": change, "found": found, "by": by})

    def _pause(self, uid: str) -> None:
        self._paused_until_s[uid] = time.monotonic() + _REFUSED_PAUSE_S


def _changes(decision: Decision) -> bool:
    return decision.desired != decision.inputs.current and not decision.inputs.observed
