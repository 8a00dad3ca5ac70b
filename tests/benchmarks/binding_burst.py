"""How fast is one burst of pods bound, how long did each pod wait, and which process spent its CPU on it?"""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kube.objects import Pod
from kube.watch import Gone, Put, Relisted, watch
from tests.e2e import pods as e2e

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

    from deploy.local import LocalCluster
    from kube.client import Api

MEASURED = ("kube-scheduler", "extender", "kube-apiserver", "etcd", "all others")
"""The processes whose CPU is told; the others are KWOK, the controllers, an idle scheduler, the measuring program."""

_LONGEST_S = 600.0
_TICKS = os.sysconf("SC_CLK_TCK")
_SCHEDULERS = ("scheduler", "default-scheduler")
_OTHERS = ("kube-controller-manager", "kwok", *_SCHEDULERS)


@dataclass(frozen=True, slots=True)
class Ground:
    """Where pods are created, and which scheduler's process binds them."""

    cluster: LocalCluster
    api: Api
    scheduler: str
    namespace: str


@dataclass(frozen=True, slots=True)
class Burst:
    """Pods per second; how many seconds each waited from its creation to its Binding; seconds of CPU by process."""

    rate: float
    waited: tuple[float, ...]
    cpu_s: dict[str, float]


@dataclass(slots=True)
class _Sights:
    """When a watch first showed each pod, and first showed it bound."""

    created: dict[str, float] = field(default_factory=dict)
    bound: dict[str, float] = field(default_factory=dict)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, pods: Iterable[Pod]) -> None:
        now = time.monotonic()
        for pod in pods:
            name = pod.metadata.name
            self.created.setdefault(name, now)
            if pod.spec.node_name:
                self.bound.setdefault(name, now)
        self.changed.set()

    async def until(self, sights: dict[str, float], count: int) -> None:
        async with asyncio.timeout(_LONGEST_S):
            while len(sights) < count:
                self.changed.clear()
                await self.changed.wait()

    def waited(self) -> tuple[float, ...]:
        return tuple(at - self.created[name] for name, at in self.bound.items())


async def at_once(ground: Ground, pods: Sequence[dict[str, Any]]) -> Burst:
    """Create all pods while the scheduler is paused, and let it go on."""
    async with _watched(ground) as sights:
        ground.cluster.pause(ground.scheduler)
        try:
            await e2e.create_at_once(ground.api, ground.namespace, pods)
            await sights.until(sights.created, len(pods))
        finally:
            before, began = _cpu_s(ground), time.monotonic()
            ground.cluster.resume(ground.scheduler)
        await sights.until(sights.bound, len(pods))
        return _burst(sights, began, before, _cpu_s(ground))


async def at_a_pace(ground: Ground, pods: Sequence[dict[str, Any]], a_second: int) -> Burst:
    """Create one pod after the other, `a_second` of them."""
    async with _watched(ground) as sights:
        before, began = _cpu_s(ground), time.monotonic()
        for number, pod in enumerate(pods):
            await asyncio.sleep(began + number / a_second - time.monotonic())
            await e2e.create_at_once(ground.api, ground.namespace, [pod])
        await sights.until(sights.bound, len(pods))
        return _burst(sights, began, before, _cpu_s(ground))


async def emptied(ground: Ground) -> None:
    """Delete all pods, and wait until they are gone."""
    api, path = ground.api, f"/api/v1/namespaces/{ground.namespace}/pods"
    await api.request("DELETE", path, query={"gracePeriodSeconds": "0"}, timeout_s=_LONGEST_S)
    left: set[str] = set()
    async with asyncio.timeout(_LONGEST_S):
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


@asynccontextmanager
async def _watched(ground: Ground) -> AsyncIterator[_Sights]:
    """Watch the pods as long as the block runs."""
    sights, listed = _Sights(), asyncio.Event()

    async def follow() -> None:
        async for change in watch(ground.api, f"/api/v1/namespaces/{ground.namespace}/pods", Pod):
            match change:
                case Relisted(objects):
                    sights.take(objects)
                    listed.set()
                case Put(pod):
                    sights.take([pod])
                case Gone(pod):
                    del pod

    following = asyncio.create_task(follow())
    try:
        await listed.wait()
        yield sights
    finally:
        following.cancel()
        await asyncio.wait([following])


def _burst(sights: _Sights, began: float, before: dict[str, float], after: dict[str, float]) -> Burst:
    spent = {name: after[name] - before[name] for name in after}
    return Burst(len(sights.bound) / (max(sights.bound.values()) - began), sights.waited(), spent)


def _cpu_s(ground: Ground) -> dict[str, float]:
    """Return the seconds of CPU of each process so far; "all others": the measuring program among them."""
    cluster, scheduler = ground.cluster, ground.scheduler
    others = sum(cpu_of(cluster.pid(name)) for name in _OTHERS if name != scheduler) + time.process_time()
    names = (scheduler, "extender", "kube-apiserver", "etcd")
    return dict(zip(MEASURED, (*(cpu_of(cluster.pid(name)) for name in names), others), strict=True))


def cpu_of(pid: int | None) -> float:
    """Return the seconds of CPU of a process, 0 where there is none."""
    if pid is None:
        return 0.0
    # proc(5): user and system time are the fourteenth and fifteenth fields, the name before may hold blanks.
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / _TICKS
