"""Which pod, and how much of a device does its request come to?

What is made for every pod of a cluster is a frozen msgspec Struct, not a dataclass: ten thousand of them are made in a
fraction of the time, and no garbage collection walks them (`gc=False`: they are part of no cycle).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

import msgspec

from kube.gangs import Planned
from kube.gpus import WHOLE, GpuRequest, Malformed, MemoryShare, MiB, MilliGpu, Placement, Share


class PodKey(msgspec.Struct, frozen=True, gc=False):
    """Which pod: the UID decides, the names are for people."""

    uid: str
    namespace: str
    name: str


class Life(Enum):
    """When a container of a pod runs."""

    STARTING = "starting"
    """Alone, before the others; an init container."""
    SIDECAR = "sidecar"
    """Beside the others, and beside the init containers that stand after it."""
    RUNNING = "running"


@dataclass(frozen=True, slots=True)
class Container:
    """A container of a pod: whether it is marked as one that uses our devices, and how many it asks the kubelet for."""

    name: str
    marked: bool
    gpus: int = 0
    life: Life = Life.RUNNING


class Shape(msgspec.Struct, frozen=True, gc=False, cache_hash=True):
    """What of a pod matters for packing: its GPUs, `cpu` in milli-CPU and `memory` in MiB, and the models it accepts.

    `models` are sorted; () = any. kube-scheduler decides on all but the GPUs before it asks us. `by_kubelet`: it asks
    the kubelet for its devices too, which only HAMi's device plugin answers as we want.
    """

    request: Share | MemoryShare | None
    cpu: int = 0
    memory: int = 0
    models: tuple[str, ...] = ()
    by_kubelet: bool = False

    @property
    def shares(self) -> bool:
        """Whether others may use its devices beside it, so that something must hold it to its part."""
        return isinstance(self.request, MemoryShare) or (isinstance(self.request, Share) and self.request.milli < WHOLE)


class Ask(msgspec.Struct, frozen=True, cache_hash=True, gc=False):
    """What of a pod matters for its project: in whose name it asks, and for what.

    `project` is what its label says, "" without one. `request` None: for `gpus` whole GPUs of the kubelet. `models`:
    those that it accepts, sorted; () = any.
    """

    namespace: str
    project: str
    priority_class: str
    request: Share | MemoryShare | None
    gpus: int = 0
    models: tuple[str, ...] = ()


class Membership(msgspec.Struct, frozen=True, gc=False):
    """Of which gang of its namespace a pod is a member: `least` of them are placed at once, as this one says.

    `gang` is "" where our gate holds it back and no label says of which. `planned`: where a plan put it when it was let
    go, as it was written on it. `unschedulable`: why kube-scheduler found no node at its last try, "" where it has not
    tried or found one. `shown`: whether it was let go without a plan, for node autoscalers to see.
    """

    gang: str
    least: int | Malformed
    owned: bool = False
    """Whether a controller makes it anew where it is deleted."""
    planned: Planned | None = None
    unschedulable: str = ""
    shown: bool = False
    held_by: str = ""
    """Another gate that holds it back, beside ours."""
    whole: bool = False
    """Whether it is written on it that its gang was whole once."""


class SeenPod(msgspec.Struct, frozen=True, gc=False):
    """A pod as the API server shows it; `cpu` in milli-CPU and `memory` in MiB, as Kubernetes counts them.

    `placed` is what our Binding wrote, `foreign` what another scheduler wrote, with the MiB of each device; None where
    nothing readable was written. `models`: those that its node selector and affinity accept, sorted; () = any.
    `containers`: init containers first, where it asks for GPUs of ours; `sharing`: the one that its share is for, ""
    where the marker alone says. `by_kubelet` as `Shape`'s.
    """

    key: PodKey
    request: GpuRequest | Malformed | None
    node: str = ""
    placed: Placement | None = None
    ended: bool = False
    gated: bool = False
    """Whether it is held back from scheduling."""
    cpu: int = 0
    memory: int = 0
    models: tuple[str, ...] = ()
    foreign: tuple[Placement, MiB] | None = None
    containers: tuple[Container, ...] = ()
    sharing: str = ""
    by_kubelet: bool = False
    version: str = ""
    """The API server's version of it."""
    created: str = ""
    leaving: bool = False
    """Whether it is being deleted."""
    static: bool = False
    """Whether a kubelet runs it from a file, and the API server shows its mirror only."""
    project: str = ""
    """What its label plimsoll.dev/project says; "" without one."""
    priority_class: str = ""
    gpus: int = 0
    """Whole GPUs that it asks the kubelet for."""
    priority: int = 0
    gang: Membership | None = None

    def shape(self) -> Shape:
        """Return what of it matters for packing."""
        request = self.request if isinstance(self.request, _SHARES) else None
        make = _shape if is_short(self.models) else Shape
        return make(request, self.cpu, self.memory, self.models, self.by_kubelet)

    def ask(self) -> Ask:
        """Return what of it matters for its project."""
        request = self.request if isinstance(self.request, _SHARES) else None
        make = _ask if is_short(self.models) else Ask
        return make(self.key.namespace, self.project, self.priority_class, request, self.gpus, self.models)


def is_short(models: tuple[str, ...]) -> bool:
    """Tell whether a list of models is kept when its pod is gone: users may write any number of them on each pod."""
    return not models or sum(map(len, models), len(models)) <= _LONGEST


_LONGEST = 4096  # characters: a cluster has a few dozen models
_SHARES = (Share, MemoryShare)  # a union would be made anew for each pod
_shape = lru_cache(1024)(Shape)  # thousands of pods have a few dozen shapes
_ask = lru_cache(1024)(Ask)


def share_on(request: Share | MemoryShare, device_memory: MiB) -> Share | None:
    """Return the request in milli-GPU of a model with `device_memory` MiB (0 = unknown), or None if it has too little.

    Rounded up: the shares of a device then never add up to more memory than it has, whatever mixes on it.
    """
    if isinstance(request, Share):
        return request
    if request.memory > device_memory:
        return None
    return Share(request.devices, MilliGpu(-(-request.memory * WHOLE // device_memory)))
