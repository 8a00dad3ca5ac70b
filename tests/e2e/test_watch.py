"""What a watch shows is what is there: also after the API server was away, and after it has forgotten our version."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest

from kube.client import APPLY_PATCH, Api, ApiError
from kube.objects import ConfigMap
from kube.watch import Gone, Put, Relisted, watch
from tests.kube.mirroring import mirror

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from deploy.local import LocalCluster
    from kube.watch import Change


@pytest.fixture
def path(plain_namespace: str) -> str:
    return f"/api/v1/namespaces/{plain_namespace}/configmaps"


def run(cluster: LocalCluster, scenario: Callable[[Api], Awaitable[None]]) -> None:
    async def connected() -> None:
        api = await Api.connect(cluster.admin_kubeconfig)
        try:
            await asyncio.wait_for(scenario(api), 120.0)
        finally:
            await api.close()

    asyncio.run(connected())


async def put(api: Api, path: str, name: str, value: str) -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"value": value}}
    await api.request("PATCH", f"{path}/{name}", query={"fieldManager": "test"}, body=body, content_type=APPLY_PATCH)


def test_changes_come_in_their_order(cluster: LocalCluster, path: str) -> None:
    async def scenario(api: Api) -> None:
        await put(api, path, "a", "1")
        changes = watch(api, path, ConfigMap, query={"fieldSelector": "metadata.name=a"})
        first = await anext(changes)
        assert isinstance(first, Relisted)
        assert [found.data for found in first.objects] == [{"value": "1"}]
        await put(api, path, "b", "1")
        await put(api, path, "a", "2")
        await api.request("DELETE", f"{path}/a")
        second, third = await anext(changes), await anext(changes)
        assert isinstance(second, Put)
        assert second.object.data == {"value": "2"}
        assert isinstance(third, Gone)
        await changes.aclose()

    run(cluster, scenario)


def test_a_watch_outlives_the_api_server_and_its_memory(cluster: LocalCluster, path: str) -> None:
    """A restarted API server knows no version from before: it answers 410, and everything is listed anew."""
    kinds: list[str] = []
    troubles: list[ApiError | None] = []

    async def noted(changes: AsyncIterator[Change[ConfigMap]]) -> AsyncIterator[Change[ConfigMap]]:
        async for change in changes:
            kinds.append(type(change).__name__)
            yield change

    async def scenario(api: Api) -> None:
        table: dict[str, tuple[str, str]] = {}
        changes = noted(watch(api, path, ConfigMap, on_trouble=troubles.append))
        following = asyncio.create_task(mirror(changes, read, table))
        await put(api, path, "stays", "1")
        await put(api, path, "goes", "1")
        await until(lambda: {name for name, _ in table.values()} >= {"stays", "goes"})
        await asyncio.to_thread(cluster.restart, "kube-apiserver")
        await api.request("DELETE", f"{path}/goes")
        await put(api, path, "stays", "2")
        await put(api, path, "comes", "1")
        await until(lambda: set(table.values()) - {("kube-root-ca.crt", "")} == {("stays", "2"), ("comes", "1")})
        following.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await following

    run(cluster, scenario)
    assert kinds.count("Relisted") >= 2, "the version from before the restart was forgotten"
    assert troubles[-1] is None, "the last word is that all is well"


def read(found: ConfigMap) -> tuple[str, str]:
    return found.metadata.name, (found.data or {}).get("value", "")


async def until(true: Callable[[], bool]) -> None:
    while not true():  # noqa: ASYNC110  what is waited for happens in another process
        await asyncio.sleep(0.05)
