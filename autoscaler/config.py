"""What may an SRE set, where, and by which rule? ConfigMap keys and annotations, read into frozen values.

Keys, defaults and rules are Knative's (kpa-spec sections 3, 5 and 6), for the parameters that the law uses today. Every
problem is reported at once, with its key, its value and its rule; unknown keys and `_example` are passed over, as
Knative does. Beyond Knative, not-a-number and infinity are refused, and the panic threshold of the ConfigMap obeys the
rule of its annotation.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from autoscaler.core.model import Policy
from kube.durations import nanoseconds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PREFIX = "autoscaling.knative.dev/"

_LEAST_TARGET = 0.01
_SECOND = 10**9
_FLOAT = re.compile(r"[+-]?([0-9]+(_[0-9]+)*\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?")
_INT = re.compile(r"[+-]?[0-9]{1,10}")
_LONGEST_TEXT = 64  # longer is no number, and no duration, that anybody means


@dataclass(frozen=True, slots=True)
class Problem:
    """A value that breaks its rule."""

    key: str
    value: str
    rule: str

    def __str__(self) -> str:
        value = self.value if len(self.value) <= _LONGEST_TEXT else f"{self.value[:_LONGEST_TEXT]}..."
        return f'{self.key}: "{value}" must be {self.rule}'


@dataclass(frozen=True, slots=True)
class Defaults:
    """config-autoscaler: what holds for every workload that says nothing else.

    Windows in whole seconds, the target percentage as a fraction (0.7), the other percentages as written (10, 200).
    """

    container_concurrency_target_default: float = 100.0
    container_concurrency_target_percentage: float = 0.7
    stable_window: int = 60
    panic_window_percentage: float = 10.0
    panic_threshold_percentage: float = 200.0
    max_scale_up_rate: float = 1000.0
    max_scale_down_rate: float = 2.0
    min_scale: int = 0
    max_scale: int = 0


@dataclass(frozen=True, slots=True)
class _Rule:
    says: str
    read: Callable[[str], Any]


def _number(says: str, accepts: Callable[[float], bool]) -> _Rule:
    def read(text: str) -> float | None:
        value = float(text) if _FLOAT.fullmatch(text) else math.nan
        return value if math.isfinite(value) and accepts(value) else None

    return _Rule(says, read)


def _scale(text: str) -> int | None:
    value = int(text) if _INT.fullmatch(text) else -1
    return value if 0 <= value < 2**31 else None


def _window(text: str) -> int | None:
    length = nanoseconds(text)
    if length is None or length % _SECOND or not 6 * _SECOND <= length <= 3600 * _SECOND:
        return None
    return length // _SECOND


def _fraction(text: str) -> float | None:
    value = float(text) if _FLOAT.fullmatch(text) else math.nan
    fraction = value / 100 if value > 1 else value
    return fraction if 0 < fraction <= 1 else None


_SCALE = _Rule("a whole number from 0 to 2147483647", _scale)
_WINDOW = _Rule('a Go duration from 6s to 1h in whole seconds, such as "60s"', _window)
_RATE = _number("a number greater than 1.0", lambda x: x > 1.0)
_TARGET = _number("a number of at least 0.01", lambda x: x >= _LEAST_TARGET)
_PERCENTAGE = _number("a number from 1 to 100", lambda x: 1 <= x <= 100)
_THRESHOLD = _number("a number from 110 to 1000", lambda x: 110 <= x <= 1000)
_METRIC = _Rule('"concurrency": the only metric served today', lambda text: text if text == "concurrency" else None)

_CONFIG_MAP = {
    "container-concurrency-target-default": _number("a number greater than 0", lambda x: x > 0),
    "container-concurrency-target-percentage": _Rule("a percentage in (0, 100], or a fraction in (0, 1]", _fraction),
    "stable-window": _WINDOW,
    "panic-window-percentage": _PERCENTAGE,
    "panic-threshold-percentage": _THRESHOLD,
    "max-scale-up-rate": _RATE,
    "max-scale-down-rate": _RATE,
    "min-scale": _SCALE,
    "max-scale": _SCALE,
}

_ANNOTATIONS = {
    "metric": _METRIC,
    "target": _TARGET,
    "target-utilization-percentage": _PERCENTAGE,
    "window": _WINDOW,
    "panic-window-percentage": _PERCENTAGE,
    "panic-threshold-percentage": _THRESHOLD,
    "min-scale": _SCALE,
    "max-scale": _SCALE,
}

_CAMEL = {
    "target-utilization-percentage": "targetUtilizationPercentage",
    "panic-window-percentage": "panicWindowPercentage",
    "panic-threshold-percentage": "panicThresholdPercentage",
    "min-scale": "minScale",
    "max-scale": "maxScale",
}
"""Knative's older spellings; the kebab-case key wins where both are present."""


