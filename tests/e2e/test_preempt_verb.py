"""kube-scheduler's own preemption evicts nobody whose leaving frees no device: on a real control plane."""

from __future__ import annotations

import contextlib
import re
import time
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from deploy.local import ClusterSpec, LocalCluster
from kube.client import ApiError
from tests.e2e import pods

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kube.client import Api

HIGH, LOW = "foreign-high", "foreign-low"
_ASKED = re.compile(r'^plimsoll_extender_requests_total\{result="ok",verb="preempt"\} (\S+)$', re.MULTILINE)


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    """Two nodes of 96 CPUs with two GPUs each, and priority classes that are of no kind."""
    spec = ClusterSpec(name="e2e-preempt", nodes=2, gpus_per_node=2, prometheus=False, default_scheduler=False)
    with LocalCluster.start(spec, progress=print) as running:
        running.start_extender()
        running.call(lambda api: _create_class(api, HIGH, 1000))
        running.call(lambda api: _create_class(api, LOW, -10))
        yield running


async def _create_class(api: Api, name: str, value: int) -> None:
    with contextlib.suppress(ApiError):
        body = {"metadata": {"name": name}, "value": value}
        await api.request("POST", "/apis/scheduling.k8s.io/v1/priorityclasses", body=body)


def one(name: str, priority: str, *, gpus: int = 0, cpu: str = "", node: str = "") -> dict[str, Any]:
    """Return a pod of a class; `node`: the one that it is put on, or wants where it asks for GPUs."""
    made = pods.pod(name, gpus=gpus)
    made["spec"]["priorityClassName"] = priority
    if cpu:
        made["spec"]["containers"][0]["resources"]["requests"] = {"cpu": cpu}
    if node and gpus:
        made["spec"]["nodeSelector"] = {"kubernetes.io/hostname": node}
    elif node:
        made["spec"] |= {"nodeName": node}
    return made


def nodes(cluster: LocalCluster) -> list[str]:
    return sorted({node for node, _ in pods.used(cluster)})


def asked(cluster: LocalCluster) -> float:
    """Return how often the verb was answered."""
    with urllib.request.urlopen(f"{cluster.extender_url}/metrics", timeout=30.0) as answer:  # noqa: S310  loopback
        found = _ASKED.search(answer.read().decode())
    return float(found[1]) if found else 0.0


def there(cluster: LocalCluster, namespace: str) -> dict[str, str]:
    """Return the node of each pod that is there."""
    return {pod.metadata.name: pod.spec.node_name for pod in pods.pods_of(cluster, namespace)}


def test_nobody_is_evicted_where_no_device_comes_free_and_exactly_the_victims_where_one_does(
    cluster: LocalCluster, managed_namespace: str
) -> None:
    # Every GPU is held by a pod that is as important as the one to come, and the CPU by one that is not.
    pods.create(cluster, managed_namespace, [one(f"gpu-{number}", HIGH, gpus=1, cpu="1") for number in range(4)])
    pods.wait_bound(cluster, managed_namespace, 4)
    first, second = nodes(cluster)
    wanted = [one(f"cpu-{node}", LOW, cpu="90", node=node) for node in (first, second)]
    pods.create(cluster, managed_namespace, [*wanted, one("small", LOW, cpu="1", node=first)])
    pods.wait_until("the CPU is taken", lambda: all(there(cluster, managed_namespace).values()))
    before = there(cluster, managed_namespace)
    begun = asked(cluster)
    pods.create(cluster, managed_namespace, [one("preemptor", HIGH, gpus=1, cpu="10")])
    pods.wait_until("kube-scheduler asks whether it helps", lambda: asked(cluster) > begun)
    pods.wait_until("it tells", lambda: bool(pods.events_about(cluster, managed_namespace, "preemptor")))
    time.sleep(1.0)  # it would evict aside
    assert there(cluster, managed_namespace) == before | {"preemptor": ""}

    # A GPU of the second node comes free: to evict there helps, on the first it does not.
    leaves = next(name for name, node in before.items() if node == second and name.startswith("gpu-"))
    pods.delete(cluster, managed_namespace, leaves)
    pods.wait_until("the extender knows", lambda: pods.holdings(cluster)["bound"] == 3)
    # Of a pod that lacks CPU kube-scheduler thinks again when any pod goes; at the last one we may not have known yet.
    pods.delete(cluster, managed_namespace, "small")
    pods.wait_until("it runs", lambda: there(cluster, managed_namespace)["preemptor"] == second)
    gone = {leaves, "small", f"cpu-{second}"}
    stayed = {name: node for name, node in before.items() if name not in gone}
    assert there(cluster, managed_namespace) == stayed | {"preemptor": second}


def test_who_holds_the_device_itself_is_evicted_for_it(cluster: LocalCluster, managed_namespace: str) -> None:
    pods.create(cluster, managed_namespace, [one(f"high-{number}", HIGH, gpus=1, cpu="50") for number in range(2)])
    pods.wait_bound(cluster, managed_namespace, 2)
    pods.create(cluster, managed_namespace, [one(f"low-{number}", LOW, gpus=1, cpu="40") for number in range(2)])
    pods.wait_bound(cluster, managed_namespace, 4)
    before = there(cluster, managed_namespace)
    assert len(nodes(cluster)) == 2
    pods.create(cluster, managed_namespace, [one("preemptor", HIGH, gpus=1, cpu="40")])
    pods.wait_until("it runs", lambda: there(cluster, managed_namespace)["preemptor"] != "")
    after = there(cluster, managed_namespace)
    (victim,) = before.keys() - after.keys()
    assert victim.startswith("low-")
    assert after["preemptor"] == before[victim]
