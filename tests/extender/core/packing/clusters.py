"""Small clusters for the tests of packing: by hand, and drawn by hypothesis."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from extender.core.ledger.holding import Holding, State
from extender.core.ledger.ledger import Ledger
from extender.core.ledger.nodes import Device, GpuNode
from extender.core.model import PodKey, Shape, share_on
from kube.gpus import MemoryShare, MiB, MilliGpu, Share

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MODELS = ("A10", "T4", "V100")


def node(name: str, devices: int = 2, model: str = "T4", cpu: int = 16_000, memory: int = 16_000) -> GpuNode:
    return GpuNode(name, tuple(Device(str(i), MiB(memory)) for i in range(devices)), model, cpu)


def hold(ledger: Ledger, name: str, devices: Sequence[int], milli: int, *, cpu: int = 0, uid: str = "") -> None:
    key = PodKey(uid or f"{name}/{tuple(devices)}/{milli}", "default", "pod")
    ledger.hold(Holding(key, name, tuple(map(str, devices)), MilliGpu(milli), State.BOUND, cpu=cpu))


def cluster(nodes: Sequence[GpuNode], free: Mapping[str, Sequence[int]] | None = None) -> Ledger:
    """Return a ledger of `nodes` on which `free` milli-GPU are left on the devices of those named."""
    ledger = Ledger()
    for one in nodes:
        ledger.put_node(one)
    for name, left in (free or {}).items():
        for device, milli in enumerate(left):
            if milli < 1000:
                hold(ledger, name, (device,), 1000 - milli)
    return ledger


def shape(devices: int, milli: int, cpu: int = 1000, models: tuple[str, ...] = ()) -> Shape:
    return Shape(Share(devices, MilliGpu(milli)) if devices else None, cpu, 0, models)


def fits(asked: Shape, one: GpuNode, free: Sequence[int]) -> bool:
    """The dumb twin of fitting: try every choice of devices; all give what the smallest of them has to give."""
    if asked.request is None:
        return True
    for rows in combinations(range(len(one.devices)), asked.request.devices):
        share = share_on(asked.request, min(one.devices[row].memory for row in rows))
        if share is not None and all(free[row] >= share.milli for row in rows):
            return True
    return False


requests = st.one_of(
    st.none(),
    st.builds(Share, st.just(1), st.sampled_from([100, 250, 470, 810, 1000]).map(MilliGpu)),
    st.builds(Share, st.integers(2, 4), st.sampled_from([300, 1000]).map(MilliGpu)),
    st.builds(MemoryShare, st.integers(1, 3), st.sampled_from([4000, 9000, 20_000]).map(MiB)),
)
shapes = st.builds(
    Shape,
    requests,
    st.sampled_from([0, 500, 4000, 12_000]),
    st.just(0),
    st.lists(st.sampled_from(MODELS), unique=True, max_size=2).map(lambda models: tuple(sorted(models))),
)
rooms = st.lists(st.sampled_from([0, 90, 190, 300, 530, 1000]), min_size=4, max_size=4)
devices = st.lists(st.sampled_from([0, 8000, 16_000, 32_000]).map(MiB), min_size=0, max_size=4)


@st.composite
def ledgers(draw: st.DrawFn) -> Ledger:
    """Draw a cluster of a few nodes, some of them with devices of different memory."""
    ledger = Ledger()
    for number in range(draw(st.integers(1, 6))):
        memories = draw(devices)
        names = tuple(Device(str(i), memory) for i, memory in enumerate(memories))
        name = f"n{number}"
        cpu = draw(st.sampled_from([8000, 32_000]))
        ledger.put_node(GpuNode(name, names, draw(st.sampled_from(MODELS)), cpu))
        for device, left in enumerate(draw(rooms)[: len(memories)]):
            if left < 1000:
                hold(ledger, name, (device,), 1000 - left, cpu=draw(st.sampled_from([0, 3000])))
    return ledger
