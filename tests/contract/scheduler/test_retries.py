"""Which rejected pods are tried again, and when?"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from kube.client import MERGE_PATCH
from tests.contract.objects import NOBODY
from tests.contract.scheduler.extending import bind, reject
from tests.contract.scheduler.scheduled import AT_ONCE_S, PREEMPTION, tried, until

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from kube.client import Api
    from tests.contract.scheduler.extending import RecordingExtender
    from tests.contract.scheduler.scheduled import Pods


async def test_a_rejected_pod_is_told_why_and_tried_once_more_for_that_change_of_itself(
    pods: Pods, extender: RecordingExtender
) -> None:
    extender.filter = reject
    await pods.marked("one")
    why = f"0/4 nodes are available: 4 no room. {PREEMPTION} 4 No preemption victims found for incoming pod."
    await pods.until_told_that("one", "Unschedulable", why)
    await until(lambda: len(extender.of("filter", "one")) >= 2)
    await asyncio.sleep(1.0)
    assert len(extender.of("filter", "one")) == 2
    (event, *_) = await pods.events("one", "FailedScheduling")
    assert (event["type"], event["message"]) == ("Warning", why)


async def _changed_itself(_api: Api, pods: Pods, name: str) -> None:
    await pods.patch("one", {"metadata": {"annotations": {"plimsoll.dev/kick": name}}})


async def _labelled_itself(_api: Api, pods: Pods, name: str) -> None:
    await pods.patch("one", {"metadata": {"labels": {"kicked": name}}})


async def _annotated_a_node(api: Api, _pods: Pods, _name: str) -> None:
    body = {"metadata": {"annotations": {"example.com/at": str(time.time())}}}
    await api.request("PATCH", "/api/v1/nodes/gpu-00", body=body, content_type=MERGE_PATCH)


async def _labelled_a_node(api: Api, _pods: Pods, _name: str) -> None:
    body = {"metadata": {"labels": {"example.com/at": str(time.time())}}}
    await api.request("PATCH", "/api/v1/nodes/gpu-00", body=body, content_type=MERGE_PATCH)


async def _condition_of_a_node(api: Api, _pods: Pods, name: str) -> None:
    condition = {"type": f"example.com/{name}-{time.time_ns()}", "status": "True"}
    patch = [{"op": "add", "path": "/status/conditions/-", "value": condition}]
    await api.request("PATCH", "/api/v1/nodes/gpu-00/status", body=patch, content_type="application/json-patch+json")


async def _room_on_a_node(api: Api, _pods: Pods, _name: str) -> None:
    body = {"status": {"allocatable": {"example.com/card": str(int(time.time()))}}}
    await api.request("PATCH", "/api/v1/nodes/gpu-00/status", body=body, content_type=MERGE_PATCH)


async def _bound_another(api: Api, pods: Pods, name: str) -> None:
    await pods.create(name, schedulerName=NOBODY)
    await bind(api, pods.namespace, name, "gpu-01")


@pytest.mark.parametrize(
    "happens",
    [
        _changed_itself, _labelled_itself, _annotated_a_node, _labelled_a_node, _condition_of_a_node, _room_on_a_node,
        _bound_another,
    ],
)  # fmt: skip
async def test_a_rejected_pod_is_tried_again_at_once_when_something_happens(
    api: Api, pods: Pods, extender: RecordingExtender, happens: Callable[[Api, Pods, str], Awaitable[None]]
) -> None:
    async def claim(name: str) -> None:
        asked, began = len(extender.asked), asyncio.get_running_loop().time()
        await happens(api, pods, name)
        await until(lambda: len(extender.asked) > asked)
        assert extender.asked[asked].at - began < AT_ONCE_S

    await pods.rejected("one")
    await tried(claim)


async def test_a_rejected_pod_is_tried_again_at_once_when_a_bound_one_is_gone(
    pods: Pods, extender: RecordingExtender
) -> None:
    async def claim(name: str) -> None:
        await pods.create(name, nodeName="gpu-01", schedulerName=NOBODY)
        await pods.until_quiet()
        asked, began = len(extender.asked), asyncio.get_running_loop().time()
        await pods.delete(name)
        await until(lambda: len(extender.asked) > asked)
        assert extender.asked[asked].at - began < AT_ONCE_S

    await pods.rejected("one")
    await tried(claim)


async def test_a_rejected_pod_is_tried_again_when_a_node_may_take_pods_again_not_when_it_may_not(
    api: Api, pods: Pods, extender: RecordingExtender
) -> None:
    async def change(*, unschedulable: bool) -> None:
        body = {"spec": {"unschedulable": unschedulable}}
        await api.request("PATCH", "/api/v1/nodes/gpu-00", body=body, content_type=MERGE_PATCH)

    await pods.rejected("one")
    asked = len(extender.asked)
    try:
        await change(unschedulable=True)
        await asyncio.sleep(0.3)
        assert len(extender.asked) == asked
    finally:
        await change(unschedulable=False)
    await until(lambda: len(extender.asked) > asked)
    assert len(extender.asked[-1].nodes) == 4


async def test_what_has_nothing_to_do_with_room_has_no_pod_tried_again(
    api: Api, pods: Pods, extender: RecordingExtender
) -> None:
    await pods.rejected("one")
    asked = len(extender.asked)
    body = {"metadata": {"name": "any"}}
    await api.request("POST", f"/api/v1/namespaces/{pods.namespace}/configmaps", body=body)
    await pods.create("unbound", schedulerName=NOBODY)
    await pods.delete("unbound")
    await asyncio.sleep(0.5)
    assert len(extender.asked) == asked


async def test_what_happens_during_a_pods_own_try_has_it_tried_again(pods: Pods, extender: RecordingExtender) -> None:
    async def claim(name: str) -> None:
        await pods.create(name, nodeName="gpu-01", schedulerName=NOBODY)
        await pods.until_quiet()
        asked = len(extender.asked)
        with extender.holding("filter"):
            await pods.patch("one", {"metadata": {"annotations": {"kick": name}}})
            await until(lambda: len(extender.asked) > asked)
            await pods.delete(name)
            await asyncio.sleep(0.2)
        released = asyncio.get_running_loop().time()
        await until(lambda: len(extender.asked) >= asked + 2)
        assert 0.0 <= extender.asked[asked + 1].at - released < AT_ONCE_S

    await pods.rejected("one")
    await tried(claim)
