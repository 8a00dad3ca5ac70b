"""What may a pod say about where it runs: its gates, node selector, node affinity, tolerations; what of it changes?

After kubernetes' pkg/apis/core/validation/validation.go. A gated pod may only be narrowed; nothing of it changes later.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from plimsoll.embedded.core.notation.names import label_value, qualified_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plimsoll.embedded.core.problem import Object

Cause = tuple[str, str, str]

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_TERMS = f"affinity.nodeAffinity.{_REQUIRED}.nodeSelectorTerms"
_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


def bad_placement(spec: Object, path: str) -> Iterator[Cause]:
    """Yield what is wrong with where a pod wants to run."""
    for key, value in spec.get("nodeSelector", {}).items():
        for text, rule in ((key, qualified_name(key)), (value, label_value(value))):
            if rule:
                yield _invalid(f"{path}.nodeSelector", f'"{text}"', rule)
    yield from _bad_affinity(spec, path)
    yield from _bad_gates(spec, path)
    for index, toleration in enumerate(spec.get("tolerations", ())):
        yield from _bad_toleration(f"{path}.tolerations[{index}]", toleration)


def required_terms(spec: Object) -> list[Object]:
    """Return the terms of which a node must meet one."""
    required = spec.get("affinity", {}).get("nodeAffinity", {}).get(_REQUIRED, {})
    terms: list[Object] = required.get("nodeSelectorTerms", [])
    return terms


def bad_gate_change(before: Object, after: Object) -> Iterator[Cause]:
    """Yield the gates that were added."""
    old = {gate.get("name", "") for gate in before.get("schedulingGates", ())}
    for index, gate in enumerate(after.get("schedulingGates", ())):
        if (name := gate.get("name", "")) not in old:
            sentence = f"Forbidden: only deletion is allowed, but found new scheduling gate '{name}'"
            yield f"spec.schedulingGates[{index}].name", "FieldValueForbidden", sentence


def bad_narrowing(before: Object, after: Object) -> Iterator[Cause]:
    """Yield what is no narrowing in the change of a gated pod's node selector and node affinity."""
    old, new = before.get("nodeSelector", {}), after.get("nodeSelector", {})
    if any(new.get(key) != value for key, value in old.items()):
        rule = "only additions to spec.nodeSelector are allowed (no mutations or deletions)"
        yield _invalid("spec.nodeSelector", _go(new or None), rule)
    was, becomes = required_terms(before), required_terms(after)
    if not was:
        return
    if len(becomes) != len(was):
        rule = "no additions/deletions to non-empty NodeSelectorTerms list are allowed"
        yield _invalid(f"spec.{_TERMS}", _go([*map(_go_term, becomes)] or None), rule)
        return
    for index, (old_term, new_term) in enumerate(zip(was, becomes, strict=True)):
        if not _only_additions(old_term, new_term):
            rule = "only additions are allowed (no mutations or deletions)"
            yield _invalid(f"spec.{_TERMS}[{index}]", _go(_go_term(new_term)), rule)


def _only_additions(old: Object, new: Object) -> bool:
    if not any(old.values()):
        return not any(new.values())  # an empty term selects nothing; anything else would be wider
    return all(
        new.get(key, [])[: len(old.get(key, []))] == old.get(key, []) for key in ("matchExpressions", "matchFields")
    )


# --- node affinity ---


def _bad_affinity(spec: Object, path: str) -> Iterator[Cause]:
    node = spec.get("affinity", {}).get("nodeAffinity", {})
    where = f"{path}.affinity.nodeAffinity"
    if _REQUIRED in node and not required_terms(spec):
        sentence = "Required value: must have at least one node selector term"
        yield f"{path}.{_TERMS}", "FieldValueRequired", sentence
    for index, term in enumerate(required_terms(spec)):
        yield from _bad_term(f"{path}.{_TERMS}[{index}]", term)
        yield from _bad_values(f"{path}.{_TERMS}[{index}]", term)
    preferred = "preferredDuringSchedulingIgnoredDuringExecution"
    for index, wish in enumerate(node.get(preferred, ())):
        if not 1 <= (weight := wish.get("weight", 0)) <= 100:
            yield _invalid(f"{where}.{preferred}[{index}].weight", str(weight), "must be in the range 1-100")
        yield from _bad_term(f"{where}.{preferred}[{index}].preference", wish.get("preference", {}))


def _bad_term(where: str, term: Object) -> Iterator[Cause]:
    for index, requirement in enumerate(term.get("matchExpressions", ())):
        yield from _bad_expression(f"{where}.matchExpressions[{index}]", requirement)
    for index, requirement in enumerate(term.get("matchFields", ())):
        yield from _bad_field(f"{where}.matchFields[{index}]", requirement)


