"""How long until inference runs on 500 full nodes of 8 GPUs, through the real kube-scheduler?

The cluster is made of KWOK nodes, and 4,000 train pods of a GPU each hold all of it, beyond the quota of their project.
First one pod of one GPU comes, a few times, each when the one before it runs; then pods that need a whole node each.
What is measured is the time from the first request that creates a pod to the binding of the last, and the CPU time of
extender and kube-scheduler for it. Evicted pods are gone at once, as KWOK plays them, and nobody makes them anew.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from statistics import mean
from typing import TYPE_CHECKING, Any

from deploy.local import ClusterSpec, LocalCluster
from tests.benchmarks.binding_burst import cpu_of
from tests.e2e import gangs, pods
from tests.e2e.preempting import promised, serving, tune
from tests.e2e.test_projects import of_kind, project

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

GPUS, SINGLE = 8, 5
_SERVED = ("extender", "scheduler")


@dataclass(frozen=True, slots=True)
class Found:
    """Seconds until all ran, how many train pods left for it, and the CPU seconds of extender and kube-scheduler."""

    seconds: float
    left: int
    cpu_s: tuple[float, ...]


def table(progress: Callable[[str], None], nodes: int = 500) -> list[str]:
    """Return the lines of the table, the last one about how they were measured."""
    spec = ClusterSpec(
        name="bars-preemption-scale", nodes=nodes, gpus_per_node=GPUS, prometheus=False, default_scheduler=False
    )
    large = nodes // 2
    with LocalCluster.start(spec, progress=progress) as cluster:
        tune(cluster)
        cluster.start_extender()
        for name in ("serving", "training"):
            pods.create_namespace(cluster, name)
        serving(cluster, "serving", nodes * GPUS, project("training", 0, "training"))
        train = [of_kind("train", pods.pod(f"t{number:04}", gpus=1)) for number in range(nodes * GPUS)]
        pods.create(cluster, "training", train)
        took = pods.wait_until("all train runs", lambda: pods.holdings(cluster)["bound"] >= len(train), 1800.0, 1.0)
        progress(f"{len(train)} train pods run after {took:.0f} s")
        single = []
        for number in range(SINGLE):
            single.append(_served(cluster, [pods.pod(f"small-{number}", gpus=1)]))
            progress(f"1 pod of 1 GPU: {single[-1]}")
        many = _served(cluster, [pods.pod(f"large-{number}", gpus=GPUS) for number in range(large)])
        progress(f"{large} pods of {GPUS} GPUs: {many}")
    each = Found(
        mean(one.seconds for one in single),
        sum(one.left for one in single),
        tuple(mean(values) for values in zip(*(one.cpu_s for one in single), strict=True)),
    )
    rows = (
        (f"one pod of one GPU (mean of {SINGLE}; left: in all)", each, "13.9"),
        (f"{large} pods of {GPUS} GPUs each", many, "102"),
    )
    return [
        "| | all bound after, s | train pods that left | CPU, s: extender | kube-scheduler | published of KAI, s |",
        "|---|---:|---:|---:|---:|---:|",
        *(
            f"| {title} | {one.seconds:.1f} | {one.left} | {one.cpu_s[0]:.1f} | {one.cpu_s[1]:.1f} | {published} |"
            for title, one, published in rows
        ),
        "",
        f"One run; {nodes} KWOK nodes of {GPUS} GPUs, preemption-delay 0s; etcd and API server on the same cores.",
    ]


def _served(cluster: LocalCluster, wanted: Sequence[dict[str, Any]]) -> Found:
    """Create inference pods, and wait until all of them are bound."""
    train = pods.holdings(cluster)["bound"]
    served = len(gangs.bound(cluster, "serving"))
    before = [cpu_of(cluster.pid(name)) for name in _SERVED]
    began = time.monotonic()
    pods.create(cluster, "serving", [of_kind("inference", one) for one in wanted])
    want = served + len(wanted)
    pods.wait_until("all bound", lambda: len(gangs.bound(cluster, "serving")) == want, 1800.0)
    seconds = time.monotonic() - began
    spent = tuple(cpu_of(cluster.pid(name)) - was for name, was in zip(_SERVED, before, strict=True))
    pods.wait_until("nothing is promised", lambda: promised(cluster) == 0)
    left = train + len(wanted) - pods.holdings(cluster)["bound"]
    return Found(seconds, left, spent)
