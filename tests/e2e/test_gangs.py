"""All of a gang or nothing: on a real control plane, with an unmodified kube-scheduler."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from deploy.local import ClusterSpec, LocalCluster, nodes
from tests.e2e import gangs, pods
from tests.e2e.gang_killing import LAST_POINT, MEMBERS, killed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kube.client import Api

_NODES = 4


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    """Four nodes with a GPU each, and an extender."""
    spec = ClusterSpec(name="e2e-gangs", nodes=_NODES, gpus_per_node=1, prometheus=False, default_scheduler=False)
    with LocalCluster.start(spec, progress=print) as running:
        running.start_extender()
        yield running


@pytest.fixture(autouse=True)
def whole_extender(cluster: LocalCluster, managed_namespace: str) -> Iterator[None]:
    """Run the extender, and look afterwards that no device held more than it has; nodes that were added go."""
    del managed_namespace
    if cluster.pid("extender") is None:
        cluster.start_extender()
    yield
    assert max(pods.used(cluster).values(), default=0) <= 1000


@pytest.fixture
def add_nodes(cluster: LocalCluster) -> Iterator[Callable[[int, int], None]]:
    """Give what adds so many nodes with so many GPUs each; they go afterwards."""
    names: list[str] = []
    spec = cluster.spec

    def add(count: int, gpus: int) -> None:
        made = [f"more-{number}" for number in range(len(names), len(names) + count)]
        names.extend(made)
        product, memory = spec.gpu_product, spec.gpu_memory_mib
        more = [nodes.gpu_node(name, gpus=gpus, product=product, memory_mib=memory) for name in made]
        cluster.call(lambda api: nodes.create(api, more))

    yield add

    async def remove(api: Api) -> None:
        for name in names:
            await api.request("DELETE", f"/api/v1/nodes/{name}")

    cluster.call(remove)


def test_a_gang_of_eight_waits_for_eight_gpus_and_keeps_nobody_out(
    cluster: LocalCluster, managed_namespace: str, add_nodes: Callable[[int, int], None]
) -> None:
    pods.create(cluster, managed_namespace, gangs.members("g", 8))
    pods.wait_until(
        "it is told why", lambda: "8 pods needed at once, 4 fit" in _told(cluster, managed_namespace, "g-0")
    )
    assert gangs.bound(cluster, managed_namespace) == []
    assert pods.holdings(cluster)["reserved"] == 0
    pods.create(cluster, managed_namespace, [pods.pod("train", gpus=1)])
    pods.wait_until("the train pod runs", lambda: gangs.bound(cluster, managed_namespace) == ["train"])
    add_nodes(5, 1)
    took = pods.wait_until("the gang runs", lambda: len(gangs.bound(cluster, managed_namespace, "g")) == 8)
    assert took < 15.0


@pytest.mark.parametrize("round_", range(5))
def test_of_two_gangs_that_need_more_than_half_exactly_one_runs(
    cluster: LocalCluster, managed_namespace: str, round_: int
) -> None:
    both = [*gangs.members("a", 3), *gangs.members("b", 3)]
    random.Random(round_).shuffle(both)  # noqa: S311  an order
    pods.create(cluster, managed_namespace, both)
    pods.wait_until("one of them runs", lambda: len(gangs.bound(cluster, managed_namespace)) == 3)
    runs, waits = ("a", "b") if gangs.bound(cluster, managed_namespace, "a") else ("b", "a")
    assert len(gangs.bound(cluster, managed_namespace, runs)) == 3
    pods.wait_until(
        "the other is told why",
        lambda: "3 pods needed at once, 1 fit" in _told(cluster, managed_namespace, f"{waits}-0"),
    )
    assert gangs.bound(cluster, managed_namespace, waits) == []
    assert pods.holdings(cluster)["reserved"] == 0


def test_a_deployments_pods_are_a_gang(cluster: LocalCluster, managed_namespace: str) -> None:
    gangs.create_deployment(cluster, managed_namespace, gangs.deployment("d", 4, least=3))
    pods.wait_until("all of it runs", lambda: len(gangs.bound(cluster, managed_namespace, "d")) == 4)


@pytest.mark.parametrize("point", random.Random(8).sample(range(1, LAST_POINT), 3))  # noqa: S311  points in time
def test_an_extender_killed_while_it_lets_a_gang_go_leaves_it_whole_or_nothing(
    cluster: LocalCluster, managed_namespace: str, add_nodes: Callable[[int, int], None], point: int
) -> None:
    add_nodes(26, 8)
    found = killed(cluster, managed_namespace, point)
    assert 0 < found.let_go_at_kill < MEMBERS
    assert (found.bound, found.held) in ((MEMBERS, 0), (0, 0))


def _told(cluster: LocalCluster, namespace: str, name: str) -> str:
    return "\n".join(gangs.told(cluster, namespace, [name]))
