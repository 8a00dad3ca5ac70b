"""What does the benchmark of serving measure as ours? The whole extender but its watches: they have told all there is.

`python -m tests.benchmarks.serving_extender STRATEGY` prints the port that it serves on.
"""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING, cast

import uvloop

from extender.app import Extender
from extender.core.ledger.nodes import GpuNode, alike
from extender.core.model import PodKey, SeenPod
from extender.core.packing.settings import Settings as Packing
from extender.core.packing.settings import Strategy
from extender.core.settings import Settings
from extender.shell.http import Asgi
from kube.gpus import WHOLE, MiB, MilliGpu, Placement, Share
from kube.http import server_of
from kube.program import GC_THRESHOLD
from tests.benchmarks.serving_load import CPU, DEVICES, cluster
from tests.story.programs import a_listener

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kube.client import Api
    from tests.benchmarks.serving_load import Filled


def listed(strategy: Strategy) -> Extender:
    """Return an extender that has listed everything, leads, and asks the API server for nothing."""
    extender = Extender(cast("Api", None), "plimsoll-system")
    extender.unready = extender.refusal = lambda: ""
    scheduling = extender.scheduling
    scheduling.tune(Settings(reservation_s=3600.0, packing=Packing(strategy)))  # none ends while answers are compared
    nodes = cluster()
    scheduling.nodes_are(GpuNode(node.name, alike(DEVICES, MiB(81920)), "H100", CPU) for node in nodes)
    with scheduling.ledger.at_once():
        for node in nodes:
            for pod in _pods(node):
                scheduling.pod_seen(pod)
    return extender


async def serve(strategy: Strategy) -> None:
    """Serve until the process is ended."""
    gc.set_threshold(*GC_THRESHOLD)
    extender = listed(strategy)
    with a_listener() as listener:
        print(listener.getsockname()[1], flush=True)
        await server_of(Asgi(extender, extender.telemetry)).serve(sockets=[listener])


def _pods(node: Filled) -> Iterator[SeenPod]:
    """Yield pods that hold what is not free of a node: one a device, and the first of them all the CPU."""
    cpu = CPU - node.cpu
    for device, free in enumerate(node.free):
        milli = MilliGpu(WHOLE - free)
        key = PodKey(f"{node.name}-{device}", "inference", f"{node.name}-{device}")
        yield SeenPod(key, Share(1, milli), node.name, Placement((str(device),), milli), cpu=cpu)
        cpu = 0


if __name__ == "__main__":
    uvloop.run(serve(Strategy(sys.argv[1])))
