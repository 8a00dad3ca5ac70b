"""What does a pod take of its node? CPU, memory and GPUs, as Kubernetes counts them.

Containers run at once, and so do sidecars (init containers with `restartPolicy: Always`); other init containers run
one after the other before them, each beside the sidecars that were started before it. A pod's own requests of CPU and
memory stand for those of its containers, and its overhead comes on top. Rounded up once, at the end.
Source: component-helpers' resource.PodRequests.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kube.gpus import VENDOR_GPU
from kube.quantities import MIB, count, milli

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kube.objects import BarePodSpec, Container

MOST = 2**40
"""More than any node has: whoever binds a pod past the scheduler may ask for anything, and sums must stay numbers."""

SIDECAR = "Always"
"""The restart policy by which an init container goes on running beside the others."""


@dataclass(frozen=True, slots=True)
class Asked:
    """`cpu` in milli-CPU, `memory` in MiB, `gpus` in whole GPUs of the kubelet's device plugin."""

    cpu: int = 0
    memory: int = 0
    gpus: int = 0

    def __add__(self, other: Asked) -> Asked:
        return Asked(self.cpu + other.cpu, self.memory + other.memory, self.gpus + other.gpus)

    def __or__(self, other: Asked) -> Asked:
        """Return the larger of each."""
        return Asked(max(self.cpu, other.cpu), max(self.memory, other.memory), max(self.gpus, other.gpus))


_NOTHING = Asked()


def requests_of(spec: BarePodSpec) -> Asked:
    """Return what a pod takes of its node from its first container's start to its last one's end."""
    exact = _in_bytes(spec)
    return Asked(min(exact.cpu, MOST), min(-(-exact.memory // MIB), MOST), min(exact.gpus, MOST))


def _in_bytes(spec: BarePodSpec) -> Asked:
    running = _NOTHING
    for container in spec.containers:
        running += _asked(container)
    starting, beside = _NOTHING, _NOTHING
    for container in spec.init_containers or ():
        own = _asked(container)
        if container.restart_policy == SIDECAR:
            beside += own
            running += own
            starting |= beside
        else:
            starting |= own + beside
    total = running | starting
    if spec.resources is not None and spec.resources.requests:
        total = _said_of_the_pod(spec.resources.requests, total)
    if spec.overhead:
        total += Asked(milli(spec.overhead.get("cpu", "0")), count(spec.overhead.get("memory", "0")))
    return total


def _said_of_the_pod(requests: Mapping[str, str], total: Asked) -> Asked:
    cpu = milli(requests["cpu"]) if "cpu" in requests else total.cpu
    memory = count(requests["memory"]) if "memory" in requests else total.memory
    return Asked(cpu, memory, total.gpus)


def _asked(container: Container) -> Asked:
    if container.resources is None:
        return _NOTHING
    requests, limits = container.resources.requests or {}, container.resources.limits or {}
    # Of a GPU requests and limits are one number, and people write the limit alone.
    gpus = requests.get(VENDOR_GPU) or limits.get(VENDOR_GPU, "0")
    return Asked(milli(requests.get("cpu", "0")), count(requests.get("memory", "0")), count(gpus))
