"""What the world does wrong harms nobody else, and ends when its cause ends: on a real control plane."""

from __future__ import annotations

import itertools
import json
import signal
import time
import urllib.parse
import urllib.request
from statistics import median
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from kube.objects import Node, ObjectList
from tests.e2e import pods
from tests.e2e.load import Load

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deploy.local import LocalCluster
    from kube.client import Api

TARGET = "autoscaling.knative.dev/target"


@pytest.fixture(autouse=True)
def running_programs(cluster: LocalCluster) -> None:
    """Run both programs."""
    for name, start in (("extender", cluster.start_extender), ("autoscaler", cluster.start_autoscaler)):
        if cluster.pid(name) is None:
            start()


@pytest.fixture
def nodes(cluster: LocalCluster) -> Iterator[list[str]]:
    """The names of the four nodes, each of which takes pods again afterwards."""

    async def ask(api: Api) -> bytes:
        return await api.request("GET", "/api/v1/nodes")

    listed = msgspec.json.decode(cluster.call(ask), type=ObjectList[Node])
    names = sorted(node.metadata.name for node in listed.items or [])
    yield names
    for name in names:
        pods.patch(cluster, f"/api/v1/nodes/{name}", {"spec": {"unschedulable": None}})


def cordon(cluster: LocalCluster, node: str) -> None:
    pods.patch(cluster, f"/api/v1/nodes/{node}", {"spec": {"unschedulable": True}})


def on_node(pod: dict[str, Any], node: str) -> dict[str, Any]:
    return pod | {"spec": pod["spec"] | {"nodeSelector": {"kubernetes.io/hostname": node}}}


def create_workload(cluster: LocalCluster, namespace: str, target: str, replicas: int = 1) -> None:
    """Create a Deployment named "chat" to be autoscaled, and wait until its pods are placed."""
    labels = {"app": "chat"}
    template = pods.fraction("chat", "0.25")
    template["metadata"]["labels"] = labels
    body: dict[str, Any] = {
        "metadata": {
            "name": "chat",
            "labels": {"plimsoll.dev/autoscale": "true"},
            "annotations": {TARGET: target, "autoscaling.knative.dev/min-scale": "1"},
        },
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template},
    }

    async def work(api: Api) -> None:
        await api.request("POST", f"/apis/apps/v1/namespaces/{namespace}/deployments", body=body)

    cluster.call(work)
    pods.wait_bound(cluster, namespace, replicas)


def decisions(cluster: LocalCluster) -> dict[str, dict[str, Any]]:
    """Return the standing decisions as the autoscaler tells them, by namespace."""
    return {one["namespace"]: one for one in pods.decisions(cluster)}


def wait_told(cluster: LocalCluster, namespace: str, name: str, words: tuple[str, str]) -> None:
    """Wait for an Event about an object with a reason and a part of a message."""
    reason, part = words

    def told() -> bool:
        found = pods.events_about(cluster, namespace, name)
        return any(event.reason == reason and part in event.message for event in found)

    pods.wait_until(f"an Event {reason}: {part}", told)


def test_a_fraction_with_an_absurd_exponent_gets_an_event_and_the_extender_lives_on(
    cluster: LocalCluster, managed_namespace: str
) -> None:
    before = cluster.pid("extender")
    pods.create(cluster, managed_namespace, [pods.fraction("bad", "1e999999")])
    wait_told(cluster, managed_namespace, "bad", ("MalformedGPURequest", 'gpu-fraction: "1e999999" must be a decimal'))
    pods.create(cluster, managed_namespace, [pods.fraction("next", "0.25")])
    assert set(pods.wait_bound(cluster, managed_namespace, 1)) == {"next"}
    assert cluster.pid("extender") == before


def test_a_target_that_is_almost_a_number_gets_an_event_and_the_autoscaler_lives_on(
    cluster: LocalCluster, managed_namespace: str
) -> None:
    before = cluster.pid("autoscaler")
    create_workload(cluster, managed_namespace, "1_")
    wait_told(cluster, managed_namespace, "chat", ("BadConfiguration", f'{TARGET}: "1_" must be a number'))
    told_at = time.time()
    pods.wait_until(
        "a decision after that", lambda: decisions(cluster).get(managed_namespace, {}).get("decided_at", 0) > told_at
    )
    assert cluster.pid("autoscaler") == before


def test_a_restarted_autoscaler_holds_a_workload_whose_annotation_is_bad(
    cluster: LocalCluster, managed_namespace: str
) -> None:
    create_workload(cluster, managed_namespace, "1_", replicas=3)
    with Load(cluster, managed_namespace) as load:
        load.total = 600.0  # the default target would make nine replicas of it at once
        query = urllib.parse.urlencode({"query": f'sum(vllm:num_requests_running{{namespace="{managed_namespace}"}})'})

        def scraped() -> bool:
            with urllib.request.urlopen(f"{cluster.prometheus_url}/api/v1/query?{query}") as answer:  # noqa: S310  our own loopback address
                found = json.loads(answer.read())["data"]["result"]
            return bool(found) and float(found[0]["value"][1]) == load.total

        pods.wait_until("Prometheus shows the load", scraped)
        cluster.restart("autoscaler")
        pods.wait_until("a decision", lambda: managed_namespace in decisions(cluster))
        end = time.monotonic() + 10.0
        while time.monotonic() < end:
            assert decisions(cluster)[managed_namespace]["mode"] == "held"
            time.sleep(0.5)
    assert pods.replicas(cluster, managed_namespace, "chat") == 3


