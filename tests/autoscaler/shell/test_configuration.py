"""Our ConfigMaps come into force as they change, on an embedded cluster; a bad one is told of and changes nothing."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from autoscaler.config.in_force import InForce
from autoscaler.shell.announcer import Announcer
from autoscaler.shell.configuration import Configuration
from kube.client import MERGE_PATCH
from tests.story.programs import POLL_S

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from kube.client import Api
    from kube.events import Notice

MAPS = "/api/v1/namespaces/plimsoll-system/configmaps"


class Following:
    """A configuration that is followed, and what was told of it."""

    def __init__(self, api: Api) -> None:
        self.heard: list[Notice] = []
        self.in_force = InForce()
        announcer = Announcer(self.heard.append)
        self.configuration = Configuration(api, "plimsoll-system", self.in_force, announcer)


@asynccontextmanager
async def following(api: Api) -> AsyncIterator[Following]:
    what = Following(api)
    task = asyncio.create_task(what.configuration.run())
    try:
        await until(lambda: not what.configuration.unlisted())
        yield what
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5.0):
        while not true():  # noqa: ASYNC110  the watch changes it
            await asyncio.sleep(POLL_S)


async def change(api: Api, name: str, **data: str | None) -> None:
    body = {"data": {key.replace("_", "-"): value for key, value in data.items()}}
    await api.request("PATCH", f"{MAPS}/{name}", body=body, content_type=MERGE_PATCH)


async def test_an_edit_of_either_map_comes_into_force(api: Api) -> None:
    async with following(api) as what:
        await change(api, "config-autoscaler", max_scale="9")
        await change(api, "config-deployment", progress_deadline="90s")
        await until(lambda: what.in_force.defaults.max_scale == 9)
        await until(lambda: what.in_force.deployment.progress_deadline_ns == 90 * 10**9)
        assert not what.heard


async def test_a_bad_edit_is_told_and_the_last_good_map_stays(api: Api) -> None:
    async with following(api) as what:
        await change(api, "config-autoscaler", max_scale="9")
        await until(lambda: what.in_force.defaults.max_scale == 9)
        await change(api, "config-autoscaler", max_scale="nine", stable_window="1s")
        await until(lambda: bool(what.heard))
        (notice,) = what.heard
        assert (notice.about.kind, notice.about.name, notice.reason) == (
            "ConfigMap",
            "config-autoscaler",
            "BadConfiguration",
        )
        assert 'max-scale: "nine"' in notice.message
        assert 'stable-window: "1s"' in notice.message
        assert what.in_force.defaults.max_scale == 9


async def test_a_bad_edit_that_says_observe_is_told_to_hold(api: Api) -> None:
    async with following(api) as what:
        await change(api, "config-autoscaler", stable_window="1s")
        await until(lambda: len(what.heard) == 1)
        await change(api, "config-autoscaler", stable_window="30s")
        await until(lambda: what.in_force.defaults.stable_window_ns == 30 * 10**9)
        await change(api, "config-autoscaler", stable_window="1s", mode="observe")
        await until(lambda: len(what.heard) == 2)
        assert what.heard[-1].message.endswith("it is observe, and nothing is written")
        await change(api, "config-autoscaler", mode=None)
        await until(lambda: len(what.heard) == 3)
        assert what.heard[-1].message.endswith("the last good configuration stays in force")


async def test_without_the_map_the_defaults_are_in_force_again(api: Api) -> None:
    await change(api, "config-autoscaler", max_scale="9")
    async with following(api) as what:
        assert what.in_force.defaults.max_scale == 9
        assert "config-autoscaler" in what.configuration.uids
        await api.request("DELETE", f"{MAPS}/config-autoscaler")
        await until(lambda: what.in_force.defaults.max_scale == 0)
        assert "config-autoscaler" not in what.configuration.uids
