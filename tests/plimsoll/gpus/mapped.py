"""What do the tests of the map look at? A few nodes as an extender would tell them."""

from __future__ import annotations

from extender.core.devices import Held, MappedDevice, MappedNode
from extender.core.ledger.holding import State
from extender.core.model import PodKey
from kube.gpus import WHOLE, MiB, MilliGpu

A100 = "NVIDIA-A100-SXM4-80GB"


def held(name: str, milli: int, state: State = State.BOUND) -> Held:
    return Held(PodKey(f"uid-{name}", "chat", name), MilliGpu(milli), state)


def device(name: str, *pods: Held, closed: str = "", memory: int = 81920) -> MappedDevice:
    free = 0 if closed else WHOLE - sum(pod.milli for pod in pods)
    return MappedDevice(name, MiB(memory), MilliGpu(free), closed, pods)


def node(name: str, *devices: MappedDevice, model: str = A100) -> MappedNode:
    return MappedNode(name, model, devices)


TWO = (
    node(
        "gpu-00",
        device("0", held("llama-0", 500), held("llama-1", 300, State.BINDING)),
        device("1"),
        device("2", held("train-0", 1000)),
        device("3", closed="unhealthy"),
    ),
    MappedNode(
        "gpu-01",
        A100,
        tuple(MappedDevice(name, MiB(81920), MilliGpu(0)) for name in "01"),
        unmapped=(held("other", 1000),),
    ),
    MappedNode("gpu-02", left_out="MIG is on"),
)
"""Two nodes of ours with everything that can be on them, and one that is left out."""


def many(count: int) -> tuple[MappedNode, ...]:
    """Return nodes of eight devices: of ten, six full, two free, one shared, and one partly closed."""
    nodes = []
    for number in range(count):
        name = f"gpu-{number:03}"
        used = {7: 0, 8: 0, 9: 400, 6: 500}.get(number % 10, 1000)
        devices = [device(str(each), *((held(f"{name}-{each}", used),) if used else ())) for each in range(8)]
        if number % 10 == 6:
            devices[7] = device("7", closed="unhealthy")
        nodes.append(node(name, *devices, model="T4" if number % 10 == 8 else "G2"))
    return tuple(nodes)
