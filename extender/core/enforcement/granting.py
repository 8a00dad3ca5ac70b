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
from kube.gpus import WHOLE, MemoryShare, MiB, MilliGpu

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extender.core.ledger.nodes import Device, GpuNode
    from extender.core.model import SeenPod
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

    def problem(self) -> str:
        """Return why it cannot be written, "" where it can.

        The API server writes the annotations of a Binding unchecked, and then refuses every change of such a pod.
        """
        room = _LONGEST_KEY - len(self.prefix.partition("/")[2]) - len(_LONGEST_END)
        for one in self.containers:
            if self.backend is Backend.NVFRACTIONS and one.parts and len(one.container) > room:
                return (
                    f"NvFractions reads a container's share from an annotation whose key has room for {room} letters "
                    f"of its name; {one.container} has {len(one.container)}"
                )
        return ""


def granted(pod: SeenPod, placed: Placement, node: GpuNode, prefix: str) -> Grant:
    """Return what the containers of a pod get on a node that takes it, and has all the devices of `placed`.

    `prefix` is `Grant`'s. Of a pod that does not ask the kubelet HAMi hears nothing: it is given nothing there.
    """
    backend = node.backend
    if pod.by_kubelet:
        backend = Backend.HAMI
    elif backend is not Backend.NVFRACTIONS:
        return Grant()
    places = node.places()
    parts = tuple(_part(pod, placed, node.devices[places[name]]) for name in placed.devices)
    return Grant(backend, _in_order(pod, parts) if pod.by_kubelet else _to_all(pod, parts), prefix)


def _part(pod: SeenPod, placed: Placement, device: Device) -> Part:
    asked = pod.request.memory if isinstance(pod.request, MemoryShare) else device.memory * placed.milli // WHOLE
    return Part(device.name, MiB(max(asked, _LEAST)), placed.milli)


def _to_all(pod: SeenPod, parts: tuple[Part, ...]) -> tuple[Granted, ...]:
    return tuple(
        Granted(one.name, parts if (one.name == pod.sharing if pod.sharing else one.marked) else ())
        for one in pod.containers
    )


def _in_order(pod: SeenPod, parts: Sequence[Part]) -> tuple[Granted, ...]:
    given: list[Granted] = []
    taken = 0
    for one in pod.containers:
        given.append(Granted(one.name, tuple(parts[taken : taken + one.gpus])))
        if one.life is not Life.STARTING:
            taken += one.gpus
    return tuple(given)
