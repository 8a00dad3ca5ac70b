"""What has a Deployment or a ReplicaSet by default, and what may it not say?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plimsoll.embedded.core.notation.selectors import LabelSelector
from plimsoll.embedded.core.notation.templates import template_changed
from plimsoll.embedded.core.problem import Object, not_implemented
from plimsoll.embedded.core.rules.counts import NOT_MORE_THAN_ALL, NOT_NEGATIVE, bad_count, more_than_all
from plimsoll.embedded.core.rules.label_rules import bad_selector, told
from plimsoll.embedded.core.rules.metadata import bad_tags
from plimsoll.embedded.core.rules.pods import bad_pod, with_canonical_quantities, with_template_defaults

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plimsoll.embedded.core.notation.names import Cause

_COUNTED = {
    "Deployment": ("updatedReplicas", "readyReplicas", "availableReplicas"),
    "ReplicaSet": ("fullyLabeledReplicas", "readyReplicas", "availableReplicas"),
}
_IN_STATUS = {
    "Deployment": (
        "observedGeneration", "replicas", "updatedReplicas", "readyReplicas", "availableReplicas",
        "unavailableReplicas", "terminatingReplicas", "collisionCount",
    ),
    "ReplicaSet": (
        "replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas", "terminatingReplicas",
        "observedGeneration",
    ),
}  # fmt: skip


def with_deployment_defaults(deployment: Object) -> Object:
    """Return a Deployment with every default."""
    spec = {
        "replicas": 1,
        "strategy": {"type": "RollingUpdate"},
        "revisionHistoryLimit": 10,
        "progressDeadlineSeconds": 600,
        **deployment.get("spec", {}),
    }
    if spec["strategy"].get("type", "RollingUpdate") == "RollingUpdate":
        rolling = {"maxUnavailable": "25%", "maxSurge": "25%", **spec["strategy"].get("rollingUpdate", {})}
        spec["strategy"] = {"type": "RollingUpdate", "rollingUpdate": rolling}
    return {**deployment, "spec": _with_template(spec)}


def with_replica_set_defaults(replica_set: Object) -> Object:
    """Return a ReplicaSet with every default."""
    return {**replica_set, "spec": _with_template({"replicas": 1, **replica_set.get("spec", {})})}


def _with_template(spec: Object) -> Object:
    template = spec.get("template", {})
    filled = with_template_defaults(with_canonical_quantities(template.get("spec", {})))
    return {**spec, "template": {"metadata": {}, **template, "spec": filled}}


def bad_deployment(deployment: Object) -> Iterator[Cause]:
    """Yield what is wrong with a Deployment."""
    spec = deployment["spec"]
    yield from _negative(spec, "replicas")
    yield from _bad_pods(spec)
    yield from _bad_strategy(spec["strategy"])
    yield from _negative(spec, "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds")
    if (deadline := spec["progressDeadlineSeconds"]) <= spec.get("minReadySeconds", 0):
        sentence = f"Invalid value: {deadline}: must be greater than minReadySeconds"
        yield "spec.progressDeadlineSeconds", "FieldValueInvalid", sentence


def bad_replica_set(replica_set: Object) -> Iterator[Cause]:
    """Yield what is wrong with a ReplicaSet."""
    spec = replica_set["spec"]
    yield from _negative(spec, "replicas", "minReadySeconds")
    yield from _bad_pods(spec)


def _negative(spec: Object, *keys: str) -> Iterator[Cause]:
    for key in keys:
        if spec.get(key, 0) < 0:
            yield f"spec.{key}", "FieldValueInvalid", f"Invalid value: {spec[key]}: {NOT_NEGATIVE}"


def _bad_pods(spec: Object) -> Iterator[Cause]:
    yield from _bad_selection(spec.get("selector"), spec["template"]["metadata"].get("labels"))
    yield from bad_tags(spec["template"]["metadata"], "spec.template")
    pod, where = spec["template"]["spec"], "spec.template.spec"
    yield from bad_pod(pod, where)
    if (policy := pod["restartPolicy"]) != "Always":
        sentence = f'Unsupported value: "{policy}": supported values: "Always"'
        yield f"{where}.restartPolicy", "FieldValueNotSupported", sentence
    if "activeDeadlineSeconds" in pod:
        sentence = "Forbidden: activeDeadlineSeconds in ReplicaSet is not Supported"
        yield f"{where}.activeDeadlineSeconds", "FieldValueForbidden", sentence


def _bad_selection(selector: Object | None, labels: dict[str, str] | None) -> Iterator[Cause]:
    if selector is None:
        yield "spec.selector", "FieldValueRequired", "Required value"
    elif not selector:
        sentence = "Invalid value: {}: empty selector is invalid for deployment"
        yield "spec.selector", "FieldValueInvalid", sentence
        return
    elif causes := list(bad_selector(selector, "spec.selector")):
        yield from causes
        sentence = f"Invalid value: {told(selector)}: invalid label selector"
        yield "spec.selector", "FieldValueInvalid", sentence
        return
    if not LabelSelector.of(selector).matches(labels):
        sentence = f"Invalid value: {told(labels or None)}: `selector` does not match template `labels`"
        yield "spec.template.metadata.labels", "FieldValueInvalid", sentence


def _bad_strategy(strategy: Object) -> Iterator[Cause]:
    where = "spec.strategy.rollingUpdate"
    rolling: Any = strategy.get("rollingUpdate")
    match strategy["type"]:
        case "RollingUpdate":
            for key in ("maxUnavailable", "maxSurge"):
                if rule := bad_count(rolling[key]):
                    yield f"{where}.{key}", "FieldValueInvalid", f"Invalid value: {told(rolling[key])}: {rule}"
            if rolling["maxUnavailable"] in (0, "0%") and rolling["maxSurge"] in (0, "0%"):
                unavailable = told(rolling["maxUnavailable"])
                sentence = f"Invalid value: {unavailable}: may not be 0 when `maxSurge` is 0"
                yield f"{where}.maxUnavailable", "FieldValueInvalid", sentence
            if more_than_all(rolling["maxUnavailable"]):
                sentence = f"Invalid value: {told(rolling['maxUnavailable'])}: {NOT_MORE_THAN_ALL}"
                yield f"{where}.maxUnavailable", "FieldValueInvalid", sentence
        case "Recreate":
            if rolling is not None:
                sentence = "Forbidden: may not be specified when strategy `type` is 'Recreate'"
                yield where, "FieldValueForbidden", sentence
        case other:
            sentence = f'Unsupported value: {{"Type":"{other}","RollingUpdate":null}}: supported values: '
            yield "spec.strategy", "FieldValueNotSupported", sentence + '"Recreate", "RollingUpdate"'


def bad_deployment_change(old: Object, new: Object) -> Iterator[Cause]:
    """Yield what is wrong with a changed Deployment.

    Raises:
        Problem: 501, nothing is wrong, and its pods would have to be rolled.
    """
    causes = [*bad_deployment(new), *_bad_selector_change(old, new), *_bad_status(old, new, "Deployment")]
    yield from causes
    if not causes and template_changed(old, new):
        raise not_implemented(
            f"it rolls out no changed pod template (Deployment {new['metadata']['name']}); "
            "a Deployment under another name can be created"
        )


def bad_replica_set_change(old: Object, new: Object) -> Iterator[Cause]:
    """Yield what is wrong with a changed ReplicaSet."""
    yield from bad_replica_set(new)
    yield from _bad_selector_change(old, new)
    yield from _bad_status(old, new, "ReplicaSet")


def _bad_status(old: Object, new: Object, kind: str) -> Iterator[Cause]:
    """Yield what is wrong with the numbers of a status."""
    was, status = old.get("status", {}), new.get("status", {})
    if status == was:
        return
    for key in _IN_STATUS[kind]:
        if (number := status.get(key, 0)) < 0:
            yield f"status.{key}", "FieldValueInvalid", f"Invalid value: {number}: {NOT_NEGATIVE}"
    for key in _COUNTED[kind]:
        if (number := status.get(key, 0)) > status.get("replicas", 0):
            sentence = f"Invalid value: {number}: cannot be greater than status.replicas"
            yield f"status.{key}", "FieldValueInvalid", sentence
    if (number := status.get("availableReplicas", 0)) > status.get("readyReplicas", 0):
        sentence = f"Invalid value: {number}: cannot be greater than readyReplicas"
        yield "status.availableReplicas", "FieldValueInvalid", sentence
    if (number := status.get("collisionCount", 0)) < was.get("collisionCount", 0):
        yield "status.collisionCount", "FieldValueInvalid", f"Invalid value: {number}: cannot be decremented"


def _bad_selector_change(old: Object, new: Object) -> Iterator[Cause]:
    if old["spec"].get("selector") != new["spec"].get("selector"):
        selector = told(new["spec"].get("selector"))
        yield "spec.selector", "FieldValueInvalid", f"Invalid value: {selector}: field is immutable"
