"""The ledger's room is always what its nodes have minus what its holdings take."""

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace as changed

from extender.core.ledger.holding import Holding, State
from extender.core.ledger.ledger import Ledger
from extender.core.ledger.nodes import Device, GpuNode, alike
from extender.core.model import PodKey
from kube.gpus import MiB, MilliGpu

if TYPE_CHECKING:
    from collections.abc import Callable


def holding(uid: str, node: str, devices: tuple[int, ...] | None, milli: int, until: float = float("inf")) -> Holding:
    names = None if devices is None else tuple(map(str, devices))
    state = State.BOUND if until == float("inf") else State.RESERVED
    return Holding(PodKey(uid, "default", uid), node, names, MilliGpu(milli), state, until)


def ledger(*nodes: GpuNode) -> Ledger:
    result = Ledger()
    for node in nodes:
        result.put_node(node)
    return result


def room(of: Ledger, node: str) -> list[int]:
    return [int(free) for free in of.room(node)]


A = GpuNode("a", alike(2, MiB(16384)))


def test_a_holding_takes_room_and_its_release_gives_it_back() -> None:
    book = ledger(A)
    book.hold(holding("p", "a", (1,), 250))
    assert room(book, "a") == [1000, 750]
    book.release("p")
    assert room(book, "a") == [1000, 1000]


def test_a_pod_has_one_holding() -> None:
    book = ledger(A)
    book.hold(holding("p", "a", (0,), 250))
    book.hold(holding("p", "a", (1,), 500))
    assert room(book, "a") == [1000, 500]


def test_a_pod_that_moves_gives_its_old_room_back() -> None:
    book = ledger(A, GpuNode("b", alike(1, MiB(16384))))
    book.hold(holding("p", "a", (0,), 250))
    book.hold(holding("p", "b", (0,), 250))
    assert room(book, "a") == [1000, 1000]
    assert room(book, "b") == [750]


def test_pods_known_before_their_node_count_as_soon_as_it_comes() -> None:
    book = Ledger()
    book.hold(holding("p", "a", (0,), 250))
    book.put_node(A)
    assert room(book, "a") == [750, 1000]


def test_a_node_that_comes_back_still_has_its_pods() -> None:
    book = ledger(A)
    book.hold(holding("p", "a", (0,), 250))
    book.drop_node("a")
    assert book.node("a") is None
    book.put_node(A)
    assert room(book, "a") == [750, 1000]


def test_a_pod_on_unknown_devices_closes_its_node() -> None:
    book = ledger(A)
    book.hold(holding("p", "a", None, 1000))
    assert room(book, "a") == [0, 0]


def test_devices_that_others_overfilled_have_no_room_and_are_reported() -> None:
    book = ledger(A)
    book.hold(holding("p", "a", (0,), 800))
    book.hold(holding("q", "a", (0,), 800))
    assert room(book, "a") == [0, 1000]
    assert list(book.overfull()) == [("a", "0", 1600)]
    book.release("p")
    assert room(book, "a") == [200, 1000]


def test_a_reservation_ends_at_its_time_and_no_other_holding_does() -> None:
    book = ledger(A)
    book.hold(holding("p", "a", (0,), 250, until=10.0))
    book.hold(holding("q", "a", (0,), 250))
    book.expire(9.9)
    assert room(book, "a") == [500, 1000]
    book.expire(10.0)
    assert room(book, "a") == [750, 1000]


def test_of_a_pod_that_is_promised_room_again_the_last_promise_ends_at_its_time() -> None:
    book = ledger(A)
    book.hold(holding("p", "a", (0,), 250, until=10.0))
    book.hold(holding("p", "a", (0,), 250, until=20.0))
    book.hold(holding("q", "a", (1,), 250, until=10.0))
    book.hold(changed(holding("q", "a", (1,), 250), state=State.BINDING))
    book.expire(19.9)
    assert room(book, "a") == [750, 750]
    book.expire(20.0)
    assert room(book, "a") == [1000, 750]


def test_the_ledger_grows_with_nodes_and_with_devices() -> None:
    book = ledger(*(GpuNode(f"n{i:03}", alike(16, MiB(0))) for i in range(200)))
    book.hold(holding("p", "n199", (15,), 1))
    assert room(book, "n199") == [1000] * 15 + [999]
    assert room(book, "n000") == [1000] * 16


