"""What does a pod hold? What it is promised; and once it is bound, what was written for it, whoever wrote it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extender.core.ledger.holding import NEVER, Holding, State
from kube.gpus import NO_MIB, WHOLE, MemoryShare, MilliGpu, Share, Unmapped

if TYPE_CHECKING:
    from extender.core.model import SeenPod
    from kube.gpus import GpuRequest, Malformed, MiB, Placement

_BOUND = State.BOUND  # to look it up at its class takes as long as to make a holding


def promised(pod: SeenPod, node: str, placed: Placement | None, until: float) -> Holding:
    """Return what a pod is promised until a moment; `placed` None: on devices that the kubelet will choose."""
    assert pod.request is not None  # noqa: S101  nothing else has a place
    return Holding(
        pod.key,
        node,
        placed.devices if placed else None,
        placed.milli if placed else WHOLE,
        State.RESERVED,
        until,
        _device_memory(pod.request),
        pod.cpu,
        pod.memory,
        ask=pod.ask(),
    )


def bound(pod: SeenPod, known: Holding | None) -> Holding:
    """Return what a bound pod holds; `known`: what it is known to hold."""
    # Anybody can write our annotation on a pod that is not ours: there it says nothing.
    placed = pod.placed if pod.request is not None and not isinstance(pod.request, Unmapped) else None
    devices, milli, memory = _devices_of(pod, placed, known)
    ours = placed is not None and not pod.static
    # In the order of the fields: named, they take twice as long, and a list has ten thousand pods.
    return Holding(
        pod.key,
        pod.node,
        devices,
        milli,
        _BOUND,
        NEVER,
        memory,
        pod.cpu,
        pod.memory,
        ours,
        pod.created,
        pod.leaving,
        None if devices == () else pod.ask(),
    )


def holds(held: Holding, request: GpuRequest | Malformed | None) -> bool:
    """Tell whether what is held is what is asked for: annotations of a pod that is not bound may change."""
    if not isinstance(request, Share | MemoryShare) or held.devices is None or len(held.devices) != request.devices:
        return False
    if isinstance(request, MemoryShare):
        return held.device_memory == request.memory
    return not held.device_memory and held.milli == request.milli


def _devices_of(
    pod: SeenPod, placed: Placement | None, known: Holding | None
) -> tuple[tuple[str, ...] | None, MilliGpu, MiB]:
    """Return the devices of a bound pod (None = nobody knows which), and what it holds of each.

    `placed`: what our Binding wrote; `known`: what it is known to hold.
    """
    if known is not None and known.node == pod.node and known.state is _BOUND and known.devices:
        # What was written once stands: a change of the annotation moves no process, and is not to free a device.
        return known.devices, known.milli, known.device_memory
    if placed is not None and pod.request is not None:
        return placed.devices, placed.milli, _device_memory(pod.request)
    if pod.foreign is not None:
        return pod.foreign[0].devices, pod.foreign[0].milli, pod.foreign[1]
    if known is not None and known.node == pod.node:
        return known.devices, known.milli, known.device_memory
    if pod.request is not None:
        return None, WHOLE, NO_MIB
    return (), MilliGpu(0), NO_MIB


def _device_memory(request: GpuRequest | Malformed) -> MiB:
    return request.memory if isinstance(request, MemoryShare) else NO_MIB
