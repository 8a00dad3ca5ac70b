from __future__ import annotations

import asyncio
import contextlib
import random
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from kube.client import MERGE_PATCH
from plimsoll.embedded.shell.controllers.controllers import Controllers
from plimsoll.embedded.shell.direct import DirectApi
from plimsoll.embedded.shell.serving import Serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_DEPLOYMENT = "/apis/apps/v1/namespaces/n/deployments"
_REPLICAS = 60


@pytest.fixture
def serving() -> Serving:
    """An API server without controllers and schedulers."""
    return Serving(random.Random(0))  # noqa: S311  names of objects


@contextlib.asynccontextmanager
async def controlled(serving: Serving) -> AsyncIterator[Controllers]:
    controllers = Controllers(DirectApi(serving, "kube-controller-manager"))
    running = asyncio.create_task(controllers.run())
    try:
        yield controllers
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def settled(controllers: Controllers) -> None:
    async with asyncio.timeout(10.0):
        while not controllers.settled():  # noqa: ASYNC110  it has no event to wait for
            await asyncio.sleep(0.001)


async def put_deployment(serving: Serving, replicas: int) -> DirectApi:
    api = DirectApi(serving, "kubectl")
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": "x"}]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    await api.request("POST", "/api/v1/namespaces", body={"metadata": {"name": "n"}})
    await api.request("POST", _DEPLOYMENT, body={"metadata": {"name": "web"}, "spec": spec})
    return api


async def pods(api: DirectApi) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = msgspec.json.decode(await api.request("GET", "/api/v1/namespaces/n/pods"))["items"]
    return found


@pytest.mark.parametrize("turns", [5, 15, 20, 25, 40])
async def test_controllers_that_end_in_the_middle_are_followed_by_others_that_go_on(
    serving: Serving, turns: int
) -> None:
    api = await put_deployment(serving, _REPLICAS)
    async with controlled(serving):
        for _ in range(turns):
            await asyncio.sleep(0)
    assert len(await pods(api)) <= _REPLICAS
    async with controlled(serving) as controllers:
        await settled(controllers)
    assert len(await pods(api)) == _REPLICAS


async def test_a_watch_that_was_cut_and_has_forgotten_the_past_makes_no_pod_twice(serving: Serving) -> None:
    api = await put_deployment(serving, _REPLICAS)
    async with controlled(serving) as controllers:
        for _ in range(60):
            await asyncio.sleep(0)
        serving.server.compact()
        serving.cut_watches()
        await settled(controllers)
        assert len(await pods(api)) == _REPLICAS


@pytest.mark.parametrize("turns", [5, 8, 20, 35])
async def test_pods_that_came_and_went_unseen_are_made_anew(serving: Serving, turns: int) -> None:
    api = await put_deployment(serving, _REPLICAS)
    async with controlled(serving) as controllers:
        for _ in range(turns):
            await asyncio.sleep(0)
        # All in one turn of the loop: the last pods that were made are never shown to the controllers.
        serving.answer("DELETE", "/api/v1/namespaces/n/pods", {}, body=b"", content_type="", agent="kubectl")
        serving.server.compact()
        serving.cut_watches()
        async with asyncio.timeout(10.0):
            while len(await pods(api)) != _REPLICAS or not controllers.settled():  # noqa: ASYNC110  as above
                await asyncio.sleep(0.001)


async def test_what_was_scaled_down_while_nobody_looked_is_deleted(serving: Serving) -> None:
    api = await put_deployment(serving, 3)
    async with controlled(serving) as controllers:
        await settled(controllers)
    await api.request("PATCH", f"{_DEPLOYMENT}/web", body={"spec": {"replicas": 1}}, content_type=MERGE_PATCH)
    async with controlled(serving) as controllers:
        await settled(controllers)
    assert len(await pods(api)) == 1


async def test_what_lost_its_owner_while_nobody_looked_goes(serving: Serving) -> None:
    api = await put_deployment(serving, 3)
    async with controlled(serving) as controllers:
        await settled(controllers)
    await api.request("DELETE", f"{_DEPLOYMENT}/web")
    async with controlled(serving) as controllers:
        await settled(controllers)
    assert await pods(api) == []
