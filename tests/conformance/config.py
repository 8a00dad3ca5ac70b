"""What do our ConfigMap and annotation rules answer where Knative's answered?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from autoscaler import config
from autoscaler.config import resolution, workload
from autoscaler.config.cluster import HPA, KPA
from autoscaler.core.model import SECOND_NS
from kube import texts
from kube.durations import nanoseconds
from tests.conformance.numbers import written

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_READERS: dict[str, Callable[[str], Any]] = {
    "bool": texts.boolean,
    "duration": nanoseconds,
    "float64": texts.floating,
    "int": texts.int64,
    "int32": texts.int32,
}


def answer(case: Mapping[str, Any]) -> dict[str, Any]:
    """Answer one case of kind parse, configmap or annotations."""
    return {"parse": _parse, "configmap": _config_map, "annotations": _annotations}[case["kind"]](case)


def _parse(case: Mapping[str, Any]) -> dict[str, Any]:
    value = _READERS[case["type"]](case["in"])
    told = {"id": case["id"], "ok": value is not None}
    if case["type"] == "duration":
        return told | {"ns": value or 0}
    if case["type"] == "bool":
        return told | {"value": bool(value)}
    return told | {"value": written(float(value)) if case["type"] == "float64" and value is not None else value or 0}


def _config_map(case: Mapping[str, Any]) -> dict[str, Any]:
    read, problems = config.defaults(case["data"])
    told: dict[str, Any] = {"id": case["id"], "ok": not problems}
    if problems:
        return told
    return told | {
        "config": {
            "activator-capacity": written(read.activator_capacity),
            "allow-zero-initial-scale": read.allow_zero_initial_scale,
            "container-concurrency-target-default": written(read.container_concurrency_target_default),
            "container-concurrency-target-fraction": written(read.container_concurrency_target_fraction),
            "enable-scale-to-zero": read.enable_scale_to_zero,
            "initial-scale": read.initial_scale,
            "max-scale": read.max_scale,
            "max-scale-down-rate": written(read.max_scale_down_rate),
            "max-scale-limit": read.max_scale_limit,
            "max-scale-up-rate": written(read.max_scale_up_rate),
            "min-scale": read.min_scale,
            "panic-threshold-percentage": written(read.panic_threshold_percentage),
            "panic-window-percentage": written(read.panic_window_percentage),
            "pod-autoscaler-class": read.pod_autoscaler_class,
            "requests-per-second-target-default": written(read.requests_per_second_target_default),
            "scale-down-delay_ns": read.scale_down_delay_ns,
            "scale-to-zero-grace-period_ns": read.scale_to_zero_grace_period_ns,
            "scale-to-zero-pod-retention-period_ns": read.scale_to_zero_pod_retention_period_ns,
            "stable-window_ns": read.stable_window_ns,
            "target-burst-capacity": written(read.target_burst_capacity),
            "target-utilization": resolution.RPS_UTILISATION,
        }
    }


def _annotations(case: Mapping[str, Any]) -> dict[str, Any]:
    # Our own rules of the ConfigMap do not count here: the recording took the map as valid.
    base, _ = config.defaults(case["config_data"])
    deployment, _ = config.deployment({})
    annotations = dict(case["annotations"])
    said = workload.read_annotations(base, annotations).values
    resolved, problems = config.resolve(
        base,
        deployment,
        annotations | {workload.CONTAINER_CONCURRENCY: str(case["container_concurrency"])},
        name="conformance",
        reachable=case["reachability"] != "Unreachable",
    )
    policy = resolved.policy
    window_ns = resolution.stable_window_ns(base, said)
    # What the recording calls class and metric is the object's own; the cluster's class is set at admission.
    own_class = said.get(workload.CLASS, KPA)
    algorithm = said.get(workload.AVERAGING, "")
    return {
        "id": case["id"],
        "ok": not problems,
        "resolved": {
            "activation_scale": policy.activation_scale,
            "activator_capacity": written(policy.activator_capacity),
            "algorithm": policy.averaging.value if algorithm in workload.AVERAGINGS else algorithm,
            "class": own_class,
            "initial_scale": policy.initial_scale,
            "max_scale": policy.max_scale,
            "max_scale_down_rate": written(policy.max_scale_down_rate),
            "max_scale_up_rate": written(policy.max_scale_up_rate),
            "metric": said.get(workload.METRIC, {KPA: "concurrency", HPA: "cpu"}.get(own_class, "")),
            "metric_stable_window_ns": window_ns,
            "min_scale": policy.min_scale,
            "panic_threshold": written(policy.panic_threshold),
            "panic_window_ns": policy.panic_window_s * SECOND_NS,
            "reachable": policy.reachable,
            "scale_down_delay_ns": resolution.scale_down_delay_ns(base, said),
            "stable_window_ns": window_ns,
            "target_burst_capacity": written(policy.target_burst_capacity),
            "target_value": written(policy.target),
            "total_value": written(policy.total),
        },
    }
