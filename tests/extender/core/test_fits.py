"""Counting on a copy is what placing one pod after the other comes to."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from extender.core.fits import Fits, fits
from extender.core.ledger.nodes import Device, GpuNode
from extender.core.model import Shape
from extender.core.packing.packer import Packer
from kube.gpus import MemoryShare, MiB, MilliGpu, Share
from kube.taints import CORDONED, Taint, Toleration
from tests.extender.core.packing.clusters import cluster, hold, ledgers, node, shape, shapes

if TYPE_CHECKING:
    from extender.core.ledger.ledger import Ledger

MANY = 50


def one_after_the_other(ledger: Ledger, asked: Shape, most: int) -> int:
    """The dumb twin: place them, each where the packer would, as kube-scheduler would ask."""
    count = 0
    while count < most:
        suit = [
            one.name
            for one in ledger.nodes()
            if (not asked.models or one.model in asked.models)
            # Others may overfill a node: whoever asks for nothing is let in all the same.
            and (not asked.cpu or ledger.cpu_free[ledger.columns[one.name]] >= asked.cpu)
            and (not asked.memory or ledger.memory_free[ledger.columns[one.name]] >= asked.memory)
        ]
        choice = Packer(ledger).choose(asked, suit)
        if choice is None:
            return count
        place = choice.placement
        hold(ledger, choice.node, [int(one) for one in place.devices], place.milli, cpu=asked.cpu, uid=f"new{count}")
        count += 1
    return count


@given(ledgers(), shapes.filter(lambda one: one.request is not None), st.integers(1, 20))
def test_the_count_is_what_placing_them_comes_to(ledger: Ledger, asked: Shape, most: int) -> None:
    before = ledger.free.copy()
    found = fits(ledger, asked, most, {})
    assert (ledger.free == before).all(), "counting has no side effects"
    assert found.count == one_after_the_other(deepcopy(ledger), asked, most)
    assert bool(found.reason) == (found.count < most)


def test_no_more_than_asked_about_are_counted() -> None:
    assert fits(cluster([node("a", 2)]), shape(1, 250), 3, {}) == Fits(3)
    assert fits(cluster([node("a", 2)]), shape(1, 250), MANY, {}).count == 8


def test_why_there_are_no_more_is_counted_over_nodes() -> None:
    ledger = cluster([node("a"), node("b"), node("c", cpu=1500)], {"b": (400, 400)})
    assert fits(ledger, shape(1, 500), MANY, {"d": "MIG is on"}) == Fits(
        5,
        "1 node: MIG is on; 1 node: full after these; 1 node: no device with 500 milli-GPU free; "
        "1 node: too little CPU or memory left",
    )


def test_only_accepted_models_count() -> None:
    ledger = cluster([node("a", model="T4"), node("b", model="A10")])
    assert fits(ledger, shape(1, 1000, models=("A10",)), MANY, {}) == Fits(
        2, "1 node: full after these; 1 node: model A10 wanted, T4 found"
    )


def test_nodes_that_keep_the_pods_away_do_not_count() -> None:
    gpu, other = Taint("nvidia.com/gpu", "present", "NoSchedule"), Taint("team", "a", "NoExecute")
    tainted = [(), (gpu,), (CORDONED,), (gpu, other)]
    ledger = cluster([replace(node(name, 1), taints=taints) for name, taints in zip("abcd", tainted, strict=True)])
    assert fits(ledger, shape(1, 500), MANY, {}) == Fits(
        2,
        "2 nodes: its taint nvidia.com/gpu=present:NoSchedule is not tolerated; 1 node: cordoned; "
        "1 node: full after these",
    )
    bearing = (Toleration("nvidia.com/gpu", "Exists"),)
    assert fits(ledger, shape(1, 500), MANY, {}, bearing) == Fits(
        4, "2 nodes: full after these; 1 node: cordoned; 1 node: its taint team=a:NoExecute is not tolerated"
    )
    assert fits(ledger, shape(1, 500), MANY, {}, (Toleration("", "Exists"),)).count == 8
    # Also where they are filled one after the other.
    assert fits(ledger, Shape(MemoryShare(1, MiB(16_000))), MANY, {}, bearing).count == 2


def test_memory_of_nodes_and_of_devices_bounds() -> None:
    ledger = cluster([GpuNode("a", (Device("0", MiB(1000)), Device("1", MiB(1000))), "T4", memory=5)])
    assert fits(ledger, Shape(Share(1, MilliGpu(100)), memory=2), MANY, {}).count == 2
    assert fits(ledger, Shape(MemoryShare(1, MiB(400))), MANY, {}).count == 4
    assert fits(ledger, Shape(MemoryShare(2, MiB(1001))), MANY, {}) == Fits(
        0, "1 node: its GPUs have 1000 MiB, 1001 MiB wanted"
    )


def test_without_any_node_none_fits() -> None:
    assert fits(cluster([]), shape(1, 500), 1, {}) == Fits(0, "there is no node with GPUs of ours")
