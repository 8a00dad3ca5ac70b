"""What do the end-to-end tests say to the cluster, and how do they read what became of it?"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import threading
import time
import urllib.request
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import msgspec

from kube.client import MERGE_PATCH
from kube.gpus import GpuAnnotations, placement_in
from kube.objects import Deployment, Event, ObjectList, Pod

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from deploy.local import LocalCluster
    from kube.client import Api

Device = tuple[str, str]
_HOLDINGS = re.compile(r'^plimsoll_extender_holdings\{state="(\w+)"\} (\S+)$', re.MULTILINE)


def pod(name: str, annotations: dict[str, str] | None = None, *, gpus: int = 0) -> dict[str, Any]:
    """Return a pod as a user writes it."""
    limits = {"nvidia.com/gpu": str(gpus)} if gpus else {}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "annotations": annotations or {}},
        "spec": {
            "containers": [{"name": "main", "image": "model-server", "resources": {"limits": limits}}],
            "terminationGracePeriodSeconds": 0,
        },
    }


def fraction(name: str, share: str) -> dict[str, Any]:
    """Return a pod that asks for a share of a GPU."""
    return pod(name, {"gpu-fraction": share})


def create_namespace(cluster: LocalCluster, name: str) -> None:
    """Create a namespace that opts in."""

    async def work(api: Api) -> None:
        labels = {"plimsoll.dev/managed": "true"}
        await api.request("POST", "/api/v1/namespaces", body={"metadata": {"name": name, "labels": labels}})

    cluster.call(work)


def create(cluster: LocalCluster, namespace: str, pods: Sequence[dict[str, Any]]) -> None:
    """Create pods, sixteen at a time."""
    cluster.call(lambda api: create_at_once(api, namespace, pods))


async def create_at_once(api: Api, namespace: str, pods: Sequence[dict[str, Any]]) -> None:
    """Create pods, sixteen at a time."""
    waiting = list(reversed(pods))

    async def work() -> None:
        while waiting:
            await api.request("POST", f"/api/v1/namespaces/{namespace}/pods", body=waiting.pop(), timeout_s=60.0)

    await asyncio.gather(*(work() for _ in range(16)))


@contextlib.contextmanager
def creating(
    cluster: LocalCluster, namespace: str, pods: Sequence[dict[str, Any]], held_back: int
) -> Iterator[Callable[[], None]]:
    """Create pods while the block runs, the last `held_back` only once it calls what it is given, or ends.

    Whatever happens before that call happens while pods are being placed, on the slowest machine too.
    """
    let_go = threading.Event()

    def work() -> None:
        create(cluster, namespace, pods[:-held_back])
        let_go.wait()
        create(cluster, namespace, pods[-held_back:])

    with ThreadPoolExecutor(max_workers=1) as aside:
        done = aside.submit(work)
        try:
            yield let_go.set
        finally:
            let_go.set()
        done.result()


def delete(cluster: LocalCluster, namespace: str, name: str) -> None:
    """Delete a pod at once."""

    async def work(api: Api) -> None:
        path = f"/api/v1/namespaces/{namespace}/pods/{name}"
        await api.request("DELETE", path, query={"gracePeriodSeconds": "0"})

    cluster.call(work)


def empty(cluster: LocalCluster, namespace: str) -> None:
    """Delete all pods of a namespace at once, and wait until they are gone."""

    async def work(api: Api) -> None:
        path = f"/api/v1/namespaces/{namespace}/pods"
        await api.request("DELETE", path, query={"gracePeriodSeconds": "0"}, timeout_s=60.0)

    cluster.call(work)
    wait_until("no pod left", lambda: not pods_of(cluster, namespace))


def patch(cluster: LocalCluster, path: str, body: dict[str, Any]) -> None:
    """Send a merge patch."""

    async def work(api: Api) -> None:
        await api.request("PATCH", path, body=body, content_type=MERGE_PATCH)

    cluster.call(work)


def pods_of(cluster: LocalCluster, namespace: str | None = None) -> list[Pod]:
    """Return the pods of a namespace, or of the whole cluster."""
    path = f"/api/v1/namespaces/{namespace}/pods" if namespace else "/api/v1/pods"
    return _list(cluster, path, Pod)


def events_about(cluster: LocalCluster, namespace: str, name: str) -> list[Event]:
    """Return the Events about one object."""
    return [event for event in events(cluster, namespace) if event.involved_object.name == name]


def events(cluster: LocalCluster, namespace: str) -> list[Event]:
    """Return the Events of a namespace."""
    return _list(cluster, f"/api/v1/namespaces/{namespace}/events", Event)


def replicas(cluster: LocalCluster, namespace: str, name: str) -> int:
    """Return the replicas that a Deployment asks for."""

    async def work(api: Api) -> bytes:
        return await api.request("GET", f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}")

    return msgspec.json.decode(cluster.call(work), type=Deployment).spec.replicas or 0


def decisions(cluster: LocalCluster) -> list[dict[str, Any]]:
    """Return the standing decisions as the autoscaler tells them."""
    with urllib.request.urlopen(f"{cluster.autoscaler_url}/decisions") as answer:  # noqa: S310  our own loopback address
        found: list[dict[str, Any]] = json.loads(answer.read())["workloads"]
    return found


def placed(pods: Sequence[Pod]) -> dict[str, tuple[Device, ...]]:
    """Return the devices of each bound pod, by name."""
    found = {}
    for one in pods:
        placement = placement_in(GpuAnnotations.of(one.metadata.annotations))
        if one.spec.node_name and placement:
            found[one.metadata.name] = tuple((one.spec.node_name, device) for device in placement.devices)
    return found


def used(cluster: LocalCluster) -> Counter[Device]:
    """Return the milli-GPU in use of every device of the cluster, as the pods' own annotations say."""
    milli: Counter[Device] = Counter()
    for one in pods_of(cluster):
        placement = placement_in(GpuAnnotations.of(one.metadata.annotations))
        if one.spec.node_name and placement:
            for device in placement.devices:
                milli[one.spec.node_name, device] += placement.milli
    return milli


