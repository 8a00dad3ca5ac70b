"""How long do 4,000 single pods and a gang of 512 take on 500 nodes of 8 GPUs, through the real kube-scheduler?

The cluster is made of KWOK nodes. What is measured is the time from the first request that creates a pod to the binding
of the last, creating them included, and the CPU time of extender and kube-scheduler for it. The gang comes first, and
goes.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deploy.local import ClusterSpec, LocalCluster
from tests.benchmarks.binding_burst import cpu_of
from tests.e2e import gangs, pods

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

NODES, GPUS, SINGLE, MEMBERS = 500, 8, 4000, 512
_SERVED = ("extender", "scheduler")


@dataclass(frozen=True, slots=True)
class Found:
    """Seconds until all were bound, and the CPU seconds of extender and kube-scheduler."""

    bound: int
    seconds: float
    cpu_s: tuple[float, ...]


def table(progress: Callable[[str], None]) -> list[str]:
    """Return the lines of the table, the last one about how they were measured."""
    spec = ClusterSpec(
        name="bars-gang-scale", nodes=NODES, gpus_per_node=GPUS, prometheus=False, default_scheduler=False
    )
    with LocalCluster.start(spec, progress=progress) as cluster:
        cluster.start_extender()
        gang = _bound(cluster, "gang", gangs.members("g", MEMBERS))
        progress(f"a gang of {MEMBERS}: {gang}")
        pods.empty(cluster, "gang")
        pods.wait_until("nothing is held", lambda: sum(pods.holdings(cluster).values()) == 0, 300.0)
        single = _bound(cluster, "single", [pods.pod(f"p{number:04}", gpus=1) for number in range(SINGLE)])
        progress(f"{SINGLE} single pods: {single}")
    rows = (("4,000 pods of one GPU each", single, "6 min 37 s"), ("a gang of 512 pods of one GPU each", gang, "49 s"))
    return [
        "| | all bound after, s | CPU of the extender, s | CPU of kube-scheduler, s | published of KAI |",
        "|---|---:|---:|---:|---:|",
        *(
            f"| {title} | {found.seconds:.1f} | {found.cpu_s[0]:.1f} | {found.cpu_s[1]:.1f} | {published} |"
            for title, found, published in rows
        ),
        "",
        f"One run; {NODES} KWOK nodes of {GPUS} GPUs, etcd and API server on the same cores.",
    ]


def _bound(cluster: LocalCluster, namespace: str, wanted: Sequence[dict[str, Any]]) -> Found:
    """Create pods in a namespace of their own, and wait until all are bound."""
    pods.create_namespace(cluster, namespace)
    before = [cpu_of(cluster.pid(name)) for name in _SERVED]
    began = time.monotonic()
    pods.create(cluster, namespace, wanted)
    pods.wait_until("all bound", lambda: pods.holdings(cluster)["bound"] >= len(wanted), 1800.0)
    seconds = time.monotonic() - began
    spent = tuple(cpu_of(cluster.pid(name)) - was for name, was in zip(_SERVED, before, strict=True))
    return Found(len(gangs.bound(cluster, namespace)), seconds, spent)
