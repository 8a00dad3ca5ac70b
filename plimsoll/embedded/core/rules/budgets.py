"""What may a PodDisruptionBudget not say?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from plimsoll.embedded.core.rules.counts import NOT_MORE_THAN_ALL, NOT_NEGATIVE, bad_count, more_than_all
from plimsoll.embedded.core.rules.label_rules import bad_selector, told

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plimsoll.embedded.core.notation.names import Cause
    from plimsoll.embedded.core.problem import Object

_POLICIES = ("AlwaysAllow", "IfHealthyBudget")


def bad_budget(budget: Object) -> Iterator[Cause]:
    """Yield what is wrong with a budget."""
    spec = budget["spec"]
    if "minAvailable" in spec and "maxUnavailable" in spec:
        whole = {
            "MinAvailable": spec["minAvailable"],
            "Selector": spec.get("selector"),
            "MaxUnavailable": spec["maxUnavailable"],
            "UnhealthyPodEvictionPolicy": spec.get("unhealthyPodEvictionPolicy"),
        }
        sentence = f"Invalid value: {told(whole)}: minAvailable and maxUnavailable cannot be both set"
        yield "spec", "FieldValueInvalid", sentence
    for key in ("minAvailable", "maxUnavailable"):
        if key in spec and (rule := bad_count(spec[key]) or NOT_MORE_THAN_ALL * more_than_all(spec[key])):
            yield f"spec.{key}", "FieldValueInvalid", f"Invalid value: {told(spec[key])}: {rule}"
    policy = spec.get("unhealthyPodEvictionPolicy")
    if policy is not None and policy not in _POLICIES:
        known = ", ".join(f'"{each}"' for each in _POLICIES)
        sentence = f'Unsupported value: "{policy}": supported values: {known}'
        yield "spec.unhealthyPodEvictionPolicy", "FieldValueNotSupported", sentence
    yield from bad_selector(spec.get("selector", {}), "spec.selector")


def bad_budget_change(_old: Object, new: Object) -> Iterator[Cause]:
    """Yield what is wrong with the status that a budget is given."""
    for key in ("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"):
        if (number := new.get("status", {}).get(key, 0)) < 0:
            yield f"status.{key}", "FieldValueInvalid", f"Invalid value: {number}: {NOT_NEGATIVE}"