def defaults(data: Mapping[str, str]) -> tuple[Defaults, tuple[Problem, ...]]:
    """Read config-autoscaler's data; where there is any problem, the values are not to be used."""
    values, problems = _read(data, {key: key for key in _CONFIG_MAP}, _CONFIG_MAP)
    read = replace(Defaults(), **{key.replace("-", "_"): value for key, value in values.items()})
    target = read.container_concurrency_target_default * read.container_concurrency_target_percentage
    if target < _LEAST_TARGET and not problems:
        key = "container-concurrency-target-default"
        problems.append(Problem(key, data.get(key, "100"), "at least 0.01 after the target percentage is taken"))
    if 0 < read.max_scale < read.min_scale:
        problems.append(Problem("min-scale", data["min-scale"], f"at most max-scale ({read.max_scale})"))
    return read, tuple(problems)


def policy(base: Defaults, annotations: Mapping[str, str]) -> tuple[Policy, tuple[Problem, ...]]:
    """Resolve one workload's parameters; where there is any problem, they are not to be used."""
    keys = {key: _spelling(key, annotations) for key in _ANNOTATIONS}
    values, problems = _read(annotations, keys, _ANNOTATIONS)
    if values.get("max-scale", 0) and values.get("min-scale", 0) > values["max-scale"]:
        key = keys["min-scale"]
        problems.append(Problem(key, annotations[key], f"at most max-scale ({values['max-scale']})"))
    window = values.get("window", base.stable_window)
    utilisation = values.get("target-utilization-percentage", base.container_concurrency_target_percentage * 100) / 100
    panic_share = values.get("panic-window-percentage", base.panic_window_percentage) / 100
    resolved = Policy(
        target=max(_LEAST_TARGET, values.get("target", base.container_concurrency_target_default) * utilisation),
        stable_window_s=window,
        panic_window_s=max(1, math.floor(window * panic_share + 0.5)),  # half away from zero; never negative
        panic_threshold=values.get("panic-threshold-percentage", base.panic_threshold_percentage) / 100,
        max_scale_up_rate=base.max_scale_up_rate,
        max_scale_down_rate=base.max_scale_down_rate,
        min_scale=values.get("min-scale", base.min_scale),
        max_scale=values.get("max-scale", base.max_scale),
    )
    return resolved, tuple(problems)


def _spelling(key: str, annotations: Mapping[str, str]) -> str:
    camel = PREFIX + _CAMEL.get(key, key)
    return camel if PREFIX + key not in annotations and camel in annotations else PREFIX + key


def _read(
    texts: Mapping[str, str], keys: Mapping[str, str], rules: Mapping[str, _Rule]
) -> tuple[dict[str, Any], list[Problem]]:
    """Read every key that is present; `keys` maps a rule's key to its spelling in `texts`."""
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for key, rule in rules.items():
        text = texts.get(keys[key])
        if text is None:
            continue
        value = rule.read(text) if len(text) <= _LONGEST_TEXT else None
        if value is None:
            problems.append(Problem(keys[key], text, rule.says))
        else:
            values[key] = value
    return values, problems
