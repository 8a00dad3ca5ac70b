"""Train leaves for inference within its project's quota: on a real control plane, with an unmodified kube-scheduler."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from deploy.local import ClusterSpec, LocalCluster
from tests.e2e import gangs, pods
from tests.e2e.test_projects import configure, in_force, of_kind, project

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    """Four nodes with eight GPUs each, and an extender."""
    spec = ClusterSpec(name="e2e-preemption", nodes=4, gpus_per_node=8, prometheus=False, default_scheduler=False)
    with LocalCluster.start(spec, progress=print) as running:
        running.start_extender()
        yield running


@pytest.fixture(autouse=True)
def whole_extender(cluster: LocalCluster, managed_namespace: str) -> Iterator[None]:
    """Run the extender with a project that serves; look afterwards that no device held more than it has."""
    if cluster.pid("extender") is None:
        cluster.start_extender()
    configure(cluster, [project("serving", 16, managed_namespace)])
    in_force(cluster, "serving", 16_000)
    yield
    configure(cluster, None)
    assert max(pods.used(cluster).values(), default=0) <= 1000


def test_a_gang_of_eight_whole_gpus_makes_the_fewest_leave(cluster: LocalCluster, managed_namespace: str) -> None:
    train = [of_kind("train", pods.fraction(f"t-{number:02}", "0.5")) for number in range(64)]
    pods.create(cluster, managed_namespace, train)
    pods.wait_until("all train runs", lambda: len(gangs.bound(cluster, managed_namespace)) == 64)
    pods.create(cluster, managed_namespace, [of_kind("inference", one) for one in gangs.members("g", 8)])
    took = pods.wait_until("the gang runs", lambda: len(gangs.bound(cluster, managed_namespace, "g")) == 8)
    print("took", took)
    left = [pod for pod in pods.pods_of(cluster, managed_namespace) if pod.metadata.name.startswith("t-")]
    assert len(left) == 48
    for one in pods.events(cluster, managed_namespace):
        print(one.reason, one.message)
    assert pods.holdings(cluster)["reserved"] == 0
