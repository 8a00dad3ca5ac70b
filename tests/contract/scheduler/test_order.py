"""Which pod is asked about first, and what goes on beside it?"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.contract.scheduler.scheduled import NODES, tried, until

if TYPE_CHECKING:
    from tests.contract.scheduler.extending import RecordingExtender
    from tests.contract.scheduler.scheduled import Pods


async def test_one_pod_at_a_time_by_priority_then_by_age(pods: Pods, extender: RecordingExtender) -> None:
    async def claim(name: str) -> None:
        def filtered() -> list[str]:
            return [each.pod.removeprefix(name) for each in extender.of("filter") if each.pod.startswith(name)]

        with extender.holding("filter"):
            await pods.marked(f"{name}-first")
            await until(lambda: bool(filtered()))
            for which in ("old", "young"):
                await pods.marked(f"{name}-{which}")
            await pods.marked(f"{name}-important", priorityClassName="system-cluster-critical")
            await asyncio.sleep(0.2)
            assert filtered() == ["-first"]
        await until(lambda: len(filtered()) >= 4)
        assert filtered()[:4] == ["-first", "-important", "-old", "-young"]

    await tried(claim)


async def test_a_gated_pod_is_asked_about_when_its_gates_are_gone(pods: Pods, extender: RecordingExtender) -> None:
    await pods.marked("gated", schedulingGates=[{"name": "example.com/wait"}])
    await pods.marked("other")
    await pods.until_bound("other")
    assert not extender.of("filter", "gated")
    await pods.patch("gated", {"spec": {"schedulingGates": None}})
    assert await pods.until_bound("gated") in NODES


async def test_bindings_under_way_hold_up_neither_each_other_nor_other_pods(
    pods: Pods, extender: RecordingExtender
) -> None:
    async def claim(name: str) -> None:
        names = [f"{name}-{number}" for number in range(8)]
        with extender.holding("bind"):
            await asyncio.gather(*(pods.marked(each) for each in names))
            await until(lambda: all(extender.of("bind", each) for each in names))
        for each in names:
            await pods.until_bound(each)
            assert len(extender.of("filter", each)) == 1

    await tried(claim)


async def test_a_pod_whose_binding_is_under_way_takes_room(pods: Pods, extender: RecordingExtender) -> None:
    extender.filter = lambda _, nodes: {"NodeNames": nodes[:1]}
    extender.late_s["bind"] = 0.6
    large = [{"name": "main", "image": "x", "resources": {"limits": {"plimsoll.dev/gpu": "1", "cpu": "60"}}}]
    for name in ("one", "two"):
        await pods.marked(name, containers=large)
    await until(lambda: len(extender.of("filter")) >= 2)
    first, second = extender.of("filter")[:2]
    assert len(first.nodes) == 4
    assert len(second.nodes) == 3