def test_a_closed_device_takes_nobody_and_keeps_who_is_on_it() -> None:
    book = ledger(GpuNode("a", (Device("0"), Device("1", closed="unhealthy"))))
    book.hold(holding("p", "a", (1,), 250))
    assert room(book, "a") == [1000, 0]
    assert list(book.used("a")) == [0, 250]
    book.put_node(GpuNode("a", alike(2)))
    assert room(book, "a") == [1000, 750]


def test_a_device_is_known_by_its_uuid_and_by_the_index_that_it_had_before() -> None:
    book = ledger(GpuNode("a", (Device("GPU-aa"), Device("GPU-bb"))))
    book.hold(changed(holding("p", "a", (), 250), devices=("GPU-bb",)))
    book.hold(holding("q", "a", (1,), 300))
    assert room(book, "a") == [1000, 450]


def test_a_device_that_was_exchanged_is_free_of_the_pods_of_the_old_one() -> None:
    book = ledger(GpuNode("a", (Device("GPU-aa"),)))
    book.hold(changed(holding("p", "a", (), 250), devices=("GPU-aa",)))
    book.put_node(GpuNode("a", (Device("GPU-cc"),)))
    assert room(book, "a") == [1000]


def test_a_device_whose_memory_is_taken_is_full_whatever_share_is_left() -> None:
    book = ledger(A)
    book.hold(changed(holding("p", "a", (0,), 100), device_memory=MiB(12288)))
    assert room(book, "a") == [250, 1000]
    book.hold(holding("q", "a", (0,), 250))
    assert room(book, "a") == [0, 1000]
    assert list(book.overfull()) == []


def test_every_pod_takes_cpu_and_memory_of_its_node() -> None:
    book = ledger(GpuNode("a", alike(1), "T4", cpu=4000, memory=8192))
    book.hold(changed(holding("p", "a", (), 0), cpu=1500, memory=1024))
    column = book.columns["a"]
    assert (book.cpu_free[column], book.memory_free[column]) == (2500, 7168)
    assert book.models[book.model[column]] == "T4"
    assert room(book, "a") == [1000]


def test_a_change_of_a_node_is_seen_by_its_stamp_and_a_surer_holding_is_none() -> None:
    book = ledger(A, GpuNode("b", alike(1)))
    before = book.changed.copy()
    book.hold(holding("p", "b", (0,), 250, until=10.0))
    assert [name for name in ("a", "b") if book.changed[book.columns[name]] > before[book.columns[name]]] == ["b"]
    stamp = book.generation
    book.hold(holding("p", "b", (0,), 250))
    assert book.generation == stamp


def test_names_and_columns_belong_together_also_after_a_node_is_gone() -> None:
    book = ledger(A, GpuNode("b", alike(1)))
    book.drop_node("a")
    book.put_node(GpuNode("c", alike(1)))
    columns = book.columns_of(["c", "a", "b"])
    assert columns[1] == -1
    assert [book.name_of(int(column)) for column in columns[[0, 2]]] == ["c", "b"]


operations = st.one_of(
    st.tuples(st.just("hold"), st.integers(0, 3), st.integers(0, 1), st.sets(st.integers(0, 3), min_size=1)),
    st.tuples(st.just("release"), st.integers(0, 3)),
    st.tuples(st.just("put"), st.integers(0, 1), st.integers(1, 4)),
    st.tuples(st.just("drop"), st.integers(0, 1)),
)


