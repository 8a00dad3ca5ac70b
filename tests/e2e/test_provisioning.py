"""Node autoscalers hear of a gang that no present node could hold, within quota alone: on a real control plane."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from kube.gangs import GANG, SHOWN
from kube.objects import Named, Object, ObjectList
from tests.e2e import gangs, pods
from tests.e2e.test_projects import configure, in_force, project

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from deploy.local import LocalCluster
    from kube.client import Api

_MAP = "/api/v1/namespaces/plimsoll-system/configmaps/config-extender"


class _Condition(Object):
    type: str
    status: str
    reason: str = ""
    message: str = ""


class _Status(Object):
    conditions: list[_Condition] | None = None


class _Pod(Named):
    status: _Status


@pytest.fixture(autouse=True)
def provisioning(cluster: LocalCluster, managed_namespace: str) -> Iterator[None]:
    """Run an extender that shows members to node autoscalers."""
    del managed_namespace
    if cluster.pid("extender") is None:
        cluster.start_extender()
    pods.patch(cluster, _MAP, {"data": {"gang-provisioning": "placeholder"}})
    yield
    pods.patch(cluster, _MAP, {"data": {"gang-provisioning": None}})
    configure(cluster, None)


def test_one_member_is_unschedulable_until_there_are_nodes_and_the_gang_runs_whole(
    cluster: LocalCluster,
    managed_namespace: str,
    add_nodes: Callable[[int, int], None],
) -> None:
    gangs.create_deployment(cluster, managed_namespace, gangs.deployment("d", 20))
    pods.wait_until("a member is unschedulable", lambda: len(_unschedulable(cluster, managed_namespace)) == 1)
    (reason,) = _unschedulable(cluster, managed_namespace).values()
    assert "its gang d has no plan yet" in reason
    told = [one.message for one in pods.events(cluster, managed_namespace) if one.reason == "GangNeedsNodes"]
    assert len(told) == 1
    assert gangs.bound(cluster, managed_namespace) == []
    assert pods.holdings(cluster)["reserved"] == 0
    add_nodes(1, 2)
    pods.create(cluster, managed_namespace, [gangs.member("other", "other", 1)])
    pods.wait_until("another gang runs", lambda: gangs.bound(cluster, managed_namespace) == ["other"])
    assert len(_unschedulable(cluster, managed_namespace)) == 1, "too few nodes came, and more may be on their way"
    add_nodes(1, 4)
    pods.wait_until("the gang runs", lambda: len(gangs.bound(cluster, managed_namespace, "d")) == 20)


def test_no_member_of_a_gang_over_its_quota_is_shown_and_what_was_is_taken_back(
    cluster: LocalCluster,
    managed_namespace: str,
) -> None:
    configure(cluster, [project("search", 19, managed_namespace)])
    in_force(cluster, "search", 19_000)
    gangs.create_deployment(cluster, managed_namespace, gangs.deployment("d", 20))
    said = "needs 20, free 19"
    pods.wait_until("it is told", lambda: any(said in one.message for one in pods.events(cluster, managed_namespace)))
    assert _shown(cluster, managed_namespace) == []
    configure(cluster, [project("search", 20, managed_namespace)])
    pods.wait_until("a member is unschedulable", lambda: len(_unschedulable(cluster, managed_namespace)) == 1)
    (shown,) = _shown(cluster, managed_namespace)
    configure(cluster, [project("search", 19, managed_namespace)])
    pods.wait_until("it is taken back", lambda: _shown(cluster, managed_namespace) == [])
    pods.wait_until("it is made anew", lambda: len(_gated(cluster, managed_namespace)) == 20)
    assert shown not in _gated(cluster, managed_namespace)


def _unschedulable(cluster: LocalCluster, namespace: str) -> dict[str, str]:
    """Return why each pod has no node that kube-scheduler found none for, by name: what node autoscalers look at."""

    async def work(api: Api) -> bytes:
        return await api.request("GET", f"/api/v1/namespaces/{namespace}/pods")

    every = msgspec.json.decode(cluster.call(work), type=ObjectList[_Pod]).items or []
    return {
        pod.metadata.name: one.message
        for pod in every
        for one in pod.status.conditions or ()
        if (one.type, one.status, one.reason) == ("PodScheduled", "False", "Unschedulable")
    }


def _shown(cluster: LocalCluster, namespace: str) -> list[str]:
    return [pod.metadata.name for pod in pods.pods_of(cluster, namespace) if SHOWN in (pod.metadata.annotations or {})]


def _gated(cluster: LocalCluster, namespace: str) -> list[str]:
    every = pods.pods_of(cluster, namespace)
    return [pod.metadata.name for pod in every if any(gate.name == GANG for gate in pod.spec.scheduling_gates or ())]
