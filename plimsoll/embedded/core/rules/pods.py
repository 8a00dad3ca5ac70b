"""What does the API server make of a pod: its defaults, its first status, and what must hold of it?

After kubernetes' pkg/apis/core/v1/defaults.go and validation.go (ValidatePodSpec). Of the validation, the rules that
docs/contract.md lists.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from plimsoll.embedded.core.notation.quantities import amount, canonical
from plimsoll.embedded.core.problem import Object, Problem, not_implemented
from plimsoll.embedded.core.rules.containers import bad_containers, containers_of
from plimsoll.embedded.core.rules.placement import bad_placement
from plimsoll.embedded.core.rules.running import bad_running, pull_policy, with_running_defaults, with_volume_defaults

if TYPE_CHECKING:
    from collections.abc import Iterator

Cause = tuple[str, str, str]

_FIVE_MINUTES_S = 300
_LONGEST_S = 2**31 - 1


def with_template_defaults(spec: Object) -> Object:
    """Return the spec of a pod template with what the API server fills in."""
    filled = {
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "securityContext": {},
        "schedulerName": "default-scheduler",
        **spec,
    }
    for key in ("containers", "initContainers"):
        if key in spec:
            filled[key] = [_with_container_defaults(each) for each in spec[key]]
    if "volumes" in spec:
        filled["volumes"] = [with_volume_defaults(each) for each in spec["volumes"]]
    return filled


def with_pod_defaults(spec: Object) -> Object:
    """Return a pod's spec with what the API server fills in; a template's limits become requests only here."""
    filled = {"enableServiceLinks": True, **with_template_defaults(spec)}
    for key in ("containers", "initContainers"):
        if key in spec:
            filled[key] = [_with_requests(each) for each in filled[key]]
            if spec.get("hostNetwork"):
                filled[key] = [_on_host_ports(each) for each in filled[key]]
    if filled["terminationGracePeriodSeconds"] < 0:
        filled["terminationGracePeriodSeconds"] = 1
    return filled


def with_default_tolerations(spec: Object) -> Object:
    """Return a pod's spec with admission's own tolerations: five minutes of a node that is not ready or not reached."""
    tolerations = list(spec.get("tolerations", ()))
    for key in ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"):
        if not any(t.get("key") in (key, None) and t.get("effect", "NoExecute") == "NoExecute" for t in tolerations):
            more = {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": _FIVE_MINUTES_S}
            tolerations.append(more)
    return {**spec, "tolerations": tolerations}


def first_status(pod: Object) -> Object:
    """Return the status of a pod that was just created."""
    status: Object = {"phase": "Pending", "qosClass": _quality(pod["spec"])}
    if pod["spec"].get("schedulingGates"):
        status["conditions"] = [
            {
                "type": "PodScheduled",
                "status": "False",
                "lastProbeTime": None,
                "lastTransitionTime": pod["metadata"]["creationTimestamp"],
                "reason": "SchedulingGated",
                "message": "Scheduling is blocked due to non-empty scheduling gates",
            }
        ]
    return status


def bad_pod(spec: Object, path: str = "spec") -> list[Cause]:
    """Return what is wrong with a pod's spec."""
    return [
        *bad_containers(spec, path),
        *bad_running(spec, path),
        *_bad_life(spec, path),
        *bad_placement(spec, path),
    ]


def bad_new_pod(pod: Object) -> Iterator[Cause]:
    """Yield what is wrong with a new pod.

    Raises:
        Problem: 501, it is of a runtime class, of which there are none here, or has resources as a whole.
    """
    for key in ("runtimeClassName", "overhead"):
        if pod["spec"].get(key):
            raise not_implemented(f"pods with {key}; it has no runtime classes")
    if pod["spec"].get("resources"):
        raise not_implemented("pods with resources of their own, beside those of their containers")
    if "ephemeralContainers" in pod["spec"]:
        yield "spec.ephemeralContainers", "FieldValueForbidden", "Forbidden: cannot be set on create"
    yield from bad_pod(pod["spec"])
    if pod["spec"].get("schedulingGates") and pod["spec"].get("nodeName"):
        sentence = "Forbidden: cannot be set until all schedulingGates have been cleared"
        yield "spec.nodeName", "FieldValueForbidden", sentence


