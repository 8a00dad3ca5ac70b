"""The whole chain, in one process: pages are scraped, replicas follow the load, and their pods share devices.

Autoscaler and extender as they are, on an embedded cluster; only the model servers are stood in for, by one page a pod.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web

from autoscaler.app import Autoscaler
from autoscaler.shell.exporters import Exporters
from extender.shell.cluster import seen_pod
from extender.shell.pods import Pod
from kube.lease import Alone
from kube.objects import Deployment, Event, ObjectList
from plimsoll.embedded import EmbeddedCluster
from tests.story.programs import a_listener, running_extender, url_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from kube.client import Api

PODS = "/api/v1/namespaces/inference/pods"
DEPLOYMENT = "/apis/apps/v1/namespaces/inference/deployments/chat"
TARGET, MOST = 10, 6


class ModelServers:
    """The metrics pages of all ready pods: together they serve `load` requests at once."""

    def __init__(self, api: Api, targets: Path) -> None:
        self.load = 0.0
        self._api = api
        self._targets = targets
        self._ready: list[str] = []

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        application = web.Application()
        application.router.add_get("/{pod}", self._page)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, backlog=128).start()
        following = asyncio.create_task(self._follow(runner.addresses[0][1]))
        try:
            yield
        finally:
            following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await following
            await runner.cleanup()

    async def _page(self, _request: web.Request) -> web.Response:
        share = self.load / max(1, len(self._ready))
        return web.Response(text=f"vllm:num_requests_running {share}\n")

    async def _follow(self, port: int) -> None:
        while True:
            self._ready = sorted(pod.metadata.name for pod in await pods(self._api) if pod.status.phase == "Running")
            labels = ({"namespace": "inference", "pod": name, "__metrics_path__": f"/{name}"} for name in self._ready)
            fresh = self._targets.with_suffix(".new")
            fresh.write_text(json.dumps([{"targets": [f"127.0.0.1:{port}"], "labels": each} for each in labels]))
            fresh.replace(self._targets)
            await asyncio.sleep(0.1)


async def test_replicas_follow_the_load_up_and_down_on_shared_devices(tmp_path: Path) -> None:
    async with contextlib.AsyncExitStack() as stack:
        listener = stack.enter_context(a_listener())
        cluster = await stack.enter_async_context(
            EmbeddedCluster(nodes=2, gpus_per_node=2, extender_url=url_of(listener))
        )
        await stack.enter_async_context(running_extender(cluster.admin_kubeconfig, listener))
        api = await cluster.connect()
        stack.push_async_callback(api.close)
        await deploy(api)
        targets = tmp_path / "targets.json"
        servers = ModelServers(api, targets)
        await stack.enter_async_context(servers.serving())
        await stack.enter_async_context(autoscaling(api, targets))

        servers.load = float(TARGET * MOST)
        await eventually(lambda: standing(api, MOST), 20.0)
        devices = {(pod.spec.node_name, device) for pod in await pods(api) for device in placed(pod)}
        assert len(devices) == 2, "six quarters need two devices"
        assert any("replicas 1 -> " in message for message in await messages(api, "ScaledUp"))

        servers.load = 0.0
        await eventually(lambda: standing(api, 1), 40.0)
        assert await messages(api, "ScaledDown")


async def deploy(api: Api) -> None:
    """Create a workload as a user would, in a namespace that opted in."""
    labels = {"plimsoll.dev/managed": "true"}
    await api.request("POST", "/api/v1/namespaces", body={"metadata": {"name": "inference", "labels": labels}})
    keys = {"target": str(TARGET), "target-utilization-percentage": "100", "window": "6s"}
    keys |= {"min-scale": "1", "max-scale": str(MOST), "panic-window-percentage": "50"}
    scaling = {f"autoscaling.knative.dev/{key}": value for key, value in keys.items()}
    template: dict[str, Any] = {"metadata": {"labels": {"app": "chat"}, "annotations": {"gpu-fraction": "0.25"}}}
    template["spec"] = {"containers": [{"name": "main", "image": "model"}], "terminationGracePeriodSeconds": 0}
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": "chat"}}, "template": template}
    meta = {"name": "chat", "labels": {"plimsoll.dev/autoscale": "true"}, "annotations": scaling}
    await api.request("POST", DEPLOYMENT.rpartition("/")[0], body={"metadata": meta, "spec": spec})


@asynccontextmanager
async def autoscaling(api: Api, targets: Path) -> AsyncIterator[None]:
    running = asyncio.create_task(Autoscaler(api, Exporters(targets), "plimsoll-system", Alone()).run())
    try:
        yield
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def standing(api: Api, replicas: int) -> bool:
    """Tell whether so many replicas are asked for, and so many run, each on a device."""
    asked = msgspec.json.decode(await api.request("GET", DEPLOYMENT), type=Deployment).spec.replicas
    running = [pod for pod in await pods(api) if pod.status.phase == "Running" and placed(pod)]
    return asked == len(running) == replicas


async def pods(api: Api) -> list[Pod]:
    return msgspec.json.decode(await api.request("GET", PODS), type=ObjectList[Pod]).items or []


def placed(pod: Pod) -> tuple[str, ...]:
    placement = seen_pod(pod).placed
    return placement.devices if placement else ()


async def messages(api: Api, reason: str) -> list[str]:
    events = msgspec.json.decode(await api.request("GET", "/api/v1/events"), type=ObjectList[Event]).items or []
    return [event.message for event in events if event.reason == reason]


async def eventually(true: Callable[[], Awaitable[bool]], seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while not await true():  # noqa: ASYNC110  asked of the API server
            await asyncio.sleep(0.1)
