"""config-extender comes into force as it changes; a bad one is told once and changes nothing."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from extender.core.quota.projects import Project, Projects
from extender.core.settings import Settings
from extender.shell.configuration import PROJECTS, SETTINGS, Configuration
from kube.client import MERGE_PATCH
from kube.events import EventWriter
from kube.objects import Event, ObjectList
from plimsoll.embedded import EmbeddedCluster
from tests.story.programs import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from kube.client import Api

MAPS = "/api/v1/namespaces/plimsoll-system/configmaps"


@asynccontextmanager
async def followed() -> AsyncIterator[tuple[Api, Configuration[Settings], list[Settings]]]:
    taken: list[Settings] = []
    async with EmbeddedCluster(nodes=1, gpus_per_node=1) as cluster:
        events = EventWriter(cluster.api, "plimsoll-extender")
        configuration = Configuration(cluster.api, "plimsoll-system", events, SETTINGS, taken.append)
        running = [asyncio.create_task(each) for each in (configuration.run(), events.run())]
        await until(lambda: configuration.listed)
        try:
            yield cluster.api, configuration, taken
        finally:
            for task in running:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task


async def change(api: Api, **data: str | None) -> None:
    body: dict[str, Any] = {"data": {key.replace("_", "-"): value for key, value in data.items()}}
    await api.request("PATCH", f"{MAPS}/config-extender", body=body, content_type=MERGE_PATCH)


async def complaints(api: Api) -> list[str]:
    listed = msgspec.json.decode(await api.request("GET", "/api/v1/events"), type=ObjectList[Event]).items or []
    return [event.message for event in listed if event.involved_object.name == "config-extender"]


async def test_a_change_is_taken_over_and_a_map_that_goes_leaves_the_defaults() -> None:
    async with followed() as (api, configuration, taken):
        await change(api, quarantine_period="1m", filter_answer="all-nodes")
        await until(lambda: taken[-1:] == [Settings(one_node=False, quarantine_s=60.0, enforcement_required=False)])
        await api.request("DELETE", f"{MAPS}/config-extender")
        await until(lambda: taken[-1:] == [Settings()])
        assert configuration.problems == 0


async def test_a_bad_map_changes_nothing_and_every_problem_is_told_in_one_event() -> None:
    async with followed() as (api, configuration, taken):
        await change(api, quarantine_period="1m")
        await until(lambda: taken[-1:] == [Settings(quarantine_s=60.0, enforcement_required=False)])
        before = list(taken)
        await change(api, quarantine_period="1 m", filter_answer="some", reservation_period="9s")
        await until(lambda: configuration.problems == 2)
        async with asyncio.timeout(20):
            while not (told := await complaints(api)):  # noqa: ASYNC110  the API server is asked
                await asyncio.sleep(0.01)
        assert taken == before
        answer = 'filter-answer: "some" must be one-node or all-nodes'
        period = 'quarantine-period: "1 m" must be a Go duration from 0s to 1h, such as "90s"'
        assert told == [f"{answer}; {period}; what was in force stays in force"]
        await change(api, quarantine_period="1m", filter_answer=None)
        await until(lambda: taken[-1:] == [Settings(quarantine_s=60.0, reservation_s=9.0, enforcement_required=False)])


async def test_projects_come_into_force_as_they_change_and_a_bad_map_leaves_the_last_good_ones() -> None:
    taken: list[Projects] = []
    search = Projects((Project("search", 1500, (), ("s",)),))
    async with EmbeddedCluster(nodes=1, gpus_per_node=1) as cluster:
        events = EventWriter(cluster.api, "plimsoll-extender")
        configuration = Configuration(cluster.api, "plimsoll-system", events, PROJECTS, taken.append)
        running = [asyncio.create_task(each) for each in (configuration.run(), events.run())]
        await until(lambda: configuration.listed)
        assert (taken, configuration.problems) == ([], 0)
        for text in ("[{name: search, quota: 1.5, namespaces: [s]}]", "[{name: search, quota: -1, namespaces: []}]"):
            body = {"data": {"projects": text}}
            await cluster.api.request("PATCH", f"{MAPS}/config-projects", body=body, content_type=MERGE_PATCH)
            await until(lambda: taken == [search])
        await until(lambda: configuration.problems == 2)
        assert taken == [search]
        await cluster.api.request("DELETE", f"{MAPS}/config-projects")
        await until(lambda: taken == [search, Projects()])
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