@given(st.lists(operations, max_size=60))
def test_after_any_operations_room_equals_that_of_a_plain_count(steps: list[tuple[object, ...]]) -> None:
    book = Ledger()
    nodes: dict[str, int] = {}
    pods: dict[str, tuple[str, set[int]]] = {}
    for step in steps:
        match step:
            case ("hold", pod, node, set() as devices):
                pods[f"p{pod}"] = (f"n{node}", devices)
                book.hold(holding(f"p{pod}", f"n{node}", tuple(sorted(devices)), 300))
            case ("release", pod):
                pods.pop(f"p{pod}", None)
                book.release(f"p{pod}")
            case ("put", node, int() as count):
                nodes[f"n{node}"] = count
                book.put_node(GpuNode(f"n{node}", alike(count, MiB(0))))
            case ("drop", node):
                nodes.pop(f"n{node}", None)
                book.drop_node(f"n{node}")
    assert {node.name for node in book.nodes()} == set(nodes)
    for name, count in nodes.items():
        held = Counter(device for node, devices in pods.values() if node == name for device in devices)
        # Which devices a pod has whose index is not there any more, nobody knows.
        known = all(device < count for device in held)
        expected = [max(0, 1000 - 300 * held[device]) for device in range(count)]
        assert room(book, name) == (expected if known else [0] * count)


def test_a_node_is_barred_by_closed_devices_and_by_unknown_ones_and_only_as_long() -> None:
    book = ledger(GpuNode("a", (Device("0", closed="unhealthy"),)), GpuNode("b", alike(1)))
    assert book.barred == {"a"}
    book.hold(holding("p", "b", None, 1000))
    assert book.barred == {"a", "b"}
    book.put_node(GpuNode("a", alike(1)))
    book.release("p")
    assert book.barred == set()
    book.hold(holding("p", "b", None, 1000))
    book.drop_node("b")
    assert book.barred == set()


def test_the_version_grows_with_whatever_people_see_and_with_nothing_else() -> None:
    book = ledger(GpuNode("a", alike(1)))
    seen = [book.version]
    changes: tuple[Callable[[], None], ...] = (
        lambda: book.hold(holding("p", "a", (0,), 500, until=9.0)),
        lambda: book.hold(holding("p", "a", (0,), 500)),
        lambda: book.release("p"),
        lambda: book.drop_node("a"),
        lambda: book.put_node(GpuNode("a", alike(2))),
    )
    for change in changes:
        change()
        seen.append(book.version)
    assert seen == sorted(set(seen))
    book.put_node(GpuNode("a", alike(2)))
    book.release("p")
    assert book.version == seen[-1]


BY_UUID = GpuNode("a", (Device("GPU-aaaa", MiB(16384)), Device("GPU-bbbb", MiB(16384))))


def on(uid: str, devices: tuple[str, ...], milli: int, memory: int = 0) -> Holding:
    return Holding(PodKey(uid, "default", uid), "a", devices, MilliGpu(milli), State.BOUND, device_memory=MiB(memory))


def test_a_pod_that_holds_a_device_by_uuid_closes_a_node_whose_uuids_are_not_known_any_more() -> None:
    book = ledger(BY_UUID)
    book.hold(on("p", ("GPU-bbbb",), 250))
    assert (room(book, "a"), book.unmapped()) == ([1000, 750], 0)
    book.put_node(A)
    assert (room(book, "a"), book.unmapped()) == ([0, 0], 1)
    book.put_node(BY_UUID)
    assert (room(book, "a"), book.unmapped()) == ([1000, 750], 0)


def test_a_pod_on_a_device_that_is_gone_takes_no_other_ones_room() -> None:
    book = ledger(BY_UUID)
    book.hold(on("p", ("GPU-cccc",), 1000))
    assert room(book, "a") == [1000, 1000]


def test_a_pod_on_an_index_beyond_the_last_closes_its_node() -> None:
    book = ledger(BY_UUID)
    book.hold(on("p", ("2",), 250))
    assert room(book, "a") == [0, 0]


def test_a_pod_that_holds_memory_alone_takes_its_share_or_all_of_a_device_of_unknown_memory() -> None:
    book = ledger(BY_UUID)
    book.hold(on("p", ("GPU-aaaa",), 0, 4096))
    assert room(book, "a") == [750, 1000]
    book.put_node(GpuNode("a", (Device("GPU-aaaa"), Device("GPU-bbbb"))))
    assert room(book, "a") == [0, 1000]


