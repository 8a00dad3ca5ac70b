"""What is done so that a pod has room? In numbers and words, for people: nothing is decided by it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from extender.core.gang.gang import count
from extender.core.preemption.plan import Key
from extender.core.preemption.settings import Mode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extender.core.gang.gangs import Gangs
    from extender.core.ledger.ledger import Ledger
    from extender.core.preemption.outstanding import Outstanding, Stage
    from extender.core.preemption.plan import Victim
    from extender.core.preemption.preemptions import Preemptions
    from extender.core.preemption.records import Record


@dataclass(frozen=True, slots=True)
class Progress:
    """Who leaves for a pod or its gang, or left, and of how many they were chosen; or the `reason` why nobody does.

    `stage`: how far the plan has come, None where none stands or none stands any more. `there`: how many have yet to
    leave. `passed_over`: those who would have been next. `made_at`: in seconds. `observed`: it is told only.
    """

    reason: str = ""
    stage: Stage | None = None
    victims: tuple[Victim, ...] = ()
    there: int = 0
    candidates: int = 0
    passed_over: tuple[Victim, ...] = ()
    made_at: float | None = None
    observed: bool = False


def progress(uid: str, preemptions: Preemptions, gangs: Gangs, ledger: Ledger) -> Progress | None:
    """Return what is done so that a pod has room; None where that was not looked at."""
    one = preemptions.plan_of(uid)
    if one is not None:
        return _under_way(one, ledger)
    reason = preemptions.reason(uid)
    if reason:
        return Progress(reason)
    gang = gangs.gang_of(uid)
    held = ledger.holding(uid)
    return _done(
        preemptions.records.made_for((Key(uid),) if gang is None else (Key(uid), Key(gang=gang.key))),
        waits=held is None or held.promised,
        observing=preemptions.settings.mode is Mode.OBSERVE,
    )


def eviction(namespace: str, name: str, preemptions: Preemptions) -> Record | None:
    """Return that the last pod of a name was evicted for others, has to be, or would be; None where it is not so."""
    record = preemptions.records.named(namespace, name)
    if record is None or record.observed or record.evicted_at is not None:
        return record
    has_to = any(one.plan.victim(record.victim.pod.uid) is not None for one in preemptions.plans())
    return record if has_to else None


def sentence(uid: str, found: Progress, ledger: Ledger) -> str:
    """Return how far the room has come that is made for a pod which is nominated to it."""
    held = ledger.holding(uid)
    on = "" if held is None else f" on node {held.node}"
    there = f": {count(found.there, 'pod')} {'has' if found.there == 1 else 'have'} yet to leave" if found.there else ""
    return f"room is made for it{on}{there}"


def _under_way(one: Outstanding, ledger: Ledger) -> Progress:
    plan = one.plan
    there = len(one.there(ledger))
    stage = one.stage(ledger)
    return Progress("", stage, plan.victims, there, plan.candidates, plan.passed_over, one.made_at)


def _done(records: Sequence[Record], *, waits: bool, observing: bool) -> Progress | None:
    """Return what is remembered of the last plan for a pod: who left, or, while it `waits`, who would leave."""
    told = [one for one in records if (one.observed and waits and observing) or one.evicted_at is not None]
    if not told:
        return None
    last = max(told, key=lambda one: one.planned_at)
    told = [one for one in told if one.planned_at == last.planned_at]
    return Progress(
        victims=tuple(one.victim for one in told),
        candidates=last.plan.candidates,
        passed_over=last.plan.passed_over,
        made_at=last.planned_at,
        observed=last.observed,
    )
