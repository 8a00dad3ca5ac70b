"""Does the cluster do yet what it was told? The API server answers before its controllers and policies act."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import msgspec

from deploy.local.problem import LocalProblem
from kube.objects import Condition, Object, Pod

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from kube.client import Api

_TIMEOUT_S = 120.0
_POLL_S = 0.1
_PROBE_NAMESPACE = "plimsoll-admission-probe"


class _NodeStatus(Object):
    conditions: list[Condition] = msgspec.field(default_factory=list)


class _Node(Object):
    status: _NodeStatus


class _NodeList(Object):
    items: list[_Node]


async def nodes_ready(api: Api, count: int) -> None:
    """Wait until `count` nodes are ready.

    Raises:
        LocalProblem: they are not in time.
    """

    async def ready() -> bool:
        answer = await api.request("GET", "/api/v1/nodes", query={"resourceVersion": "0"})
        nodes = msgspec.json.decode(answer, type=_NodeList).items
        return (
            sum(any(c.type == "Ready" and c.status == "True" for c in node.status.conditions) for node in nodes)
            >= count
        )

    await _until(ready, f"{count} nodes to be ready (the log of kwok may tell why)")


async def admission_acts(api: Api) -> None:
    """Wait until the admission policy changes pods: about a second after it was applied.

    Raises:
        LocalProblem: it does not in time.
    """
    namespace = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": _PROBE_NAMESPACE, "labels": {"plimsoll.dev/managed": "true"}},
    }
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "probe", "annotations": {"gpu-fraction": "0.5"}},
        "spec": {"containers": [{"name": "probe", "image": "none"}]},
    }

    async def acts() -> bool:
        path = f"/api/v1/namespaces/{_PROBE_NAMESPACE}/pods"
        answer = await api.request("POST", path, query={"dryRun": "All"}, body=pod)
        return msgspec.json.decode(answer, type=Pod).spec.scheduler_name == "plimsoll"

    await api.request("POST", "/api/v1/namespaces", body=namespace)
    try:
        await _until(acts, "the admission policy to act (the log of kube-apiserver may tell why)")
    finally:
        await api.request("DELETE", f"/api/v1/namespaces/{_PROBE_NAMESPACE}")


async def _until(true: Callable[[], Awaitable[bool]], what: str) -> None:
    deadline = time.monotonic() + _TIMEOUT_S
    while not await true():
        if time.monotonic() > deadline:
            raise LocalProblem(f"waited {_TIMEOUT_S:.0f} s in vain for {what}")
        await asyncio.sleep(_POLL_S)
