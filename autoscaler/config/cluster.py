"""What holds for every workload that says nothing else? The keys of config-autoscaler and config-deployment.

Keys, defaults and rules are Knative's (kpa-spec section 5), with some of ours beside them. Unknown keys and `_example`
are passed over, as Knative does. Beyond Knative, not-a-number and infinity are refused, and panic-threshold-percentage
obeys the rule of its annotation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from autoscaler.config.presets import PRESET
from autoscaler.config.rules import (
    AUTOMATIC,
    BURST_CAPACITY,
    DRAIN_PERIOD,
    ESTIMATE,
    LEAST_TARGET,
    MODE,
    PANIC_THRESHOLD,
    PERCENTAGE,
    SCALE,
    SCALES,
    START_DEADLINE,
    TARGET,
    UP_TO_AN_HOUR,
    WINDOW,
)
from autoscaler.core.model import SECOND_NS
from kube import texts
from kube.problem import Problem
from kube.rules import BOOLEAN, Read, Rule, duration, number, read

if TYPE_CHECKING:
    from collections.abc import Mapping

KPA = "kpa.autoscaling.knative.dev"
"""The autoscaler class that is ours; other classes belong to other autoscalers."""

HPA = "hpa.autoscaling.knative.dev"


@dataclass(frozen=True, slots=True)
class Defaults:
    """config-autoscaler: durations in nanoseconds, the concurrency percentage as a fraction (0.7), others as written.

    `max_scale`, `max_scale_limit`: 0 means none; `start_deadline_ns` 0: the progress deadline; `load_estimate`
    "auto": the offered load where starting replicas count, else the backlog.
    """

    pod_autoscaler_class: str = KPA
    enable_scale_to_zero: bool = True
    allow_zero_initial_scale: bool = False
    max_scale_up_rate: float = 1000.0
    max_scale_down_rate: float = 2.0
    container_concurrency_target_fraction: float = 0.7
    container_concurrency_target_default: float = 100.0
    requests_per_second_target_default: float = 200.0
    target_burst_capacity: float = 211.0
    activator_capacity: float = 100.0
    stable_window_ns: int = 60 * SECOND_NS
    panic_window_percentage: float = 10.0
    panic_threshold_percentage: float = 200.0
    scale_down_delay_ns: int = 0
    scale_to_zero_grace_period_ns: int = 30 * SECOND_NS
    scale_to_zero_pod_retention_period_ns: int = 0
    initial_scale: int = 1
    min_scale: int = 0
    max_scale: int = 0
    max_scale_limit: int = 0
    allow_custom_queries: bool = False
    metrics_preset: str = "vllm"
    mode: str = SCALES
    count_starting_replicas: bool = False
    start_deadline_ns: int = 0
    load_estimate: str = AUTOMATIC
    drain_period_ns: int = 60 * SECOND_NS
    panic_exit_hold_ns: int = 0
    rate_period_ns: int = 0
    drain_aware_scale_down: bool = False
    limit_to_placeable: bool = False


@dataclass(frozen=True, slots=True)
class DeploymentDefaults:
    """config-deployment: how long a workload may take to become ready."""

    progress_deadline_ns: int = 600 * SECOND_NS


def _fraction(text: str) -> float | None:
    value = texts.floating(text)
    return value / 100.0 if value is not None and value > 1.0 else value


_DELAY = duration("of at least 0s in whole seconds", 0, step_ns=SECOND_NS)
_RATE = number("a number greater than 1.0", lambda value: value > 1.0)
_PROGRESS_DEADLINE = duration("of at least 1s in whole seconds", SECOND_NS, step_ns=SECOND_NS)

RULES = {
    "pod-autoscaler-class": Rule("the name of an autoscaler class", texts.string),
    "enable-scale-to-zero": BOOLEAN,
    "allow-zero-initial-scale": BOOLEAN,
    "max-scale-up-rate": _RATE,
    "max-scale-down-rate": _RATE,
    "container-concurrency-target-percentage": Rule(
        "a percentage in (1, 100], or a fraction in (0, 1]", _fraction, lambda value: 0 < value <= 1
    ),
    "container-concurrency-target-default": number("a number"),
    "requests-per-second-target-default": TARGET,
    "target-burst-capacity": BURST_CAPACITY,
    "activator-capacity": number("a number of at least 1", lambda value: value >= 1),
    "stable-window": WINDOW,
    "panic-window-percentage": PERCENTAGE,
    "panic-threshold-percentage": PANIC_THRESHOLD,
    "scale-down-delay": _DELAY,
    "scale-to-zero-grace-period": duration("greater than 0s", 1),
    "scale-to-zero-pod-retention-period": duration("of at least 0s", 0),
    "initial-scale": SCALE,
    "min-scale": SCALE,
    "max-scale": SCALE,
    "max-scale-limit": SCALE,
    "allow-custom-queries": BOOLEAN,
    "metrics-preset": PRESET,
    "mode": MODE,
    "count-starting-replicas": BOOLEAN,
    "start-deadline": START_DEADLINE,
    "load-estimate": ESTIMATE,
    "drain-period": DRAIN_PERIOD,
    "panic-exit-hold": UP_TO_AN_HOUR,
    "rate-period": UP_TO_AN_HOUR,
    "drain-aware-scale-down": BOOLEAN,
    "limit-to-placeable": BOOLEAN,
}
"""Every key of config-autoscaler."""

DEPLOYMENT_RULES = {
    # Where both are given the second one counts, but what cannot be read is told of either.
    "progressDeadline": Rule(_PROGRESS_DEADLINE.says, _PROGRESS_DEADLINE.read),
    "progress-deadline": _PROGRESS_DEADLINE,
}
"""The keys of config-deployment that are ours; Knative has others there."""


def defaults(data: Mapping[str, str]) -> tuple[Defaults, tuple[Problem, ...]]:
    """Read config-autoscaler's data; where there is any problem, the values are not to be used."""
    told = read(data, RULES)
    resolved = Defaults(**{_field(key): value for key, value in told.values.items()})
    _check_target(data, resolved, told)
    _check_scales(data, resolved, told)
    return resolved, tuple(told.problems)


