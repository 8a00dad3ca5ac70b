"""Inference goes ahead of build, and build ahead of train; kube-scheduler evicts nobody for any of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e import gangs, pods
from tests.e2e.test_projects import of_kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deploy.local import LocalCluster

_NODE_CPU = 96


@pytest.fixture(autouse=True)
def running_extender(cluster: LocalCluster, managed_namespace: str) -> Iterator[None]:
    """Run the extender."""
    if cluster.pid("extender") is None:
        cluster.start_extender()
    yield
    del managed_namespace


def test_inference_is_placed_first_then_build_then_train_whoever_came_first(
    cluster: LocalCluster, managed_namespace: str
) -> None:
    """Each takes a whole node of four."""
    cluster.stop("scheduler")  # as long as it does not run they only queue up
    for kind, count in (("train", 3), ("build", 3), ("inference", 2)):
        pods.create(cluster, managed_namespace, [_of(kind, number, gpus=4) for number in range(count)])
    cluster.restart("scheduler")
    pods.wait_bound(cluster, managed_namespace, 4)
    assert _kinds(cluster, managed_namespace) == {"inference": 2, "build": 2}
    for leaves, expected in (
        ("inference-0", {"inference": 1, "build": 3}),
        ("inference-1", {"build": 3, "train": 1}),
    ):
        cluster.stop("scheduler")
        pods.delete(cluster, managed_namespace, leaves)
        cluster.restart("scheduler")
        pods.wait_until("one more is placed", lambda: len(gangs.bound(cluster, managed_namespace)) == 4)
        assert _kinds(cluster, managed_namespace) == expected


@pytest.mark.parametrize("kind", ["inference", "build", "train"])
def test_a_pod_for_which_only_cpu_is_short_evicts_nobody(
    cluster: LocalCluster, managed_namespace: str, kind: str
) -> None:
    """Around it are a pod of no class, of lower priority than each, and one of its own class, on every node."""
    around = [_with_cpu(pods.pod(f"lower-{number}"), _NODE_CPU // 2 - 1) for number in range(4)]
    around += [_with_cpu(of_kind(kind, pods.pod(f"equal-{number}")), _NODE_CPU // 2 - 1) for number in range(4)]
    for one in around:
        one["spec"]["schedulerName"] = "plimsoll"
    pods.create(cluster, managed_namespace, around)
    names = sorted(one["metadata"]["name"] for one in around)
    pods.wait_until("they run", lambda: gangs.bound(cluster, managed_namespace) == names)
    pods.create(cluster, managed_namespace, [_with_cpu(_of(kind, 0, gpus=1), _NODE_CPU // 2)])
    refusal = _refusal(cluster, managed_namespace, f"{kind}-0")
    assert "4 Insufficient cpu" in refusal
    assert "not eligible due to preemptionPolicy=Never" in refusal
    assert gangs.bound(cluster, managed_namespace) == names
    assert pods.holdings(cluster)["reserved"] == 0


def _of(kind: str, number: int, *, gpus: int) -> dict[str, Any]:
    return of_kind(kind, pods.pod(f"{kind}-{number}", gpus=gpus))


def _with_cpu(one: dict[str, Any], cpu: int) -> dict[str, Any]:
    one["spec"]["containers"][0]["resources"].setdefault("requests", {})["cpu"] = str(cpu)
    return one


def _kinds(cluster: LocalCluster, namespace: str) -> dict[str, int]:
    """Return of how many pods of each kind devices are held, by their names."""
    found: dict[str, int] = {}
    for name in gangs.bound(cluster, namespace):
        kind = name.partition("-")[0]
        found[kind] = found.get(kind, 0) + 1
    return found


def _refusal(cluster: LocalCluster, namespace: str, name: str) -> str:
    """Return why kube-scheduler does not place a pod, once it has tried to make room for it."""
    said: list[str] = []

    def told() -> bool:
        about = pods.events_about(cluster, namespace, name)
        said[:] = [one.message for one in about if one.reason == "FailedScheduling" and "preemption" in one.message]
        return bool(said)

    pods.wait_until("kube-scheduler tells why", told)
    return said[-1]
