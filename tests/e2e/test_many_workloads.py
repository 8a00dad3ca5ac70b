"""Two hundred workloads on the real control plane: nothing is written without a change, and a change once."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e import pods
from tests.integration.scraping import Exporter, serving_pages

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deploy.local import LocalCluster
    from kube.client import Api

WORKLOADS = 200
EACH = 5.0  # requests at once, of each workload
TICK_S = 2.0
CONFIG = "/api/v1/namespaces/plimsoll-system/configmaps/config-autoscaler"
_SCALE_WRITES = re.compile(
    r'^apiserver_request_total\{(?=.*resource="deployments")(?=.*subresource="scale")(?=.*verb="P(?:ATCH|UT)").*\} '
    r"(\S+)$",
    re.MULTILINE,
)


@pytest.fixture(autouse=True)
def running_autoscaler(cluster: LocalCluster) -> Iterator[None]:
    if cluster.pid("autoscaler") is None:
        cluster.start_autoscaler()
    yield
    # The next test's autoscaler starts with the shipped configuration.
    pods.patch(cluster, CONFIG, {"data": {"container-concurrency-target-default": None}})


@pytest.fixture
def page(cluster: LocalCluster) -> Iterator[Exporter]:
    """The one page on which all pods' gauges stand."""
    with serving_pages() as exporter:
        exporter.pages["/metrics"] = ""
        cluster.scrape_targets.write_text(json.dumps([{"targets": [f"127.0.0.1:{exporter.port}"]}]))
        yield exporter
        cluster.scrape_targets.write_text("[]")


def create_workloads(cluster: LocalCluster, namespace: str) -> None:
    async def work(api: Api) -> None:
        for number in range(WORKLOADS):
            labels = {"app": f"w{number}"}
            body: dict[str, Any] = {
                "metadata": {"name": f"w{number}", "labels": {"plimsoll.dev/autoscale": "true"}},
                "spec": {
                    "selector": {"matchLabels": labels},
                    "template": {
                        "metadata": {"labels": labels},
                        "spec": {"containers": [{"name": "main", "image": "i"}], "terminationGracePeriodSeconds": 0},
                    },
                },
            }
            await api.request("POST", f"/apis/apps/v1/namespaces/{namespace}/deployments", body=body)

    cluster.call(work)


def show(cluster: LocalCluster, namespace: str, page: Exporter) -> int:
    """Spread the load of each workload over its running pods; return how many pods there are."""
    running = [pod for pod in pods.pods_of(cluster, namespace) if pod.status.phase == "Running"]
    count = Counter((pod.metadata.labels or {})["app"] for pod in running)
    page.pages["/metrics"] = "".join(
        f'vllm:num_requests_running{{namespace="{namespace}",pod="{pod.metadata.name}"}} '
        f"{EACH / count[(pod.metadata.labels or {})['app']]}\n"
        for pod in running
    )
    return len(running)


def scale_writes(cluster: LocalCluster) -> int:
    """Return how many scales of Deployments the API server has been asked to write."""

    async def work(api: Api) -> bytes:
        return await api.request("GET", "/metrics")

    return sum(int(float(value)) for value in _SCALE_WRITES.findall(cluster.call(work).decode()))


def said(cluster: LocalCluster, message: str, **fields: str) -> list[float]:
    """Return when the autoscaler's log said something (Unix seconds)."""
    lines = [json.loads(line) for line in cluster.log("autoscaler").read_text().splitlines() if line.startswith("{")]
    return [
        datetime.fromisoformat(line["time"]).timestamp()
        for line in lines
        if line["message"] == message and all(line.get(key) == value for key, value in fields.items())
    ]


def decided(cluster: LocalCluster, namespace: str) -> int:
    """Return how many workloads of the namespace are decided on and not held."""
    found = pods.decisions(cluster)
    return sum(one["namespace"] == namespace and one["mode"] != "held" for one in found)


def test_nothing_is_written_without_a_change_and_an_edit_takes_effect_within_a_tick(
    cluster: LocalCluster, plain_namespace: str, page: Exporter
) -> None:
    create_workloads(cluster, plain_namespace)
    pods.wait_until("every pod runs", lambda: show(cluster, plain_namespace, page) == WORKLOADS, seconds=60.0)
    pods.wait_until(
        "every workload is decided on", lambda: decided(cluster, plain_namespace) == WORKLOADS, seconds=60.0
    )

    before = scale_writes(cluster)
    time.sleep(6 * TICK_S)
    assert scale_writes(cluster) == before

    edits = len(said(cluster, "configuration taken over", map="config-autoscaler"))
    pods.patch(
        cluster, CONFIG, {"data": {"container-concurrency-target-default": "4"}}
    )  # 70 % of it: two replicas each
    ticks: set[tuple[float, int]] = set()
    """When workloads were decided on, and for how many replicas."""

    def two_each() -> bool:
        found = [one for one in pods.decisions(cluster) if one["namespace"] == plain_namespace]
        ticks.update((one["decided_at"], one["desired"]) for one in found)
        return show(cluster, plain_namespace, page) == 2 * WORKLOADS

    pods.wait_until("two pods each", two_each, seconds=120.0)
    assert scale_writes(cluster) == before + WORKLOADS

    arrived = said(cluster, "configuration taken over", map="config-autoscaler")[edits]
    after = {desired for at, desired in ticks if at > arrived}
    assert after == {2}, "no tick after its arrival was to decide without it"

    time.sleep(3 * TICK_S)
    assert scale_writes(cluster) == before + WORKLOADS
