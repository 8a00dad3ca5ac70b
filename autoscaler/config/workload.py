"""What may a workload's annotations say, and by which rule?

Knative's keys and rules are those of kpa-spec section 6; ours have the prefix `plimsoll.dev/`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from autoscaler.config import rules
from autoscaler.config.cluster import HPA, KPA
from autoscaler.config.presets import PRESET
from autoscaler.config.rules import BURST_CAPACITY, HOUR_NS, MODE, PANIC_THRESHOLD, PERCENTAGE, SCALE, TARGET, WINDOW
from autoscaler.core.model import SECOND_NS
from kube import texts
from kube.problem import Problem
from kube.rules import BOOLEAN, Read, Rule, duration, read

if TYPE_CHECKING:
    from collections.abc import Mapping

    from autoscaler.config.cluster import Defaults

KNATIVE = "autoscaling.knative.dev/"
OURS = "plimsoll.dev/"

CLASS = f"{KNATIVE}class"
METRIC = f"{KNATIVE}metric"
AVERAGING = f"{KNATIVE}metric-aggregation-algorithm"
TARGET_LOAD = f"{KNATIVE}target"
UTILISATION = f"{KNATIVE}target-utilization-percentage"
BURST = f"{KNATIVE}target-burst-capacity"
STABLE_WINDOW = f"{KNATIVE}window"
PANIC_WINDOW = f"{KNATIVE}panic-window-percentage"
THRESHOLD = f"{KNATIVE}panic-threshold-percentage"
MIN_SCALE = f"{KNATIVE}min-scale"
MAX_SCALE = f"{KNATIVE}max-scale"
INITIAL_SCALE = f"{KNATIVE}initial-scale"
ACTIVATION_SCALE = f"{KNATIVE}activation-scale"
DELAY = f"{KNATIVE}scale-down-delay"
RETENTION = f"{KNATIVE}scale-to-zero-pod-retention-period"
DEADLINE = "serving.knative.dev/progress-deadline"
CONTAINER_CONCURRENCY = f"{OURS}container-concurrency"
METRICS_PRESET = f"{OURS}metrics-preset"
METRICS_KEY = f"{OURS}metrics-key"
QUERY = f"{OURS}query"
MODE_KEY = f"{OURS}mode"
LATENCY = f"{OURS}metric"
LATENCY_TARGET = f"{OURS}latency-target-ms"
LATENCY_PERCENTILE = f"{OURS}latency-percentile"
COUNT_STARTING = f"{OURS}count-starting-replicas"
START_DEADLINE = f"{OURS}start-deadline"
LOAD_ESTIMATE = f"{OURS}load-estimate"
DRAIN_PERIOD = f"{OURS}drain-period"
PANIC_EXIT_HOLD = f"{OURS}panic-exit-hold"
RATE_PERIOD = f"{OURS}rate-period"
DRAIN_AWARE = f"{OURS}drain-aware-scale-down"
PLACEABLE = f"{OURS}limit-to-placeable"

AVERAGINGS = ("linear", "weighted-exponential", "weightedExponential")

_METRICS = ("concurrency", "rps")
_LONGEST_QUERY = 2000
_UP_TO_AN_HOUR = "from 0s to 1h"

RULES = {
    CLASS: Rule(
        f"{KPA}, {HPA}, or a class whose name does not end in .knative.dev",
        str,
        lambda name: name in (KPA, HPA) or not name.endswith(".knative.dev"),
    ),
    # The rules of these two depend on the class: see _check_class.
    METRIC: Rule("a metric", str),
    AVERAGING: Rule("an algorithm", str),
    TARGET_LOAD: TARGET,
    UTILISATION: PERCENTAGE,
    BURST: BURST_CAPACITY,
    STABLE_WINDOW: WINDOW,
    PANIC_WINDOW: PERCENTAGE,
    THRESHOLD: PANIC_THRESHOLD,
    MIN_SCALE: SCALE,
    MAX_SCALE: SCALE,
    # Knative reads an int here, though no more than an int32 is used later: larger values do nothing.
    INITIAL_SCALE: Rule("a whole number of at least 0", texts.int64, lambda value: value >= 0),
    ACTIVATION_SCALE: Rule("a whole number of at least 2", texts.int32),
    DELAY: duration(f"{_UP_TO_AN_HOUR} in whole seconds", 0, HOUR_NS, step_ns=SECOND_NS),
    RETENTION: duration(_UP_TO_AN_HOUR, 0, HOUR_NS),
    DEADLINE: duration("of at least 0s in whole seconds", 0, step_ns=SECOND_NS),
    CONTAINER_CONCURRENCY: SCALE,
    METRICS_PRESET: PRESET,
    MODE_KEY: MODE,
    LATENCY: rules.LATENCY,
    LATENCY_TARGET: rules.LATENCY_TARGET,
    LATENCY_PERCENTILE: rules.LATENCY_PERCENTILE,
    METRICS_KEY: Rule("a text that is not empty", str, lambda text: bool(text.strip())),
    QUERY: Rule(
        f"PromQL of 1 to {_LONGEST_QUERY} characters",
        str,
        lambda text: bool(text.strip()) and len(text) <= _LONGEST_QUERY,
    ),
    COUNT_STARTING: BOOLEAN,
    START_DEADLINE: rules.START_DEADLINE,
    LOAD_ESTIMATE: rules.ESTIMATE,
    DRAIN_PERIOD: rules.DRAIN_PERIOD,
    PANIC_EXIT_HOLD: rules.UP_TO_AN_HOUR,
    RATE_PERIOD: rules.UP_TO_AN_HOUR,
    DRAIN_AWARE: BOOLEAN,
    PLACEABLE: BOOLEAN,
}
"""Every annotation that is read, under its first spelling."""

CAMEL = {
    AVERAGING: f"{KNATIVE}metricAggregationAlgorithm",
    UTILISATION: f"{KNATIVE}targetUtilizationPercentage",
    BURST: f"{KNATIVE}targetBurstCapacity",
    PANIC_WINDOW: f"{KNATIVE}panicWindowPercentage",
    THRESHOLD: f"{KNATIVE}panicThresholdPercentage",
    MIN_SCALE: f"{KNATIVE}minScale",
    MAX_SCALE: f"{KNATIVE}maxScale",
    INITIAL_SCALE: f"{KNATIVE}initialScale",
    DELAY: f"{KNATIVE}scaleDownDelay",
    RETENTION: f"{KNATIVE}scaleToZeroPodRetentionPeriod",
}
"""Knative's older spellings; the kebab-case key wins where both are present, even with a value that breaks its rule."""