def test_a_pod_that_waits_for_room_is_bound_within_10_s_of_the_holders_end_though_nothing_else_happens(
    cluster: LocalCluster, managed_namespace: str
) -> None:
    pods.create(cluster, managed_namespace, [pods.pod(f"w{i}", gpus=4) for i in range(4)])
    pods.wait_bound(cluster, managed_namespace, 4)
    took: list[float] = []
    for i in range(5):
        holder, waiting = f"w{i}", f"w{i + 4}"
        pods.create(cluster, managed_namespace, [pods.pod(waiting, gpus=4)])
        wait_told(cluster, managed_namespace, waiting, ("FailedScheduling", ""))
        pods.delete(cluster, managed_namespace, holder)
        began = time.monotonic()
        assert waiting in pods.wait_bound(cluster, managed_namespace, 4)
        took.append(time.monotonic() - began)
    assert median(took) < 10.0  # by itself kube-scheduler would try them again after five minutes


def test_pods_whose_binding_died_with_the_api_server_are_bound_elsewhere_within_180_s(
    cluster: LocalCluster, managed_namespace: str, nodes: list[str]
) -> None:
    """A node has room for all of them: 4 devices of 40 pods each."""
    try:
        pods.stall_midway(
            cluster, managed_namespace, [pods.fraction(f"p{i:03}", "0.025") for i in range(160)], first=10
        )
        cluster.kill("kube-apiserver", signal.SIGKILL)
        # Nothing is bound from here on, until a scheduler starts that has never seen the nodes without their cordon.
        cluster.stop("scheduler")
        cluster.restart("kube-apiserver")
        before = pods.placed(pods.pods_of(cluster, managed_namespace))
        assert len(before) == 10, "the bindings under way were to die with the API server"
        taken = {node for devices in before.values() for node, _ in devices}
        left = next(node for node in nodes if node not in taken)
        for node in nodes:
            if node != left:
                cordon(cluster, node)
    finally:
        for name in ("kube-apiserver", "scheduler"):
            if cluster.pid(name) is None:
                cluster.restart(name)
            else:
                cluster.resume(name)
    after = pods.wait_bound(cluster, managed_namespace, 160, seconds=180.0)
    assert {name: after[name] for name in before} == before
    assert {node for name in after.keys() - before for node, _ in after[name]} == {left}
    assert max(pods.used(cluster).values()) <= 1000


def test_a_pod_that_asks_for_zero_gpus_closes_no_node(
    cluster: LocalCluster, managed_namespace: str, plain_namespace: str, nodes: list[str]
) -> None:
    zero = on_node(pods.pod("zero"), nodes[0])
    zero["spec"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] = "0"
    pods.create(cluster, plain_namespace, [zero])
    pods.wait_until("the pod runs", lambda: pods.pods_of(cluster, plain_namespace)[0].status.phase == "Running")
    pods.create(cluster, managed_namespace, [on_node(pods.fraction("next", "0.25"), nodes[0])])
    pods.wait_bound(cluster, managed_namespace, 1)


def test_annotations_of_ours_on_a_pod_without_gpus_take_no_room(
    cluster: LocalCluster, managed_namespace: str, plain_namespace: str, nodes: list[str]
) -> None:
    brought = {"plimsoll.dev/devices": "0,1,2,3", "plimsoll.dev/gpu-milli": "1000"}
    pods.create(cluster, plain_namespace, [on_node(pods.pod(node, brought), node) for node in nodes])
    pods.wait_bound(cluster, plain_namespace, len(nodes))
    pods.create(cluster, managed_namespace, [pods.pod(f"w{i}", gpus=4) for i in range(len(nodes))])
    pods.wait_bound(cluster, managed_namespace, len(nodes))


def test_a_malformed_pod_is_told_of_once_or_twice_however_often_it_is_tried(
    cluster: LocalCluster, managed_namespace: str
) -> None:
    names = [f"bad{i:02}" for i in range(20)]
    pods.create(cluster, managed_namespace, [pods.fraction(name, "1.5") for name in names])
    end = time.monotonic() + 10.0
    for i in itertools.count():
        good = f"good{i}"  # a new name each time: KWOK ends a deleted pod by its name, and might hit the next one
        pods.create(cluster, managed_namespace, [pods.fraction(good, "0.25")])
        pods.wait_bound(cluster, managed_namespace, 1)
        pods.delete(cluster, managed_namespace, good)
        if time.monotonic() > end:
            break

    def told(name: str) -> int:
        found = pods.events_about(cluster, managed_namespace, name)
        return sum(event.count or 1 for event in found if event.reason == "MalformedGPURequest")

    assert {name: count for name in names if (count := told(name)) not in (1, 2)} == {}
