"""Which texts may a key of a ConfigMap or an annotation have? A rule reads a text and says in words what it accepts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kube import texts
from kube.durations import nanoseconds
from kube.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


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


BOOLEAN = Rule("true or false", texts.boolean)
