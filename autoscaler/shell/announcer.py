"""How does a person hear what is wrong? Once, as an Event and a log line; and once that it is right again.

What befalls very many workloads at once must not become a storm of Events: of holds that begin together only some are
told one by one, and what is wrong with each workload is told of a hundred a tick, of the others at the next ticks.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from autoscaler.shell import cluster
from autoscaler.shell.lasting import HELD_FOR_LONG, UNHELPED_FOR_LONG, UNPLACED_FOR_LONG, Lasting
from kube.events import Notice, in_messages

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from autoscaler.config import Problem
    from autoscaler.core.decisions.record import Record
    from autoscaler.core.model import WorkloadKey
    from kube.objects import ObjectReference

_log = logging.getLogger("autoscaler")

_MOST_TOLD = 100  # other sentences of one tick
_OLD_MS = 600_000  # for how long a refused write of a workload is no news

IN_FORCE = "the last good configuration stays in force"
BRAKED = f"{IN_FORCE}, but for the mode: it is observe, and nothing is written"
HELD = "decisions are held until there is a good configuration"


@dataclass(frozen=True, slots=True)
class _Wrong:
    """What is wrong with an object, by its name for people."""

    name: str
    problems: tuple[Problem, ...]


class Announcer:
    """Remembers what was told of each object, by UID; `tell` takes the Events."""

    def __init__(self, tell: Callable[[Notice], None]) -> None:
        self._tell = tell
        self._wrong: dict[str, _Wrong] = {}
        self._told_problems: dict[str, tuple[tuple[Problem, ...], str]] = {}
        self._holds = Lasting(tell, HELD_FOR_LONG)
        self._unplaced = Lasting(tell, UNPLACED_FOR_LONG)
        self._unhelped = Lasting(tell, UNHELPED_FOR_LONG)
        self._without_effect: dict[str, dict[str, str]] = {}
        self._ineffective: dict[str, Mapping[str, str]] = {}
        self._shortfalls: dict[str, str] = {}
        self._refused_ms: dict[str, int] = {}
        self._unaware_ms: dict[str, int] = {}
        self._left = _MOST_TOLD

    def begin_tick(self, uids: Collection[str]) -> None:
        """Begin a tick: forget every object whose UID is not in `uids`."""
        self._left = _MOST_TOLD
        remembered: tuple[dict[str, Any], ...] = (
            self._wrong,
            self._told_problems,
            self._without_effect,
            self._ineffective,
            self._shortfalls,
        )
        for about in (*remembered, self._refused_ms, self._unaware_ms):
            for uid in [uid for uid in about if uid not in uids]:
                del about[uid]
        for lasting in (self._holds, self._unplaced, self._unhelped):
            lasting.retain(uids)

    def wrong(self) -> Mapping[str, int]:
        """Return how many problems the objects have that have any, by their names for people."""
        return {wrong.name: len(wrong.problems) for wrong in self._wrong.values()}

    def problems(
        self, about: ObjectReference, problems: tuple[Problem, ...], meanwhile: str, *, one_of_many: bool = True
    ) -> None:
        """Say what is wrong with an object's keys, and what happens meanwhile.

        One of many may be told at a later tick: it is asked again then.
        """
        uid, name = about.uid, f"{about.kind} {about.namespace}/{about.name}"
        if problems:
            self._wrong[uid] = _Wrong(name, problems)
        else:
            self._wrong.pop(uid, None)
        news = problems, meanwhile if problems else ""
        if self._told_problems.get(uid, ((), "")) == news or (one_of_many and not self._may_tell()):
            return
        self._told_problems[uid] = news
        if not problems:
            _log.info("configuration corrected", extra={"object": name})
            return
        for message in in_messages(map(str, problems), f"; {meanwhile}"):
            self._tell(Notice(about, "BadConfiguration", message, "Warning"))
        _log.warning("configuration refused", extra={"object": name, "problems": [str(p) for p in problems]})

    def shortfall(self, key: WorkloadKey, sentence: str) -> None:
        """Say that scrapes cannot feed a panic window, "" where they can."""
        if self._shortfalls.get(key.uid, "") == sentence or (sentence and not self._may_tell()):
            return
        self._shortfalls[key.uid] = sentence
        if sentence:
            self._tell(Notice(cluster.workload_reference(key), "PanicWindowNotFed", sentence, "Warning"))
            _log.warning("panic window not fed", extra={"workload": str(key), "reason": sentence})

    def keys_without_effect(self, key: WorkloadKey, whys: Mapping[str, str]) -> None:
        """Say which keys of a workload's configuration do nothing, and why; all others do."""
        before = self._ineffective.get(key.uid, {})
        if whys or before:
            self._ineffective[key.uid] = whys
            for name in sorted({*before, *whys}):
                self.without_effect(key, name, whys.get(name, ""))

    def without_effect(self, key: WorkloadKey, name: str, why: str) -> None:
        """Say that a key of a workload does nothing, "" where it does."""
        told = self._without_effect.setdefault(key.uid, {})
        if told.get(name, "") == why or (why and not self._may_tell()):
            return
        told[name] = why
        if why:
            message = f"{name} has no effect: {why}"
            self._tell(Notice(cluster.workload_reference(key), "KeyWithoutEffect", message, "Warning"))
            _log.warning("a key has no effect", extra={"workload": str(key), "key": name, "reason": why})

    def refused(self, key: WorkloadKey, message: str, at_ms: int) -> None:
        """Say that a replica count was refused."""
        if self._news(self._refused_ms, key, at_ms):
            self._tell(Notice(cluster.workload_reference(key), "ScaleRefused", message, "Warning"))
            _log.warning("scale refused", extra={"workload": str(key), "error": message})

    def unaware(self, key: WorkloadKey, message: str, at_ms: int) -> None:
        """Say that replicas go without regard to what is in flight."""
        if self._news(self._unaware_ms, key, at_ms):
            self._tell(Notice(cluster.workload_reference(key), "NotDrainAware", message, "Warning"))
            _log.warning("not drain-aware", extra={"workload": str(key), "error": message})

    def holds(self, held: Collection[str], at_ms: int, record: Callable[[str], Record | None]) -> None:
        """Say which workloads are held for long, and which are no longer; `record` gives the standing record of one."""
        self._holds.now(held, at_ms, record)

    def unplaced(self, fewer: Collection[str], at_ms: int, record: Callable[[str], Record | None]) -> None:
        """Say which workloads get fewer replicas for long because no more can be placed, and which no longer."""
        self._unplaced.now(fewer, at_ms, record)

    def unhelped(self, missed: Collection[str], at_ms: int, record: Callable[[str], Record | None]) -> None:
        """Say whose latency target more replicas do not bring back, and whose they may again."""
        self._unhelped.now(missed, at_ms, record)

    def _news(self, told_ms: dict[str, int], key: WorkloadKey, at_ms: int) -> bool:
        """Tell whether something of which we spoke to a workload's readers is to be told again, and take note."""
        last_ms = told_ms.get(key.uid)
        if (last_ms is not None and at_ms - last_ms < _OLD_MS) or not self._may_tell():
            return False
        told_ms[key.uid] = at_ms
        return True

    def _may_tell(self) -> bool:
        self._left -= 1
        return self._left >= 0
