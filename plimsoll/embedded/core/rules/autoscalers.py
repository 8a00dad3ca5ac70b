"""What is a HorizontalPodAutoscaler by default, and what may it not say?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from plimsoll.embedded.core.problem import Object, not_implemented

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plimsoll.embedded.core.notation.names import Cause

_CPU = {
    "type": "Resource",
    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}},
}


def with_autoscaler_defaults(autoscaler: Object) -> Object:
    """Return a HorizontalPodAutoscaler with every default.

    Raises:
        Problem: 501 for metrics or behavior of its own: nobody acts on them here.
    """
    spec = {"minReplicas": 1, "maxReplicas": 0, "scaleTargetRef": {}, **autoscaler.get("spec", {})}
    if "behavior" in spec or spec.get("metrics") not in (None, [], [_CPU]):
        raise not_implemented("a HorizontalPodAutoscaler with metrics or behavior of its own")
    return {**autoscaler, "spec": {**spec, "metrics": [_CPU]}}


def new_autoscaler(autoscaler: Object) -> Object:
    """Return a HorizontalPodAutoscaler that nobody has looked at yet."""
    return {**autoscaler, "status": {"desiredReplicas": 0, "currentMetrics": None}}


def bad_autoscaler(autoscaler: Object) -> Iterator[Cause]:
    """Yield what is wrong with a HorizontalPodAutoscaler."""
    spec = autoscaler["spec"]
    least, most = spec["minReplicas"], spec["maxReplicas"]
    if least < 1:
        yield "spec.minReplicas", "FieldValueInvalid", f"Invalid value: {least}: must be greater than or equal to 1"
    if most == 0:
        yield "spec.maxReplicas", "FieldValueRequired", "Required value: must be set and greater than 0"
    if most < 0:
        yield "spec.maxReplicas", "FieldValueInvalid", f"Invalid value: {most}: must be greater than or equal to 1"
    if most < least:
        rule = "must be greater than or equal to `minReplicas`"
        yield "spec.maxReplicas", "FieldValueInvalid", f"Invalid value: {most}: {rule}"
    yield from _bad_reference(spec["scaleTargetRef"])
    if least == 0:
        rule = "must specify at least one Object or External metric to support scaling to zero replicas"
        yield "spec.metrics", "FieldValueForbidden", f"Forbidden: {rule}"


def _bad_reference(reference: Object) -> Iterator[Cause]:
    for key in ("kind", "name"):
        place, value = f"spec.scaleTargetRef.{key}", reference.get(key, "")
        if not value:
            yield place, "FieldValueRequired", "Required value"
        for character in "/%":
            if character in value:
                yield place, "FieldValueInvalid", f"Invalid value: \"{value}\": may not contain '{character}'"
    version = reference.get("apiVersion", "")
    if "/" not in version and reference.get("kind") != "ReplicationController":
        rule = "apiVersion must specify API group"
        yield "spec.scaleTargetRef.apiVersion", "FieldValueInvalid", f'Invalid value: "{version}": {rule}'
