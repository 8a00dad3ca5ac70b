"""Which nodes does a pod want by their labels and names? Its node selector and its required node affinity.

After component-helpers' nodeaffinity and apimachinery's labels: a term that cannot be read matches nothing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from plimsoll.embedded.core.problem import Object

_INTEGER = re.compile(r"[+-]?\d+")


def matches(spec: Object, name: str, labels: Mapping[str, str]) -> bool:
    """Tell whether a node suits a pod's nodeSelector and required node affinity."""
    selector = spec.get("nodeSelector") or {}
    if any(labels.get(key) != value for key, value in selector.items()):
        return False
    required = _required(spec)
    return required is None or any(_term_matches(term, name, labels) for term in required)


def names_wanted(spec: Object) -> frozenset[str] | None:
    """Return the only nodes that the required affinity names; None where it does not name them, empty if at odds."""
    required = _required(spec)
    if not required:
        return None
    wanted: frozenset[str] = frozenset()
    for term in required:
        named = [
            frozenset(each.get("values") or ())
            for each in term.get("matchFields") or ()
            if each["key"] == "metadata.name" and each["operator"] == "In"
        ]
        if not named:
            return None
        wanted |= frozenset.intersection(*named)
    return wanted


def preferred(spec: Object, name: str, labels: Mapping[str, str]) -> int:
    """Return the sum of the weights of the preferred terms that match a node."""
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    return sum(
        each["weight"]
        for each in affinity.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
        if _term_matches(each["preference"], name, labels)
    )


def _required(spec: Object) -> Sequence[Mapping[str, Any]] | None:
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    return None if required is None else required.get("nodeSelectorTerms") or ()


def _term_matches(term: Mapping[str, Any], name: str, labels: Mapping[str, str]) -> bool:
    expressions, fields = term.get("matchExpressions") or (), term.get("matchFields") or ()
    if not expressions and not fields:
        return False
    return all(_expression_matches(each, labels) for each in expressions) and all(
        _field_matches(each, name) for each in fields
    )


def _expression_matches(asked: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    values: Sequence[str] = asked.get("values") or ()
    there = labels.get(asked["key"])
    match asked["operator"]:
        case "In":
            return there is not None and there in values
        case "NotIn":
            return there is None or there not in values
        case "Exists":
            return there is not None
        case "DoesNotExist":
            return there is None
        case "Gt" | "Lt" as order:
            readable = there is not None and len(values) == 1 and _INTEGER.fullmatch(there)
            if not readable or there is None or not _INTEGER.fullmatch(values[0]):
                return False
            return int(there) > int(values[0]) if order == "Gt" else int(there) < int(values[0])
    return False


def _field_matches(asked: Mapping[str, Any], name: str) -> bool:
    values: Sequence[str] = asked.get("values") or ()
    if asked["key"] != "metadata.name" or len(values) != 1:
        return False
    return name == values[0] if asked["operator"] == "In" else name != values[0]
