"""Load raises replicas and its end lowers them, through the real programs; failures of others lower nothing."""

from __future__ import annotations

import json
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e import pods
from tests.e2e.load import Load

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deploy.local import LocalCluster
    from kube.client import Api

NAME = "chat"
STABLE_WINDOW_S = 20


@pytest.fixture(autouse=True)
def running_programs(cluster: LocalCluster) -> None:
    """Run both programs."""
    for name, start in (("extender", cluster.start_extender), ("autoscaler", cluster.start_autoscaler)):
        if cluster.pid(name) is None:
            start()


@pytest.fixture
def empty_extender(cluster: LocalCluster, running_programs: None) -> None:
    """An extender that knows no pod that ran."""
    del running_programs  # asked for so that there is one
    pods.forget_what_ran(cluster)


@pytest.fixture
def load(cluster: LocalCluster, managed_namespace: str) -> Iterator[Load]:
    """Load for a workload of one replica that carries 10 requests at once."""
    create_workload(cluster, managed_namespace)
    with Load(cluster, managed_namespace) as running:
        yield running


def create_workload(cluster: LocalCluster, namespace: str, annotations: dict[str, str] | None = None) -> None:
    labels = {"app": NAME}
    body: dict[str, Any] = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": NAME,
            "labels": {"plimsoll.dev/autoscale": "true"},
            "annotations": annotations
            or {
                "autoscaling.knative.dev/target": "10",
                "autoscaling.knative.dev/target-utilization-percentage": "100",
                "autoscaling.knative.dev/window": f"{STABLE_WINDOW_S}s",
                "autoscaling.knative.dev/min-scale": "1",
                "autoscaling.knative.dev/max-scale": "12",
            },
        },
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels, "annotations": {"gpu-fraction": "0.25"}},
                "spec": {
                    "containers": [{"name": "main", "image": "model-server"}],
                    "terminationGracePeriodSeconds": 0,
                },
            },
        },
    }

    async def work(api: Api) -> None:
        await api.request("POST", f"/apis/apps/v1/namespaces/{namespace}/deployments", body=body)

    cluster.call(work)
    pods.wait_bound(cluster, namespace, 1)


def decision(cluster: LocalCluster, namespace: str) -> dict[str, Any]:
    """Return the standing decision as the autoscaler tells it; empty before the first."""
    found = pods.decisions(cluster)
    return next((one for one in found if (one["namespace"], one["name"]) == (namespace, NAME)), {})


def scaled_up(cluster: LocalCluster, namespace: str, load: Load, replicas: int) -> None:
    """Raise the load to what `replicas` carry, and wait until they are there and the stable window is full of it."""
    load.total = 10.0 * replicas
    pods.wait_until(f"{replicas} replicas", lambda: pods.replicas(cluster, namespace, NAME) == replicas)
    pods.wait_bound(cluster, namespace, replicas)
    pods.wait_until(
        "a stable window full of that load",
        lambda: decision(cluster, namespace).get("stable") == load.total,
        5 * STABLE_WINDOW_S,
    )


def scaled_to(cluster: LocalCluster, namespace: str, replicas: int) -> list[float]:
    """Return when the autoscaler gave the workload so many replicas, by its log (Unix seconds)."""
    lines = [json.loads(line) for line in cluster.log("autoscaler").read_text().splitlines() if '"scaled"' in line]
    return [
        datetime.fromisoformat(line["time"]).timestamp()
        for line in lines
        if line["workload"] == f"{namespace}/{NAME}" and line["to"] == replicas
    ]


def lowest_replicas(cluster: LocalCluster, namespace: str, seconds: float) -> int:
    """Watch for some seconds; return the fewest replicas asked for."""
    end = time.monotonic() + seconds
    lowest = pods.replicas(cluster, namespace, NAME)
    while time.monotonic() < end:
        time.sleep(0.5)
        lowest = min(lowest, pods.replicas(cluster, namespace, NAME))
    return lowest


@pytest.mark.usefixtures("empty_extender")
def test_load_raises_replicas_within_30_s_and_its_end_lowers_them_to_min(
    cluster: LocalCluster, managed_namespace: str, load: Load
) -> None:
    began = time.time()
    load.total = 60.0
    pods.wait_until("6 replicas", lambda: pods.replicas(cluster, managed_namespace, NAME) == 6, seconds=120.0)
    pods.wait_until("a line of it", lambda: bool(scaled_to(cluster, managed_namespace, 6)))
    assert scaled_to(cluster, managed_namespace, 6)[0] - began < 30.0
    devices = pods.wait_bound(cluster, managed_namespace, 6)
    assert len(set(devices.values())) == 2, "six quarters fill one device and half of another"

    def told() -> bool:
        return "ScaledUp" in [event.reason for event in pods.events_about(cluster, managed_namespace, NAME)]

    pods.wait_until("an Event of it", told)

    load.total = 0.0
    pods.wait_until(
        "min-scale", lambda: pods.replicas(cluster, managed_namespace, NAME) == 1, seconds=3 * STABLE_WINDOW_S + 30
    )


