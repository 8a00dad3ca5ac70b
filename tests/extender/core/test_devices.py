from __future__ import annotations

import pytest

from extender.core.devices import DeviceMap, Held, MappedDevice, MappedNode, Wanted
from extender.core.ledger.holding import Holding, State
from extender.core.ledger.ledger import Ledger
from extender.core.ledger.nodes import Device, GpuNode, alike
from extender.core.model import PodKey
from kube.gpus import MiB, MilliGpu

P, Q = PodKey("p", "chat", "p"), PodKey("q", "chat", "q")
MEMORY = MiB(16_384)


def ledger(*nodes: GpuNode) -> Ledger:
    book = Ledger()
    for node in nodes:
        book.put_node(node)
    return book


def held(key: PodKey, devices: tuple[str, ...] | None, milli: int, state: State = State.BOUND) -> Holding:
    return Holding(key, "a", devices, MilliGpu(milli), state)


def test_each_device_names_its_pods_in_order_and_what_is_free() -> None:
    book = ledger(GpuNode("a", (Device("GPU-aaaa", MEMORY), Device("GPU-bbbb", MEMORY, "unhealthy")), "T4"))
    book.hold(held(Q, ("GPU-aaaa",), 250, State.RESERVED))
    book.hold(held(P, ("GPU-aaaa",), 500))
    assert DeviceMap(book).node("a") == MappedNode(
        "a",
        "T4",
        (
            MappedDevice(
                "GPU-aaaa",
                MEMORY,
                MilliGpu(250),
                held=(Held(P, MilliGpu(500), State.BOUND), Held(Q, MilliGpu(250), State.RESERVED)),
            ),
            MappedDevice("GPU-bbbb", MEMORY, MilliGpu(0), "unhealthy"),
        ),
    )


def test_a_pod_that_named_its_device_by_index_stands_on_it() -> None:
    book = ledger(GpuNode("a", (Device("GPU-aaaa"), Device("GPU-bbbb"))))
    book.hold(held(P, ("1",), 500))
    node = DeviceMap(book).node("a")
    assert node is not None
    assert [len(device.held) for device in node.devices] == [0, 1]


@pytest.mark.parametrize("devices", [None, ("GPU-of-a-node-that-knew-its-uuids",)])
def test_a_pod_on_unknown_devices_and_one_without_gpus_stand_on_no_device(devices: tuple[str, ...] | None) -> None:
    book = ledger(GpuNode("a", alike(1)))
    book.hold(held(P, devices, 1000))
    book.hold(held(Q, (), 0))
    node = DeviceMap(book).node("a")
    assert node is not None
    assert [one.pod for one in node.unmapped] == [P]
    assert node.devices[0].held == ()


def test_nodes_that_are_left_out_are_told_with_the_reason() -> None:
    devices = DeviceMap(ledger(GpuNode("b", alike(1))), {"a": "MIG is on"})
    assert devices.names(Wanted()) == ("a", "b")
    assert devices.node("a") == MappedNode("a", left_out="MIG is on")
    assert devices.node("c") is None
    assert devices.stamp("c") is None


@pytest.mark.parametrize(
    ("wanted", "takes"),
    [
        (Wanted(), True),
        (Wanted("gpu-0*"), True),
        (Wanted("gpu-1*"), False),
        (Wanted(model="*a100*"), True),
        (Wanted(model="a100"), False),
        (Wanted("gpu-0?", "nvidia-*"), True),
        (Wanted("gpu-00", "T4"), False),
    ],
)
def test_patterns_choose_by_name_and_model(wanted: Wanted, takes: bool) -> None:  # noqa: FBT001
    assert wanted.takes("gpu-00", "NVIDIA-A100-80GB") is takes


def test_a_stamp_changes_with_whatever_is_shown_and_with_nothing_else() -> None:
    book = ledger(GpuNode("a", alike(2)), GpuNode("b", alike(2)))
    devices = DeviceMap(book, {"c": "MIG is on"})
    before = devices.stamp("a")
    book.hold(Holding(Q, "b", ("0",), MilliGpu(500), State.BOUND))
    assert devices.stamp("a") == before
    book.hold(held(P, ("0",), 500, State.RESERVED))
    reserved = devices.stamp("a")
    assert reserved != before
    book.hold(held(P, ("0",), 500))
    assert devices.stamp("a") != reserved
    book.release("p")
    assert devices.stamp("a") == before
    assert devices.stamp("c") != DeviceMap(book, {"c": "it is cordoned"}).stamp("c")
