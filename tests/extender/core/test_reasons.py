"""A reason says what a plain look at the node's devices says, and a sentence counts every node once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extender.core import reasons
from extender.core.ledger.holding import Holding, State
from extender.core.ledger.ledger import Ledger
from extender.core.ledger.nodes import Device, GpuNode, alike
from extender.core.model import PodKey, Shape, share_on
from extender.core.reasons import Misfits
from kube.gpus import MemoryShare, MiB, MilliGpu, Share

HALF, WHOLE = Share(1, MilliGpu(500)), Share(1, MilliGpu(1000))
TWO_HALVES, FOUR = Share(2, MilliGpu(500)), Share(4, MilliGpu(1000))
LARGE = MemoryShare(1, MiB(20_000))
NONE = np.zeros(0, dtype=np.int64)


def ledger(*nodes: GpuNode, held: dict[str, dict[str, int]] | None = None) -> Ledger:
    """Return a ledger of nodes, with so many milli held on devices of them."""
    book = Ledger()
    for node in nodes:
        book.put_node(node)
    for name, devices in (held or {}).items():
        for device, milli in devices.items():
            key = PodKey(f"{name}/{device}", "default", "x")
            book.hold(Holding(key, name, (device,), MilliGpu(milli), State.BOUND))
    return book


def node(name: str, *devices: Device, count: int = 2, memory: int = 16_384, model: str = "") -> GpuNode:
    return GpuNode(name, devices or alike(count, MiB(memory)), model)


def reason(book: Ledger, request: Share | MemoryShare, name: str = "a") -> str:
    return reasons.misfits(book, Shape(request), [name], {})[name]


def counted(said: dict[str, str]) -> tuple[Misfits, ...]:
    """Return the count of reasons of nodes that are ours, but for those whose name begins with "other"."""
    book = ledger(*(node(name) for name in said if not name.startswith("other")))
    return reasons.counted(book, reasons.of_each(book, said))


@pytest.mark.parametrize(
    ("request_", "held", "says"),
    [
        (HALF, {"0": 600, "1": 501}, "no device with 500 milli-GPU free"),
        (WHOLE, {"0": 1, "1": 1}, "no whole GPU free"),
        (TWO_HALVES, {"0": 600}, "1 of 2 devices with 500 milli-GPU free"),
        (Share(2, MilliGpu(1000)), {"0": 1}, "1 of 2 whole GPUs free"),
        (FOUR, {"0": 1}, "it has 2 GPUs, 4 wanted"),
        (MemoryShare(1, MiB(8192)), {"0": 600, "1": 501}, "no device with 8192 MiB free"),
        (MemoryShare(2, MiB(8192)), {"0": 600}, "1 of 2 devices with 8192 MiB free"),
        (LARGE, {}, "its GPUs have 16384 MiB, 20000 MiB wanted"),
    ],
)
def test_what_lacks_is_counted(request_: Share | MemoryShare, held: dict[str, int], says: str) -> None:
    assert reason(ledger(node("a"), held={"a": held}), request_) == says


def test_an_unknown_memory_is_said_with_the_label_that_lacks() -> None:
    assert reason(ledger(node("a", memory=0)), LARGE) == (
        "its GPUs have unknown memory (no label nvidia.com/gpu.memory), 20000 MiB wanted"
    )


def test_devices_of_several_sizes_are_counted() -> None:
    book = ledger(node("a", Device("0", MiB(40_000)), Device("1", MiB(16_384))))
    assert reason(book, MemoryShare(2, MiB(20_000))) == "1 of 2 devices have 20000 MiB"


def test_a_closed_device_is_the_reason_only_where_it_would_do() -> None:
    closed = replace(node("a").devices[1], closed="unhealthy")
    book = ledger(node("a", node("a").devices[0], closed), held={"a": {"0": 900}})
    assert reason(book, HALF) == "1 of its 2 GPUs takes no new pod (unhealthy)"
    book = ledger(node("a", node("a").devices[0], closed), held={"a": {"0": 900, "1": 900}})
    assert reason(book, HALF) == "no device with 500 milli-GPU free"
    assert reason(ledger(node("a", closed, closed)), LARGE) == "its GPUs have 16384 MiB, 20000 MiB wanted"


def test_only_closed_devices_are_counted_as_such() -> None:
    closed = replace(node("a").devices[1], closed="unhealthy")
    assert reason(ledger(node("a", node("a").devices[0], closed)), TWO_HALVES) == (
        "1 of its 2 GPUs takes no new pod (unhealthy)"
    )


def test_of_several_closed_devices_the_commonest_reason_is_said() -> None:
    devices = [Device(str(number), MiB(1), why) for number, why in enumerate(["hot", "lost", "lost"])]
    assert reason(ledger(node("a", *devices)), HALF) == "3 of its 3 GPUs take no new pod (lost)"


@pytest.mark.parametrize("devices", [None, ("GPU-of-a-node-that-knew-its-uuids",)])
def test_a_pod_on_unknown_devices_closes_its_node(devices: tuple[str, ...] | None) -> None:
    book = ledger(node("a"))
    book.hold(Holding(PodKey("p", "default", "p"), "a", devices, MilliGpu(1000), State.BOUND))
    assert reason(book, HALF) == "a pod uses GPUs of it and nobody knows which"


def test_a_node_that_is_not_ours_says_why_it_was_left_out() -> None:
    assert reasons.misfits(ledger(), Shape(HALF), ["a", "b"], {"b": "MIG is on"}) == {
        "a": reasons.NOT_OURS,
        "b": "MIG is on",
    }


@given(
    rooms=st.lists(st.lists(st.sampled_from([0, 250, 499, 500, 1000]), min_size=1, max_size=4), min_size=1, max_size=4),
    memory=st.sampled_from([0, 1000, 16_384]),
    request_=st.sampled_from(
        [HALF, WHOLE, TWO_HALVES, FOUR, MemoryShare(1, MiB(8192)), MemoryShare(2, MiB(500)), LARGE]
    ),
)
def test_a_reason_counts_what_a_plain_look_counts(
    rooms: list[list[int]], memory: int, request_: Share | MemoryShare
) -> None:
    names = [f"n{number}" for number in range(len(rooms))]
    nodes = [node(name, count=len(room), memory=memory) for name, room in zip(names, rooms, strict=True)]
    held = {
        name: {str(place): 1000 - free for place, free in enumerate(room) if free < 1000}
        for name, room in zip(names, rooms, strict=True)
    }
    found = reasons.misfits(ledger(*nodes, held=held), Shape(request_), names, {})
    for name, room in zip(names, rooms, strict=True):
        share = share_on(request_, MiB(memory))
        fitting = 0 if share is None else sum(free >= share.milli for free in room)
        if share is None:
            assert "MiB wanted" in found[name] or len(room) < request_.devices
        elif len(room) < request_.devices:
            assert found[name].startswith(f"it has {len(room)} GPU")
        elif fitting >= request_.devices:
            assert found[name] == "the pod does not fit"
        elif request_.devices > 1:
            assert found[name].startswith(f"{fitting} of {request_.devices} ")
        else:
            assert found[name].startswith("no ")


def test_reasons_are_counted_most_nodes_first_then_by_words() -> None:
    found = counted({"d": "z", "a": "y", "c": "y", "b": "x"})
    assert found == (Misfits("y", 2, ("a", "c")), Misfits("x", 1, ("b",)), Misfits("z", 1, ("d",)))


def test_the_first_nodes_by_name_stand_as_examples_in_whatever_order_they_were_asked_about() -> None:
    (group,) = counted({f"n{number}": "full" for number in (8, 2, 5, 0, 1, 7, 3, 4, 6)})
    assert (group.nodes, group.examples) == (9, ("n0", "n1", "n2"))


def test_nodes_that_are_not_ours_stand_as_examples_too() -> None:
    (group,) = counted(dict.fromkeys(("other2", "n1", "other1", "n2"), "full"))
    assert (group.nodes, group.examples) == (4, ("n1", "n2", "other1"))


def test_models_are_counted_among_the_nodes_that_were_not_offered() -> None:
    book = ledger(node("a", model="G2"), node("b", model="T4"), node("c", model="T4"), node("d"), node("e", model="T4"))
    assert reasons.other_models(book, ("G2",), book.columns_of(["e"])) == (
        Misfits("model G2 wanted, T4 found", 2),
        Misfits("model G2 wanted, unknown found", 1),
    )
    assert reasons.other_models(book, ("G2", "T4"), NONE) == (Misfits("model G2 or T4 wanted, unknown found", 1),)
    assert reasons.other_models(book, (), NONE) == ()


def test_a_sentence_says_every_node_and_no_more_than_five_reasons() -> None:
    groups = [Misfits("no device with 500 milli-GPU free", 12), Misfits("model G2 wanted, T4 found", 1)]
    assert reasons.sentence(groups, 0) == (
        "12 nodes: no device with 500 milli-GPU free; 1 node: model G2 wanted, T4 found"
    )
    many = [Misfits(str(number), 10 - number) for number in range(8)]
    assert reasons.sentence(many, 0).endswith("; 6 nodes: 4; and 3 more reasons of 12 nodes")
    assert reasons.sentence([*many[:5], Misfits("x", 1)], 0).endswith("; and 1 more reason of 1 node")
    assert reasons.sentence([], 3) == (
        "3 nodes: not asked about by kube-scheduler (CPU, memory, taints, selectors), whose own Event says why"
    )
    assert reasons.sentence([], 0) == "there is no node with GPUs of ours"


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        (HALF, "0.5 of a GPU"),
        (TWO_HALVES, "0.5 of each of 2 GPUs"),
        (WHOLE, "1 GPU"),
        (FOUR, "4 GPUs"),
        (LARGE, "20000 MiB of a GPU"),
        (Share(1, MilliGpu(125)), "0.125 of a GPU"),
    ],
)
def test_a_request_is_said_as_a_person_would(request_: Share | MemoryShare, says: str) -> None:
    assert reasons.asks(request_) == says


@given(
    nodes=st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from([0, 8000, 30_000]), st.sampled_from(["", "hot"]), st.booleans()),
        min_size=1,
        max_size=6,
    ),
    request_=st.sampled_from([HALF, WHOLE, TWO_HALVES, FOUR, MemoryShare(2, MiB(500)), LARGE]),
)
def test_among_many_a_node_has_the_reason_that_it_has_alone(
    nodes: list[tuple[int, int, str, bool]], request_: Share | MemoryShare
) -> None:
    book = Ledger()
    names = [f"n{number}" for number in range(len(nodes))]
    for name, (count, memory, closed, enforced) in zip(names, nodes, strict=True):
        devices = (*alike(count, MiB(memory)), Device("last", MiB(memory), closed))
        book.put_node(GpuNode(name, devices, closed_to_shares="" if enforced else "nothing enforces them"))
    asked = [*names, "not-ours", "left-out"]
    left_out = {"left-out": "MIG is on"}
    found = reasons.misfits(book, Shape(request_), asked, left_out)
    assert dict(found) == {
        name: reasons.misfits(book, Shape(request_), [name], left_out)[name] for name in asked
    }  # fmt: skip
    assert sum(group.nodes for group in reasons.counted(book, found)) == len(asked)


def test_nodes_of_a_closed_model_have_that_reason_and_others_keep_theirs() -> None:
    book = ledger(node("a", model="T4"), node("b", model="L4", count=0), node("c", model="T4"))
    found = reasons.misfits(book, Shape(WHOLE), ["a", "b", "elsewhere", "c"], {})
    closed = reasons.overlaid(book, found, {"T4": "no more of these", "A100": "nor these"})
    assert dict(closed) == {**found, "a": "no more of these", "c": "no more of these"}


def test_nodes_that_are_kept_for_a_gang_say_so_whatever_else_keeps_a_pod_out() -> None:
    book = ledger(node("a"), node("b"), node("c"), held={"a": {"0": 1000, "1": 1000}})
    misfits = reasons.misfits(book, Shape(FOUR), ["c", "a", "theirs", "b"], {"theirs": "it is not ours"})
    told = reasons.kept_out(book, misfits, frozenset({"a", "b", "gone"}), "kept for gang g")
    before = dict(misfits)
    assert dict(told) == {**before, "a": "kept for gang g", "b": "kept for gang g"}
    assert list(told) == list(before)
