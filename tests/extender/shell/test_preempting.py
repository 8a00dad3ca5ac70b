"""Whoever has to leave is evicted with all of its plan, or not at all; and no longer than its plan stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from extender.core.predicates.budgets import Budget
from extender.core.predicates.selectors import Operator, Requirement, Selector
from extender.core.preemption.resting import Resting
from extender.shell import preempting, trying
from extender.shell.preempting import Preempting
from kube.client import ApiError
from tests.extender.core.preemption.playing import Cluster, part, whole

if TYPE_CHECKING:
    from collections.abc import Callable

    from kube.client import Api


class Server:
    """An API server that answers evictions by name and dry run with a status, or else as it should."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.status: dict[tuple[str, bool], int] = {}
        self.asked: list[tuple[str, bool]] = []
        self.then: Callable[[], None] = lambda: None
        self.preempting = Preempting(
            cast("Api", self),
            cluster.scheduling,
            lambda _: None,
            leads=lambda: True,
            evicted=lambda _: None,
            planned=lambda _: None,
        )

    async def request(self, _method: str, path: str, **more: Any) -> bytes:
        name, dry = path.split("/")[-2], "dryRun" in more["body"]["deleteOptions"]
        self.asked.append((name, dry))
        self.then()
        if (name, dry) in self.status:
            raise ApiError(self.status[name, dry], "Refused", "not now")
        return b"{}"

    async def look(self) -> None:
        await self.preempting.carry_out(self.cluster.look())


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(preempting, "time", clock)
    return clock


@pytest.mark.parametrize("status", [500, 503, 408, 0])
async def test_nobody_is_evicted_before_all_that_a_budget_counts_were_asked_about(clock: Clock, status: int) -> None:
    cluster = Cluster()
    cluster.train("counted", part(500), labels={"app": "a"})
    cluster.train("free", part(500))
    selector = Selector((Requirement("app", Operator.IN, ("a",)),))
    cluster.budgets = [Budget("vision", "b", selector, 1)]
    cluster.pod("serve", whole())
    server = Server(cluster)
    server.status = {("counted", True): status}
    for _ in range(5):  # some of these while it waits to ask again
        await server.look()
        clock.now += trying._FIRST_PAUSE_S / 2
        cluster.now += 0.25
    assert ("free", False) not in server.asked, server.asked
    server.status = {}
    clock.now += 60.0
    await server.look()
    assert server.asked[-3:] == [("counted", True), ("counted", False), ("free", False)]


async def test_nobody_is_evicted_for_a_pod_that_is_deleted_while_others_are_evicted() -> None:
    cluster = Cluster(nodes=2)
    cluster.train("a", whole(), "n0")
    cluster.train("b", whole(), "n1")
    cluster.pod("first", whole(), cpu=101)
    second = cluster.pod("second", whole())
    server = Server(cluster)
    server.then = lambda: cluster.delete(second)
    await server.look()
    assert len(server.asked) == 1, server.asked


async def test_a_pod_that_leaves_by_two_plans_is_evicted_once() -> None:
    cluster = Cluster()
    cluster.train("t", whole())
    for name in ("first", "second"):
        cluster.pod(name, part(500))
    server = Server(cluster)
    await server.look()
    assert [one.plan.victims[0].pod.name for one in cluster.scheduling.preemptions.plans()] == ["t", "t"]
    assert server.asked == [("t", False)]


async def test_what_is_remembered_of_many_evictions_at_once_is_remembered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster(nodes=3)
    for at in range(3):
        cluster.train(f"t{at}", whole(), f"n{at}", owner=f"job-{at}")
        cluster.pod(f"s{at}", whole())
    server = Server(cluster)
    given: list[frozenset[str]] = []
    monkeypatch.setattr(Resting, "evicted", lambda _, _owner, there, _now: given.append(there))
    await server.look()
    assert len(given) == 3
    assert len({id(there) for there in given}) == 1
