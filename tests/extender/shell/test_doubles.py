"""A device that was bound twice is told of once and costs one pod, and nothing is remembered of pods that are gone."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

from extender.core.ledger.holding import Holding, State
from extender.core.ledger.ledger import Ledger
from extender.core.ledger.nodes import GpuNode, alike
from extender.core.model import PodKey
from extender.shell import doubles
from extender.shell.doubles import Doubles
from kube.client import Api, ApiError
from kube.gpus import MilliGpu
from tests.story.programs import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import pytest

    from kube.events import Notice


class Story:
    """Looks after one node, with an API server that takes evictions, or refuses them with `refuses`."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.ledger.put_node(GpuNode("a", alike(1)))
        self.told: list[Notice] = []
        self.evicted: list[str] = []
        self.refuses = 0
        self.unprotected: set[str] = set()
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
        assert (method, path) == ("POST", "/api/v1/namespaces/ns/pods/younger/eviction")
        if self.refuses:
            raise ApiError(self.refuses, "TooManyRequests", "the budget does not allow it")
        return b"{}"

    async def read(self, pod: PodKey) -> None:
        del pod

    def leads(self) -> bool:
        self.looks += 1
        return True

    def bind(self, *names: str) -> None:
        for name in names:
            key = PodKey(f"uid-{name}", "ns", name)
            created = {"older": "1", "younger": "2"}[name]
            self.ledger.hold(Holding(key, "a", ("0",), MilliGpu(600), State.BOUND, ours=True, created=created))

    async def look(self, times: int = 3) -> None:
        """Let it look some times more."""
        seen = self.looks
        await until(lambda: self.looks > seen + times)


@asynccontextmanager
async def looking(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Story]:
    monkeypatch.setattr(doubles, "_LOOK_S", 0.0)
    monkeypatch.setattr(doubles, "_AGAIN_S", 0.0)
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
        story.refuses = 429
        story.bind("older", "younger")
        await story.look()
        story.refuses = 0
        await story.look()
        assert (story.evicted[0], story.evicted[-1], story.evicted.count("evicted")) == ("refused", "evicted", 1)
        assert len(story.told) == 2


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