@given(
    st.lists(
        st.tuples(
            st.integers(0, 5),
            st.one_of(st.none(), st.tuples(st.sampled_from("abc"), st.sampled_from([(0,), (1,), (0, 1), None]))),
        )
    )
)
def test_changes_at_once_leave_the_room_that_they_leave_one_by_one(
    changes: list[tuple[int, tuple[str, tuple[int, ...] | None] | None]],
) -> None:
    plain, batched = ledger(A, replace(A, name="b")), ledger(A, replace(A, name="b"))

    def change(book: Ledger) -> None:
        for pod, held in changes:
            if held is None:
                book.release(f"p{pod}")
            else:
                book.hold(holding(f"p{pod}", held[0], held[1], 600))

    change(plain)
    with batched.at_once():
        change(batched)
    for name in "ab":
        assert room(batched, name) == room(plain, name)
    assert sorted(batched.overfull()) == sorted(plain.overfull())
    assert (batched.barred, batched.freed, batched.version) == (plain.barred, plain.freed, plain.version)


def test_each_node_is_computed_once_for_all_changes_at_once() -> None:
    book = ledger(A)
    before = book.generation
    with book.at_once():
        for number in range(5):
            book.hold(holding(f"p{number}", "a", (0,), 100))
        assert room(book, "a") == [1000, 1000]
    assert room(book, "a") == [500, 1000]
    assert book.generation == before + 1


def test_a_node_that_lost_a_device_among_other_changes_has_no_room_there() -> None:
    book = ledger(A)
    with book.at_once():
        book.put_node(GpuNode("a", alike(1, MiB(16384))))
    assert book.free[:, book.columns["a"]].tolist() == [1000] + [0] * (len(book.free) - 1)


@given(st.lists(st.tuples(st.sampled_from(["one", "at once", "drop", "put"]), st.integers(0, 4)), max_size=80))
def test_the_columns_that_changed_since_any_moment_are_told_or_all_are_to_be_looked_at(
    changes: list[tuple[str, int]],
) -> None:
    nodes = [replace(A, name=f"n{number}") for number in range(5)]
    book = ledger(*nodes)
    for step, (change, number) in enumerate(changes):
        if change == "one":
            book.hold(holding(f"p{step}", f"n{number}", (0,), 100))
        elif change == "at once":
            with book.at_once():
                for other in range(number):
                    book.hold(holding(f"p{step}/{other}", f"n{other}", (1,), 100))
        elif change == "drop":
            book.drop_node(f"n{number}")
        else:
            book.put_node(nodes[number])
        for generation in range(book.generation + 1):
            told = book.changed_since(generation)
            assert told is None or told == set(np.flatnonzero(book.changed > generation).tolist())
    assert book.changed_since(book.generation) == set()


def test_the_pods_that_changed_are_told_once_and_all_where_they_are_too_many() -> None:
    book = ledger(GpuNode("a", alike(2), "T4"))
    assert book.changed_pods() is None, "nobody asked before"
    book.hold(holding("p", "a", (0,), 500))
    book.hold(holding("q", "elsewhere", None, 1000))
    book.hold(holding("p", "a", (0,), 500))
    assert list(book.changed_pods() or ()) == ["p", "q"]
    book.hold(holding("p", "a", (0,), 500))
    assert list(book.changed_pods() or ()) == [], "nothing has changed"
    book.put_node(GpuNode("a", alike(2), "L4"))
    book.release("q")
    assert list(book.changed_pods() or ()) == ["p", "q"]
    for number in range(5000):
        book.hold(holding(f"p{number}", "a", (), 0))
    assert book.changed_pods() is None


def test_the_model_of_a_node_is_known_as_long_as_it_is_there_or_something_is_held_on_it() -> None:
    book = ledger(GpuNode("a", alike(2), "T4"))
    book.hold(holding("p", "a", (0,), 500))
    book.drop_node("a")
    assert (book.model_of("a"), book.model_of("b")) == ("T4", "")
    book.release("p")
    assert book.model_of("a") == ""
    book.put_node(GpuNode("a", alike(2), "T4"))
    hardware = book.hardware
    book.put_node(GpuNode("a", alike(2), "T4", cpu=5))
    assert book.hardware == hardware
    book.drop_node("a")
    assert book.model_of("a") == ""
    assert book.hardware > hardware


# --- a copy ---

