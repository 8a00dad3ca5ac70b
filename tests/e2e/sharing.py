"""How do pods without GPUs fare beside GPU pods? With a scheduler for each kind, and with one that both share."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import math
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deploy.local.ports import free_ports
from deploy.local.processes import write_json
from kube.objects import Pod
from kube.watch import Relisted, watch
from tests.e2e import pods
from tests.e2e.answering import status_of
from tests.e2e.standby import wait

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from deploy.local import LocalCluster
    from kube.client import Api

SHARED = "default-scheduler"
GPU_PODS = 50
_ROUNDS = itertools.count()


@contextlib.contextmanager
def relay(extender: str, log: Path, flags: tuple[str, ...] = ()) -> Iterator[str]:
    """Run a relay; give its URL once the extender answers it."""
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "extender", "relay", "--extender", extender, "--listen", f"127.0.0.1:{port}"]
    with log.open("ab") as output:
        process = subprocess.Popen([*command, *flags], stdout=output, stderr=output)

    def hears() -> bool:
        assert process.poll() is None, f"the relay ended: {log.read_text()}"
        return status_of(f"{url}/readyz") == 200

    try:
        wait("the relay hears the extender", hears, 60.0)
        yield url
    finally:
        process.terminate()
        process.wait(10.0)


@contextlib.contextmanager
def shared(cluster: LocalCluster, configuration: dict[str, Any]) -> Iterator[None]:
    """Let the default scheduler run with another configuration, in the place of our own scheduler."""
    if cluster.pid("scheduler") is not None:
        cluster.stop("scheduler")
    path = cluster.files.run / f"{SHARED}.yaml"
    before = path.read_bytes()
    write_json(path, configuration)
    cluster.restart(SHARED)
    try:
        yield
    finally:
        path.write_bytes(before)
        cluster.restart(SHARED)
        cluster.restart("scheduler")


@dataclass(frozen=True, slots=True)
class Waits:
    """For how many seconds each pod was not bound, in order."""

    seconds: tuple[float, ...]

    def percentile(self, percent: float) -> float:
        """Return the least wait that `percent` of all pods did not exceed."""
        return self.seconds[max(0, math.ceil(len(self.seconds) * percent / 100) - 1)]


def waits(cluster: LocalCluster, namespace: str, count: int, a_second: float, priority_class: str = "") -> Waits:
    """Create pods that need no GPU, some a second, and see when each is bound; then delete them."""
    return cluster.call(lambda api: _waits(api, namespace, count, a_second, priority_class))


async def _waits(api: Api, namespace: str, count: int, a_second: float, priority_class: str) -> Waits:
    path = f"/api/v1/namespaces/{namespace}/pods"
    prefix = f"plain-{next(_ROUNDS)}"  # KWOK ends a deleted pod by its name, and might hit the next one of that name
    created: dict[str, float] = {}
    bound: dict[str, float] = {}

    async def look() -> None:
        async for change in watch(api, path, Pod):
            now = time.monotonic()
            for pod in change.objects if isinstance(change, Relisted) else (change.object,):
                if pod.spec.node_name and pod.metadata.name.startswith(prefix):
                    bound.setdefault(pod.metadata.name, now)
            if len(bound) >= count:
                return

    async def create(number: int) -> None:
        name = f"{prefix}-{number:03}"
        body = pods.pod(name)
        body["spec"]["priorityClassName"] = priority_class
        created[name] = time.monotonic()
        await api.request("POST", path, body=body, timeout_s=60.0)

    async with asyncio.timeout(300.0), asyncio.TaskGroup() as tasks:
        tasks.create_task(look())
        began = time.monotonic()
        for number in range(count):
            await asyncio.sleep(began + number / a_second - time.monotonic())
            tasks.create_task(create(number))
    await api.request("DELETE", path, query={"gracePeriodSeconds": "0"}, timeout_s=60.0)
    return Waits(tuple(sorted(bound[name] - created[name] for name in created)))


@contextlib.contextmanager
def stopped_while_gpu_pods_wait(cluster: LocalCluster, namespace: str) -> Iterator[None]:
    """Stop the extender, create GPU pods that wait for it, and let it go on after the block."""
    cluster.pause("extender")
    try:
        pods.create(cluster, namespace, [pods.fraction(f"gpu-{number:02}", "0.25") for number in range(GPU_PODS)])
        yield
    finally:
        cluster.resume("extender")
