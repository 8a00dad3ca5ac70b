"""Beside another autoscaler the real programs decide and tell, count GPUs, and write nothing, until they are let."""

from __future__ import annotations

import time
import urllib.request
from typing import TYPE_CHECKING

import msgspec
import pytest

from kube.client import MERGE_PATCH
from kube.objects import ObjectList, Workload
from tests.e2e import pods
from tests.e2e.load import Load
from tests.e2e.test_autoscaling import NAME, create_workload, decision

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deploy.local import LocalCluster
    from kube.client import Api

OTHER = "horizontal-pod-autoscaler"


@pytest.fixture(autouse=True)
def running_programs(cluster: LocalCluster) -> None:
    """Run both programs."""
    for name, start in (("extender", cluster.start_extender), ("autoscaler", cluster.start_autoscaler)):
        if cluster.pid(name) is None:
            start()


@pytest.fixture
def load(cluster: LocalCluster, managed_namespace: str) -> Iterator[Load]:
    """Load for a workload of one replica that another autoscaler scales."""
    create_workload(cluster, managed_namespace)
    mode(cluster, managed_namespace, "observe")
    autoscaler(cluster, managed_namespace)
    with Load(cluster, managed_namespace) as running:
        yield running


def deployment(namespace: str) -> str:
    return f"/apis/apps/v1/namespaces/{namespace}/deployments/{NAME}"


def mode(cluster: LocalCluster, namespace: str, word: str) -> None:
    pods.patch(cluster, deployment(namespace), {"metadata": {"annotations": {"plimsoll.dev/mode": word}}})


def autoscaler(cluster: LocalCluster, namespace: str) -> None:
    """Create a HorizontalPodAutoscaler; who acts on it is this test."""
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": NAME}
    body = {"metadata": {"name": "theirs"}, "spec": {"maxReplicas": 12, "scaleTargetRef": reference}}
    path = f"/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers"

    async def work(api: Api) -> None:
        await api.request("POST", path, body=body)

    cluster.call(work)


def other_sets(cluster: LocalCluster, namespace: str, count: int) -> None:
    async def work(api: Api) -> None:
        await api.request(
            "PATCH",
            f"{deployment(namespace)}/scale",
            query={"fieldManager": OTHER},
            body={"spec": {"replicas": count}},
            content_type=MERGE_PATCH,
        )

    cluster.call(work)


def writers(cluster: LocalCluster, namespace: str) -> set[str]:
    """Return who wrote to the Deployment and to its pods."""

    async def work(api: Api) -> list[Workload]:
        found = [msgspec.json.decode(await api.request("GET", deployment(namespace)), type=Workload)]
        listed = await api.request("GET", f"/api/v1/namespaces/{namespace}/pods")
        return found + (msgspec.json.decode(listed, type=ObjectList[Workload]).items or [])

    return {entry.manager for one in cluster.call(work) for entry in one.metadata.managed_fields or ()}


def metric(cluster: LocalCluster, namespace: str, name: str) -> float:
    """Return a number of the workload from the autoscaler's page, NaN where there is none."""
    with urllib.request.urlopen(f"{cluster.autoscaler_url}/metrics") as answer:  # noqa: S310  our own loopback address
        lines = answer.read().decode().splitlines()
    begins = f'plimsoll_autoscaler_{name}{{namespace="{namespace}"'
    return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(begins)), float("nan"))


def test_beside_another_autoscaler_it_decides_and_writes_nothing_until_it_is_let(
    cluster: LocalCluster, managed_namespace: str, load: Load
) -> None:
    other_sets(cluster, managed_namespace, 3)
    pods.wait_bound(cluster, managed_namespace, 3)
    load.total = 60.0
    pods.wait_until("a decision on six", lambda: decision(cluster, managed_namespace).get("desired") == 6, 60.0)
    other_sets(cluster, managed_namespace, 8)
    pods.wait_bound(cluster, managed_namespace, 8)
    pods.wait_until("eight seen", lambda: decision(cluster, managed_namespace).get("ready") == 8)
    told = decision(cluster, managed_namespace)
    assert (told["desired"], told["current"]) == (6, 8)
    assert told["reason"].startswith("observed: ")
    assert metric(cluster, managed_namespace, "observing") == 1
    assert metric(cluster, managed_namespace, "desired_replicas") == 6
    assert metric(cluster, managed_namespace, "held_gpus") == 8 * 0.25
    assert metric(cluster, managed_namespace, "gpus_per_replica") == 0.25
    time.sleep(5.0)
    assert pods.replicas(cluster, managed_namespace, NAME) == 8
    assert not [writer for writer in writers(cluster, managed_namespace) if "plimsoll-autoscaler" in writer]
    reasons = {event.reason for event in pods.events_about(cluster, managed_namespace, NAME)}
    assert reasons.isdisjoint({"ScaledUp", "ScaledDown", "ScaledByAnotherAutoscaler", "ReplicasSetByAnother"})

    # Once it may, and is alone, it goes down from what is there to what it decides.
    mode(cluster, managed_namespace, "scale")
    pods.wait_until(
        "the other to be kept clear of",
        lambda: (
            "ScaledByAnotherAutoscaler"
            in {event.reason for event in pods.events_about(cluster, managed_namespace, NAME)}
        ),
    )
    assert pods.replicas(cluster, managed_namespace, NAME) == 8

    async def remove(api: Api) -> None:
        path = f"/apis/autoscaling/v2/namespaces/{managed_namespace}/horizontalpodautoscalers/theirs"
        await api.request("DELETE", path)

    cluster.call(remove)
    pods.wait_until("six", lambda: pods.replicas(cluster, managed_namespace, NAME) == 6, 120.0)
    assert metric(cluster, managed_namespace, "observing") == 0
    pods.wait_until("a minute counted", lambda: metric(cluster, managed_namespace, "gpu_minutes_total") > 0, 90.0)
