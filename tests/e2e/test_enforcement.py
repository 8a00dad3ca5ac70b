"""Shares go where the node enforces them, and the node reads to the letter what to enforce: a real control plane."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import grpc
import msgspec
import pytest

from deploy.local import nodes
from extender.v1 import extender_pb2 as v1
from extender.v1 import extender_pb2_grpc as service
from kube.objects import Node
from tests.e2e import impersonation, pods
from tests.e2e.impersonation import Someone
from tests.e2e.test_gpus import devices

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deploy.local import LocalCluster
    from kube.client import Api
    from kube.objects import Pod

CONFIGURATION = "/api/v1/namespaces/plimsoll-system/configmaps/config-extender"
READY, LOCK = "gpu-fractioning.nvidia.com/Ready", "hami.io/mutex.lock"
FIRST, SECOND = "GPU-8dcd427f-483b-b48f-d7e5-75fb19a52b76", "GPU-ebe7c3f7-303d-558d-435e-99a160631fe4"
# As HAMi's device plugin writes it: pkg/device/devices.go, EncodeNodeDevices.
REGISTERED = "".join(
    f"{uuid},10,81920,100,NVIDIA-A100-SXM4-80GB,0,true,{i},hami-core:" for i, uuid in enumerate((FIRST, SECOND))
)
STRATEGIC = "application/strategic-merge-patch+json"


@pytest.fixture(scope="module", autouse=True)
def enforcing(cluster: LocalCluster) -> Iterator[None]:
    """Nodes with NvFractions, with HAMi and with nothing, and an extender that gives no share to the last."""
    if cluster.pid("extender") is None:
        cluster.start_extender()
    configure(cluster, "auto")
    made = []
    for name in ("nvfractions", "hami", "bare"):
        node = nodes.gpu_node(name, gpus=2, product="NVIDIA-A100-SXM4-80GB", memory_mib=81920)
        if name == "hami":
            node["metadata"]["annotations"]["hami.io/node-nvidia-register"] = REGISTERED
            for room in (node["status"]["capacity"], node["status"]["allocatable"]):
                room["nvidia.com/gpu"] = "20"
        made.append(node)
    cluster.call(lambda api: nodes.create(api, made))
    condition(cluster, "True")
    yield
    cluster.call(lambda api: forget(api, [node["metadata"]["name"] for node in made]))
    configure(cluster, "none")


async def forget(api: Api, names: list[str]) -> None:
    for name in names:
        await api.request("DELETE", f"/api/v1/nodes/{name}")


def configure(cluster: LocalCluster, enforcement: str) -> None:
    pods.patch(cluster, CONFIGURATION, {"data": {"enforcement": enforcement}})


def condition(cluster: LocalCluster, status: str) -> None:
    """Say of the node nvfractions what its operator says."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    one = {"type": READY, "status": status, "reason": "Tested", "lastTransitionTime": now, "lastHeartbeatTime": now}

    async def say(api: Api) -> None:
        path = "/api/v1/nodes/nvfractions/status"
        await api.request("PATCH", path, body={"status": {"conditions": [one]}}, content_type=STRATEGIC)

    cluster.call(say)


def on(node: str, name: str, annotations: dict[str, str] | None = None, *, gpus: int = 0) -> dict[str, Any]:
    pod = pods.pod(name, annotations or ({} if gpus else {"gpu-fraction": "0.5"}), gpus=gpus)
    pod["spec"]["nodeSelector"] = {"kubernetes.io/hostname": node}
    return pod


def by_hami(name: str, **more: str) -> dict[str, Any]:
    keys = {"gpu-fraction": "0.5", "plimsoll.dev/enforcement": "hami"}
    return on("hami", name, keys | {key.replace("_", "-"): value for key, value in more.items()})


def read(cluster: LocalCluster, namespace: str, name: str) -> Pod:
    return next(pod for pod in pods.pods_of(cluster, namespace) if pod.metadata.name == name)


def written(cluster: LocalCluster, namespace: str, name: str) -> dict[str, str]:
    """Return what stands on a pod beside what its user wrote, and what woke it."""
    found = read(cluster, namespace, name).metadata.annotations or {}
    return {key: value for key, value in found.items() if not key.startswith("gpu-") and key != "plimsoll.dev/retry"}


