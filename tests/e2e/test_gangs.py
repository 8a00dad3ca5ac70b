"""All of a gang or nothing: on a real control plane, with an unmodified kube-scheduler."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from deploy.local import ClusterSpec, LocalCluster
from kube.gangs import GANG, PLAN
from tests.e2e import gangs, pods
from tests.e2e.gang_killing import LAST_POINT, MEMBERS, killed
from tests.e2e.test_projects import configure, in_force, of_kind, project

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


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


def test_members_without_the_gate_go_where_the_plan_puts_them_and_nowhere_before(
    cluster: LocalCluster, managed_namespace: str
) -> None:
    cluster.stop("extender")
    pods.create(cluster, managed_namespace, gangs.members("g", 3)[:2])
    for name in ("g-0", "g-1"):
        pods.patch(cluster, f"/api/v1/namespaces/{managed_namespace}/pods/{name}", {"spec": {"schedulingGates": None}})
    cluster.start_extender()
    pods.wait_until("it is told", lambda: "2 of 3 are there" in _told(cluster, managed_namespace, "g-0"))
    assert gangs.bound(cluster, managed_namespace) == []
    pods.create(cluster, managed_namespace, gangs.members("g", 3)[2:])
    pods.wait_until("the gang runs", lambda: len(gangs.bound(cluster, managed_namespace)) == 3)


# --- plans that fail in the field ---


def test_a_plan_that_kube_scheduler_refuses_is_undone_and_the_gang_runs_elsewhere(
    cluster: LocalCluster, managed_namespace: str, add_nodes: Callable[[int, int], None]
) -> None:
    add_nodes(2, 1)
    cluster.pause("scheduler")
    gangs.create_deployment(cluster, managed_namespace, gangs.deployment("d", 3))
    planned = _planned_nodes(cluster, managed_namespace, 3)
    taint(cluster, planned[0])
    cluster.kill("scheduler")
    cluster.restart("scheduler")  # which lists nodes before it places anything
    pods.wait_until("the gang runs", lambda: len(gangs.bound(cluster, managed_namespace, "d")) == 3)
    taint(cluster, planned[0], keeps_away=False)
    undone = _events(cluster, managed_namespace, "GangUndone")
    assert undone
    assert f"on node {planned[0]}" in undone[0]
    assert planned[0] not in {pod.spec.node_name for pod in pods.pods_of(cluster, managed_namespace)}


def test_a_lost_node_undoes_the_plan_and_the_gang_runs_elsewhere(
    cluster: LocalCluster, managed_namespace: str, add_nodes: Callable[[int, int], None]
) -> None:
    add_nodes(3, 1)
    cluster.pause("scheduler")
    gangs.create_deployment(cluster, managed_namespace, gangs.deployment("d", 6))
    planned = _planned_nodes(cluster, managed_namespace, 6)
    lost = next(name for name in planned if name.startswith("more-"))
    cluster.call(lambda api: api.request("DELETE", f"/api/v1/nodes/{lost}"))
    pods.wait_until("it is undone", lambda: bool(_events(cluster, managed_namespace, "GangUndone")))
    cluster.resume("scheduler")
    pods.wait_until("the gang runs", lambda: len(gangs.bound(cluster, managed_namespace, "d")) == 6)


def test_a_member_that_is_deleted_is_replaced_within_the_plan(cluster: LocalCluster, managed_namespace: str) -> None:
    cluster.pause("scheduler")
    gangs.create_deployment(cluster, managed_namespace, gangs.deployment("d", 3))
    _planned_nodes(cluster, managed_namespace, 3)
    pods.delete(cluster, managed_namespace, pods.pods_of(cluster, managed_namespace)[0].metadata.name)
    cluster.resume("scheduler")
    pods.wait_until("the gang runs", lambda: len(gangs.bound(cluster, managed_namespace, "d")) == 3)


def test_bare_pods_of_an_undone_plan_stay_pending_and_hold_nothing(
    cluster: LocalCluster, managed_namespace: str
) -> None:
    cluster.pause("scheduler")
    pods.create(cluster, managed_namespace, gangs.members("g", 4))
    planned = _planned_nodes(cluster, managed_namespace, 4)
    taint(cluster, planned[0])
    cluster.kill("scheduler")
    cluster.restart("scheduler")  # which lists nodes before it places anything
    pods.wait_until("it is undone", lambda: bool(_events(cluster, managed_namespace, "GangUndone")))
    taint(cluster, planned[0], keeps_away=False)
    assert len(pods.pods_of(cluster, managed_namespace)) == 4
    left = pods.wait_until(
        "what runs is whole or nothing", lambda: len(gangs.bound(cluster, managed_namespace)) in (0, 4)
    )
    assert left < 90.0


# --- what bad input gets ---


def test_members_that_disagree_are_told_and_others_go_on(cluster: LocalCluster, managed_namespace: str) -> None:
    wrong = [gangs.member("a", "wrong", 2), gangs.member("b", "wrong", 3)]
    pods.create(cluster, managed_namespace, [*wrong, gangs.member("c", "right", 1)])
    pods.wait_until("the other runs", lambda: gangs.bound(cluster, managed_namespace) == ["c"])
    sentence = "gang wrong: its members disagree on plimsoll.dev/gang-min: 2 say a; 3 say b"
    pods.wait_until("it is told", lambda: sentence in _told(cluster, managed_namespace, "a"))


def test_what_nobody_can_check_is_named_and_never_guessed(cluster: LocalCluster, managed_namespace: str) -> None:
    unbound = gangs.member("a", "g", 1)
    unbound["spec"]["volumes"] = [{"name": "v", "persistentVolumeClaim": {"claimName": "missing"}}]
    pods.create(cluster, managed_namespace, [unbound])
    pods.wait_until("it is told", lambda: "missing" in _told(cluster, managed_namespace, "a"))
    assert gangs.bound(cluster, managed_namespace) == []
    assert pods.holdings(cluster)["reserved"] == 0


def test_a_gang_goes_only_where_kube_scheduler_will_accept_it(
    cluster: LocalCluster, managed_namespace: str, add_nodes: Callable[[int, int], None]
) -> None:
    add_nodes(2, 4)
    apart = gangs.members("g", 4)
    for one in apart:
        term = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {GANG: "g"}}}
        one["spec"]["affinity"] = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    pods.create(cluster, managed_namespace, apart)
    pods.wait_until("the gang runs", lambda: len(gangs.bound(cluster, managed_namespace, "g")) == 4)
    assert len({pod.spec.node_name for pod in pods.pods_of(cluster, managed_namespace)}) == 4


# --- quota ---


def test_a_gang_runs_within_its_projects_quota_and_holds_nothing_over_it(
    cluster: LocalCluster, managed_namespace: str, add_nodes: Callable[[int, int], None]
) -> None:
    add_nodes(1, 8)
    configure(cluster, [project("search", 10, managed_namespace)])
    in_force(cluster, "search", 10_000)
    used = [of_kind("inference", pods.pod(f"used-{number}", gpus=1)) for number in range(3)]
    pods.create(cluster, managed_namespace, used)
    pods.wait_bound(cluster, managed_namespace, 3)
    pods.create(cluster, managed_namespace, [of_kind("inference", one) for one in gangs.members("g", 8)])
    pods.wait_until("it is told", lambda: "needs 8, free 7" in _told(cluster, managed_namespace, "g-0"))
    assert gangs.bound(cluster, managed_namespace, "g") == []
    assert pods.holdings(cluster)["reserved"] == 0
    configure(cluster, [project("search", 11, managed_namespace)])
    pods.wait_until("the gang runs", lambda: len(gangs.bound(cluster, managed_namespace, "g")) == 8)
    configure(cluster, None)


def taint(cluster: LocalCluster, node: str, *, keeps_away: bool = True) -> None:
    taints = [{"key": "example.com/broken", "effect": "NoSchedule"}] if keeps_away else None
    pods.patch(cluster, f"/api/v1/nodes/{node}", {"spec": {"taints": taints}})


def _planned_nodes(cluster: LocalCluster, namespace: str, count: int) -> list[str]:
    """Wait until so many members are let go; return the nodes that they are pinned to, sorted."""

    def planned() -> list[str]:
        every = pods.pods_of(cluster, namespace)
        plans = ((pod.metadata.annotations or {}).get(PLAN, "") for pod in every if not pod.spec.scheduling_gates)
        return sorted(plan.split(" ")[0] for plan in plans if plan)

    pods.wait_until(f"{count} members let go", lambda: len(planned()) == count)
    return planned()


def _events(cluster: LocalCluster, namespace: str, reason: str) -> list[str]:
    return [one.message for one in pods.events(cluster, namespace) if one.reason == reason]


def _told(cluster: LocalCluster, namespace: str, name: str) -> str:
    return "\n".join(gangs.told(cluster, namespace, [name]))
