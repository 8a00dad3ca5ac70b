from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from extender.core.devices import DeviceMap, Wanted
from extender.core.ledger.holding import Holding, State
from extender.core.ledger.ledger import Ledger
from extender.core.ledger.nodes import Device, GpuNode, alike
from extender.core.model import PodKey
from extender.core.totals import Totals, by_model
from kube.gpus import MilliGpu


def held(uid: str, node: str, devices: tuple[str, ...] | None, milli: int) -> Holding:
    return Holding(PodKey(uid, "default", uid), node, devices, MilliGpu(milli), State.BOUND)


def test_each_model_has_what_is_held_and_free_of_it() -> None:
    book = Ledger()
    book.put_node(GpuNode("a", alike(2), "T4"))
    book.put_node(GpuNode("b", alike(1), "T4"))
    book.put_node(GpuNode("c", alike(1), "A100"))
    book.hold(held("p", "a", ("0",), 250))
    assert by_model(book) == {"A100": Totals(1, 0, 0, 1000), "T4": Totals(3, 0, 250, 2750)}
    assert list(by_model(book)) == ["A100", "T4"]


def test_a_device_that_takes_no_new_pod_is_neither_free_nor_held_for_that() -> None:
    book = Ledger()
    book.put_node(GpuNode("a", (Device("0", closed="unhealthy"), Device("1"))))
    book.put_node(GpuNode("b", alike(2)))
    book.hold(held("p", "a", ("0",), 250))
    book.hold(held("q", "b", None, 1000))
    assert by_model(book) == {"": Totals(4, 3, 250, 1000)}


def test_a_pod_on_a_device_that_its_node_does_not_have_closes_the_node() -> None:
    book = Ledger()
    book.put_node(GpuNode("a", alike(1)))
    book.hold(held("p", "a", ("7",), 500))
    assert by_model(book) == {"": Totals(1, 1, 0, 0)}


def test_a_device_that_holds_more_than_it_has_counts_as_full() -> None:
    book = Ledger()
    book.put_node(GpuNode("a", (Device("0", closed="unhealthy"),)))
    for uid in ("p", "q"):
        book.hold(held(uid, "a", ("0",), 800))
    assert by_model(book) == {"": Totals(1, 1, 1000, 0)}


@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.sampled_from([None, "0", "1"]), st.sampled_from([100, 500, 1000])),
        max_size=6,
    )
)
def test_totals_are_what_the_map_of_devices_adds_up_to(pods: list[tuple[str, str | None, int]]) -> None:
    book = Ledger()
    book.put_node(GpuNode("a", (Device("0", closed="unhealthy"), Device("1")), "T4"))
    book.put_node(GpuNode("b", alike(2), "T4"))
    for number, (node, device, milli) in enumerate(pods):
        book.hold(held(f"p{number}", node, None if device is None else (device,), milli))
    devices = DeviceMap(book)
    nodes = [one for name in devices.names(Wanted()) if (one := devices.node(name)) is not None]
    mapped = [(device, bool(device.closed or one.unmapped)) for one in nodes for device in one.devices]
    assert by_model(book)["T4"] == Totals(
        4,
        sum(closed for _, closed in mapped),
        sum(min(1000, sum(one.milli for one in device.held)) for device, _ in mapped),
        sum(device.free for device, _ in mapped),
    )
