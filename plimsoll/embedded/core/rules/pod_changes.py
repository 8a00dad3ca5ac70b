"""What of a pod may change once it is there? After kubernetes' validation.go (ValidatePodUpdate)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plimsoll.embedded.core.notation.names import dns_subdomain, is_address, qualified_name
from plimsoll.embedded.core.rules.placement import bad_gate_change, bad_narrowing
from plimsoll.embedded.core.rules.pods import bad_pod, with_default_tolerations

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plimsoll.embedded.core.problem import Object

Cause = tuple[str, str, str]

_MUTABLE = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)
_LONGEST_S = 2**31 - 1


def readmitted(old: Object, new: Object) -> Object:
    """Return a changed pod's spec as admission leaves it: priority and the default tolerations do not get lost."""
    kept: Object = {key: old[key] for key in ("priority", "preemptionPolicy") if key in old}
    return with_default_tolerations({**kept, **new})


def bad_pod_change(old: Object, new: Object) -> list[Cause]:
    """Return what is wrong with a change of a pod."""
    causes = [*_bad_status_change(old, new), *_bad_said(old, new)]
    before, after = old["spec"], new["spec"]
    if before == after:
        return causes
    causes += bad_pod(after)
    for key in ("containers", "initContainers"):
        if len(before.get(key, ())) != len(after.get(key, ())):
            sentence = "Forbidden: pod updates may not add or remove containers"
            return [*causes, (f"spec.{key}", "FieldValueForbidden", sentence)]
    causes += [*_bad_deadline(before, after), *_bad_tolerations(before, after), *bad_gate_change(before, after)]
    if before.get("schedulingGates"):
        causes += bad_narrowing(before, after)
    return [*causes, *_bad_elsewhere(before, after)]


def _bad_status_change(old: Object, new: Object) -> Iterator[Cause]:
    quality = new.get("status", {}).get("qosClass")
    if quality != old.get("status", {}).get("qosClass"):
        yield "status.qosClass", "FieldValueInvalid", f'Invalid value: "{quality}": field is immutable'


def _bad_said(old: Object, new: Object) -> Iterator[Cause]:
    """Yield what is wrong with the conditions, the nominated node and the address of a status that changes."""
    status = new.get("status", {})
    if status == old.get("status", {}):
        return
    for index, each in enumerate(status.get("conditions", ())):
        if rule := qualified_name(kind := each.get("type", "")):
            yield f"status.conditions[{index}].Type", "FieldValueInvalid", f'Invalid value: "{kind}": {rule}'
    if (name := status.get("nominatedNodeName")) and (rule := dns_subdomain(name)):
        yield "status.nominatedNodeName", "FieldValueInvalid", f'Invalid value: "{name}": {rule}'
    if (address := status.get("podIP")) and not is_address(address):
        rule = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
        yield "status.podIPs[0]", "FieldValueInvalid", f'Invalid value: "{address}": {rule}'


def _bad_deadline(before: Object, after: Object) -> Iterator[Cause]:
    where = "spec.activeDeadlineSeconds"
    old, new = before.get("activeDeadlineSeconds"), after.get("activeDeadlineSeconds")
    if new is None:
        if old is not None:
            sentence = "Invalid value: null: must not update from a positive integer to nil value"
            yield where, "FieldValueInvalid", sentence
    elif not 0 <= new <= _LONGEST_S:
        sentence = f"Invalid value: {new}: must be between 0 and {_LONGEST_S}, inclusive"
        yield where, "FieldValueInvalid", sentence
    elif old is not None and old < new:
        yield where, "FieldValueInvalid", f"Invalid value: {new}: must be less than or equal to previous value"


def _bad_tolerations(before: Object, after: Object) -> Iterator[Cause]:
    there = [_timeless(each) for each in after.get("tolerations", ())]
    if any(_timeless(each) not in there for each in before.get("tolerations", ())):
        sentence = "Forbidden: existing toleration can not be modified except its tolerationSeconds"
        yield "spec.tolerations", "FieldValueForbidden", sentence


def _timeless(toleration: Object) -> Object:
    return {key: value for key, value in toleration.items() if key != "tolerationSeconds"}


def _bad_elsewhere(before: Object, after: Object) -> Iterator[Cause]:
    """Yield that something changed which never may; what may change is put back first."""
    rest = dict(after)
    for key in ("containers", "initContainers"):
        if key in after:
            rest[key] = [
                {**new, "image": old.get("image", "")} for old, new in zip(before[key], after[key], strict=True)
            ]
    _put_back(rest, before, "schedulingGates", "activeDeadlineSeconds", "tolerations")
    if before.get("schedulingGates"):
        _put_back(rest, before, "nodeSelector")
        old, new = before.get("affinity", {}), dict(after.get("affinity", {}))
        _put_back(new, old, "nodeAffinity")
        if new == old:
            _put_back(rest, before, "affinity")
    changed = sorted(key for key in rest.keys() | before.keys() if rest.get(key) != before.get(key))
    if changed:
        # Where the API server shows a difference of its own types, the names of the fields stand here.
        yield "spec", "FieldValueForbidden", f"Forbidden: {_MUTABLE}\nchanged: {', '.join(changed)}\n"


def _put_back(into: dict[str, Any], of: Object, *keys: str) -> None:
    for key in keys:
        into.pop(key, None)
        if key in of:
            into[key] = of[key]