def waits_for(cluster: LocalCluster, namespace: str, name: str, sentence: str, reason: str = "WaitsForGPU") -> None:
    pods.wait_until(
        f"an Event on {name}: {sentence}",
        lambda: any(
            event.reason == reason and sentence in event.message
            for event in pods.events_about(cluster, namespace, name)
        ),
    )


def why_no_more(cluster: LocalCluster, namespace: str) -> str:
    """Return why the extender would place no more shares than it says."""
    shape = v1.PodShape(namespace=namespace, pod_json=json.dumps(on("nvfractions", "one")).encode())
    with grpc.insecure_channel(cluster.devices_address) as channel:
        reason: str = service.ExtenderStub(channel).Fits(v1.FitsRequest(shape=shape, most=100)).reason
    return reason


def lock(cluster: LocalCluster) -> str:
    async def work(api: Api) -> bytes:
        return await api.request("GET", "/api/v1/nodes/hami")

    return (msgspec.json.decode(cluster.call(work), type=Node).metadata.annotations or {}).get(LOCK, "")


def play_device_plugin(cluster: LocalCluster) -> None:
    """Do what HAMi's device plugin does at Allocate: strike out the devices of the lock's pod, and release the lock."""
    _, namespace, name = lock(cluster).split(",")

    plugin = Someone("system:serviceaccount:kube-system:hami-device-plugin", "system:masters")
    done = {"hami.io/vgpu-devices-to-allocate": ";", "hami.io/bind-phase": "success"}
    for path, keys in ((f"/api/v1/namespaces/{namespace}/pods/{name}", done), ("/api/v1/nodes/hami", {LOCK: None})):
        status, body = impersonation.ask(cluster, plugin, "PATCH", path, {"metadata": {"annotations": keys}})
        assert status == 200, body


def test_nvfractions_is_told_devices_and_memory_of_the_container(cluster: LocalCluster, managed_namespace: str) -> None:
    pods.create(cluster, managed_namespace, [on("nvfractions", "half")])
    ((_, device),) = pods.wait_bound(cluster, managed_namespace, 1)["half"]
    assert written(cluster, managed_namespace, "half") == {
        "plimsoll.dev/devices": device,
        "plimsoll.dev/gpu-milli": "500",
        "nvidia.com/container.main.gpus.devices": device,
        "nvidia.com/container.main.gpu-memory.request": "40960Mi",
        "nvidia.com/container.main.gpu-memory.limit": "40960Mi",
    }


def test_nvfractions_is_told_mib_as_they_were_asked_for_and_whole_gpus_whole(
    cluster: LocalCluster, managed_namespace: str
) -> None:
    pods.create(cluster, managed_namespace, [on("nvfractions", "mib", {"gpu-memory": "4096"})])
    pods.wait_bound(cluster, managed_namespace, 1)
    assert written(cluster, managed_namespace, "mib")["nvidia.com/container.main.gpu-memory.limit"] == "4096Mi"
    pods.delete(cluster, managed_namespace, "mib")
    pods.create(cluster, managed_namespace, [on("nvfractions", "whole", gpus=2)])
    pods.wait_until("the whole one placed", lambda: "whole" in pods.placed(pods.pods_of(cluster, managed_namespace)))
    found = written(cluster, managed_namespace, "whole")
    assert found["nvidia.com/container.main.gpus.devices"] == found["plimsoll.dev/devices"] == "0,1"
    assert found["nvidia.com/container.main.gpu-memory.limit"] == "81920Mi"


def test_a_share_waits_where_nothing_enforces_it_and_is_placed_once_the_operator_allows_it(
    cluster: LocalCluster, managed_namespace: str
) -> None:
    pods.create(cluster, managed_namespace, [on("bare", "share"), on("bare", "whole", gpus=1)])
    assert set(pods.wait_bound(cluster, managed_namespace, 1)) == {"whole"}
    waits_for(cluster, managed_namespace, "share", "1 node: nothing enforces a share there")
    configure(cluster, "none")
    try:
        assert set(pods.wait_bound(cluster, managed_namespace, 2)) == {"whole", "share"}
    finally:
        configure(cluster, "auto")
    assert written(cluster, managed_namespace, "share").keys() == {"plimsoll.dev/devices", "plimsoll.dev/gpu-milli"}


