"""Which texts may a key have? A rule reads a text and says in words what it accepts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from autoscaler.config import texts
from autoscaler.config.problem import Problem
from autoscaler.core.model import MOST_REPLICAS, SECOND_NS, Estimate, Metric
from kube.durations import nanoseconds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MINUTE_NS = 60 * SECOND_NS
HOUR_NS = 60 * MINUTE_NS
LEAST_TARGET = 0.01


@dataclass(frozen=True, slots=True)
class Rule:
    """What a text must say ("must be ..."), how it is read (None: not at all), and which values are accepted."""

    says: str
    read: Callable[[str], Any]
    accepts: Callable[[Any], bool] = lambda _: True


@dataclass(frozen=True, slots=True)
class Read:
    """What was read: `values` of all keys that could be read, also where they break their rule, and the problems.

    Knative's reconciler takes every value that it can read; only admission looks at the rules.
    """

    values: dict[str, Any]
    problems: list[Problem]
    broken: set[str]

    def sound(self, *keys: str) -> bool:
        """Tell whether none of `keys` breaks its own rule, so that they can be compared with each other."""
        return self.broken.isdisjoint(keys)

    def break_rule(self, key: str, problem: Problem) -> None:
        """Note that the value of `key` does not go with the others."""
        self.broken.add(key)
        self.problems.append(problem)


def read(given: Mapping[str, str], rules: Mapping[str, Rule], spellings: Mapping[str, str] | None = None) -> Read:
    """Read every key of `rules` that is given; `spellings` says how a key is written in `given`, if not as itself."""
    told = Read({}, [], set())
    for key, rule in rules.items():
        spelling = spellings[key] if spellings else key
        text = given.get(spelling)
        if text is None:
            continue
        value = rule.read(text)
        if value is not None:
            told.values[key] = value
        if value is None or not rule.accepts(value):
            told.break_rule(key, Problem(spelling, text, rule.says))
    return told


def number(says: str, accepts: Callable[[float], bool] = lambda _: True) -> Rule:
    """Return the rule of a float64: infinity and not-a-number are never accepted, though Knative lets them through."""
    return Rule(says, texts.floating, lambda value: math.isfinite(value) and accepts(value))


def duration(says: str, least_ns: int, most_ns: int | None = None, *, step_ns: int = 1) -> Rule:
    """Return the rule of a Go duration within bounds, in multiples of `step_ns`."""

    def accepts(value: int) -> bool:
        return least_ns <= value and (most_ns is None or value <= most_ns) and value % step_ns == 0

    return Rule(f'a Go duration {says}, such as "90s"', nanoseconds, accepts)


SCALES, OBSERVES = "scale", "observe"
"""What is done with decisions: they are carried out, or only told."""

BOOLEAN = Rule("true or false", texts.boolean)
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
