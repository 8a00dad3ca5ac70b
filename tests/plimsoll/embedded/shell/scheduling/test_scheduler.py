"""What the embedded scheduler says of what it does not do; all it does stands in tests/contract."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from plimsoll.embedded.core.scheduling.settings import Unsupported
from plimsoll.embedded.shell.scheduling.scheduler import Scheduler

if TYPE_CHECKING:
    from kube.client import Api
    from plimsoll.embedded import EmbeddedCluster

PODS = "/api/v1/namespaces/default/pods"


async def _create(api: Api, name: str, *, cpu: str = "0", **spec: Any) -> None:
    container = {"name": "main", "image": "x", "resources": {"requests": {"cpu": cpu}}}
    await api.request("POST", PODS, body={"metadata": {"name": name}, "spec": {"containers": [container], **spec}})


async def _until_told(embedded: EmbeddedCluster, name: str) -> str:
    """Return what is said of a pod that is not scheduled."""
    async with asyncio.timeout(10.0):
        while True:
            pod = msgspec.json.decode(await embedded.api.request("GET", f"{PODS}/{name}"))
            if pod["status"].get("conditions") and not embedded.busy():
                (condition,) = pod["status"]["conditions"]
                assert condition["status"] == "False"
                return str(condition["message"])
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("spec", "what"),
    [
        (
            {
                "affinity": {
                    "podAntiAffinity": {
                        "requiredDuringSchedulingIgnoredDuringExecution": [
                            {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"a": "b"}}}
                        ]
                    }
                }
            },
            "pod anti-affinity",
        ),
        (
            {"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]},
            "volumes of type persistentVolumeClaim",
        ),
    ],
)
async def test_a_pod_that_asks_for_what_is_not_done_stays_pending_and_is_told_so(
    embedded: EmbeddedCluster, spec: dict[str, Any], what: str
) -> None:
    await _create(embedded.api, "odd", **spec)
    assert await _until_told(embedded, "odd") == f"the embedded scheduler does not do {what}"


async def test_nobody_is_evicted_and_that_is_said(embedded: EmbeddedCluster) -> None:
    for name in ("low-0", "low-1"):
        await _create(embedded.api, name, cpu="90")
    await _create(embedded.api, "high", cpu="90", priorityClassName="system-cluster-critical")
    message = await _until_told(embedded, "high")
    assert message.startswith("0/2 nodes are available: 2 Insufficient cpu.")
    assert message.endswith("; the embedded scheduler does not preempt")


async def test_a_pod_that_is_no_longer_there_leaves_nothing_to_do(embedded: EmbeddedCluster) -> None:
    await _create(embedded.api, "waiting", cpu="500")
    await _until_told(embedded, "waiting")
    await embedded.api.request("DELETE", f"{PODS}/waiting", query={"gracePeriodSeconds": "0"})
    async with asyncio.timeout(10.0):
        while embedded.busy():  # noqa: ASYNC110  what is waited for happens in many ways
            await asyncio.sleep(0.01)
    assert not embedded.ended()


def test_a_configuration_that_is_not_done_is_refused_at_once(embedded_api: Api) -> None:
    with pytest.raises(Unsupported):
        Scheduler(embedded_api, {"kind": "KubeSchedulerConfiguration", "parallelism": 4})


@pytest.fixture
def embedded_api(embedded: EmbeddedCluster) -> Api:
    return embedded.api
