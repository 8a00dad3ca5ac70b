"""What has a node by default, and what may it not say?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from plimsoll.embedded.core.notation.names import label_value, qualified_name
from plimsoll.embedded.core.notation.quantities import amount
from plimsoll.embedded.core.rules.label_rules import told
from plimsoll.embedded.core.rules.pods import canonical_resources

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plimsoll.embedded.core.notation.names import Cause
    from plimsoll.embedded.core.problem import Object

_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


def with_node_defaults(node: Object) -> Object:
    """Return a node with every default."""
    status = canonical_resources(node.get("status", {}))
    if "capacity" in status:
        status = {**status, "allocatable": status.get("allocatable", status["capacity"])}
    spec = node.get("spec", {})
    if (one := spec.get("podCIDR")) and spec.get("podCIDRs", [])[:1] != [one]:
        spec = {**spec, "podCIDRs": [one]}  # what is said in the singular counts
    return {**node, "spec": spec, "status": status}


def bad_node(node: Object) -> Iterator[Cause]:
    """Yield what is wrong with a node."""
    seen: set[tuple[str, str]] = set()
    for index, taint in enumerate(node["spec"].get("taints", ())):
        yield from _bad_taint(taint, f"metadata.taints[{index}]")
        if (pair := (taint.get("key", ""), taint.get("effect", ""))) in seen:
            same = {"Key": pair[0], "Value": taint.get("value", ""), "Effect": pair[1], "TimeAdded": None}
            sentence = f"Duplicate value: {told(same)}: taints must be unique by key and effect pair"
            yield f"metadata.taints[{index}]", "FieldValueDuplicate", sentence
        seen.add(pair)
    for kind in ("capacity", "allocatable"):
        for name, quantity in node.get("status", {}).get(kind, {}).items():
            if quantity.startswith("-"):
                sentence = f'Invalid value: "{quantity}": must be greater than or equal to 0'
                yield f"status.{kind}.{name}", "FieldValueInvalid", sentence
            if _counted(name) and amount(quantity).denominator != 1:
                yield f"status.{kind}.{name}", "FieldValueInvalid", f'Invalid value: "{quantity}": must be an integer'


def _counted(resource: str) -> bool:
    """Tell whether a resource comes in wholes: pods, and what is not Kubernetes' own."""
    return resource == "pods" or ("/" in resource and "kubernetes.io/" not in resource)


def _bad_taint(taint: Object, where: str) -> Iterator[Cause]:
    if rule := qualified_name(taint.get("key", "")):
        yield f"{where}.key", "FieldValueInvalid", f'Invalid value: "{taint.get("key", "")}": {rule}'
    if rule := label_value(taint.get("value", "")):
        yield f"{where}.value", "FieldValueInvalid", f'Invalid value: "{taint["value"]}": {rule}'
    if not (effect := taint.get("effect", "")):
        yield f"{where}.effect", "FieldValueRequired", "Required value"
    elif effect not in _EFFECTS:
        known = ", ".join(f'"{each}"' for each in _EFFECTS)
        sentence = f'Unsupported value: "{effect}": supported values: {known}'
        yield f"{where}.effect", "FieldValueNotSupported", sentence


def bad_node_change(old: Object, new: Object) -> Iterator[Cause]:
    """Yield what of a node cannot change once it is said."""
    for key, word in (("podCIDRs", "podCIDR"), ("providerID", "providerID")):
        was = old["spec"].get(key)
        if was and new["spec"].get(key) != was:
            sentence = f'Forbidden: node updates may not change {word} except from "" to valid'
            yield f"spec.{key}", "FieldValueForbidden", sentence
