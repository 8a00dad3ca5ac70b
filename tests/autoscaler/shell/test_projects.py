"""The project of a namespace is its label's, as it is now; without the right to see it, that is told once."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from autoscaler.core.targets.holdings import Holding, Holdings
from autoscaler.shell import projects
from kube.client import MERGE_PATCH
from tests.story.programs import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from kube.client import Api
    from plimsoll.embedded import EmbeddedCluster

NAMESPACES = "/api/v1/namespaces"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projects, "_AGAIN_S", 0.05)


@asynccontextmanager
async def following(api: Api) -> AsyncIterator[Holdings]:
    holdings = Holdings(lambda owner: owner, lambda _: "")
    holdings.put("pod", Holding("ml", 1000, "chat"))
    task = asyncio.create_task(projects.follow_projects(api, holdings))
    try:
        yield holdings
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def project(holdings: Holdings) -> str:
    (name,) = holdings.uses()["chat"].held
    return name


async def label(api: Api, value: str | None) -> None:
    body = {"metadata": {"labels": {"plimsoll.dev/project": value}}}
    await api.request("PATCH", f"{NAMESPACES}/ml", body=body, content_type=MERGE_PATCH)


async def test_a_project_is_followed_from_the_list_on_through_every_change(api: Api) -> None:
    meta = {"name": "ml", "labels": {"plimsoll.dev/project": "research"}}
    await api.request("POST", NAMESPACES, body={"metadata": meta})
    async with following(api) as holdings:
        await until(lambda: project(holdings) == "research")
        await label(api, "search")
        await until(lambda: project(holdings) == "search")
        await label(api, None)
        await until(lambda: project(holdings) == "")


async def test_a_namespace_that_is_gone_has_no_project(api: Api) -> None:
    meta = {"name": "ml", "labels": {"plimsoll.dev/project": "research"}}
    await api.request("POST", NAMESPACES, body={"metadata": meta})
    async with following(api) as holdings:
        await until(lambda: project(holdings) == "research")
        await api.request("DELETE", f"{NAMESPACES}/ml")
        await until(lambda: project(holdings) == "")


async def test_namespaces_that_may_not_be_listed_are_told_once_and_tried_again(
    embedded: EmbeddedCluster, api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    refused: list[str] = []

    def forbid(_: str, path: str) -> bool:
        refused.extend([path] if path.startswith(NAMESPACES) else [])
        return path.startswith(NAMESPACES)

    meta = {"name": "ml", "labels": {"plimsoll.dev/project": "research"}}
    await api.request("POST", NAMESPACES, body={"metadata": meta})
    embedded.faults.forbid = forbid
    async with following(api) as holdings:
        await until(lambda: len(refused) >= 3)
        assert [each.message for each in caplog.records] == [
            "namespaces cannot be listed: GPU-minutes count for the projects of pods' own labels"
        ]
        embedded.faults.forbid = lambda *_: False
        await until(lambda: project(holdings) == "research")
