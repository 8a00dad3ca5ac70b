"""Which keys of a workload do nothing, though they are asked for? Each with the reason, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from autoscaler.config import workload
from autoscaler.core.load.presets import PRESETS
from autoscaler.core.model import Estimate, Metric

if TYPE_CHECKING:
    from collections.abc import Mapping

    from autoscaler.core.model import Question

_NOT_BY_LATENCY = (
    workload.TARGET_LOAD,
    workload.UTILISATION,
    workload.THRESHOLD,
    workload.ACTIVATION_SCALE,
    workload.CONTAINER_CONCURRENCY,
    workload.COUNT_STARTING,
    workload.START_DEADLINE,
    workload.DRAIN_PERIOD,
    workload.PANIC_EXIT_HOLD,
    workload.RATE_PERIOD,
)
_OTHER_LAW = "with the metric latency replicas follow a law that does not know it"


def without_effect(said: Mapping[str, Any], question: Question, *, drains: bool) -> dict[str, str]:
    """Return the keys that do nothing for a workload whose load is asked by `question`, and why.

    `said` are the values of its annotations. `drains`: drain-aware-scale-down is wanted, by them or the cluster; of
    other keys of the cluster nothing is said: they need not be meant for each workload.
    """
    found = {
        workload.DRAIN_AWARE: _in_flight_unknown(question) if drains else "",
        workload.LOAD_ESTIMATE: _not_offered(said, question),
    }
    if workload.LATENCY in said:
        # Off is off with any law.
        found |= {key: _OTHER_LAW for key in _NOT_BY_LATENCY if said.get(key)}
        found[workload.LATENCY_PERCENTILE] = _by_mean(said, question)
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


def _not_offered(said: Mapping[str, Any], question: Question) -> str:
    """Return why the offered load is not known where it is asked for, "" where it is."""
    if said.get(workload.LOAD_ESTIMATE) != Estimate.OFFERED.value:
        return ""
    if workload.LATENCY in said:
        return _OTHER_LAW
    if question.metric is Metric.RPS:
        return "the metric is rps, and the offered load is known in concurrency alone"
    if question.query:
        return "a query of its own does not tell who waits, nor how many requests end"
    return "" if PRESETS[question.preset].waiting else f"the preset {question.preset} does not tell who waits"


def _by_mean(said: Mapping[str, Any], question: Question) -> str:
    """Return why no percentile is kept that is asked for, "" where it is."""
    if workload.LATENCY_PERCENTILE not in said or PRESETS[question.preset].latency.buckets is not None:
        return ""
    return f"the preset {question.preset} tells the mean alone, which is to be within the target"
