"""What do many devices come to? Counts of nodes, GPUs and pods, of each model and in all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kube.gpus import WHOLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from extender.core.devices import MappedDevice, MappedNode


@dataclass(frozen=True, slots=True)
class Sums:
    """Of some nodes: how many, how many devices, of those wholly free, shared or closed to new pods; milli-GPU free."""

    nodes: int
    devices: int
    whole: int
    shared: int
    closed: int
    free: int
    pods: int


def sums(nodes: Iterable[MappedNode]) -> Sums:
    """Return what nodes come to."""
    nodes = tuple(nodes)
    devices = [device for node in nodes for device in node.devices]
    pods = {held.pod.uid for device in devices for held in device.held}
    pods |= {held.pod.uid for node in nodes for held in node.unmapped}
    return Sums(
        nodes=len(nodes),
        devices=len(devices),
        whole=sum(device.free == WHOLE for device in devices),
        shared=sum(len(device.held) > 1 for device in devices),
        closed=sum(closed(device, node) != "" for node in nodes for device in node.devices),
        free=sum(device.free for device in devices),
        pods=len(pods),
    )


def by_model(nodes: Sequence[MappedNode]) -> tuple[tuple[str, Sums], ...]:
    """Return the same of each model, by name; nodes that are left out have none."""
    models = sorted({node.model for node in nodes if not node.left_out})
    return tuple((model, sums(node for node in nodes if node.model == model and not node.left_out)) for model in models)


def closed(device: MappedDevice, node: MappedNode) -> str:
    """Return why a device takes no new pod whatever is free on it; "" where it does."""
    if device.closed:
        return device.closed
    if node.unmapped:
        first = node.unmapped[0].pod
        more = f" and {len(node.unmapped) - 1} more" if len(node.unmapped) > 1 else ""
        return f"nobody knows which GPUs of the node {first.namespace}/{first.name}{more} uses"
    return ""
