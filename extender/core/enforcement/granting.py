"""Which container of a pod gets which devices, and how much of each? What the node is told when the pod is bound.

A pod that asks the kubelet for its devices says how many each container gets. They take the pod's devices in order:
sidecars and containers one after the other, and each init container, which runs before them, those that no sidecar
before it has. Any other pod has a marker where its devices are used, and all of them are given to each container that
has it, or of a share to the one that the pod names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from extender.core.ledger.nodes import Backend
from extender.core.model import Life
from kube.gpus import VENDOR_GPU, WHOLE, MemoryShare, MiB, MilliGpu

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extender.core.ledger.nodes import Device, GpuNode
    from extender.core.model import Container, SeenPod
    from kube.gpus import Placement

_LEAST = MiB(1)
_LONGEST_KEY = 63  # letters after the slash of an annotation's key, says Kubernetes
_LONGEST_END = ".gpu-memory.request"


@dataclass(frozen=True, slots=True)
class Part:
    """What a container may use of one device, by name."""

    device: str
    memory: MiB
    milli: MilliGpu


@dataclass(frozen=True, slots=True)
class Granted:
    """What one container may use; nothing where `parts` is empty."""

    container: str
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Grant:
    """What the node's `backend` is to enforce: of every container, init containers first, in the pod's order.

    `prefix`: what NvFractions' annotations begin with, up to the container's name.
    """

    backend: Backend = Backend.NONE
    containers: tuple[Granted, ...] = ()
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Ungrantable:
    """Why a pod cannot be given its devices in a way that its node understands."""

    reason: str


def granted(pod: SeenPod, placed: Placement, node: GpuNode, prefix: str) -> Grant | Ungrantable:
    """Return what the containers of a pod get on a node that takes it, and has all the devices of `placed`.

    `prefix` is `Grant`'s. Of a pod that does not ask the kubelet HAMi hears nothing: it is given nothing there.
    """
    places = node.places
    parts = tuple(_part(pod, placed, node.devices[places[name]]) for name in placed.devices)
    if pod.by_kubelet:
        asked = _asked(pod.containers)
        if asked != len(parts):
            return Ungrantable(
                f"its containers ask the kubelet for {asked} {VENDOR_GPU} and its annotations for {len(parts)}: HAMi's "
                "device plugin gives a container neither more nor fewer than it asks for"
            )
        return Grant(Backend.HAMI, _in_order(pod.containers, parts))
    if node.backend is not Backend.NVFRACTIONS:
        return Grant()
    containers = _to_all(pod, parts)
    room = _LONGEST_KEY - len(prefix.partition("/")[2]) - len(_LONGEST_END)
    for one in containers:
        # The API server writes the annotations of a Binding unchecked, and then refuses every change of such a pod.
        if one.parts and len(one.container) > room:
            return Ungrantable(
                f"NvFractions reads a container's share from an annotation whose key has room for {room} letters of "
                f"its name; {one.container} has {len(one.container)}"
            )
    return Grant(Backend.NVFRACTIONS, containers, prefix)


def _part(pod: SeenPod, placed: Placement, device: Device) -> Part:
    asked = pod.request.memory if isinstance(pod.request, MemoryShare) else device.memory * placed.milli // WHOLE
    return Part(device.name, MiB(max(asked, _LEAST)), placed.milli)


def _to_all(pod: SeenPod, parts: tuple[Part, ...]) -> tuple[Granted, ...]:
    return tuple(
        Granted(one.name, parts if (one.name == pod.sharing if pod.sharing else one.marked) else ())
        for one in pod.containers
    )


def _in_order(containers: Sequence[Container], parts: Sequence[Part]) -> tuple[Granted, ...]:
    given: list[Granted] = []
    taken = 0
    for one in containers:
        given.append(Granted(one.name, tuple(parts[taken : taken + one.gpus])))
        if one.life is not Life.STARTING:
            taken += one.gpus
    return tuple(given)


def _asked(containers: Sequence[Container]) -> int:
    """Return for how many devices the containers ask in all."""
    beside, most = 0, 0
    for one in containers:
        most = max(most, beside + one.gpus)
        if one.life is not Life.STARTING:
            beside += one.gpus
    return most