_SPELLINGS = {key: key for key in RULES}


def read_annotations(base: Defaults, annotations: Mapping[str, str]) -> Read:
    """Read a workload's annotations by all rules; `base` is what the cluster allows."""
    spellings = _SPELLINGS | {
        key: camel for key, camel in CAMEL.items() if camel in annotations and key not in annotations
    }
    if annotations.get(DEADLINE) == "":
        # The original takes an empty deadline for none.
        annotations = {key: text for key, text in annotations.items() if key != DEADLINE}
    told = read(annotations, RULES, spellings)
    for problem_key, rule in [
        *_of_the_class(base, told),
        *_of_the_scales(base, told),
        *_of_the_query(base, told),
        *_of_latency(told),
    ]:
        spelling = spellings[problem_key]
        told.break_rule(problem_key, Problem(spelling, annotations[spelling], rule))
    return told


def autoscaler_class(base: Defaults, told: Read) -> str:
    """Return the class that the workload or, where it says none, the cluster chooses."""
    name: str = told.values.get(CLASS, base.pod_autoscaler_class)
    return name


def _of_the_class(base: Defaults, told: Read) -> list[tuple[str, str]]:
    """Return what the class forbids, as key and rule."""
    broken = []
    metric = told.values.get(METRIC)
    if metric is not None:
        name = autoscaler_class(base, told)
        if name == KPA and metric not in _METRICS:
            broken.append((METRIC, f"{' or '.join(_METRICS)} in class {KPA}"))
        elif name == HPA and not metric:
            broken.append((METRIC, f"the name of a metric in class {HPA}"))
    averaging = told.values.get(AVERAGING)
    # Only where the annotation itself says so: classes of others may have values of their own.
    if averaging and averaging not in AVERAGINGS and told.values.get(CLASS) == KPA:
        broken.append((AVERAGING, f"one of {', '.join(AVERAGINGS)}"))
    return broken


def _of_the_scales(base: Defaults, told: Read) -> list[tuple[str, str]]:
    """Return which scales do not go together, as key and rule; one that breaks its own rule counts as 0."""
    broken = []
    least, most = (told.values.get(key, 0) if told.sound(key) else 0 for key in (MIN_SCALE, MAX_SCALE))
    if most and most < least:
        broken.append((MAX_SCALE, f"0 or at least min-scale ({least})"))
    limit = base.max_scale_limit
    if MAX_SCALE in told.values and told.sound(MAX_SCALE) and limit > 0 and not 1 <= most <= limit:
        broken.append((MAX_SCALE, f"from 1 to the cluster's max-scale-limit ({limit})"))
    activation = told.values.get(ACTIVATION_SCALE)
    if activation is not None:
        if activation < least:
            broken.append((ACTIVATION_SCALE, f"at least min-scale ({least})"))
        elif most and most < activation:
            broken.append((ACTIVATION_SCALE, f"at most max-scale ({most})"))
        elif activation < 2:
            broken.append((ACTIVATION_SCALE, "at least 2"))
    if told.values.get(INITIAL_SCALE) == 0 and not base.allow_zero_initial_scale:
        broken.append((INITIAL_SCALE, "at least 1 while the cluster's allow-zero-initial-scale is false"))
    return broken


def _of_the_query(base: Defaults, told: Read) -> list[tuple[str, str]]:
    if QUERY in told.values and told.sound(QUERY) and not base.allow_custom_queries:
        return [(QUERY, "absent while the cluster's allow-custom-queries is false")]
    return []


def _of_latency(told: Read) -> list[tuple[str, str]]:
    """Return what does not go together with or without the metric latency, as key and rule."""
    if LATENCY in told.values and told.sound(LATENCY):
        broken = []
        if LATENCY_TARGET not in told.values and told.sound(LATENCY_TARGET):
            broken.append((LATENCY, f"beside a {LATENCY_TARGET}, which is absent"))
        if QUERY in told.values:
            broken.append((QUERY, f"absent with {LATENCY}: latency, which needs the several series of a preset"))
        return broken
    if not told.sound(LATENCY):
        return []
    alone = [key for key in (LATENCY_TARGET, LATENCY_PERCENTILE) if key in told.values and told.sound(key)]
    return [(key, f"beside {LATENCY}: latency, which is absent") for key in alone]
