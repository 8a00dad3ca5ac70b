"""What follows where the extender fails, or somebody else binds the pod?"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from tests.contract.scheduler.extending import bind
from tests.contract.scheduler.scheduled import NODES, tried, until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kube.client import Api
    from tests.contract.scheduler.extending import Object, RecordingExtender
    from tests.contract.scheduler.scheduled import Pods


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({"Error": "boom"}, "boom"),
        (web.Response(status=500), "failed filter with extender at URL {url}/filter, code 500"),
        (
            {"NodeNames": ["nowhere"]},
            'extender "{url}" claims a filtered node "nowhere" which is not found in the input node list',
        ),
    ],
)
async def test_an_error_is_told_and_tried_again_by_itself_after_a_second(
    pods: Pods, extender: RecordingExtender, answer: web.Response | Object, message: str
) -> None:
    async def claim(name: str) -> None:
        extender.instead["filter"] = answer
        await pods.marked(name)
        await pods.until_told_that(name, "SchedulerError", message.format(url=extender.url))
        extender.instead.clear()
        await pods.until_bound(name)
        first, second, *_ = (each.at for each in extender.of("filter", name))
        # A back-off of 1 s ends with the second of the clock that follows it.
        assert 0.9 < second - first < 2.5

    await tried(claim)


async def test_an_error_of_one_pod_holds_up_no_other(pods: Pods, extender: RecordingExtender) -> None:
    def filter_(asked: Object, nodes: Sequence[str]) -> Object:
        return {"Error": "boom"} if asked["metadata"]["name"] == "bad" else {"NodeNames": list(nodes)}

    extender.filter = filter_
    await pods.marked("bad")
    await pods.marked("good")
    assert await pods.until_bound("good") in NODES


async def test_an_extender_that_does_not_answer_within_its_time_is_an_error(
    pods: Pods, extender: RecordingExtender
) -> None:
    with extender.holding("filter"):
        await pods.marked("one")
        reason, message = await pods.until_told("one")
    assert reason == "SchedulerError"
    assert message.endswith("context deadline exceeded (Client.Timeout exceeded while awaiting headers)")


async def test_a_binding_that_fails_is_told_and_tried_again_from_the_filters_on(
    pods: Pods, extender: RecordingExtender
) -> None:
    extender.instead["bind"] = {"Error": "not now"}
    await pods.marked("one")
    await pods.until_told_that("one", "SchedulerError", "not now")
    extender.instead.clear()
    await pods.until_bound("one")
    verbs = [each.verb for each in extender.asked if each.verb != "prioritize"]
    assert verbs == ["filter", "bind"] * max(2, len(verbs) // 2)


async def test_a_binding_that_was_done_but_not_answered_in_time_is_not_tried_again(
    pods: Pods, extender: RecordingExtender
) -> None:
    async def claim(name: str) -> None:
        await pods.marked(name)
        await pods.until_bound(name)
        await asyncio.sleep(3.5)
        assert len(extender.of("filter", name)) == 1

    extender.late_s["bind"] = 1.5
    await tried(claim)


async def test_a_pod_that_another_binds_during_its_try_is_left_to_it(
    api: Api, pods: Pods, extender: RecordingExtender
) -> None:
    async def claim(name: str) -> None:
        with extender.holding("filter"):
            await pods.marked(name)
            await until(lambda: bool(extender.of("filter", name)))
            await bind(api, pods.namespace, name, "gpu-03")
            await asyncio.sleep(0.3)
        await asyncio.sleep(0.5)
        assert not extender.of("bind", name)
        assert len(extender.of("filter", name)) == 1

    await tried(claim)