def deployment(data: Mapping[str, str]) -> tuple[DeploymentDefaults, tuple[Problem, ...]]:
    """Read config-deployment's data; where there is any problem, the value is not to be used."""
    told = read(data, DEPLOYMENT_RULES)
    camel = told.values.get("progressDeadline")
    if camel is not None and "progress-deadline" not in data and not _PROGRESS_DEADLINE.accepts(camel):
        told.break_rule(
            "progressDeadline", Problem("progressDeadline", data["progressDeadline"], _PROGRESS_DEADLINE.says)
        )
    deadline = told.values.get("progress-deadline", camel)
    return DeploymentDefaults() if deadline is None else DeploymentDefaults(deadline), tuple(told.problems)


def _field(key: str) -> str:
    if RULES[key].read is _fraction:
        return "container_concurrency_target_fraction"
    counted_in_ns = key.endswith(("-window", "-delay", "-period", "-deadline", "-hold"))
    return key.replace("-", "_") + ("_ns" if counted_in_ns else "")


def _check_target(data: Mapping[str, str], resolved: Defaults, told: Read) -> None:
    keys = ("container-concurrency-target-default", "container-concurrency-target-percentage")
    target = resolved.container_concurrency_target_fraction * resolved.container_concurrency_target_default
    if told.sound(*keys) and target < LEAST_TARGET:
        key = next(each for each in keys if each in data)
        rule = f"such that the target percentage of the target default is at least {LEAST_TARGET}; it is {target:g}"
        told.break_rule(key, Problem(key, data[key], rule))


def _check_scales(data: Mapping[str, str], resolved: Defaults, told: Read) -> None:
    def complain(key: str, rule: str) -> None:
        told.break_rule(key, Problem(key, data[key], rule))

    zero = resolved.initial_scale == 0 and not resolved.allow_zero_initial_scale
    if told.sound("initial-scale", "allow-zero-initial-scale") and zero:
        complain("initial-scale", "at least 1 while allow-zero-initial-scale is false")
    limit = resolved.max_scale_limit
    if told.sound("max-scale", "max-scale-limit") and limit > 0 and not 1 <= resolved.max_scale <= limit:
        unsaid = "" if "max-scale" in data else "; it is not set, and 0 means no limit"
        value = data.get("max-scale", "0")
        told.break_rule("max-scale", Problem("max-scale", value, f"from 1 to max-scale-limit ({limit}){unsaid}"))
    if told.sound("min-scale", "max-scale") and 0 < resolved.max_scale < resolved.min_scale:
        complain("min-scale", f"at most max-scale ({resolved.max_scale})")
