"""What does the extender tell of who leaves for whom? Read from its messages, and written as JSON values."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from extender.core.preemption.outstanding import Stage
from extender.shell.preemption_messages import stage_of
from plimsoll.explain.core.preemption import ToldEviction, ToldPreemption, ToldVictim

if TYPE_CHECKING:
    from collections.abc import Iterable

    from extender.v1 import extender_pb2 as v1


def preemption(told: v1.Preemption) -> ToldPreemption:
    """Return what is done so that a pod has room.

    Raises:
        MessageError: it says what this version does not know.
    """
    return ToldPreemption(
        told.reason,
        stage_of(told.stage),
        told.observed,
        _victims(told.victims),
        told.there,
        told.candidates,
        _victims(told.passed_over),
        told.made_ms if told.HasField("made_ms") else None,
    )


def eviction(told: v1.Eviction) -> ToldEviction:
    """Return that a pod had to leave."""
    return ToldEviction(
        _victim(told.victim),
        told.made_for,
        told.project,
        told.because,
        tuple(told.others),
        told.candidates,
        _victims(told.passed_over),
        told.planned_ms,
        told.evicted_ms if told.HasField("evicted_ms") else None,
        told.observed,
    )


def document(told: ToldPreemption | ToldEviction | None) -> dict[str, Any] | None:
    """Return it as JSON values, with the names of extender.proto."""
    if told is None:
        return None
    return {name: value.value if isinstance(value, Stage) else value for name, value in asdict(told).items()}


def _victims(told: Iterable[v1.Victim]) -> tuple[ToldVictim, ...]:
    return tuple(map(_victim, told))


def _victim(told: v1.Victim) -> ToldVictim:
    return ToldVictim(
        told.namespace,
        told.name,
        told.uid,
        told.node,
        told.milli,
        told.devices,
        told.priority,
        told.project,
        told.borrowed,
        told.ran_s,
        told.together,
    )