def holdings(cluster: LocalCluster) -> dict[str, int]:
    """Return how many pods the extender holds devices for, by the state of the holding: by its own metrics."""
    with urllib.request.urlopen(f"{cluster.extender_url}/metrics", timeout=30.0) as answer:  # noqa: S310  loopback
        return {state: int(float(count)) for state, count in _HOLDINGS.findall(answer.read().decode())}


def stall_midway(cluster: LocalCluster, namespace: str, wanted: Sequence[dict[str, Any]], first: int) -> None:
    """Freeze the API server when the `first` of these pods are bound and bindings of others are on their way to it."""
    create(cluster, namespace, wanted[:first])
    wait_bound(cluster, namespace, first)
    cluster.pause("scheduler")
    create(cluster, namespace, wanted[first:])
    time.sleep(1.0)  # by then the API server has told the scheduler of some of them, which it reads when it goes on
    cluster.pause("kube-apiserver")
    cluster.resume("scheduler")
    wait_until("bindings under way", lambda: holdings(cluster)["binding"] > 0, every_s=0.01)


def forget_what_ran(cluster: LocalCluster) -> None:
    """Begin with an extender that knows no pod but those to come: where they go depends on the pods that came."""
    wait_until("no pod on any device", lambda: not used(cluster))
    cluster.stop("extender")
    cluster.start_extender()


def wait_until(what: str, true: Callable[[], bool], seconds: float = 90.0, every_s: float = 0.1) -> float:
    """Wait until something holds, which takes its time on a busy machine; return how long it took."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < seconds, f"waited {seconds:g} s in vain: {what}"
        time.sleep(every_s)
    return time.monotonic() - began


def wait_bound(
    cluster: LocalCluster, namespace: str, count: int, seconds: float = 90.0
) -> dict[str, tuple[Device, ...]]:
    """Wait until `count` pods of a namespace are placed; return their devices."""
    wait_until(f"{count} pods placed", lambda: len(placed(pods_of(cluster, namespace))) >= count, seconds)
    return placed(pods_of(cluster, namespace))


def _list(cluster: LocalCluster, path: str, kind: type[Any]) -> list[Any]:
    async def work(api: Api) -> bytes:
        return await api.request("GET", path)

    found: list[Any] | None = msgspec.json.decode(cluster.call(work), type=ObjectList[kind]).items  # type: ignore[valid-type]
    return found or []
