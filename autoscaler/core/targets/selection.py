"""Which pods does a selector choose? The text that a `scale` subresource tells, read as Kubernetes reads it.

`status.selector` is a label selector in the notation of queries: "app=web,tier in (a,b),env notin (test),gpu,!spot".
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_KEY = r"(?P<key>[^\s=!()<>,]+)"
_TERM = re.compile(
    rf"\s*(?:(?P<absent>!)\s*{_KEY}|"
    rf"{_KEY.replace('key', 'set')}\s+(?P<of>in|notin)\s*\((?P<values>[^()]*)\)|"
    rf"{_KEY.replace('key', 'compared')}\s*(?P<by>==|=|!=|<|>)\s*(?P<value>[^\s=!()<>,]*)|"
    rf"{_KEY.replace('key', 'present')})\s*(?:,|$)"
)
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)


class BadSelectorError(ValueError):
    """The text is no label selector; the message names the text and the place."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """What is asked of one label: `operator` is one of in, notin, exists, absent, less, greater."""

    key: str
    operator: str
    values: frozenset[str] = frozenset()

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Tell whether labels fulfil it."""
        value = labels.get(self.key)
        match self.operator:
            case "in":
                return value in self.values
            case "notin":
                return value not in self.values
            case "exists":
                return value is not None
            case "absent":
                return value is None
        if value is None or not _INTEGER.fullmatch(value):
            return False
        (bound,) = self.values
        return int(value) < int(bound) if self.operator == "less" else int(value) > int(bound)


@dataclass(frozen=True, slots=True)
class Selector:
    """All of these requirements; there is at least one."""

    requirements: tuple[Requirement, ...]

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Tell whether an object with these labels is selected."""
        return all(each.holds(labels) for each in self.requirements)

    def equality(self) -> tuple[str, str] | None:
        """Return a label that all that is selected has (the first by key), None where no single value is asked for."""
        return min(
            ((each.key, value) for each in self.requirements if each.operator == "in" and len(each.values) == 1
             for value in each.values),
            default=None,
        )  # fmt: skip


@dataclass(slots=True)
class Selecting:
    """The targets of one namespace that choose their pods: by a label that all of those have, or by looking at all."""

    by_label: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    others: set[str] = field(default_factory=set)

    def bucket(self, selector: Selector) -> set[str]:
        """Return the targets that are looked for as this one is."""
        label = selector.equality()
        return self.others if label is None else self.by_label.setdefault(label, set())

    def discard(self, uid: str, selector: Selector) -> None:
        """Forget a target."""
        self.bucket(selector).discard(uid)
        label = selector.equality()
        if label is not None and not self.by_label[label]:
            del self.by_label[label]

    def candidates(self, labels: Mapping[str, str]) -> Iterator[str]:
        """Yield the targets that may choose a pod with these labels."""
        yield from self.others
        for label in labels.items():
            yield from self.by_label.get(label, ())


def selector(text: str) -> Selector:
    """Return the selector that a text tells.

    Raises:
        BadSelectorError: it is malformed, or empty: an empty one would take every pod of the namespace.
    """
    if not text.strip():
        raise BadSelectorError("the selector is empty")
    found: list[Requirement] = []
    at = 0
    while at < len(text):
        term = _TERM.match(text, at)
        if term is None:
            raise BadSelectorError(f'the selector "{text}" cannot be read from "{text[at:]}" on')
        found.append(_requirement(term))
        at = term.end()
    if text.rstrip().endswith(","):
        raise BadSelectorError(f'the selector "{text}" ends with a comma')
    return Selector(tuple(found))


def _requirement(term: re.Match[str]) -> Requirement:
    if term["absent"]:
        return Requirement(term["key"], "absent")
    if term["set"]:
        return Requirement(term["set"], term["of"], frozenset(each.strip() for each in term["values"].split(",")))
    if term["present"]:
        return Requirement(term["present"], "exists")
    key, value = term["compared"], term["value"]
    if term["by"] in "<>":
        if not _INTEGER.fullmatch(value):
            raise BadSelectorError(f'the selector compares {key} with "{value}", which is no whole number')
        return Requirement(key, "less" if term["by"] == "<" else "greater", frozenset({value}))
    return Requirement(key, "notin" if term["by"] == "!=" else "in", frozenset({value}))
