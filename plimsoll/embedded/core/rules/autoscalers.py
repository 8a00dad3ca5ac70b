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
    spec = autoscaler.get("spec", {})
    if spec.get("behavior") or spec.get("metrics") not in (None, [], [_CPU]):
        raise not_implemented("a HorizontalPodAutoscaler with metrics or behavior of its own")
    reference = {"kind": "", "name": "", **spec.get("scaleTargetRef", {})}
    defaults = {"minReplicas": 1, "maxReplicas": 0}
    return {**autoscaler, "spec": {**defaults, **spec, "scaleTargetRef": reference, "metrics": [_CPU]}}


def new_autoscaler(autoscaler: Object) -> Object:
    """Return a HorizontalPodAutoscaler that nobody has looked at yet."""
    return {**autoscaler, "status": {"desiredReplicas": 0, "currentMetrics": None}}


def bad_autoscaler(autoscaler: Object) -> Iterator[Cause]:
    """Yield what is wrong with a HorizontalPodAutoscaler."""
    spec = autoscaler["spec"]
    least, most = spec["minReplicas"], spec["maxReplicas"]
    if least < 1:
        yield "spec.minReplicas", "FieldValueInvalid", f"Invalid value: {least}: must be greater than or equal to 1"
    if most < 1:
        yield "spec.maxReplicas", "FieldValueInvalid", f"Invalid value: {most}: must be greater than 0"
    if most < least:
        rule = "must be greater than or equal to `minReplicas`"
        yield "spec.maxReplicas", "FieldValueInvalid", f"Invalid value: {most}: {rule}"
    for key in ("kind", "name"):
        if not spec["scaleTargetRef"][key]:
            yield f"spec.scaleTargetRef.{key}", "FieldValueRequired", "Required value"
