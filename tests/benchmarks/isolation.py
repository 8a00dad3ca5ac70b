"""How fast are pods bound that need no GPU, while fifty GPU pods wait for an extender that is stopped?

Four arms on one cluster: our own kube-scheduler beside the default one; the default one with the extender behind it,
as deploy/overlays/shared-scheduler says, through the relay; the same without the relay; and that with the pods that
need no GPU above all others in priority (preempting nobody). In each the same pods are
created at the same pace before anything is wrong, and again right after the extender was stopped (SIGSTOP) and fifty
GPU pods were created that would fit. A wait is the time from the request that creates a pod until a watch shows it
bound.
"""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.local import ClusterSpec, LocalCluster, configurations
from tests.e2e import pods
from tests.e2e.sharing import GPU_PODS, SHARED, relay, shared, stopped_while_gpu_pods_wait, waits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kube.client import Api
    from tests.e2e.sharing import Waits

PODS, A_SECOND, NODES, GPUS_PER_NODE = 200, 10.0, 4, 4
_PLAIN, _GPUS, _ABOVE = "plain", "gpus", "above"


def table(progress: Callable[[str], None]) -> list[str]:
    """Return the lines of the table, the last one about how they were measured."""
    lines = [
        "| GPU pods are scheduled by | extender | create to bound, s: p50 | p99 | most | GPU pods bound meanwhile |",
        "|---|---|---:|---:|---:|---:|",
    ]
    spec = ClusterSpec(name="bars-isolation", nodes=NODES, gpus_per_node=GPUS_PER_NODE, prometheus=False)
    with LocalCluster.start(spec, progress=progress) as cluster:
        cluster.start_extender()
        pods.create_namespace(cluster, _PLAIN)
        pods.create_namespace(cluster, _GPUS)
        cluster.call(_create_class)
        for title, arm, priority_class in (
            ("our own kube-scheduler", contextlib.nullcontext(), ""),
            ("the shared one, through the relay", _relayed(cluster), ""),
            ("the shared one, directly", _direct(cluster), ""),
            ("the shared one, directly; the others rank above", _direct(cluster), _ABOVE),
        ):
            with arm:
                for line in _rows(cluster, title, priority_class):
                    progress(line)
                    lines.append(line)
    sentence = f"{PODS} pods without GPUs, {A_SECOND:g} a second, beside {GPU_PODS} GPU pods; {NODES} nodes."
    return [*lines, "", sentence]


def _rows(cluster: LocalCluster, title: str, priority_class: str) -> Iterator[str]:
    before = waits(cluster, _PLAIN, PODS, A_SECOND, priority_class)
    yield _row(title, "answers", before, "")
    with stopped_while_gpu_pods_wait(cluster, _GPUS):
        meanwhile = waits(cluster, _PLAIN, PODS, A_SECOND, priority_class)
        bound = sum(bool(one.spec.node_name) for one in pods.pods_of(cluster, _GPUS))
    yield _row(title, f"stopped, {GPU_PODS} GPU pods wait", meanwhile, str(bound))
    pods.wait_bound(cluster, _GPUS, GPU_PODS)
    pods.empty(cluster, _GPUS)


def _row(title: str, extender: str, found: Waits, bound: str) -> str:
    p50, p99, most = found.percentile(50), found.percentile(99), found.percentile(100)
    return f"| {title} | {extender} | {p50:.2f} | {p99:.2f} | {most:.2f} | {bound} |"


async def _create_class(api: Api) -> None:
    body = {"metadata": {"name": _ABOVE}, "value": 1000, "preemptionPolicy": "Never"}
    await api.request("POST", "/apis/scheduling.k8s.io/v1/priorityclasses", body=body)


@contextlib.contextmanager
def _relayed(cluster: LocalCluster) -> Iterator[None]:
    with tempfile.TemporaryDirectory() as logs, relay(cluster.extender_url, Path(logs) / "relay.log") as url:
        kubeconfig = cluster.kubeconfig(SHARED)
        with shared(cluster, configurations.shared_scheduler(kubeconfig=kubeconfig, relay_url=url)):
            yield


@contextlib.contextmanager
def _direct(cluster: LocalCluster) -> Iterator[None]:
    kubeconfig = cluster.kubeconfig(SHARED)
    url = cluster.extender_url
    with shared(cluster, configurations.direct_scheduler(kubeconfig=kubeconfig, extender_url=url, tls=None)):
        yield
