"""Which objects does a selector choose, by their labels or by their fields? After apimachinery's labels and fields."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from plimsoll.embedded.core.notation.names import label_value, qualified_name
from plimsoll.embedded.core.problem import bad_request

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from plimsoll.embedded.core.problem import Object, Problem

_TOKEN = re.compile(r"==|!=|[=!()<>,]|[^=!()<>,\s]+")
_SPECIAL = frozenset({"", "=", "==", "!=", "!", "(", ")", "<", ">", ","})
_OPERATORS = frozenset({"=", "==", "!=", "in", "notin", ">", "<"})
_OF_EXPRESSIONS = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!"}
_TERM = re.compile(r"(.*?)(!=|==|=)(.*)", re.DOTALL)
_ESCAPED = re.compile(r"\\(.?)|([,=])", re.DOTALL)
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
_OF_EVERY_KIND = frozenset({"metadata.name", "metadata.namespace"})


@dataclass(frozen=True, slots=True)
class Requirement:
    """One requirement on one label; `values` are sorted. The operators are those of the query, "exists" and "!"."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Tell whether labels fulfil it."""
        match self.operator:
            case "exists":
                return self.key in labels
            case "!":
                return self.key not in labels
            case "!=" | "notin":
                return self.key not in labels or labels[self.key] not in self.values
            case ">" | "<":
                value, bound = labels.get(self.key, ""), int(self.values[0])
                return bool(_INTEGER.fullmatch(value)) and (
                    int(value) > bound if self.operator == ">" else int(value) < bound
                )
            case _:
                return self.key in labels and labels[self.key] in self.values

    def __str__(self) -> str:
        match self.operator:
            case "exists":
                return self.key
            case "!":
                return f"!{self.key}"
            case "in" | "notin":
                return f"{self.key} {self.operator} ({','.join(self.values)})"
            case operator:
                return f"{self.key}{operator}{self.values[0]}"


@dataclass(frozen=True, slots=True)
class LabelSelector:
    """All of these requirements; `nothing` selects nothing at all."""

    requirements: tuple[Requirement, ...] = ()
    nothing: bool = False

    @classmethod
    def parse(cls, text: str) -> LabelSelector:
        """Return the selector of a labelSelector query.

        Raises:
            Problem: 400, it is malformed, or no label can be like that.
        """
        return cls(_sorted(_Query(text).requirements())) if text else EVERYTHING

    @classmethod
    def of(cls, selector: Object | None) -> LabelSelector:
        """Return the selector that stands in an object; none selects nothing, an empty one everything.

        Raises:
            Problem: 400, it has an operator that there is not.
        """
        if selector is None:
            return NOTHING
        found = [Requirement(key, "=", (value,)) for key, value in (selector.get("matchLabels") or {}).items()]
        for rule in selector.get("matchExpressions") or ():
            operator = _OF_EXPRESSIONS.get(rule.get("operator", ""))
            if operator is None:
                raise bad_request(f'"{rule.get("operator", "")}" is not a valid label selector operator')
            found.append(Requirement(rule.get("key", ""), operator, tuple(sorted(set(rule.get("values") or ())))))
        return cls(_sorted(found))

    def matches(self, labels: Mapping[str, str] | None) -> bool:
        """Tell whether an object with these labels is selected."""
        if self.nothing:
            return False
        labels = labels or {}
        return all(each.holds(labels) for each in self.requirements)

    def __str__(self) -> str:
        return ",".join(map(str, self.requirements))


EVERYTHING = LabelSelector()
NOTHING = LabelSelector(nothing=True)


@dataclass(frozen=True, slots=True)
class FieldSelector:
    """All of these terms: the way to a field, its value, and whether it must be equal."""

    terms: tuple[tuple[tuple[str, ...], str, bool], ...] = ()

    @classmethod
    def parse(cls, text: str, supported: Collection[str]) -> FieldSelector:
        """Return the selector of a fieldSelector query, for a kind with these `supported` fields.

        Raises:
            Problem: 400, it is malformed, or speaks of another field.
        """
        terms = []
        for part in sorted(re.findall(r"(?:\\.|[^,\\]|\\$)+", text, re.DOTALL)):
            found = _TERM.fullmatch(part)
            if found is None:
                raise bad_request(f"invalid selector: '{text}'; can't understand '{part}'")
            terms.append((found[1], _unescaped(found[3]), found[2] != "!="))
        for field, _, _ in terms:
            if field not in supported:
                raise _unsupported(field, supported)
        return cls(tuple((tuple(field.split(".")), value, equal) for field, value, equal in terms))

    def matches(self, content: Object) -> bool:
        """Tell whether an object is selected; a field that is not there is "" to a selector."""
        return all((_text(content, way) == value) is equal for way, value, equal in self.terms)