def test_prometheus_away_for_60_s_under_load_lowers_nothing_then_or_later(
    cluster: LocalCluster, managed_namespace: str, load: Load
) -> None:
    scaled_up(cluster, managed_namespace, load, 5)
    before, began = len(said(cluster)), time.monotonic()
    cluster.stop("prometheus")
    assert lowest_replicas(cluster, managed_namespace, 60.0) == 5
    assert decision(cluster, managed_namespace)["mode"] == "held"
    cluster.restart("prometheus")
    assert lowest_replicas(cluster, managed_namespace, 2.0 * STABLE_WINDOW_S) == 5
    pods.wait_until("decisions again", lambda: decision(cluster, managed_namespace).get("mode", "held") != "held")
    minutes = int((time.monotonic() - began) / 60.0)
    assert 1 <= len(said(cluster)) - before <= 2 + minutes, "an outage is told when it begins and once a minute"


def said(cluster: LocalCluster) -> list[str]:
    """Return the lines in which the autoscaler said that Prometheus is away."""
    return [line for line in cluster.log("autoscaler").read_text().splitlines() if "Prometheus is away" in line]


def test_samples_of_only_some_pods_lower_nothing(cluster: LocalCluster, managed_namespace: str, load: Load) -> None:
    scaled_up(cluster, managed_namespace, load, 4)
    load.scraped = 1
    assert lowest_replicas(cluster, managed_namespace, 2.0 * STABLE_WINDOW_S) == 4


def test_the_api_server_away_for_20_s_is_recovered_from_without_help(
    cluster: LocalCluster, managed_namespace: str, load: Load
) -> None:
    scaled_up(cluster, managed_namespace, load, 2)
    cluster.pause("kube-apiserver")
    try:
        load.total = 60.0
        time.sleep(20.0)
    finally:
        cluster.resume("kube-apiserver")
    pods.wait_until("6 replicas", lambda: pods.replicas(cluster, managed_namespace, NAME) == 6, seconds=120.0)
    pods.wait_bound(cluster, managed_namespace, 6, seconds=120.0)


def test_a_bad_annotation_gets_an_event_and_the_last_good_parameters_stay(
    cluster: LocalCluster, managed_namespace: str, load: Load
) -> None:
    scaled_up(cluster, managed_namespace, load, 3)
    bad = {"metadata": {"annotations": {"autoscaling.knative.dev/target": "none"}}}
    pods.patch(cluster, f"/apis/apps/v1/namespaces/{managed_namespace}/deployments/{NAME}", bad)

    def told() -> bool:
        return any(
            event.reason == "BadConfiguration" and 'autoscaling.knative.dev/target: "none" must be' in event.message
            for event in pods.events_about(cluster, managed_namespace, NAME)
        )

    pods.wait_until("an Event that names key, value and rule", told)
    assert lowest_replicas(cluster, managed_namespace, 6.0) == 3


def test_a_bad_config_map_gets_an_event_and_a_good_one_is_in_force_at_once(
    cluster: LocalCluster, managed_namespace: str, load: Load
) -> None:
    path = "/api/v1/namespaces/plimsoll-system/configmaps/config-autoscaler"
    pods.patch(cluster, path, {"data": {"max-scale-down-rate": "0.5", "stable-window": "60"}})

    def told() -> bool:
        return any(
            all(f'{key}: "{value}" must be' in event.message for key, value in
                (("max-scale-down-rate", "0.5"), ("stable-window", "60")))
            for event in pods.events_about(cluster, "plimsoll-system", "config-autoscaler")
        )  # fmt: skip

    pods.wait_until("an Event that names every problem", told)
    load.total = 10.0
    pods.patch(cluster, path, {"data": {"max-scale-down-rate": None, "stable-window": None, "min-scale": "3"}})
    annotations = {"metadata": {"annotations": {"autoscaling.knative.dev/min-scale": None}}}
    pods.patch(cluster, f"/apis/apps/v1/namespaces/{managed_namespace}/deployments/{NAME}", annotations)
    try:
        pods.wait_until("the map's min-scale", lambda: pods.replicas(cluster, managed_namespace, NAME) == 3)
    finally:
        pods.patch(cluster, path, {"data": {"min-scale": None}})
