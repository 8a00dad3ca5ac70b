"""A device that was bound twice is told of once and costs one pod, and nothing is remembered of pods that are gone."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

from extender.core.ledger.holding import Holding, State
from extender.core.ledger.ledger import Ledger
from extender.core.ledger.nodes import GpuNode, alike
from extender.core.model import PodKey
from extender.shell import doubles, trying
from extender.shell.doubles import Doubles
from kube.client import NO_ANSWER, Api, ApiError
from kube.gpus import MilliGpu
from tests.story.programs import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import pytest

    from kube.events import Notice


class Story:
    """Looks after two nodes, with an API server that takes evictions, but for those of `refused`."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        for node in ("a", "b"):
            self.ledger.put_node(GpuNode(node, alike(1)))
        self.told: list[Notice] = []
        self.evicted: list[str] = []
        self.unprotected: set[str] = set()
        self.left: list[str] = []
        self.refused: set[str] = set()
        self.unread: set[str] = set()
        self.looks = 0
        self.doubles = Doubles(
            cast("Api", self),
            self.ledger,
            self.read,
            self.told.append,
            unprotected=self.unprotected.__contains__,
            leads=self.leads,
            evicted=self.evicted.append,
        )

    async def request(self, method: str, path: str, **_: Any) -> bytes:
        name = path.removeprefix("/api/v1/namespaces/ns/pods/").removesuffix("/eviction")
        assert (method, path) == ("POST", f"/api/v1/namespaces/ns/pods/{name}/eviction")
        if name in self.refused:
            raise ApiError(429, "TooManyRequests", "the budget does not allow it")
        self.left.append(name)
        return b"{}"

    async def read(self, pod: PodKey) -> None:
        if pod.name in self.unread:
            raise ApiError(NO_ANSWER, "Undecodable", f"pod {pod.name} cannot be read")

    def leads(self) -> bool:
        self.looks += 1
        return True

    def bind(self, *names: str, node: str = "a") -> None:
        """Bind pods to the device of a node, the oldest first."""
        for created, name in enumerate(names):
            key = PodKey(f"uid-{name}", "ns", name)
            self.ledger.hold(Holding(key, node, ("0",), MilliGpu(600), State.BOUND, ours=True, created=str(created)))

    async def look(self, times: int = 3) -> None:
        """Let it look some times more."""
        seen = self.looks
        await until(lambda: self.looks > seen + times)


@asynccontextmanager
async def looking(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Story]:
    monkeypatch.setattr(doubles, "_LOOK_S", 0.0)
    monkeypatch.setattr(trying, "_FIRST_PAUSE_S", 0.05)
    story = Story()
    running = asyncio.create_task(story.doubles.run())
    try:
        yield story
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_it_is_told_once_on_each_pod_and_the_younger_is_evicted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async with looking(monkeypatch) as story:
        story.bind("older", "younger")
        await story.look()
        assert [notice.about.name for notice in story.told] == ["older", "younger"]
        assert story.evicted == ["evicted"]


async def test_an_eviction_that_is_refused_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async with looking(monkeypatch) as story:
        story.refused = {"younger"}
        story.bind("older", "younger")
        await story.look()
        story.refused = set()
        await until(lambda: bool(story.left))
        await story.look()
        assert (story.evicted[0], story.evicted[-1], story.left) == ("refused", "evicted", ["younger"])
        assert len(story.told) == 2


async def test_one_that_is_refused_puts_off_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    async with looking(monkeypatch) as story:
        monkeypatch.setattr(trying, "_FIRST_PAUSE_S", 60.0)
        story.refused = {"second"}
        story.bind("first", "second", "third")
        story.bind("older", "younger", node="b")
        await story.look()
        assert (story.left, story.evicted) == (["third", "younger"], ["evicted", "refused", "evicted"])


async def test_where_a_pod_cannot_be_read_nobody_leaves_its_device_and_others_leave_theirs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with looking(monkeypatch) as story:
        story.unread = {"older"}
        story.bind("older", "younger")
        story.bind("first", "second", node="b")
        await story.look()
        assert (story.left, [notice.about.name for notice in story.told]) == (["second"], ["first", "second"])
        story.unread = set()
        await until(lambda: story.left == ["second", "younger"])


async def test_nothing_is_remembered_of_pods_that_are_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    async with looking(monkeypatch) as story:
        story.bind("older", "younger")
        await story.look()
        assert (len(story.doubles._told), len(story.doubles._done)) == (1, 1)
        story.ledger.release("uid-younger")
        await story.look()
        assert (story.doubles._told, story.doubles._done) == ({}, set())


async def test_where_anybody_may_write_devices_nobody_is_evicted_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async with looking(monkeypatch) as story:
        story.unprotected.add("ns")
        story.bind("older", "younger")
        await story.look()
        assert (story.told, story.evicted) == ([], [])