def _bad_life(spec: Object, path: str) -> Iterator[Cause]:
    policies = ("Always", "OnFailure", "Never")
    if (policy := spec["restartPolicy"]) not in policies:
        told = ", ".join(f'"{each}"' for each in policies)
        sentence = f'Unsupported value: "{policy}": supported values: {told}'
        yield f"{path}.restartPolicy", "FieldValueNotSupported", sentence
    deadline_s = spec.get("activeDeadlineSeconds", 1)
    if not 1 <= deadline_s <= _LONGEST_S:
        sentence = f"Invalid value: {deadline_s}: must be between 1 and {_LONGEST_S}, inclusive"
        yield f"{path}.activeDeadlineSeconds", "FieldValueInvalid", sentence


def _with_container_defaults(container: Object) -> Object:
    filled = {
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "imagePullPolicy": pull_policy(container.get("image", "")),
        "resources": {},
        **container,
    }
    return with_running_defaults(filled)


def _on_host_ports(container: Object) -> Object:
    if "ports" not in container:
        return container
    ports = [{**port, "hostPort": port.get("hostPort") or port.get("containerPort", 0)} for port in container["ports"]]
    return {**container, "ports": ports}


def _with_requests(container: Object) -> Object:
    """Return a container that requests what it is limited to, where it says nothing else."""
    resources = container["resources"]
    if "limits" not in resources:
        return container
    return {
        **container,
        "resources": {**resources, "requests": {**resources["limits"], **resources.get("requests", {})}},
    }


def _quality(spec: Object) -> str:
    """Return the pod's quality of service, from cpu and memory alone; zero is as good as nothing."""
    asked, limited, every = Counter[str](), Counter[str](), True
    for _, container in containers_of(spec):
        resources = container.get("resources", {})
        for kind, total in (("requests", asked), ("limits", limited)):
            given = {key: amount(resources.get(kind, {}).get(key, "0")) for key in ("cpu", "memory")}
            total.update({key: milli for key, value in given.items() if (milli := int(value * 1000)) > 0})
            every = every and (kind == "requests" or all(given.values()))
    if not asked and not limited:
        return "BestEffort"
    return "Guaranteed" if every and asked == limited else "Burstable"


def with_times(status: Object) -> Object:
    """Return a pod's status with the times of its conditions, which are written even where there are none."""
    if "conditions" not in status:
        return status
    return {
        **status,
        "conditions": [{"lastProbeTime": None, "lastTransitionTime": None, **each} for each in status["conditions"]],
    }


def with_canonical_quantities(spec: Object) -> Object:
    """Return a pod's spec with its quantities as Kubernetes writes them.

    Raises:
        Problem: 400, one of them is no quantity.
    """
    changed = dict(spec)
    for key in ("containers", "initContainers"):
        if key in spec:
            changed[key] = [
                {**each, "resources": canonical_resources(each["resources"])} if "resources" in each else each
                for each in spec[key]
            ]
    return changed


def canonical_resources(resources: Object) -> Object:
    """Return requests and limits (or capacity and allocatable) as Kubernetes writes them.

    Raises:
        Problem: 400, one of them is no quantity.
    """
    changed = dict(resources)
    for key in ("limits", "requests", "capacity", "allocatable"):
        if key in resources:
            changed[key] = {name: _canonical(quantity) for name, quantity in resources[key].items()}
    return changed


def _canonical(text: str) -> str:
    try:
        finer = amount(text) * 1000
        # The API server rounds up to thousandths.
        return canonical(text) if finer.denominator == 1 else canonical(f"{-(-finer // 1)}m")
    except ValueError:
        raise Problem(
            400,
            "BadRequest",
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$': "
            f'"{text}" does not',
        ) from None
