"""The ledger's room is always what its nodes have minus what its holdings take."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from extender.core.ledger import GpuNode, Holding, Ledger, State
from extender.core.model import PodKey
from kube.gpus import MiB, MilliGpu


def holding(uid: str, node: str, devices: tuple[int, ...] | None, milli: int, until: float = float("inf")) -> Holding:
    state = State.BOUND if until == float("inf") else State.RESERVED
    return Holding(PodKey(uid, "default", uid), node, devices, MilliGpu(milli), state, until)


def ledger(*nodes: GpuNode) -> Ledger:
    result = Ledger()
    for node in nodes:
        result.put_node(node)
    return result


def room(of: Ledger, node: str) -> list[int]:
    return [int(free) for free in of.room(node)]


A = GpuNode("a", 2, MiB(16384))


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
    book = ledger(A, GpuNode("b", 1, MiB(16384)))
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
    assert list(book.overfull()) == [("a", 0, 1600)]
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


def test_the_ledger_grows_with_nodes_and_with_devices() -> None:
    book = ledger(*(GpuNode(f"n{i:03}", 16, MiB(0)) for i in range(200)))
    book.hold(holding("p", "n199", (15,), 1))
    assert room(book, "n199") == [1000] * 15 + [999]
    assert room(book, "n000") == [1000] * 16


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
                book.put_node(GpuNode(f"n{node}", count, MiB(0)))
            case ("drop", node):
                nodes.pop(f"n{node}", None)
                book.drop_node(f"n{node}")
    assert {node.name for node in book.nodes()} == set(nodes)
    for name, count in nodes.items():
        held = Counter(device for node, devices in pods.values() if node == name for device in devices)
        assert room(book, name) == [max(0, 1000 - 300 * held[device]) for device in range(count)]
