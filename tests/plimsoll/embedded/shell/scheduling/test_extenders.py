"""An extender's answers are read as Go reads them; everything else is an error of that extender."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from deploy.local import configurations
from plimsoll.embedded.core.scheduling.settings import settings
from plimsoll.embedded.shell.scheduling.extenders import Extender, ExtenderError, Filtered
from tests.plimsoll.embedded.scheduling import pod_view

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

NODES = ("a", "b", "c")


@asynccontextmanager
async def _answering(body: str, **changes: str) -> AsyncIterator[Extender]:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=body)

    application = web.Application()
    application.router.add_post("/{verb}", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    (shipped,) = settings(configurations.own_scheduler(kubeconfig=Path("x"), extender_url=url)).extenders
    async with Extender(replace(shipped, **changes)) as extender:  # type: ignore[arg-type]
        yield extender
    await runner.cleanup()


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ('{"NodeNames": ["b", "a"]}', Filtered(("b", "a"), {}, {})),
        ('{"nodenames": ["a"], "failedNodes": {"B": "full"}}', Filtered(("a",), {"B": "full"}, {})),
        ('{"NodeNames": null, "Nodes": null, "Error": ""}', Filtered((), {}, {})),
        ("{}", Filtered((), {}, {})),
        ('{"FailedAndUnresolvableNodes": {"a": "never"}}', Filtered((), {}, {"a": "never"})),
    ],
)
async def test_an_answer_to_filter_is_read(body: str, found: Filtered) -> None:
    async with _answering(body) as extender:
        assert await extender.filter(pod_view(), NODES) == found


@pytest.mark.parametrize(
    "body", ["", "no", "[]", '{"NodeNames": "a"}', '{"Error": "x"}', '{"NodeNames": ["z"]}', '{"FailedNodes": []}']
)
async def test_another_answer_to_filter_is_an_error(body: str) -> None:
    async with _answering(body) as extender:
        with pytest.raises(ExtenderError):
            await extender.filter(pod_view(), NODES)


async def test_scores_are_put_on_the_schedulers_scale() -> None:
    async with _answering('[{"Host": "a", "Score": 10}, {"host": "b", "score": 3}]') as extender:
        assert await extender.prioritize(pod_view(), NODES) == {"a": 100, "b": 30}


@pytest.mark.parametrize("body", ["{}", '[{"Host": "a", "Score": 1.5}]', '[{"Host": "a", "Score": 1.0}]', '["a"]'])
async def test_scores_that_are_no_integers_are_an_error(body: str) -> None:
    async with _answering(body) as extender:
        with pytest.raises(ExtenderError):
            await extender.prioritize(pod_view(), NODES)


@pytest.mark.parametrize("body", ["", '{"Error": "no"}'])
async def test_a_binding_without_a_readable_yes_is_not_bound(body: str) -> None:
    async with _answering(body) as extender:
        with pytest.raises(ExtenderError):
            await extender.bind(pod_view(), "a")


async def test_what_is_not_configured_is_not_asked() -> None:
    async with _answering("nobody reads this", filter="", prioritize="") as extender:
        assert await extender.filter(pod_view(), NODES) == Filtered(NODES, {}, {})
        assert await extender.prioritize(pod_view(), NODES) == {}


async def test_an_extender_that_is_away_is_an_error_that_names_its_url() -> None:
    async with _answering("") as extender:
        away = Extender(replace(extender.settings, url="http://127.0.0.1:1"))
    async with away:
        with pytest.raises(ExtenderError, match=r'Post "http://127\.0\.0\.1:1/filter": '):
            await away.filter(pod_view(), NODES)