def _bad_expression(where: str, requirement: Object) -> Iterator[Cause]:
    key, operator, values = (requirement.get(each) or "" for each in ("key", "operator", "values"))
    if operator in ("In", "NotIn"):
        if not values:
            sentence = "Required value: must be specified when `operator` is 'In' or 'NotIn'"
            yield f"{where}.values", "FieldValueRequired", sentence
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            sentence = "Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            yield f"{where}.values", "FieldValueForbidden", sentence
    elif operator in ("Gt", "Lt"):
        if len(values) != 1:
            sentence = "Required value: must be specified single value when `operator` is 'Lt' or 'Gt'"
            yield f"{where}.values", "FieldValueRequired", sentence
    else:
        yield _invalid(f"{where}.operator", f'"{operator}"', "not a valid selector operator")
    if rule := qualified_name(key):
        yield _invalid(f"{where}.key", f'"{key}"', rule)


def _bad_values(where: str, term: Object) -> Iterator[Cause]:
    """Yield the values that no label has; of a term that is only preferred, nobody looks at them."""
    for index, requirement in enumerate(term.get("matchExpressions", ())):
        for number, value in enumerate(requirement.get("values", ())):
            if rule := label_value(value):
                yield _invalid(f"{where}.matchExpressions[{index}].values[{number}]", f'"{value}"', rule)


def _bad_field(where: str, requirement: Object) -> Iterator[Cause]:
    key, operator, values = (requirement.get(each) or "" for each in ("key", "operator", "values"))
    if operator not in ("In", "NotIn"):
        yield _invalid(f"{where}.operator", f'"{operator}"', "not a valid selector operator")
    elif len(values) != 1:
        sentence = "Required value: must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
        yield f"{where}.values", "FieldValueRequired", sentence
    if key != "metadata.name":
        yield _invalid(f"{where}.key", f'"{key}"', "not a valid field selector key")


# --- gates and tolerations ---


def _bad_gates(spec: Object, path: str) -> Iterator[Cause]:
    gates = [gate.get("name", "") for gate in spec.get("schedulingGates", ())]
    for index, name in enumerate(gates):
        if rule := qualified_name(name):
            yield _invalid(f"{path}.schedulingGates[{index}]", f'"{name}"', rule)
        if name in gates[:index]:
            yield f"{path}.schedulingGates[{index}]", "FieldValueDuplicate", f'Duplicate value: "{name}"'


def _bad_toleration(where: str, toleration: Object) -> Iterator[Cause]:
    key, operator, value, effect = (toleration.get(each, "") for each in ("key", "operator", "value", "effect"))
    if key and (rule := qualified_name(key)):
        yield _invalid(f"{where}.key", f'"{key}"', rule)
    if not key and operator != "Exists":
        rule = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
        yield _invalid(f"{where}.operator", f'"{operator}"', rule)
    if "tolerationSeconds" in toleration and effect != "NoExecute":
        rule = "effect must be 'NoExecute' when `tolerationSeconds` is set"
        yield _invalid(f"{where}.effect", f'"{effect}"', rule)
    if operator in ("Equal", ""):
        if rule := label_value(value):
            yield _invalid(f"{where}.operator", f'"{value}"', rule)
    elif operator != "Exists":
        yield _unsupported(f"{where}.operator", operator, ("Equal", "Exists"))
    elif value:
        yield _invalid(f"{where}.operator", f'"{value}"', "value must be empty when `operator` is 'Exists'")
    if effect and effect not in _EFFECTS:
        yield _unsupported(f"{where}.effect", effect, _EFFECTS)


# --- sentences ---


def _invalid(field: str, value: str, rule: str) -> Cause:
    return field, "FieldValueInvalid", f"Invalid value: {value}: {rule}"


def _unsupported(field: str, value: str, supported: tuple[str, ...]) -> Cause:
    told = ", ".join(f'"{each}"' for each in supported)
    return field, "FieldValueNotSupported", f'Unsupported value: "{value}": supported values: {told}'


def _go_term(term: Object) -> Object:
    """Return a term with the names of the API server's own types, in which its sentences show it."""
    return {
        key[0].upper() + key[1:]: [
            {"Key": each.get("key", ""), "Operator": each.get("operator", ""), "Values": each.get("values")}
            for each in term[key]
        ]
        if term.get(key)
        else None
        for key in ("matchExpressions", "matchFields")
    }


def _go(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True)
