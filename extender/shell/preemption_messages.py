"""How does what is done so that pods have room cross the process boundary? As messages of extender.v1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extender.core.preemption.outstanding import Stage
from extender.shell.message_error import MessageError
from extender.v1 import extender_pb2 as v1

if TYPE_CHECKING:
    from extender.core.preemption.plan import Victim
    from extender.core.preemption.progress import Progress
    from extender.core.preemption.records import Record
    from extender.shell.moments import Moments

_STAGES = {
    Stage.EVICTING: v1.PREEMPTION_STAGE_EVICTING,
    Stage.LEAVING: v1.PREEMPTION_STAGE_LEAVING,
    Stage.READY: v1.PREEMPTION_STAGE_READY,
}
_BY_NUMBER: dict[int, Stage] = {int(number): stage for stage, number in _STAGES.items()}


def stage_of(number: int) -> Stage | None:
    """Return how far a plan has come by which others leave; None where none stands.

    Raises:
        MessageError: it is unknown.
    """
    if number and number not in _BY_NUMBER:
        raise MessageError(f"stage {number} of a preemption is unknown")
    return _BY_NUMBER.get(number)


def to_preemption(found: Progress, moments: Moments) -> v1.Preemption:
    """Return what is done so that a pod has room as a message."""
    return v1.Preemption(
        stage=v1.PREEMPTION_STAGE_UNSPECIFIED if found.stage is None else _STAGES[found.stage],
        reason=found.reason,
        observed=found.observed,
        victims=map(to_victim, found.victims),
        there=found.there,
        candidates=found.candidates,
        passed_over=map(to_victim, found.passed_over),
        made_ms=None if found.made_at is None else moments.ms(found.made_at),
    )


def to_eviction(record: Record, moments: Moments) -> v1.Eviction:
    """Return what is remembered of an eviction as a message."""
    return v1.Eviction(
        victim=to_victim(record.victim),
        made_for=record.made_for,
        project=record.project,
        because=record.because,
        others=(f"{other.namespace}/{other.name}" for other in record.others),
        candidates=record.plan.candidates,
        passed_over=map(to_victim, record.plan.passed_over),
        planned_ms=moments.ms(record.planned_at),
        evicted_ms=None if record.evicted_at is None else moments.ms(record.evicted_at),
        observed=record.observed,
    )


def to_victim(victim: Victim) -> v1.Victim:
    """Return a pod that leaves as a message."""
    return v1.Victim(
        namespace=victim.pod.namespace,
        name=victim.pod.name,
        uid=victim.pod.uid,
        node=victim.node,
        milli=victim.milli,
        devices=len(victim.devices),
        priority=victim.priority,
        project=victim.project,
        borrowed=victim.borrowed,
        ran_s=victim.ran_s,
        together=victim.together,
    )
