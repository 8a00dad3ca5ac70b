"""What happens to a cluster in a random story? One operation a row, with its weight; all of them at any time."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import msgspec

from extender.shell.pods import Pod
from kube.client import MERGE_PATCH, ApiError
from kube.objects import Node, ObjectList
from tests.story.programs import running_extender

if TYPE_CHECKING:
    import random
    import socket
    from collections.abc import Awaitable, Callable

    from extender.app import Extender
    from plimsoll.embedded import EmbeddedCluster

PODS = "/api/v1/namespaces/story/pods"
DEPLOYMENT = "/apis/apps/v1/namespaces/story/deployments/serving"


class Story:
    """A cluster, an extender that comes and goes, and what was done to them so far."""

    def __init__(self, cluster: EmbeddedCluster, listener: socket.socket, chance: random.Random) -> None:
        self.cluster = cluster
        self.chance = chance
        self.told: list[str] = []
        self.extender: Extender | None = None
        self._listener = listener
        self._running: contextlib.AsyncExitStack | None = None
        self._created = 0

    async def begin(self) -> None:
        """Create the namespace and a Deployment, and start the extender."""
        labels = {"plimsoll.dev/managed": "true"}
        await self._send("POST", "/api/v1/namespaces", {"metadata": {"name": "story", "labels": labels}})
        template = {"metadata": {"labels": {"app": "serving"}, "annotations": {"gpu-fraction": "0.3"}}}
        template["spec"] = {"containers": [{"name": "main", "image": "model"}], "terminationGracePeriodSeconds": 0}  # type: ignore[dict-item]
        spec = {"replicas": 2, "selector": {"matchLabels": {"app": "serving"}}, "template": template}
        body = {"metadata": {"name": "serving"}, "spec": spec}
        await self._send("POST", DEPLOYMENT.rpartition("/")[0], body)
        await self.extender_starts()

    async def one(self) -> None:
        """Do one thing at random."""
        operations = tuple(_WEIGHTS)
        chosen = self.chance.choices(operations, [_WEIGHTS[each] for each in operations])[0]
        self.told.append(chosen.__name__)
        await chosen(self)

    async def pods(self) -> list[Pod]:
        """Return every pod of the cluster."""
        answer = await self.cluster.api.request("GET", "/api/v1/pods")
        return msgspec.json.decode(answer, type=ObjectList[Pod]).items or []

    async def nodes(self) -> list[Node]:
        """Return every node of the cluster."""
        answer = await self.cluster.api.request("GET", "/api/v1/nodes")
        return msgspec.json.decode(answer, type=ObjectList[Node]).items or []

    # --- operations ---

    async def a_pod_is_created(self) -> None:
        self._created += 1
        asked = self.chance.choice(_REQUESTS)
        limits = {"nvidia.com/gpu": asked["whole"]} if "whole" in asked else {}
        annotations = {key: value for key, value in asked.items() if key != "whole"}
        await self._send(
            "POST",
            PODS,
            {
                "metadata": {"name": f"p{self._created}", "annotations": annotations},
                "spec": {
                    "containers": [{"name": "main", "image": "model", "resources": {"limits": limits}}],
                    "terminationGracePeriodSeconds": 0,
                },
            },
        )

    async def a_pod_is_deleted(self) -> None:
        found = [pod for pod in await self.pods() if pod.metadata.namespace == "story"]
        if found:
            await self._send("DELETE", f"{PODS}/{self.chance.choice(found).metadata.name}")

    async def replicas_change(self) -> None:
        body = {"spec": {"replicas": self.chance.randrange(6)}}
        await self._send("PATCH", f"{DEPLOYMENT}/scale", body)

    async def a_node_is_cordoned_or_not(self) -> None:
        node = self.chance.choice(await self.nodes())
        await self._send(
            "PATCH", f"/api/v1/nodes/{node.metadata.name}", {"spec": {"unschedulable": self.chance.random() < 0.3}}
        )

    async def a_pod_is_touched(self) -> None:
        found = [pod for pod in await self.pods() if pod.metadata.namespace == "story"]
        if found:
            body = {"metadata": {"labels": {"touched": str(self.chance.random())}}}
            await self._send("PATCH", f"{PODS}/{self.chance.choice(found).metadata.name}", body)

    async def the_extender_is_killed(self) -> None:
        await self.extender_ends()
        if self.chance.random() < 0.5:
            await asyncio.sleep(0.02)
        await self.extender_starts()

    async def bindings_lose_their_answers(self) -> None:
        left = self.chance.randrange(1, 4)

        def lose(method: str, path: str) -> bool:
            nonlocal left
            if method == "POST" and path.endswith("/binding") and left:
                left -= 1
                return True
            return False

        self.cluster.faults.lose_answer = lose

    async def bindings_are_refused(self) -> None:
        left = self.chance.randrange(1, 4)

        def refuse(method: str, path: str) -> bool:
            nonlocal left
            if method == "POST" and path.endswith("/binding") and left:
                left -= 1
                return True
            return False

        self.cluster.faults.refuse = refuse

    async def the_api_server_stalls(self) -> None:
        self.cluster.faults.stall()
        await asyncio.sleep(0.02)
        self.cluster.faults.flow()

    async def the_api_server_restarts(self) -> None:
        self.cluster.restart_api_server()

    async def a_moment_passes(self) -> None:
        await asyncio.sleep(0.01)

    # --- how ---

    async def extender_starts(self) -> None:
        """Start the extender, with nothing in its memory."""
        self._running = contextlib.AsyncExitStack()
        running = running_extender(self.cluster.admin_kubeconfig, self._listener)
        self.extender = await self._running.enter_async_context(running)

    async def extender_ends(self) -> None:
        """Kill the extender."""
        if self._running is not None:
            await self._running.aclose()
            self._running = self.extender = None

    async def _send(self, method: str, path: str, body: Any = None) -> None:
        with contextlib.suppress(ApiError):  # what an operation is about may be gone since it was chosen
            await self.cluster.api.request(
                method, path, body=body, content_type=MERGE_PATCH if method == "PATCH" else ""
            )


_REQUESTS = (
    {"gpu-fraction": "0.1"}, {"gpu-fraction": "0.25"}, {"gpu-fraction": "0.25"}, {"gpu-fraction": "0.5"},
    {"gpu-fraction": "0.6"}, {"gpu-fraction": "0.5", "gpu-fraction-num-devices": "2"}, {"gpu-memory": "20480"},
    {"gpu-fraction": "1.5"}, {"whole": "1"}, {"whole": "2"}, {"whole": "4"},
)  # fmt: skip

_WEIGHTS: dict[Callable[[Story], Awaitable[None]], int] = {
    Story.a_pod_is_created: 30,
    Story.a_pod_is_deleted: 24,
    Story.replicas_change: 8,
    Story.a_node_is_cordoned_or_not: 4,
    Story.a_pod_is_touched: 4,
    Story.the_extender_is_killed: 1,
    Story.bindings_lose_their_answers: 2,
    Story.bindings_are_refused: 2,
    Story.the_api_server_stalls: 1,
    Story.the_api_server_restarts: 1,
    Story.a_moment_passes: 10,
}