def _sorted(requirements: Collection[Requirement]) -> tuple[Requirement, ...]:
    return tuple(sorted(requirements, key=lambda each: each.key))


class _Query:
    """The grammar of a labelSelector query, token by token; "" is the end."""

    def __init__(self, text: str) -> None:
        self._tokens: list[str] = [*_TOKEN.findall(text), ""]
        self._at = 0

    def requirements(self) -> list[Requirement]:
        found: list[Requirement] = []
        while (token := self._next()) or found:
            if token in _SPECIAL - {"!"}:
                expected = "identifier after ','" if found else "!, identifier, or 'end of string'"
                raise bad_request(f"found '{token}', expected: {expected}")
            found.append(self._requirement())
            ended = self._take()
            if not ended:
                break
            if ended != ",":
                raise bad_request(f"found '{ended}', expected: ',' or 'end of string'")
        return found

    def _requirement(self) -> Requirement:
        absent = self._next() == "!"
        if absent:
            self._take()
        key = self._identifier()
        if rule := qualified_name(key):
            raise _unparsable(f'<nil>: Invalid value: "{key}": {rule}')
        if absent or self._next() in ("", ","):
            return Requirement(key, "!" if absent else "exists")
        operator = self._take()
        if operator not in _OPERATORS:
            raise _unparsable(f"found '{operator}', expected: in, notin, =, ==, !=, gt, lt")
        if operator in ("in", "notin"):
            values = tuple(sorted(self._values()))
        else:
            values = ("" if self._next() in ("", ",") else self._identifier(),)
        _check_values(key, operator, values)
        return Requirement(key, operator, values)

    def _values(self) -> set[str]:
        if (token := self._take()) != "(":
            raise _unparsable(f"found '{token}' expected: '('")
        values = set()
        while True:
            values.add("" if self._next() in (",", ")") else self._identifier())
            ended = self._take()
            if ended == ")":
                return values
            if ended != ",":
                raise _unparsable(f"found '{ended}', expected: ',' or ')'")

    def _identifier(self) -> str:
        if (token := self._take()) in _SPECIAL:
            raise _unparsable(f"found '{token}', expected: identifier")
        return token

    def _next(self) -> str:
        return self._tokens[self._at]

    def _take(self) -> str:
        self._at += 1
        return self._tokens[self._at - 1]


def _check_values(key: str, operator: str, values: tuple[str, ...]) -> None:
    for index, value in enumerate(values):
        if operator in (">", "<") and not _INTEGER.fullmatch(value):
            rule = "for 'Gt', 'Lt' operators, the value must be an integer"
            raise _unparsable(f'values[{index}]: Invalid value: "{value}": {rule}')
        if rule := label_value(value):
            raise _unparsable(f'values[{index}][{key}]: Invalid value: "{value}": {rule}')


def _unparsable(why: str) -> Problem:
    return bad_request(f"unable to parse requirement: {why}")


def _unescaped(text: str) -> str:
    def plain(found: re.Match[str]) -> str:
        if found[2]:
            raise bad_request(f"invalid field selector: unescaped character in value: {ord(found[2])}")
        if found[1] not in ("\\", ",", "="):
            raise bad_request(f"invalid field selector: invalid escape sequence: \\{found[1]}")
        return found[1]

    return _ESCAPED.sub(plain, text)


def _unsupported(field: str, supported: Collection[str]) -> Problem:
    if _OF_EVERY_KIND.issuperset(supported):
        return bad_request(f'"{field}" is not a known field selector: only "metadata.name", "metadata.namespace"')
    return bad_request(f"field label not supported: {field}")


def _text(content: Any, way: tuple[str, ...]) -> str:
    for name in way:
        content = content.get(name) if isinstance(content, dict) else None
    if isinstance(content, bool):
        return "true" if content else "false"
    return "" if content is None else str(content)
