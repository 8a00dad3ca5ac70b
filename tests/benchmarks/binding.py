"""How many pods a second does kube-scheduler bind with the extender, and how many without any?

Both arms in the same run, in turn: the same stock kube-scheduler, the same settings, the same pods but for the GPU
share; each burst is created while its scheduler is paused, so that creating costs neither arm anything. A rate is pods
divided by the time from the scheduler's awakening to the last pod's binding, as a watch sees it.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

from deploy.local import ClusterSpec, LocalCluster
from kube.objects import Pod
from kube.watch import Gone, Put, Relisted, watch
from tests.e2e import pods as e2e

if TYPE_CHECKING:
    from collections.abc import Callable

    from kube.client import Api

NODES, GPUS_PER_NODE, PODS, ROUNDS = 100, 8, 500, 5


@dataclass(frozen=True, slots=True)
class Arm:
    """One way to bind: which scheduler's process, and what its pods ask for."""

    title: str
    scheduler: str
    namespace: str
    labels: dict[str, str]
    annotations: dict[str, str]


WITH = Arm("with the extender", "scheduler", "with", {"plimsoll.dev/managed": "true"}, {"gpu-fraction": "0.25"})
WITHOUT = Arm("without any extender", "default-scheduler", "without", {}, {})


@dataclass(frozen=True, slots=True)
class Rates:
    """Pods bound per second, one a round, and the milli-GPU of the fullest device after any burst."""

    with_extender: tuple[float, ...]
    without: tuple[float, ...]
    fullest: int

    @property
    def ratio(self) -> float:
        """Return the median over the rounds of the rate with over the rate without."""
        return median(a / b for a, b in zip(self.with_extender, self.without, strict=True))


def table(progress: Callable[[str], None]) -> list[str]:
    """Return the lines of the table, the last one about how they were measured."""
    rates = measure(progress)
    return [
        "| | pods bound per second: median (least to most) |",
        "|---|---|",
        *(
            f"| {arm.title} | {median(rate):.0f} ({min(rate):.0f} to {max(rate):.0f}) |"
            for arm, rate in ((WITHOUT, rates.without), (WITH, rates.with_extender))
        ),
        f"| **with over without**, median of the rounds' ratios | **{rates.ratio:.2f}** |",
        f"| fullest device after any burst, milli-GPU | {rates.fullest} |",
        "",
        f"{ROUNDS} rounds of {PODS} pods, {NODES} nodes of {GPUS_PER_NODE} GPUs.",
    ]


def measure(progress: Callable[[str], None]) -> Rates:
    """Run all rounds on a cluster of their own."""
    spec = ClusterSpec(name="bars-binding", nodes=NODES, gpus_per_node=GPUS_PER_NODE, prometheus=False)
    with LocalCluster.start(spec, progress=progress) as cluster:
        cluster.start_extender()
        for arm in (WITH, WITHOUT):
            cluster.call(lambda api, arm=arm: _create_namespace(api, arm))  # type: ignore[misc]
        rates: dict[str, list[float]] = {WITH.title: [], WITHOUT.title: []}
        fullest = 0
        for number in range(-1, ROUNDS):  # the first round warms both up and does not count
            for arm in (WITH, WITHOUT):
                rate, full = _burst(cluster, arm)
                fullest = max(fullest, full)
                if number >= 0:
                    rates[arm.title].append(rate)
                    progress(f"round {number + 1} of {ROUNDS}, {arm.title}: {rate:.0f} pods/s")
        return Rates(tuple(rates[WITH.title]), tuple(rates[WITHOUT.title]), fullest)


def _burst(cluster: LocalCluster, arm: Arm) -> tuple[float, int]:
    """Return the rate of one burst, and the milli-GPU on its fullest device."""
    cluster.pause(arm.scheduler)
    try:
        cluster.call(lambda api: e2e.create_at_once(api, arm.namespace, [_pod(arm, i) for i in range(PODS)]))
    finally:
        began = time.monotonic()
        cluster.resume(arm.scheduler)
    ended = cluster.call(lambda api: _all_bound(api, arm))
    fullest = max(e2e.used(cluster).values(), default=0)
    cluster.call(lambda api: _empty(api, arm))
    return PODS / (ended - began), fullest


async def _all_bound(api: Api, arm: Arm) -> float:
    """Return the monotonic time at which the last pod was seen bound."""
    bound: set[str] = set()
    async with asyncio.timeout(300.0):
        async for change in watch(api, f"/api/v1/namespaces/{arm.namespace}/pods", Pod):
            seen = change.objects if isinstance(change, Relisted) else (change.object,)
            bound.update(pod.metadata.name for pod in seen if pod.spec.node_name)
            if len(bound) == PODS:
                break
    return time.monotonic()


async def _empty(api: Api, arm: Arm) -> None:
    """Delete all pods of an arm, and wait until they are gone."""
    path = f"/api/v1/namespaces/{arm.namespace}/pods"
    await api.request("DELETE", path, query={"gracePeriodSeconds": "0"}, timeout_s=60.0)
    left: set[str] = set()
    async with asyncio.timeout(300.0):
        async for change in watch(api, path, Pod):
            match change:
                case Relisted(objects):
                    left = {pod.metadata.uid for pod in objects}
                case Put(pod):
                    left.add(pod.metadata.uid)
                case Gone(pod):
                    left.discard(pod.metadata.uid)
            if not left:
                return


async def _create_namespace(api: Api, arm: Arm) -> None:
    body = {"metadata": {"name": arm.namespace, "labels": arm.labels}}
    await api.request("POST", "/api/v1/namespaces", body=body)


def _pod(arm: Arm, number: int) -> dict[str, Any]:
    pod = e2e.pod(f"p{number:03}", arm.annotations)
    pod["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "100m", "memory": "128Mi"}}
    return pod
