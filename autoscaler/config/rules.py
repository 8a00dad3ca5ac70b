"""Which texts may a key of the autoscaler have?"""

from __future__ import annotations

from autoscaler.core.model import MOST_REPLICAS, SECOND_NS, Estimate, Metric
from kube import texts
from kube.rules import Rule, duration, number

MINUTE_NS = 60 * SECOND_NS
HOUR_NS = 60 * MINUTE_NS
LEAST_TARGET = 0.01

SCALES, OBSERVES = "scale", "observe"
"""What is done with decisions: they are carried out, or only told."""

MODE = Rule(f"{SCALES} or {OBSERVES}", texts.string, lambda value: value in (SCALES, OBSERVES))
SCALE = Rule(f"a whole number from 0 to {MOST_REPLICAS}", texts.int32, lambda value: value >= 0)
WINDOW = duration("from 6s to 1h in whole seconds", 6 * SECOND_NS, HOUR_NS, step_ns=SECOND_NS)
TARGET = number(f"a number of at least {LEAST_TARGET}", lambda value: value >= LEAST_TARGET)
PERCENTAGE = number("a number from 1 to 100", lambda value: 1 <= value <= 100)
PANIC_THRESHOLD = number("a number from 110 to 1000", lambda value: 110 <= value <= 1000)
BURST_CAPACITY = number("a number of at least 0, or -1 for no limit", lambda value: value >= 0 or value == -1)
START_DEADLINE = duration("of at least 0s in whole seconds", 0, step_ns=SECOND_NS)
UP_TO_AN_HOUR = duration("from 0s to 1h in whole seconds", 0, HOUR_NS, step_ns=SECOND_NS)
DRAIN_PERIOD = duration("from 1s to 1h in whole seconds", SECOND_NS, HOUR_NS, step_ns=SECOND_NS)
LATENCY = Rule(
    "latency; concurrency and rps are values of autoscaling.knative.dev/metric",
    texts.string,
    lambda text: text == Metric.LATENCY.value,
)
LATENCY_TARGET = number("a number of milliseconds from 1 to 3600000", lambda value: 1 <= value <= 3_600_000)
LATENCY_PERCENTILE = number("a number from 50 to 99.9", lambda value: 50 <= value <= 99.9)
AUTOMATIC = "auto"
"""The load estimate that goes by whether starting replicas count."""

_ESTIMATES = (AUTOMATIC, *(estimate.value for estimate in Estimate))
ESTIMATE = Rule(f"one of {', '.join(_ESTIMATES)}", texts.string, lambda text: text in _ESTIMATES)