HISTORY = st.lists(
    st.one_of(
        operations,
        st.tuples(st.just("promise"), st.integers(0, 3), st.integers(0, 1), st.integers(1, 9), st.booleans()),
        st.tuples(st.just("expire"), st.integers(1, 9)),
        st.tuples(st.just("close"), st.integers(0, 1)),
        st.tuples(st.just("unknown"), st.integers(0, 3), st.integers(0, 1)),
    ),
    max_size=30,
)


def play(book: Ledger, steps: list[tuple[object, ...]]) -> None:
    for step in steps:
        match step:
            case ("hold", pod, node, set() as devices):
                book.hold(holding(f"p{pod}", f"n{node}", tuple(sorted(devices)), 300))
            case ("promise", pod, node, int() as until, bool() as planned):
                promise = holding(f"p{pod}", f"n{node}", (0,), 700, float(until))
                book.hold(changed(promise, planned=planned))
            case ("unknown", pod, node):
                book.hold(holding(f"p{pod}", f"n{node}", None, 1000))
            case ("release", pod):
                book.release(f"p{pod}")
            case ("expire", int() as now):
                book.expire(float(now))
            case ("put", node, int() as count):
                book.put_node(GpuNode(f"n{node}", alike(count, MiB(16384)), f"model-{count}"))
            case ("close", node):
                book.put_node(GpuNode(f"n{node}", (Device("0", MiB(0)), Device("1", MiB(0), closed="sick"))))
            case ("drop", node):
                book.drop_node(f"n{node}")


def said(book: Ledger) -> tuple[object, ...]:
    """Return all that a ledger can be asked."""
    rows = (book.free, book.changed, book.cpu_free, book.memory_free, book.device_memory, book.devices, book.model)
    names = sorted(node.name for node in book.nodes())
    return (
        *(row.tobytes() for row in (*rows, book.shares, book.hami)),
        (dict(book.columns), list(book.models), book.columns_of(["n0", "n1", "n2"]).tolist(), book.ranks.tolist()),
        (list(book.nodes()), list(book.holdings()), [list(book.holdings_on(name)) for name in ("n0", "n1")]),
        [(room(book, name), book.used(name).tolist(), book.maps(name), book.model_of(name)) for name in names],
        (list(book.overfull()), sorted(book.barred), book.unmapped()),
        (book.freed, book.version, book.hardware, book.generation),
    )


@given(HISTORY, HISTORY, HISTORY)
def test_a_copy_says_the_same_after_any_history_and_neither_changes_the_other(
    before: list[tuple[object, ...]], one: list[tuple[object, ...]], other: list[tuple[object, ...]]
) -> None:
    book = Ledger()
    play(book, before)
    copied = book.copy()
    at_first = said(book)
    assert said(copied) == at_first
    play(copied, one)
    assert said(book) == at_first
    then = said(copied)
    play(book, other)
    assert said(copied) == then
    twin = Ledger()
    play(twin, before + one)
    assert said(twin) == then


def test_a_copy_tells_of_no_pods_that_changed_and_takes_none_of_the_askers_news() -> None:
    book = ledger(A)
    book.changed_pods()
    book.hold(holding("p", "a", (0,), 250))
    assert book.copy().changed_pods() is None
    assert set(book.changed_pods() or ()) == {"p"}


def test_what_a_plan_promises_does_not_end_with_time() -> None:
    book = ledger(A)
    book.hold(changed(holding("p", "a", (0,), 250, 5.0), planned=True))
    book.hold(holding("q", "a", (0,), 250, 5.0))
    book.expire(1e9)
    assert [held.pod.uid for held in book.holdings()] == ["p"]
    assert room(book, "a") == [750, 1000]


def test_of_models_that_no_node_has_any_more_no_names_pile_up() -> None:
    book = ledger(GpuNode("stays", alike(1), "T4"))
    for number in range(1000):
        book.put_node(GpuNode("a", alike(1), f"model-{number}"))
        book.put_node(GpuNode(f"node-{number}", alike(1), f"other-{number}"))
        book.drop_node(f"node-{number}")
    assert len(book.models) <= 4
    for model, nodes in (("T4", ["stays"]), ("model-999", ["a"]), ("other-999", []), ("model-998", [])):
        of_model = book.of_models([model])
        assert [name for name in sorted(book.columns) if of_model[book.columns[name]]] == nodes
