"""What does admission make of a new pod? Its priority, and in managed namespaces what deploy/base/admission.yaml says.

The embedded cluster evaluates no policies of its user's own (it answers 501 to them). Plimsoll's policy is written out
here once more, and the contract tests hold both against the same pods.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from plimsoll.embedded.core.notation.quantities import amount
from plimsoll.embedded.core.problem import Object, Problem, forbidden
from plimsoll.embedded.core.rules.pods import with_default_tolerations

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_MANAGED = ("plimsoll.dev/managed", "true")
_GPU, _MARKER = "nvidia.com/gpu", "plimsoll.dev/gpu"
_ENFORCEMENT, _BY_HAMI = "plimsoll.dev/enforcement", "hami"
_KUBELET_GPUS = re.compile(r"0*([1-9][0-9]?)")
_GANG, _LEAST = "plimsoll.dev/gang", "plimsoll.dev/gang-min"
_KNATIVE_GANGS = ("plimsoll.dev/knative-gangs", "true")
_REVISION = "serving.knative.dev/revision"
_MIN_SCALES = ("autoscaling.knative.dev/min-scale", "autoscaling.knative.dev/minScale")
_SEVERAL = re.compile(r"0*([2-9]|[1-9][0-9]{1,3}|10000)")
_WRITTEN_HERE = "plimsoll.dev/gpus"
_OURS = re.compile(
    r"plimsoll\.dev/(devices|gpu-milli|gang-(plan|shown|whole))|hami\.io/(vgpu|bind)-.*|"
    r"nvidia\.com/container\..*\.(gpus\.devices|gpu-memory\.(request|limit))"
)
_VISIBLE, _NO_DEVICES = "NVIDIA_VISIBLE_DEVICES", ("void", "none")
_NO_CONTAINERS = (
    "policy 'plimsoll-gpu-pods' with binding 'plimsoll-gpu-pods' denied request: its expressions need a container"
)
_SYSTEM_PRIORITIES = {"system-cluster-critical": 2_000_000_000, "system-node-critical": 2_000_001_000}


def admitted(pod: Object, namespace: Object, classes: Mapping[str, Object]) -> Object:
    """Return a new pod as the admission of its namespace leaves it; `classes` are the PriorityClasses by name.

    Raises:
        Problem: 403, its priority class is not there, it names a priority of its own, or the policy fails.
    """
    pod = {**pod, "spec": with_default_tolerations(_with_priority(pod, classes))}
    labels = namespace["metadata"].get("labels", {})
    if labels.get(_MANAGED[0]) != _MANAGED[1]:
        return pod
    return _allowed(_managed(pod, of_revisions=labels.get(_KNATIVE_GANGS[0]) == _KNATIVE_GANGS[1]))


def _with_priority(pod: Object, classes: Mapping[str, Object]) -> Object:
    spec, name = pod["spec"], pod["spec"].get("priorityClassName", "")
    value, policy = 0, "PreemptLowerPriority"
    if name in _SYSTEM_PRIORITIES:
        value = _SYSTEM_PRIORITIES[name]
    elif name:
        if name not in classes:
            raise forbidden("pods", _name(pod), f"no PriorityClass with name {name} was found")
        value, policy = classes[name]["value"], classes[name]["preemptionPolicy"]
    else:
        chosen = [each for each in classes.values() if each.get("globalDefault")]
        if chosen:
            least = min(chosen, key=lambda each: each["value"])
            value, policy, name = least["value"], least["preemptionPolicy"], least["metadata"]["name"]
    if spec.get("priority", value) != value:
        why = (
            f"the integer value of priority ({spec['priority']}) must not be provided in pod spec; priority admission "
            f"controller computed {value} from the given PriorityClass name"
        )
        raise forbidden("pods", _name(pod), why)
    if spec.get("preemptionPolicy", policy) != policy:
        why = (
            f"the string value of PreemptionPolicy ({spec['preemptionPolicy']}) must not be provided in pod spec; "
            f"priority admission controller computed {policy} from the given PriorityClass name"
        )
        raise forbidden("pods", _name(pod), why)
    return {
        **spec, "priority": value, "preemptionPolicy": policy, **({"priorityClassName": name} if name else {}),
    }  # fmt: skip


def _managed(pod: Object, *, of_revisions: bool) -> Object:
    """Return a pod of a managed namespace: its GPUs become ours to give; `of_revisions`: those of Knative are gangs."""
    meta, spec = pod["metadata"], pod["spec"]
    annotations = {key: value for key, value in meta.get("annotations", {}).items() if key != _WRITTEN_HERE}
    fraction = "gpu-fraction" in annotations or "gpu-memory" in annotations
    inits, containers = spec.get("initContainers", ()), spec.get("containers", ())
    by_hami = annotations.get(_ENFORCEMENT) == _BY_HAMI
    if not containers and ("containers" not in spec or fraction):
        raise Problem(403, "Invalid", _NO_CONTAINERS)
    if fraction:
        sharing = _named(containers, annotations.get("gpu-fraction-container-name", ""))
        more = {_MARKER: "1"}
        if by_hami and _total(containers, inits) == 0:
            asked = _KUBELET_GPUS.fullmatch(annotations.get("gpu-fraction-num-devices", "1").strip())
            more[_GPU] = asked[1] if asked else "1"
        spec = {**spec, "containers": [_with(c, more) if c is sharing else c for c in containers]}
    elif _consistent((*containers, *inits)) and (total := _total(containers, inits)) > 0:
        spec = {**spec, "containers": [_ours(c, by_hami=by_hami) for c in containers]}
        if inits:
            spec["initContainers"] = [_ours(c, by_hami=by_hami) for c in inits]
        annotations["plimsoll.dev/gpus"] = str(total)
    whole = "plimsoll.dev/gpus" in annotations
    if (fraction or whole) and spec["schedulerName"] in ("", "default-scheduler"):
        spec = {**spec, "schedulerName": "plimsoll"}
    if (fraction or whole) and not spec.get("nodeName"):
        if of_revisions and (more := _gang_of_revision(meta.get("labels", {}), annotations)):
            meta = {**meta, "labels": {**meta["labels"], _GANG: more[_GANG]}}
            annotations.setdefault(_LEAST, more[_LEAST])
        if _GANG in meta.get("labels", {}):
            spec = _gated(spec)
    kept = {key: value for key, value in meta.items() if key != "annotations"}
    return {**pod, "metadata": {**kept, **({"annotations": annotations} if annotations else {})}, "spec": spec}


def _gang_of_revision(labels: Mapping[str, str], annotations: Mapping[str, str]) -> dict[str, str]:
    """Return the gang that a pod is of by its Knative revision, and its minimum; {} where by that it is of none."""
    said = next((annotations[key] for key in _MIN_SCALES if key in annotations), "")
    several = _SEVERAL.fullmatch(said.strip())
    least = annotations.get(_LEAST, several[1] if several else None)
    if _GANG in labels or not labels.get(_REVISION) or least is None:
        return {}
    return {_GANG: labels[_REVISION], _LEAST: least}


def _gated(spec: Object) -> Object:
    """Return a spec with the gate that holds a member of a gang back."""
    gates = spec.get("schedulingGates", [])
    if any(gate["name"] == _GANG for gate in gates):
        return spec
    return {**spec, "schedulingGates": [*gates, {"name": _GANG}]}


def _allowed(pod: Object) -> Object:
    """Return a pod as it is, if it says nothing of devices, as deploy/base/protection.yaml has it.

    Who changes a pod later is not told apart here, where everybody may do everything.
    """
    ours = sorted(filter(_OURS.fullmatch, pod["metadata"].get("annotations", {})))
    if ours:
        why = "only Plimsoll writes which devices a pod has; ask with gpu-fraction, gpu-memory or nvidia.com/gpu"
        raise _denied(pod, f"annotation {ours[0]}: {why}")
    for container in (*pod["spec"].get("containers", ()), *pod["spec"].get("initContainers", ())):
        for each in container.get("env", ()):
            if each["name"] == _VISIBLE and each.get("value", "") not in _NO_DEVICES:
                why = f"{_VISIBLE} may only be void or none; its pod is given devices by Plimsoll"
                raise _denied(pod, f"container {container['name']}: {why}")
    return pod


def _denied(pod: Object, why: str) -> Problem:
    policy = "ValidatingAdmissionPolicy 'plimsoll-devices' with binding 'plimsoll-devices' denied request"
    return Problem(422, "Invalid", f'pods "{_name(pod)}" is forbidden: {policy}: {why}')


def _named(containers: Sequence[Object], name: str) -> Object:
    return next((each for each in containers if each.get("name") == name), containers[0])


def _with(container: Object, more: Mapping[str, str]) -> Object:
    resources = container.get("resources", {})
    both = {key: {**resources.get(key, {}), **more} for key in ("limits", "requests")}
    return {**container, "resources": {**resources, **both}}


def _ours(container: Object, *, by_hami: bool) -> Object:
    """Return a container with the marker in the place of its whole GPUs, or beside them for HAMi."""
    if not _gpus(container):
        return container
    if by_hami:
        return _with(container, {_MARKER: "1"})
    resources = container["resources"]
    without = {
        key: {name: quantity for name, quantity in resources.get(key, {}).items() if name != _GPU}
        for key in ("limits", "requests")
    }
    return _with({**container, "resources": {**resources, **without}}, {_MARKER: "1"})


def _gpus(container: Object) -> int:
    """Return the whole GPUs of a container; what is no integer counts as none: the API's validation refuses it."""
    wanted = amount(container.get("resources", {}).get("limits", {}).get(_GPU, "0"))
    return int(wanted) if wanted.denominator == 1 else 0


def _consistent(containers: Sequence[Object]) -> bool:
    """Tell whether every request is its limit: Kubernetes refuses others, so they are left as they came."""
    return all(
        amount(resources.get("requests", {}).get(_GPU, "0")) == amount(resources.get("limits", {}).get(_GPU, "0"))
        for resources in (each.get("resources", {}) for each in containers)
    )


def _total(containers: Sequence[Object], inits: Sequence[Object]) -> int:
    """Return the GPUs of a pod as kube-scheduler counts: sidecars add up, other init containers run one at a time."""
    sidecars, most = 0, 0
    for each in inits:
        if each.get("restartPolicy") == "Always":
            sidecars += _gpus(each)
        else:
            most = max(most, sidecars + _gpus(each))
    return max(most, sidecars + sum(map(_gpus, containers)))


def _name(pod: Object) -> str:
    meta = pod["metadata"]
    return str(meta.get("name") or meta.get("generateName", ""))
