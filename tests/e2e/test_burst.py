"""Five hundred fraction pods at once on a hundred nodes: all are bound, and no device holds more than it has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from deploy.local import ClusterSpec, LocalCluster
from tests.e2e import pods

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def large_cluster() -> Iterator[LocalCluster]:
    spec = ClusterSpec(name="e2e-burst", nodes=100, gpus_per_node=8, prometheus=False, default_scheduler=False)
    with LocalCluster.start(spec, progress=print) as running:
        running.start_extender()
        yield running


def test_500_fraction_pods_created_at_once_are_all_bound_and_no_device_is_over_1000(
    large_cluster: LocalCluster,
) -> None:
    shares = ["0.25", "0.5", "0.3", "0.1", "0.7"]
    pods.create_namespace(large_cluster, "burst")
    pods.create(large_cluster, "burst", [pods.fraction(f"p{i:03}", shares[i % len(shares)]) for i in range(500)])
    devices = pods.wait_bound(large_cluster, "burst", 500, seconds=180.0)
    used = pods.used(large_cluster)
    assert len(devices) == 500
    assert max(used.values()) <= 1000
    assert sum(used.values()) == 100 * (250 + 500 + 300 + 100 + 700)
