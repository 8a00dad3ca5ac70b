"""What is remembered of each eviction, to be told: who left, why this one, for whom, and what else was considered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from extender.core.gang.gang import count, named
from extender.core.preemption.plan import Key, Plan, Victim

if TYPE_CHECKING:
    from collections.abc import Collection

    from extender.core.model import PodKey
    from extender.core.preemption.plan import Preemptor

_REMEMBERED = 2000


class Record(msgspec.Struct, frozen=True, gc=False):
    """One pod that had to leave, or would have had to (`observed`), by a `plan` made at `planned_at` seconds.

    It left for whom `key` says, by the name `made_for` and of a `project`. `evicted_at`: when it was evicted, in
    seconds; None where it was not.
    """

    victim: Victim
    key: Key
    made_for: str
    project: str
    plan: Plan
    planned_at: float
    evicted_at: float | None = None
    observed: bool = False

    @property
    def others(self) -> tuple[PodKey, ...]:
        """Who left with it by the same plan."""
        return tuple(one.pod for one in self.plan.victims if one.pod != self.victim.pod)

    @property
    def because(self) -> str:
        """Why this one, as one sentence."""
        victim, plan = self.victim, self.plan
        whose = "in no project" if not victim.project else f"of project {victim.project}"
        how = "" if not victim.project or victim.project == self.project else _quota_of(victim)
        gang = f", with its gang of {victim.together}" if victim.together > 1 else ""
        return (
            f"it makes room on node {victim.node} for {self.made_for} of project {self.project}, which is within its "
            f"quota: of {count(plan.candidates, 'train pod')} that may leave, the cheapest way takes "
            f"{count(len(plan.victims), 'pod')}{gang}; this one is {whose}{how}, of priority {victim.priority}, and "
            f"has run {duration(victim.ran_s)}"
        )


class Records:
    """By the victims' UIDs, the last ones."""

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}

    def planned(self, records: tuple[Record, ...]) -> None:
        """Take note of a plan."""
        for one in records:
            self._records.pop(one.victim.pod.uid, None)
            self._records[one.victim.pod.uid] = one
        while len(self._records) > _REMEMBERED:
            del self._records[next(iter(self._records))]

    def evicted(self, uid: str, now: float) -> None:
        """Take note that a pod was evicted at `now` seconds."""
        if uid in self._records:
            self._records[uid] = replace(self._records[uid], evicted_at=now)

    def of(self, uid: str) -> Record | None:
        """Return what is remembered of a pod."""
        return self._records.get(uid)

    def named(self, namespace: str, name: str) -> Record | None:
        """Return the last record of a pod of a name."""
        found = (one for one in reversed(self._records.values()))
        return next(
            (one for one in found if (one.victim.pod.namespace, one.victim.pod.name) == (namespace, name)), None
        )

    def made_for(self, keys: Collection[Key]) -> list[Record]:
        """Return the records of all that left, or would have, for one of these."""
        return [one for one in self._records.values() if one.key in keys]


def records_of(preemptor: Preemptor, project: str, plan: Plan, now: float, *, observed: bool) -> tuple[Record, ...]:
    """Return what is to be remembered of a plan."""
    key, name = preemptor.key, preemptor.name
    return tuple(Record(one, key, name, project, plan, now, observed=observed) for one in plan.victims)


def _quota_of(victim: Victim) -> str:
    return " and beyond its quota" if victim.borrowed else " and within its quota"


def duration(seconds: int) -> str:
    """Return a time as people read it, to the minute where it is longer than that."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [f"{value}{unit}" for value, unit in ((days, "d"), (hours, "h"), (minutes, "m")) if value]
    return "".join(parts[:2]) or f"{rest}s"


def names(plan: Plan) -> str:
    """Return some of the victims of a plan by name, and how many there are more."""
    return named([f"{one.pod.namespace}/{one.pod.name}" for one in plan.victims])
