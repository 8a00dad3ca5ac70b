"""Which keys of a workload do nothing, though they are asked for? Each with the reason, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autoscaler.config.workload import DRAIN_AWARE
from autoscaler.core.load.presets import PRESETS

if TYPE_CHECKING:
    from autoscaler.core.model import Question


def without_effect(question: Question, *, drains: bool) -> dict[str, str]:
    """Return the keys that do nothing for a workload whose load is asked by `question`, and why.

    `drains`: drain-aware-scale-down is wanted, by the workload or the cluster.
    """
    found = {}
    if drains:
        found[DRAIN_AWARE] = _in_flight_unknown(question)
    return {key: why for key, why in found.items() if why}


def _in_flight_unknown(question: Question) -> str:
    """Return why it is not known what each replica has in flight, "" where it is."""
    if question.query:
        return "a query of its own does not tell what each replica has in flight"
    preset = PRESETS[question.preset]
    if preset.in_flight:
        return ""
    if preset.by_key is not None:
        return f"the preset {preset.name} does not tell replicas apart"
    return f"the preset {preset.name} counts requests when they end, and does not tell what each replica has in flight"
