"""How does a person hear what is wrong? Once, as an Event and a log line; and once that it is right again."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from autoscaler.shell import cluster
from kube.events import Notice

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from autoscaler.config import Problem
    from autoscaler.core.model import Decision, WorkloadKey
    from autoscaler.shell.telemetry import Telemetry
    from kube.objects import ObjectReference

_log = logging.getLogger("autoscaler")

_LONG_HOLD_MS = 10_000  # a hold that lasts longer is told; a shorter one is a pod that was not scraped yet
_MOST_TOLD_HOLDS = 20  # at one tick: an outage of Prometheus holds everything, and must not become a storm of Events


class Announcer:
    """Remembers what was told of each object; `tell` takes the Events."""

    def __init__(self, tell: Callable[[Notice], None], telemetry: Telemetry) -> None:
        self._tell = tell
        self._telemetry = telemetry
        self._problems: dict[str, tuple[Problem, ...]] = {}
        self._names: dict[str, str] = {}
        self._held_since_ms: dict[str, int | None] = {}  # None: it was told
        self._shortfalls: dict[str, str] = {}

    def problems(self, about: ObjectReference, problems: tuple[Problem, ...]) -> None:
        """Say what is wrong with an object's keys."""
        if self._problems.get(about.uid, ()) == problems:
            return
        self._problems[about.uid] = problems
        name = self._names[about.uid] = f"{about.kind} {about.namespace}/{about.name}"
        self._telemetry.problems.labels(name).set(len(problems))
        if not problems:
            _log.info("configuration corrected", extra={"object": name})
            return
        message = "; ".join(map(str, problems)) + "; the last good configuration stays in force"
        self._tell(Notice(about, "BadConfiguration", message, "Warning"))
        _log.warning("configuration refused", extra={"object": name, "problems": [str(p) for p in problems]})

    def shortfall(self, key: WorkloadKey, sentence: str) -> None:
        """Say that scrapes cannot feed a panic window, "" where they can."""
        if self._shortfalls.get(key.uid, "") == sentence:
            return
        self._shortfalls[key.uid] = sentence
        if sentence:
            self._tell(Notice(cluster.workload_reference(key), "PanicWindowNotFed", sentence, "Warning"))
            _log.warning("panic window not fed", extra={"workload": str(key), "reason": sentence})

    def holds(self, held: Collection[str], at_ms: int, decision: Callable[[str], Decision | None]) -> list[str]:
        """Take note of which workloads are held now; return those (some of many) whose hold is to be told."""
        for uid in [uid for uid in self._held_since_ms if uid not in held]:
            if self._held_since_ms.pop(uid) is None and (now := decision(uid)):
                _log.info("decided again", extra={"workload": self._names.get(uid, uid), "reason": now.reason})
        long = []
        for uid in sorted(held):
            since_ms = self._held_since_ms.setdefault(uid, at_ms)
            if since_ms is not None and since_ms <= at_ms - _LONG_HOLD_MS:
                self._held_since_ms[uid] = None
                long.append(uid)
        if len(long) > _MOST_TOLD_HOLDS:
            _log.warning("many workloads are held; only some are told one by one", extra={"held": len(long)})
        return long[:_MOST_TOLD_HOLDS]

    def held(self, key: WorkloadKey, decision: Decision) -> None:
        """Say that a workload is held for long."""
        if decision.inputs.leave:
            return  # who else scales it was told when it was found
        self._names[key.uid] = str(key)
        self._tell(Notice(cluster.workload_reference(key), "Held", decision.reason, "Warning"))
        _log.warning("held", extra={"workload": str(key), "reason": decision.reason})

    def retain(self, uids: Collection[str]) -> None:
        """Forget every object whose UID is not in `uids`."""
        for uid in [uid for uid in self._problems if uid not in uids]:
            self._telemetry.problems.remove(self._names[uid])
            del self._problems[uid]
        for told in (self._shortfalls, self._held_since_ms, self._names):
            for uid in [uid for uid in told if uid not in uids]:
                told.pop(uid)
