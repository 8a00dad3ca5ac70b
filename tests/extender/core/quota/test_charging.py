"""What a pod costs its project: what it holds, and until it has its place the most that it may come to hold."""

from __future__ import annotations

import pytest

from extender.core.ledger.holding import Holding, State
from extender.core.ledger.nodes import GpuNode, alike
from extender.core.model import Ask, PodKey
from extender.core.quota.charging import Prices
from kube.gpus import MiB, MilliGpu
from tests.extender.core.quota.asking import SERVE, ledger, mib, part, whole

KUBELET = Ask("search", "", SERVE, None, gpus=3)


@pytest.mark.parametrize(
    ("says", "ask", "milli"),
    [
        ("whole GPUs", whole(2), 2000),
        ("a part of one", part(125), 125),
        ("whole GPUs of the kubelet", KUBELET, 3000),
        ("MiB cost the most on the least GPU that has them", mib(4096), 250),
        ("a GPU that has too little is not counted on", mib(20_000), 814),
        ("of the models that the pod accepts", mib(4096, models=("L4",)), 167),
        ("of each device", mib(4096, 2), 500),
        ("what fits nowhere costs nothing: it gets no place", mib(99_999), 0),
    ],
)
def test_an_ask_costs_the_most_that_it_may_come_to_hold(says: str, ask: Ask, milli: int) -> None:
    assert Prices(ledger()).asked(ask) == milli, says


def test_what_mib_cost_follows_the_gpus_that_there_are() -> None:
    book = ledger()
    prices = Prices(book)
    assert prices.asked(mib(4096)) == 250
    book.put_node(GpuNode("small", alike(1, MiB(8192)), "P4"))
    assert prices.asked(mib(4096)) == 500
    book.drop_node("small")
    assert prices.asked(mib(4096)) == 250


def test_mib_cost_on_a_model_what_they_cost_there() -> None:
    assert [Prices(ledger()).asked(mib(4096), model) for model in ("T4", "L4", "H100")] == [250, 167, 0]


@pytest.mark.parametrize(
    ("says", "ask", "devices", "each", "charged"),
    [
        ("a share of each of its devices", whole(2), ("0", "1"), (1000, 0), 2000),
        ("MiB as the part that was given", mib(4096), ("0",), (250, 4096), 250),
        ("MiB that another gave without a share, by the GPU that they are on", mib(4096), ("0",), (0, 4096), 250),
        ("MiB that are a greater part than the share that another gave", mib(8192), ("0",), (300, 8192), 500),
        ("MiB on a device that nobody knows, as a whole one", mib(4096), ("GPU-gone",), (0, 4096), 1000),
        ("devices that nobody knows, as what was asked", KUBELET, None, (1000, 0), 3000),
        ("MiB of devices that nobody knows, as what was asked", mib(4096, 2), None, (1000, 0), 500),
        ("a GPU at least where nobody can tell what was asked", Ask("search", "", "", None), None, (1000, 0), 1000),
    ],
)
def test_a_holding_costs_what_it_takes(
    says: str, ask: Ask, devices: tuple[str, ...] | None, each: tuple[int, int], charged: int
) -> None:
    """`each`: the milli-GPU and the MiB of each device."""
    milli, memory = MilliGpu(each[0]), MiB(each[1])
    key = PodKey("u", "search", "p")
    held = Holding(key, "t4", devices, milli, State.BOUND, device_memory=memory, ask=ask)
    assert Prices(ledger()).held(held) == charged, says
