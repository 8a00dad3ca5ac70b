"""Does the extender's memory stay flat while pods come and go for half an hour?

Twenty pods a second, each there for twenty seconds: most run to their end and are deleted then, some are deleted while
they run, and one in a hundred asks for more than there is. `python -m tests.benchmarks.churning MINUTES` prints the
table of another length.
"""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from deploy.local import ClusterSpec, LocalCluster
from kube.client import ApiError
from kube.objects import Pod
from kube.watch import Gone, Put, Relisted, watch
from tests.e2e import pods as e2e

if TYPE_CHECKING:
    from collections.abc import Callable

    from kube.client import Api

_MINUTES, _A_SECOND, _STAYS_S = 30.0, 20, 20.0
_NODES, _GPUS_PER_NODE = 40, 8
_EVERY_S = 10.0
_NAMESPACE = "churn"
_SHARES = ("0.1", "0.25", "0.3", "0.2", "0.5")
_ENDS_BY_ITSELF = {"pod-complete.stage.kwok.x-k8s.io/delay": "8s"}


@dataclass(slots=True)
class _Churn:
    """Pods that are there, by name, and whether each is bound; what became of those that are gone; memory over time."""

    extender: int
    bound: dict[str, bool] = field(default_factory=dict)
    placed: int = 0
    not_placed: int = 0
    refused: int = 0
    failures: int = 0
    samples: list[tuple[float, float]] = field(default_factory=list)
    """Seconds since the start, and MB that the extender has resident."""

    def ended(self, name: str) -> None:
        """Count a pod that is about to be deleted."""
        bound = self.bound.pop(name)
        if _fits(name):
            self.placed += bound
            self.not_placed += not bound
        else:
            self.refused += not bound
            self.failures += bound


def table(progress: Callable[[str], None], minutes: float = _MINUTES) -> list[str]:
    """Return the lines of the table, the last one about how they were measured."""
    spec = ClusterSpec(
        name="bars-churn", nodes=_NODES, gpus_per_node=_GPUS_PER_NODE, prometheus=False, default_scheduler=False
    )
    with LocalCluster.start(spec, progress=progress) as cluster:
        cluster.start_extender()
        e2e.create_namespace(cluster, _NAMESPACE)
        pid = cluster.pid("extender")
        assert pid is not None
        churn = _Churn(pid)
        cluster.call(lambda api: _run(api, churn, minutes * 60.0, progress))
        assert cluster.pid("extender") == pid
        fullest = max(e2e.used(cluster).values(), default=0)
    seconds, megabytes = (np.array(column) for column in zip(*churn.samples, strict=True))
    at = [float(np.interp(part * minutes * 60.0, seconds, megabytes)) for part in (0.0, 0.1, 0.5, 1.0)]
    memory = ", ".join(f"{one:.1f}" for one in at)
    later = seconds >= minutes * 30.0
    slope = float(np.polyfit(seconds[later], megabytes[later], 1)[0]) * 3600.0
    return [
        "| | |",
        "|---|---|",
        f"| memory of the extender (RSS), MB: at first, after 10 %, 50 %, at the end | {memory} |",
        f"| slope over the second half, MB an hour | {slope:+.1f} |",
        f"| pods placed | {churn.placed} |",
        f"| pods not placed within {_STAYS_S:g} s | {churn.not_placed} |",
        f"| pods refused that ask for more than there is | {churn.refused} |",
        f"| requests of the measuring program that failed, pods placed that do not fit | {churn.failures} |",
        f"| fullest device at the end, milli-GPU | {fullest} |",
        "",
        f"{minutes:g} minutes, {_A_SECOND} pods a second, {_NODES} nodes of {_GPUS_PER_NODE} GPUs.",
    ]


async def _run(api: Api, churn: _Churn, seconds: float, progress: Callable[[str], None]) -> None:
    beside = [asyncio.create_task(_follow(api, churn)), asyncio.create_task(_sample(churn, progress))]
    began = time.monotonic()
    number = 0
    async with asyncio.TaskGroup() as lives:
        while (due := began + number / _A_SECOND) < began + seconds:
            await asyncio.sleep(due - time.monotonic())
            lives.create_task(_live(api, churn, number))
            number += 1
    for task in beside:
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            task.result()


async def _live(api: Api, churn: _Churn, number: int) -> None:
    pod = _pod(number)
    name, path = pod["metadata"]["name"], f"/api/v1/namespaces/{_NAMESPACE}/pods"
    churn.bound[name] = False
    try:
        await api.request("POST", path, body=pod)
        await asyncio.sleep(_STAYS_S)
        churn.ended(name)
        await api.request("DELETE", f"{path}/{name}", query={"gracePeriodSeconds": "0"})
    except ApiError:
        churn.failures += 1


async def _follow(api: Api, churn: _Churn) -> None:
    async for change in watch(api, f"/api/v1/namespaces/{_NAMESPACE}/pods", Pod):
        match change:
            case Relisted(objects):
                seen = objects
            case Put(pod):
                seen = (pod,)
            case Gone():
                continue
        churn.bound |= {
            pod.metadata.name: True for pod in seen if pod.spec.node_name and pod.metadata.name in churn.bound
        }


async def _sample(churn: _Churn, progress: Callable[[str], None]) -> None:
    began = time.monotonic()
    while True:
        churn.samples.append((time.monotonic() - began, _resident_mb(churn.extender)))
        if len(churn.samples) % 6 == 1:
            progress(f"{churn.samples[-1][0]:5.0f} s: {churn.samples[-1][1]:.1f} MB, {churn.placed} pods placed")
        await asyncio.sleep(_EVERY_S)


def _pod(number: int) -> dict[str, Any]:
    name = f"p{number}"
    if not _fits(name):
        return e2e.pod(name, gpus=_GPUS_PER_NODE + 1)
    by_itself = {} if number % 4 == 0 else _ENDS_BY_ITSELF
    return e2e.pod(name, {"gpu-fraction": _SHARES[number % len(_SHARES)]} | by_itself)


def _fits(name: str) -> bool:
    return not name.endswith("99")


def _resident_mb(pid: int) -> float:
    resident = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS:"))
    return int(resident.split()[1]) * 1024 / 1e6


if __name__ == "__main__":
    print("\n".join(table(lambda line: print(line, flush=True), float(sys.argv[1]))))