def test_a_node_that_is_not_ready_to_enforce_any_more_takes_no_new_share(
    cluster: LocalCluster, managed_namespace: str
) -> None:
    pods.create(cluster, managed_namespace, [on("nvfractions", "before")])
    before = pods.wait_bound(cluster, managed_namespace, 1)
    condition(cluster, "False")
    try:
        pods.wait_until("the extender knows", lambda: f"{READY} is False" in why_no_more(cluster, managed_namespace))
        pods.create(cluster, managed_namespace, [on("nvfractions", "after")])
        why = f"1 node: nothing enforces a share there: its condition {READY} is False"
        waits_for(cluster, managed_namespace, "after", why)
        assert pods.placed(pods.pods_of(cluster, managed_namespace)) == before
    finally:
        condition(cluster, "True")
    assert set(pods.wait_bound(cluster, managed_namespace, 2)) == {"before", "after"}


def test_hami_is_told_all_that_its_device_plugin_looks_for(cluster: LocalCluster, managed_namespace: str) -> None:
    pods.create(cluster, managed_namespace, [by_hami("half", gpu_fraction_num_devices="2")])
    pods.wait_bound(cluster, managed_namespace, 1)
    found = written(cluster, managed_namespace, "half")
    assert abs(int(found.pop("hami.io/vgpu-time")) - time.time()) < 600
    assert abs(int(found.pop("hami.io/bind-time")) - time.time()) < 600
    given = f"{FIRST},NVIDIA,40960,50:{SECOND},NVIDIA,40960,50:;"
    assert found == {
        "plimsoll.dev/enforcement": "hami",
        "plimsoll.dev/devices": f"{FIRST},{SECOND}",
        "plimsoll.dev/gpu-milli": "500",
        "hami.io/vgpu-node": "hami",
        "hami.io/vgpu-devices-to-allocate": given,
        "hami.io/vgpu-devices-allocated": given,
        "hami.io/bind-phase": "allocating",
    }
    (container,) = read(cluster, managed_namespace, "half").spec.containers
    assert container.resources is not None
    assert container.resources.limits == {"plimsoll.dev/gpu": "1", "nvidia.com/gpu": "2"}
    assert lock(cluster).endswith(f",{managed_namespace},half")
    play_device_plugin(cluster)


def test_a_share_without_the_annotation_waits_at_hamis_node(cluster: LocalCluster, managed_namespace: str) -> None:
    pods.create(cluster, managed_namespace, [on("hami", "share")])
    waits_for(cluster, managed_namespace, "share", "only of pods with the annotation plimsoll.dev/enforcement: hami")


def test_hamis_device_plugin_is_given_one_pod_at_a_time(cluster: LocalCluster, managed_namespace: str) -> None:
    pods.create(cluster, managed_namespace, [by_hami("first"), by_hami("second")])
    (first,) = pods.wait_bound(cluster, managed_namespace, 1)
    second = {"first": "second", "second": "first"}[first]
    why = f"HAMi's device plugin is giving pod {managed_namespace}/{first} its devices there"
    waits_for(cluster, managed_namespace, second, why, "FailedScheduling")
    assert set(pods.placed(pods.pods_of(cluster, managed_namespace))) == {first}
    play_device_plugin(cluster)
    placed = pods.wait_bound(cluster, managed_namespace, 2)
    assert placed["first"] == placed["second"] == (("hami", FIRST),)
    assert lock(cluster).endswith(f",{managed_namespace},{second}")
    play_device_plugin(cluster)


def test_a_pod_that_hami_enforces_counts_once_also_after_a_restart(
    cluster: LocalCluster, managed_namespace: str
) -> None:
    pods.create(cluster, managed_namespace, [by_hami("counted")])
    pods.wait_bound(cluster, managed_namespace, 1)
    play_device_plugin(cluster)
    cluster.stop("extender")
    cluster.start_extender()
    (device,) = [one for one in devices(cluster) if one["name"] == FIRST]
    assert device["free_milli"] == 500
    assert [(held["name"], held["milli"]) for held in device["holdings"]] == [("counted", 500)]
