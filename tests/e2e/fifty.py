"""Fifty workloads on a real control plane, whose load stands on one page."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec

from kube.objects import ObjectList, Workload
from tests.e2e import pods

if TYPE_CHECKING:
    from deploy.local import LocalCluster
    from kube.client import Api
    from tests.integration.scraping import Exporter

WORKLOADS = 50
CALM, DOUBLE = 5.0, 10.0
"""Requests at once of each workload: one replica's load at a target of 10 and 70 %, and two replicas'."""


class Fifty:
    """Fifty workloads whose load stands on one page."""

    def __init__(self, cluster: LocalCluster, namespace: str, page: Exporter) -> None:
        self._cluster, self._namespace, self._page = cluster, namespace, page
        self.load = CALM
        cluster.call(self._create)
        pods.wait_until("every pod runs", lambda: self.show() == WORKLOADS)

    async def _create(self, api: Api) -> None:
        for number in range(WORKLOADS):
            labels = {"app": f"w{number}"}
            container = {"name": "main", "image": "i"}
            template = {
                "metadata": {"labels": labels},
                "spec": {"containers": [container], "terminationGracePeriodSeconds": 0},
            }
            body: dict[str, Any] = {
                "metadata": {
                    "name": f"w{number}",
                    "labels": {"plimsoll.dev/autoscale": "true"},
                    "annotations": {
                        "autoscaling.knative.dev/target": "10",
                        "autoscaling.knative.dev/window": "10s",
                    },
                },
                "spec": {"selector": {"matchLabels": labels}, "template": template},
            }
            await api.request("POST", f"/apis/apps/v1/namespaces/{self._namespace}/deployments", body=body)

    def show(self) -> int:
        """Spread the load of each workload over its running pods; return how many pods there are."""
        running = [pod for pod in pods.pods_of(self._cluster, self._namespace) if pod.status.phase == "Running"]
        count = Counter((pod.metadata.labels or {})["app"] for pod in running)
        self._page.pages["/metrics"] = "".join(
            f'vllm:num_requests_running{{namespace="{self._namespace}",pod="{pod.metadata.name}"}} '
            f"{self.load / count[(pod.metadata.labels or {})['app']]}\n"
            for pod in running
        )
        return len(running)

    def counts(self) -> dict[str, int]:
        """Return the replicas asked for, by workload."""
        return {each.metadata.name: msgspec.json.decode(each.spec)["replicas"] for each in self._found()}

    def changes(self) -> dict[str, int]:
        """Return how often each one's spec was changed since it was created, as the API server counts."""
        return {each.metadata.name: each.metadata.generation - 1 for each in self._found()}

    def _found(self) -> list[Workload]:
        async def work(api: Api) -> bytes:
            return await api.request("GET", f"/apis/apps/v1/namespaces/{self._namespace}/deployments")

        return msgspec.json.decode(self._cluster.call(work), type=ObjectList[Workload]).items or []
