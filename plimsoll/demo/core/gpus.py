"""Which pod is on which device of which node, and how many GPUs does sharing save?

Read from what the extender wrote on the pods when it bound them, never from what was asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kube.objects import Node, Pod

DEVICES, MILLI = "plimsoll.dev/devices", "plimsoll.dev/gpu-milli"
WHOLE = 1000
_GPU = "nvidia.com/gpu"


@dataclass(frozen=True, slots=True)
class Share:
    """What one pod has of one device."""

    pod: str
    workload: str
    milli: int


@dataclass(frozen=True, slots=True)
class GpuNode:
    """A node and, for each of its devices in order, who is on it."""

    name: str
    devices: tuple[tuple[Share, ...], ...]


def gpu_map(nodes: Iterable[Node], pods: Iterable[Pod]) -> tuple[GpuNode, ...]:
    """Return all nodes with GPUs, by name, with the shares that the bound pods hold, by pod name."""
    held: dict[tuple[str, int], list[Share]] = {}
    for pod in sorted(pods, key=lambda pod: pod.metadata.name):
        workload = (pod.metadata.labels or {}).get("app", "")
        for index, milli in _holding(pod.metadata.annotations or {}):
            held.setdefault((pod.spec.node_name, index), []).append(Share(pod.metadata.name, workload, milli))
    counted = sorted((node.metadata.name, int((node.status.allocatable or {}).get(_GPU, "0"))) for node in nodes)
    return tuple(
        GpuNode(name, tuple(tuple(held.get((name, index), ())) for index in range(count)))
        for name, count in counted
        if count
    )


def _holding(annotations: Mapping[str, str]) -> Iterable[tuple[int, int]]:
    devices, milli = annotations.get(DEVICES), annotations.get(MILLI)
    if devices and milli:
        for device in devices.split(","):
            yield int(device), int(milli)


def in_use(nodes: Iterable[GpuNode]) -> int:
    """Return how many devices have at least one pod."""
    return sum(bool(shares) for node in nodes for shares in node.devices)


def without_sharing(nodes: Iterable[GpuNode]) -> int:
    """Return how many devices the same pods would fill if each took whole ones."""
    return sum(len(shares) for node in nodes for shares in node.devices)


def runs(shares: Iterable[Share], width: int) -> tuple[tuple[str, int], ...]:
    """Return a device as a bar of `width` cells: for each share its workload and its cells, then "" for what is free.

    A share has at least one cell while there is room, so that nobody on a device is out of sight.
    """
    bar: list[tuple[str, int]] = []
    left = width
    for share in shares:
        count = min(left, max(1, round(share.milli * width / WHOLE)))
        bar.append((share.workload, count))
        left -= count
    return (*bar, ("", left)) if left else tuple(bar)
