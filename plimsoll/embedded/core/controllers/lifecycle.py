"""What becomes of a bound pod, a deleted pod, a new node? What KWOK makes of them with deploy/local/kwok.yaml.

A pod's annotations can slow its life down, each by a Go duration: a cold start, an orderly end, a run that completes.
As with KWOK, a delay begins anew with every change of the pod.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from heapq import heappop, heappush
from typing import TYPE_CHECKING

from kube.durations import nanoseconds
from plimsoll.embedded.core.notation.conditions import holds, in_place
from plimsoll.embedded.core.notation.moments import written

if TYPE_CHECKING:
    from collections.abc import Iterable

    from plimsoll.embedded.core.problem import Object

_SUFFIX = "stage.kwok.x-k8s.io/delay"
_VERSION = "plimsoll-embedded"
_NODE_CONDITIONS = (
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
    ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("NetworkUnavailable", "False", "RouteCreated", "RouteController created a route"),
)


class Stage(Enum):
    """What can happen next to a pod on a node."""

    READY = "pod-ready"
    COMPLETE = "pod-complete"
    DELETE = "pod-delete"


@dataclass(frozen=True, slots=True)
class Next:
    """A stage and when it is due."""

    stage: Stage
    at: float


def next_stage(pod: Object, changed_at: float) -> Next | None:
    """Return what happens next to a pod that is bound to a node that is there; it stands so since `changed_at`."""
    stage = _stage(pod)
    if stage is None:
        return None
    delay = (pod["metadata"].get("annotations") or {}).get(f"{stage.value}.{_SUFFIX}", "")
    return Next(stage, changed_at + max(nanoseconds(delay) or 0, 0) / 1e9)


def ready_status(pod: Object, address: str | None, now: float) -> Object:
    """Return the status of a pod whose containers have started; without an address it has its node's network."""
    moment = written(now)
    gates = [each["conditionType"] for each in pod["spec"].get("readinessGates") or ()]
    changes = [
        {"type": kind, "status": "True", "lastTransitionTime": moment}
        for kind in ("Initialized", "Ready", "ContainersReady", *gates)
    ]
    return {
        **pod["status"],
        "conditions": in_place(pod["status"].get("conditions") or [], changes),
        "containerStatuses": [
            {
                **_container(container),
                "ready": True,
                "started": True,
                "state": {"running": {"startedAt": moment}},
            }
            for container in pod["spec"]["containers"]
        ],
        **({"podIP": address, "podIPs": [{"ip": address}]} if address else {}),
        "phase": "Running",
        "startTime": moment,
    }


def completed_status(pod: Object, now: float) -> Object:
    """Return the status of a pod whose containers have ended well."""
    moment = written(now)
    changes = [
        {"type": kind, "status": "False", "lastTransitionTime": moment, "reason": "PodCompleted"}
        for kind in ("Ready", "ContainersReady")
    ]
    ended = {"exitCode": 0, "finishedAt": moment, "reason": "Completed", "startedAt": moment}
    return {
        **pod["status"],
        "conditions": in_place(pod["status"].get("conditions") or [], changes),
        "containerStatuses": [
            {**_container(container), "ready": False, "started": False, "state": {"terminated": ended}}
            for container in pod["spec"]["containers"]
        ],
        "phase": "Succeeded",
    }


def node_status(node: Object, now: float) -> Object | None:
    """Return the status of a node whose kubelet has just joined; None where the node is Ready already."""
    if holds(node["status"], "Ready"):
        return None
    moment = written(now)
    changes = [
        {
            "type": kind,
            "status": status,
            "lastHeartbeatTime": moment,
            "lastTransitionTime": moment,
            "reason": reason,
            "message": message,
        }
        for kind, status, reason, message in _NODE_CONDITIONS
    ]
    others = [each for each in node["status"].get("addresses") or () if each.get("type") != "Hostname"]
    return {
        **node["status"],
        "conditions": in_place(node["status"].get("conditions") or [], changes),
        "addresses": [{"type": "Hostname", "address": node["metadata"]["name"]}, *others],
        "nodeInfo": {
            "machineID": "",
            "systemUUID": "",
            "bootID": "",
            "kernelVersion": _VERSION,
            "osImage": "",
            "containerRuntimeVersion": _VERSION,
            "kubeletVersion": _VERSION,
            "kubeProxyVersion": "",
            "operatingSystem": "linux",
            "architecture": "amd64",
        },
        "phase": "Running",
    }


class Addresses:
    """The addresses of pods, in 10.244.0.0/16; the lowest free one is given first."""

    def __init__(self) -> None:
        self._free: list[int] = []
        self._used: set[int] = set()
        self._highest = 0

    def take(self) -> str:
        """Return an address that no pod has."""
        while self._free:
            number = heappop(self._free)
            if number not in self._used:
                self._used.add(number)
                return _address(number)
        self._highest += 1
        while self._highest in self._used:
            self._highest += 1
        self._used.add(self._highest)
        return _address(self._highest)

    def note(self, addresses: Iterable[str]) -> None:
        """Keep addresses that pods have already."""
        self._used.update(number for each in addresses if (number := _number(each)) is not None)

    def give_back(self, address: str) -> None:
        """Take an address back from a pod that is gone."""
        number = _number(address)
        if number is not None and number in self._used:
            self._used.discard(number)
            heappush(self._free, number)


def _stage(pod: Object) -> Stage | None:
    meta, status = pod["metadata"], pod["status"]
    if "deletionTimestamp" in meta:
        # With no grace left and still there, only finalizers hold it: nothing that a kubelet does.
        held = meta.get("deletionGracePeriodSeconds") == 0 and meta.get("finalizers")
        return None if held else Stage.DELETE
    if status.get("phase") == "Pending" and not holds(status, "Ready"):
        return Stage.READY
    annotations = meta.get("annotations") or {}
    if status.get("phase") == "Running" and f"{Stage.COMPLETE.value}.{_SUFFIX}" in annotations:
        return Stage.COMPLETE
    return None


def _container(container: Object) -> Object:
    return {
        "name": container["name"],
        "image": container.get("image", ""),
        "imageID": "",
        "lastState": {},
        "restartCount": 0,
    }


def _address(number: int) -> str:
    high, low = divmod(number, 256)
    return f"10.244.{high % 256}.{low}"


def _number(address: str) -> int | None:
    parts = address.split(".")
    if len(parts) != 4 or parts[:2] != ["10", "244"]:
        return None
    return int(parts[2]) * 256 + int(parts[3])
