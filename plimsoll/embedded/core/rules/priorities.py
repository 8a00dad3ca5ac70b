"""What is a PriorityClass by default, and what may it not say?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from plimsoll.embedded.core.problem import Object, forbidden

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from plimsoll.embedded.core.notation.names import Cause

SYSTEM = {"system-node-critical": 2_000_001_000, "system-cluster-critical": 2_000_000_000}
"""The classes that every cluster has, and their values."""

_HIGHEST = 1_000_000_000
_POLICIES = ("PreemptLowerPriority", "Never")


def with_priority_defaults(priority: Object) -> Object:
    """Return a PriorityClass with every default."""
    return {"value": 0, "preemptionPolicy": "PreemptLowerPriority", **priority}


def bad_priority(priority: Object) -> Iterator[Cause]:
    """Yield what is wrong with a PriorityClass."""
    name, value = priority["metadata"]["name"], priority["value"]
    if name.startswith("system-"):
        if why := _no_system_class(name, value):
            reserved = "priority class names with 'system-' prefix are reserved for system use only"
            yield "metadata.name", "FieldValueForbidden", f"Forbidden: {reserved}. error: {why}"
    elif value > _HIGHEST:
        sentence = f"Forbidden: maximum allowed value of a user defined priority is {_HIGHEST}"
        yield "value", "FieldValueForbidden", sentence
    if (policy := priority["preemptionPolicy"]) not in _POLICIES:
        known = ", ".join(f'"{each}"' for each in _POLICIES)
        sentence = f'Unsupported value: "{policy}": supported values: {known}'
        yield "preemptionPolicy", "FieldValueNotSupported", sentence


def _no_system_class(name: str, value: int) -> str:
    if name not in SYSTEM:
        return f"{name} is not a known system priority class"
    return "" if SYSTEM[name] == value else f"value of {name} PriorityClass must be {SYSTEM[name]}"


def bad_priority_change(old: Object, new: Object) -> Iterator[Cause]:
    """Yield what of a PriorityClass cannot change."""
    if old["value"] != new["value"]:
        yield "value", "FieldValueForbidden", "Forbidden: may not be changed in an update."
    if (policy := new["preemptionPolicy"]) != old["preemptionPolicy"]:
        yield "preemptionPolicy", "FieldValueInvalid", f'Invalid value: "{policy}": field is immutable'


def check_only_default(priority: Object, others: Iterable[Object]) -> None:
    """Hold a class that is to be the default against the others.

    Raises:
        Problem: 403, there is a default already.
    """
    name = priority["metadata"]["name"]
    if not priority.get("globalDefault"):
        return
    for each in others:
        if each.get("globalDefault") and each["metadata"]["name"] != name:
            why = f"PriorityClass {each['metadata']['name']} is already marked as default. Only one default can exist"
            raise forbidden("priorityclasses.scheduling.k8s.io", name, why)
