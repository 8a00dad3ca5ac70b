"""Only what is known not to be managed is refused."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from extender.shell.namespaces import Namespaces
from kube.client import MERGE_PATCH
from tests.story.programs import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from kube.client import Api
    from plimsoll.embedded import EmbeddedCluster

NAMESPACES = "/api/v1/namespaces"
REFUSAL = "namespace models: Plimsoll places pods only where the namespace is labelled plimsoll.dev/managed=true"


@asynccontextmanager
async def following(api: Api, take: Callable[[Mapping[str, str]], None] = lambda _: None) -> AsyncIterator[Namespaces]:
    namespaces = Namespaces(api, take)
    running = asyncio.create_task(namespaces.run())
    try:
        yield namespaces
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def label(api: Api, value: str | None) -> None:
    body = {"metadata": {"labels": {"plimsoll.dev/managed": value}}}
    await api.request("PATCH", f"{NAMESPACES}/models", body=body, content_type=MERGE_PATCH)


async def test_a_namespace_is_managed_as_long_as_it_is_labelled(api: Api) -> None:
    await api.request("POST", NAMESPACES, body={"metadata": {"name": "models"}})
    async with following(api) as namespaces:
        await until(lambda: namespaces.refusal("models") == REFUSAL)
        assert namespaces.refusal("") == ""
        await label(api, "true")
        await until(lambda: namespaces.refusal("models") == "")
        await label(api, "false")
        await until(lambda: namespaces.refusal("models") == REFUSAL)
        await label(api, "true")
        await until(lambda: namespaces.refusal("models") == "")
        await api.request("DELETE", f"{NAMESPACES}/models")
        await until(lambda: namespaces.refusal("models") == REFUSAL)


async def test_where_namespaces_may_not_be_listed_none_is_refused(api: Api, embedded: EmbeddedCluster) -> None:
    asked: list[str] = []

    def forbid(_: str, path: str) -> bool:
        asked.append(path)
        return path == NAMESPACES

    embedded.faults.forbid = forbid
    async with following(api) as namespaces:
        await until(lambda: len(asked) > 1)
        assert namespaces.refusal("models") == ""


async def test_the_projects_that_labels_of_namespaces_choose_are_handed_over_as_they_change(api: Api) -> None:
    async def choose(project: str | None) -> None:
        body = {"metadata": {"labels": {"plimsoll.dev/project": project}}}
        await api.request("PATCH", f"{NAMESPACES}/models", body=body, content_type=MERGE_PATCH)

    labelled = {"name": "models", "labels": {"plimsoll.dev/project": "search"}}
    await api.request("POST", NAMESPACES, body={"metadata": labelled})
    taken: list[Mapping[str, str]] = []
    async with following(api, taken.append) as namespaces:
        await until(lambda: taken == [{"models": "search"}])
        assert namespaces.listed
        await choose("vision")
        await until(lambda: taken[1:] == [{"models": "vision"}])
        await label(api, "true")
        await choose(None)
        await until(lambda: taken[2:] == [{}])
        await choose("search")
        await until(lambda: taken[3:] == [{"models": "search"}])
        await api.request("DELETE", f"{NAMESPACES}/models")
        await until(lambda: taken[4:] == [{}])
