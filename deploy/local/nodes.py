"""What does a GPU node look like? As the device plugin and GPU feature discovery leave it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kube.client import Api

# Created at a time: enough to keep two cores busy, few enough to stay under the API server's limit of requests.
_AT_ONCE = 50


def gpu_node(name: str, *, gpus: int, product: str, memory_mib: int) -> dict[str, Any]:
    """Return a Node with `gpus` GPUs of one model, each device of it ours to give out."""
    room = {"cpu": "96", "memory": "1Ti", "pods": "250", "nvidia.com/gpu": str(gpus)}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
                "nvidia.com/gpu.present": "true",
                "nvidia.com/gpu.product": product,
                "nvidia.com/gpu.count": str(gpus),
                "nvidia.com/gpu.memory": str(memory_mib),
                "plimsoll.dev/devices": "owned",
            },
            "annotations": {"kwok.x-k8s.io/node": "fake"},
        },
        "status": {"capacity": room, "allocatable": room},
    }


async def create(api: Api, nodes: list[dict[str, Any]]) -> None:
    """Create all nodes.

    Raises:
        ApiError: the API server refused one.
    """
    turn = asyncio.Semaphore(_AT_ONCE)

    async def one(node: dict[str, Any]) -> None:
        async with turn:
            await api.request("POST", "/api/v1/nodes", body=node)

    await asyncio.gather(*(one(node) for node in nodes))
