"""Which parameters hold for one workload? Its annotations where they say something, else the cluster's defaults.

The law is kpa-spec section 3. Every value that can be read counts, also one that breaks its rule, as in the original:
whoever uses the result looks at the problems first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from autoscaler.config import workload
from autoscaler.config.cluster import KPA
from autoscaler.config.effects import without_effect
from autoscaler.config.rules import AUTOMATIC, LEAST_TARGET, SCALES
from autoscaler.core.load.presets import PRESETS
from autoscaler.core.load.queries import signal_question
from autoscaler.core.model import (
    MOST_REPLICAS,
    OFFERED,
    SECOND_NS,
    Averaging,
    Estimate,
    Metric,
    Policy,
    Question,
    Reading,
    Signal,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from autoscaler.config.cluster import Defaults, DeploymentDefaults
    from kube.problem import Problem

DEFAULT_PERCENTILE = 95.0

RPS_UTILISATION = 0.7
"""Fixed in the original: the percentage of the ConfigMap is for concurrency alone."""

_UNREADABLE_NS = -(2**63)  # what Go makes of a panic window that is no number, before the least of one second


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a workload is scaled by, and how its load is measured; `observes`: nothing of it is carried out.

    `without_effect`: the keys that are asked for and do nothing, and why.
    """

    policy: Policy
    reading: Reading
    autoscaler_class: str = KPA
    observes: bool = False
    without_effect: Mapping[str, str] = field(default_factory=dict)

    @property
    def ours(self) -> bool:
        """Whether the workload is ours to scale; other classes belong to other autoscalers."""
        return self.autoscaler_class == KPA


def resolve(
    base: Defaults,
    deployment: DeploymentDefaults,
    annotations: Mapping[str, str],
    *,
    name: str,
    reachable: bool = True,
) -> tuple[Resolved, tuple[Problem, ...]]:
    """Resolve the parameters of the workload `name`; where there is any problem, they are not to be used.

    `reachable` is whether requests are routed to it: what is unreachable keeps no least number of replicas.
    """
    told = workload.read_annotations(base, annotations)
    autoscaler_class = workload.autoscaler_class(base, told)
    # What is no mode must not be taken for leave to write.
    observes = told.values.get(workload.MODE_KEY, base.mode) != SCALES
    said = _in_our_units(told.values) if observes and autoscaler_class != KPA else told.values
    target, total = _target(base, said)
    window_ns = stable_window_ns(base, said)
    preset = said.get(workload.METRICS_PRESET, base.metrics_preset)
    if preset not in PRESETS:  # of a name that is none nothing can be looked up
        preset = base.metrics_preset
    question = Question(_metric(said), preset, said.get(workload.QUERY, ""))
    by_latency = workload.LATENCY in said
    drains = said.get(workload.DRAIN_AWARE, base.drain_aware_scale_down)
    ineffective = without_effect(said, question, drains=drains)
    policy = Policy(
        metric=Metric.LATENCY if by_latency else question.metric,
        averaging=_averaging(said),
        target=target,
        total=total,
        target_burst_capacity=said.get(workload.BURST, base.target_burst_capacity),
        panic_threshold=said.get(workload.THRESHOLD, base.panic_threshold_percentage) / 100.0,
        stable_window_s=window_ns // SECOND_NS,
        panic_window_s=_load_window_s(base, said, window_ns),
        max_scale_up_rate=base.max_scale_up_rate,
        max_scale_down_rate=base.max_scale_down_rate,
        scale_down_delay_s=scale_down_delay_ns(base, said) // SECOND_NS,
        activation_scale=said.get(workload.ACTIVATION_SCALE, 0),
        initial_scale=_initial_scale(base, said),
        min_scale=said.get(workload.MIN_SCALE, base.min_scale) if reachable else 0,
        max_scale=said.get(workload.MAX_SCALE, base.max_scale),
        enable_scale_to_zero=base.enable_scale_to_zero,
        scale_to_zero_grace_period_ns=base.scale_to_zero_grace_period_ns,
        scale_to_zero_pod_retention_period_ns=said.get(workload.RETENTION, base.scale_to_zero_pod_retention_period_ns),
        progress_deadline_ns=said.get(workload.DEADLINE, deployment.progress_deadline_ns),
        activator_capacity=base.activator_capacity,
        reachable=reachable,
        count_starting_replicas=said.get(workload.COUNT_STARTING, base.count_starting_replicas),
        start_deadline_s=_start_deadline_ns(base, deployment, said) // SECOND_NS,
        load_estimate=Estimate.BACKLOG if by_latency else _load_estimate(base, said, question),
        drain_period_s=said.get(workload.DRAIN_PERIOD, base.drain_period_ns) // SECOND_NS,
        panic_exit_hold_s=said.get(workload.PANIC_EXIT_HOLD, base.panic_exit_hold_ns) // SECOND_NS,
        rate_period_s=said.get(workload.RATE_PERIOD, base.rate_period_ns) // SECOND_NS,
        drain_aware_scale_down=drains and workload.DRAIN_AWARE not in ineffective,
        limit_to_placeable=said.get(workload.PLACEABLE, base.limit_to_placeable),
        latency_target_ms=said.get(workload.LATENCY_TARGET, 0.0) if by_latency else 0.0,
        latency_percentile=said.get(workload.LATENCY_PERCENTILE, DEFAULT_PERCENTILE),
        latency_by_mean=by_latency and PRESETS[preset].latency.buckets is None,
    )
    reading = Reading(question, key=said.get(workload.METRICS_KEY, name))
    return Resolved(policy, reading, autoscaler_class, observes, ineffective), tuple(told.problems)


