"""Which devices has a node for us, and which of them take no new pod?

The operator's label says whose the node is. Its devices have names of their own (UUIDs) where HAMi's device plugin or
the ResourceSlices of a DRA driver tell them, and else their indices.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extender.core.inventory.enforcing import enforced
from extender.core.inventory.facts import HAMI_CORDON, HAMI_HANDSHAKE, MEMORY, OWNED, PRODUCT, KnownGpu
from extender.core.inventory.leaving_out import LeftOut, left_out
from extender.core.ledger.nodes import ENDLESS, Device, GpuNode
from kube.gpus import NO_MIB, VENDOR_GPU, MiB

if TYPE_CHECKING:
    from collections.abc import Iterable

    from extender.core.inventory.facts import Handshake, NodeFacts

SILENT_S = 300.0
"""How old HAMi's handshake may be: its device plugin renews it twice a minute."""

_WEST_S = 12 * 3600.0  # the clock that is furthest behind UTC
_NO_INDEX = 2**31
_MOST_MIB = 2**31 - 1  # two thousand times what a GPU has; whoever tells more is not believed


def gpus_of(node: NodeFacts, now: float, *, enforcement_required: bool = True) -> GpuNode | LeftOut | None:
    """Return a node with the devices that are ours, at `now` seconds since 1970; None: it was not given to us.

    `enforcement_required`: whether no share of a device goes where nothing enforces it.
    """
    if node.labels.get(OWNED[0]) != OWNED[1]:
        return None
    without = left_out(node)
    if without is not None:
        return without
    devices = _devices(node, now)
    backend, closed = enforced(node, devices, required=enforcement_required)
    cpu, memory = min(node.cpu, ENDLESS), min(node.memory, ENDLESS)
    return GpuNode(node.name, devices, _model(node), cpu, memory, backend, closed, node.taints)


def _devices(node: NodeFacts, now: float) -> tuple[Device, ...]:
    if node.hami is not None:
        silent = _silent(node, now)
        tainted = {gpu.name: gpu.closed for gpu in node.dra}
        return tuple(
            _device(node, gpu, gpu.closed or tainted.get(gpu.name, "") or silent) for gpu in _in_order(node.hami)
        )
    known = _in_order(node.dra) or tuple(KnownGpu(str(index)) for index in range(node.capacity[VENDOR_GPU]))
    devices = tuple(_device(node, gpu, gpu.closed) for gpu in known)
    healthy = node.allocatable.get(VENDOR_GPU, 0)
    if sum(not device.closed for device in devices) <= healthy:
        return devices
    # The kubelet counts the unhealthy ones and names none: any of these may be one of them.
    unhealthy = node.capacity[VENDOR_GPU] - healthy
    closed = f"unhealthy: {unhealthy} of the node's {node.capacity[VENDOR_GPU]} GPUs, and nobody says which"
    return tuple(Device(device.name, device.memory, device.closed or closed) for device in devices)


def _device(node: NodeFacts, gpu: KnownGpu, closed: str) -> Device:
    if gpu.name in node.cordoned:
        closed = f"cordoned by {HAMI_CORDON}"
    memory = gpu.memory if gpu.memory <= _MOST_MIB else NO_MIB
    return Device(gpu.name, memory or MiB(node.number(MEMORY)), closed)


def _silent(node: NodeFacts, now: float) -> str:
    """Return why none of HAMi's devices is there, as far as its handshake tells; "" where they are.

    Its device plugin reports, and its scheduler writes a request over the report, to see whether another one comes.
    Newer device plugins do not answer any more: there a request of any age only counts beside a kubelet without GPUs.
    """
    handshake = node.handshake
    if handshake is None:
        return ""
    if handshake.word == "Deleted":
        return f"HAMi's scheduler gave its device plugin up ({HAMI_HANDSHAKE})"
    if not _stale(handshake, now) or (handshake.word == "Requesting" and node.allocatable.get(VENDOR_GPU, 0)):
        return ""
    return f"HAMi's device plugin has been silent for five minutes ({HAMI_HANDSHAKE})"


def _stale(handshake: Handshake, now: float) -> bool:
    if handshake.unchanged_s > SILENT_S:
        return True
    if handshake.at is None:
        return False
    return now - handshake.at > SILENT_S + (0.0 if handshake.zoned else _WEST_S)


def _in_order(gpus: Iterable[KnownGpu]) -> tuple[KnownGpu, ...]:
    """Sort by index: a pod that was bound before the names were known has its device by index."""
    return tuple(sorted(gpus, key=lambda gpu: (_NO_INDEX if gpu.index is None else gpu.index, gpu.name)))


def _model(node: NodeFacts) -> str:
    """Return the model as the label has it, which pods select by; else as the device's own name gives it."""
    if node.labels.get(PRODUCT):
        return node.labels[PRODUCT]
    known = _in_order(node.hami or node.dra)
    return known[0].model.replace(" ", "-") if known else ""
