"""Nodes and ResourceSlices are joined, in whatever order they are heard of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from extender.core.inventory.leaving_out import LeftOut
from extender.core.ledger.nodes import ENDLESS, Device, GpuNode, alike
from extender.shell.inventory import Inventory
from kube.gpus import MiB
from kube.objects import Node
from kube.slices import ResourceSlice
from kube.taints import Taint

if TYPE_CHECKING:
    from collections.abc import Callable

WALL = 1_800_000_000.0
L4 = (Device("GPU-aaaa", MiB(23034)),)


def node(name: str = "a", *, owned: bool = True, gpus: str = "1", annotations: dict[str, str] | None = None) -> Node:
    labels = {"plimsoll.dev/devices": "owned"} if owned else {}
    keys = {f"hami.io/{key}": text for key, text in (annotations or {}).items()}
    status = {
        key: {"cpu": "63500m", "memory": "1056764Ki", "nvidia.com/gpu": gpus} for key in ("capacity", "allocatable")
    }
    return msgspec.convert({"metadata": {"name": name, "labels": labels, "annotations": keys}, "status": status}, Node)


def published(name: str = "s", on: str = "a", driver: str = "gpu.nvidia.com", **pool: int) -> ResourceSlice:
    attributes = {"type": {"string": "gpu"}, "uuid": {"string": "GPU-aaaa"}}
    device: dict[str, Any] = {"name": "gpu-0", "attributes": attributes, "capacity": {"memory": {"value": "23034Mi"}}}
    spec = {"driver": driver, "nodeName": on, "devices": [device], "pool": {"name": on} | pool}
    return msgspec.convert({"metadata": {"name": name}, "spec": spec}, ResourceSlice)


def devices(of: Inventory, name: str = "a", now: float = 0.0) -> tuple[Device, ...]:
    found = of.gpus(name, now, WALL)
    assert isinstance(found, GpuNode)
    return found.devices


def test_a_node_has_its_allocatable_cpu_and_memory_in_whole_mebibytes() -> None:
    inventory = Inventory()
    inventory.enforcement_required = False
    inventory.node_seen(node(), 0.0)
    assert inventory.gpus("a", 0.0, WALL) == GpuNode("a", alike(1), "", 63500, 1031)
    bare = node()
    bare.status.allocatable = {"nvidia.com/gpu": "1"}
    inventory.node_seen(bare, 0.0)
    assert inventory.gpus("a", 0.0, WALL) == GpuNode("a", alike(1), "", ENDLESS, ENDLESS)


def test_what_keeps_pods_away_from_a_node_is_known() -> None:
    inventory = Inventory()
    tainted = node()
    tainted.spec.taints = [
        Taint("b", "x", "NoExecute"),
        Taint("a", "", "NoSchedule"),
        Taint("c", "", "PreferNoSchedule"),
    ]
    tainted.spec.unschedulable = True
    inventory.node_seen(tainted, 0.0)
    found = inventory.gpus("a", 0.0, WALL)
    assert isinstance(found, GpuNode)
    assert [str(taint) for taint in found.taints] == [
        "a:NoSchedule",
        "b=x:NoExecute",
        "node.kubernetes.io/unschedulable:NoSchedule",
    ]


def slice_first(inventory: Inventory) -> None:
    inventory.slice_seen(published())
    inventory.node_seen(node(), 0.0)


def node_first(inventory: Inventory) -> None:
    inventory.node_seen(node(), 0.0)
    inventory.slice_seen(published())


def listed(inventory: Inventory) -> None:
    inventory.nodes_are([node()], 0.0)
    inventory.slices_are([published()])


@pytest.mark.parametrize("heard", [slice_first, node_first, listed])
def test_a_node_has_the_devices_of_its_slices_whichever_comes_first(heard: Callable[[Inventory], None]) -> None:
    inventory = Inventory()
    heard(inventory)
    assert devices(inventory) == L4


def test_a_slice_says_whose_node_it_changes() -> None:
    inventory = Inventory()
    assert inventory.slice_seen(published(on="b")) == "b"
    assert inventory.slice_seen(published(driver="tpu.google.com")) == ""
    assert inventory.slice_gone(published(on="b")) == "b"


def test_devices_of_other_drivers_are_nothing_to_us() -> None:
    inventory = Inventory()
    inventory.node_seen(node(), 0.0)
    inventory.slice_seen(published(driver="tpu.google.com"))
    inventory.slices_are([published(driver="tpu.google.com")])
    assert devices(inventory) == alike(1)


@pytest.mark.parametrize("gone", ["deleted", "not listed"])
def test_without_its_slices_a_node_has_indices_again(gone: str) -> None:
    inventory = Inventory()
    node_first(inventory)
    if gone == "deleted":
        inventory.slice_gone(published())
    else:
        inventory.slices_are([])
    assert devices(inventory) == alike(1)


def test_while_a_driver_writes_its_slices_anew_what_it_said_before_stands() -> None:
    inventory = Inventory()
    node_first(inventory)
    inventory.slice_seen(published("t", generation=2, resourceSliceCount=2))
    assert devices(inventory) == L4


def test_a_node_that_is_gone_or_not_ours_any_more_has_nothing() -> None:
    inventory = Inventory()
    inventory.nodes_are([node("a"), node("b"), node("c", owned=False)], 0.0)
    assert inventory.owned() == ("a", "b")
    inventory.node_seen(node("a", owned=False), 0.0)
    inventory.nodes_are([node("a", owned=False)], 0.0)
    assert [inventory.gpus(name, 0.0, WALL) for name in "abc"] == [None, None, None]


def test_a_handshake_grows_old_from_when_it_was_first_seen_as_it_is() -> None:
    register = "GPU-aaaa,10,23034,100,NVIDIA-L4,0,true:"
    inventory = Inventory()
    said = {"node-nvidia-register": register, "node-handshake": "Reported_2027-01-15 08:00:00"}
    inventory.nodes_are([node(gpus="10", annotations=said), node("b")], 0.0)
    assert inventory.greeting() == ("a",)
    inventory.node_seen(node(gpus="10", annotations=said), 200.0)
    assert devices(inventory, now=300.0) == L4
    assert [device.closed for device in devices(inventory, now=301.0)] == [
        "HAMi's device plugin has been silent for five minutes (hami.io/node-handshake)"
    ]
    inventory.node_seen(node(gpus="10", annotations=said | {"node-handshake": "Reported_2027-01-15 08:00:30"}), 301.0)
    assert devices(inventory, now=301.0) == L4


def test_what_could_not_be_heard_makes_no_handshake_old() -> None:
    said = {"node-nvidia-register": "GPU-aaaa,10,23034,100,NVIDIA-L4,0,true:", "node-handshake": "Reported"}
    inventory = Inventory()
    inventory.node_seen(node(gpus="10", annotations=said), 0.0)
    inventory.deaf_until(1000.0)
    assert devices(inventory, now=1300.0) == L4
    assert devices(inventory, now=1301.0) != L4


def test_what_hami_does_not_write_leaves_its_node_out() -> None:
    inventory = Inventory()
    inventory.node_seen(node(gpus="10", annotations={"node-nvidia-register": "nonsense"}), 0.0)
    found = inventory.gpus("a", 0.0, WALL)
    assert isinstance(found, LeftOut)
    assert "nonsense" in found.reason
