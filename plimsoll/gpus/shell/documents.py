"""How does a program read a map of devices? As JSON values, with the names of extender.proto."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from extender.core.devices import Held, MappedDevice, MappedNode


def document(nodes: Iterable[MappedNode]) -> dict[str, Any]:
    """Return the map of nodes."""
    return {"nodes": [_node(node) for node in nodes]}


def _node(node: MappedNode) -> dict[str, Any]:
    return {
        "name": node.name,
        "model": node.model,
        "devices": [_device(device) for device in node.devices],
        "left_out": node.left_out,
        "unmapped": [_holding(held) for held in node.unmapped],
    }


def _device(device: MappedDevice) -> dict[str, Any]:
    return {
        "name": device.name,
        "memory_mib": device.memory,
        "free_milli": device.free,
        "closed": device.closed,
        "holdings": [_holding(held) for held in device.held],
    }


def _holding(held: Held) -> dict[str, Any]:
    return {
        "namespace": held.pod.namespace,
        "name": held.pod.name,
        "uid": held.pod.uid,
        "milli": held.milli,
        "memory_mib": held.memory,
        "state": held.state.value,
    }