def stable_window_ns(base: Defaults, said: Mapping[str, Any]) -> int:
    """Return the stable window as it is written; whole seconds where it keeps its rule."""
    window: int = said.get(workload.STABLE_WINDOW, base.stable_window_ns)
    return window


def scale_down_delay_ns(base: Defaults, said: Mapping[str, Any]) -> int:
    """Return the scale-down delay as it is written; whole seconds where it keeps its rule."""
    delay: int = said.get(workload.DELAY, base.scale_down_delay_ns)
    return delay


def _in_our_units(said: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a workload of another class says that we can observe it by.

    Its target is in the unit of its own metric, which may be cpu: then the cluster's target counts.
    """
    if said.get(workload.METRIC) in {Metric.CONCURRENCY.value, Metric.RPS.value}:
        return said
    return {key: value for key, value in said.items() if key not in (workload.TARGET_LOAD, workload.UTILISATION)}


def _load_window_s(base: Defaults, said: Mapping[str, Any], window_ns: int) -> int:
    """Return the panic window; for the metric latency it is no shorter than two thirds of the target.

    A burst that is shorter can wait, and is answered within the target nevertheless.
    """
    window_s = _panic_window_s(window_ns, said.get(workload.PANIC_WINDOW, base.panic_window_percentage))
    if workload.LATENCY not in said:
        return window_s
    target_ms: float = said.get(workload.LATENCY_TARGET, 0.0)
    waits_s = round(target_ms / 1000 * 2 / 3) if math.isfinite(target_ms) else 0
    return max(window_s, min(waits_s, window_ns // SECOND_NS))


def _start_deadline_ns(base: Defaults, deployment: DeploymentDefaults, said: Mapping[str, Any]) -> int:
    deadline: int = said.get(workload.START_DEADLINE, base.start_deadline_ns)
    progress: int = said.get(workload.DEADLINE, deployment.progress_deadline_ns)
    return deadline or progress


def _load_estimate(base: Defaults, said: Mapping[str, Any], question: Question) -> Estimate:
    """Return what is taken for the load: the backlog wherever the offered load cannot be known."""
    starting = said.get(workload.COUNT_STARTING, base.count_starting_replicas)
    chosen = said.get(workload.LOAD_ESTIMATE, base.load_estimate)
    knowable = question.metric is Metric.CONCURRENCY and all(
        signal is Signal.GROWTH or signal_question(signal, question) for signal in OFFERED
    )
    wanted = chosen == Estimate.OFFERED.value or (chosen == AUTOMATIC and starting)
    return Estimate.OFFERED if wanted and knowable else Estimate.BACKLOG


def _metric(said: Mapping[str, Any]) -> Metric:
    """Return what the load is counted in."""
    if workload.LATENCY in said:
        return Metric.CONCURRENCY
    return Metric.RPS if said.get(workload.METRIC) == Metric.RPS.value else Metric.CONCURRENCY


def _averaging(said: Mapping[str, Any]) -> Averaging:
    weighted = workload.AVERAGINGS[1:]
    return Averaging.WEIGHTED_EXPONENTIAL if said.get(workload.AVERAGING) in weighted else Averaging.LINEAR


def _target(base: Defaults, said: Mapping[str, Any]) -> tuple[float, float]:
    """Return the load that a replica should carry, and the same before utilisation."""
    concurrency = said.get(workload.CONTAINER_CONCURRENCY, 0)
    if _metric(said) is Metric.RPS:
        total, utilisation = base.requests_per_second_target_default, RPS_UTILISATION
    else:
        total = float(concurrency) or base.container_concurrency_target_default
        utilisation = base.container_concurrency_target_fraction
    if workload.TARGET_LOAD in said:
        total = said[workload.TARGET_LOAD]
        # More than a container takes at once cannot be aimed for; metrics of other classes know no such bound.
        counts_requests = said.get(workload.METRIC, _default_metric(said)) == Metric.CONCURRENCY.value
        if counts_requests and concurrency and total > concurrency:
            total = float(concurrency)
    if workload.UTILISATION in said:
        utilisation = said[workload.UTILISATION] / 100.0
    return max(total * utilisation, LEAST_TARGET), total


def _default_metric(said: Mapping[str, Any]) -> str:
    return Metric.CONCURRENCY.value if said.get(workload.CLASS, KPA) == KPA else ""


def _panic_window_s(window_ns: int, percentage: float) -> int:
    share = window_ns * percentage / 100.0
    panic_ns = int(share) if math.isfinite(share) and abs(share) < -_UNREADABLE_NS else _UNREADABLE_NS
    # Half away from zero; a window below zero ends at the least of one second in any case.
    return max(1, (panic_ns + SECOND_NS // 2) // SECOND_NS)


def _initial_scale(base: Defaults, said: Mapping[str, Any]) -> int:
    scale: int = said.get(workload.INITIAL_SCALE, base.initial_scale)
    too_large = not -MOST_REPLICAS - 1 <= scale <= MOST_REPLICAS
    return base.initial_scale if too_large or (scale == 0 and not base.allow_zero_initial_scale) else scale
