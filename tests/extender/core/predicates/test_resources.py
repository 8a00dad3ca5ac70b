"""Where enough is left."""

from __future__ import annotations

from extender.core.predicates.demands import Resident
from extender.core.predicates.nodes import NodeFacts
from extender.core.predicates.resources import Left, Room

NODES = (
    NodeFacts("n0", allocatable=(("cpu", 4), ("memory", 8), ("pods", 2))),
    NodeFacts("n1", allocatable=(("cpu", 2), ("gpu", 1), ("pods", 1))),
)


def left(wanted: tuple[tuple[str, int], ...], *there: tuple[Resident, int]) -> Left:
    return Left.begin(wanted, Room.of(NODES, there))


def test_what_pods_take_is_not_left() -> None:
    assert left((("cpu", 2),)).enough.tolist() == [True, True]
    assert left((("cpu", 2),), (Resident("a", requests=(("cpu", 3),)), 0)).enough.tolist() == [False, True]


def test_what_pods_took_is_left_again_once_they_are_gone() -> None:
    greedy, other = Resident("a", requests=(("cpu", 3), ("unheard", 1))), Resident("a", requests=(("cpu", 1),))
    full = Room.of(NODES, [(greedy, 0), (other, 0)])
    after = Left.begin((("cpu", 2),), full.changed([(greedy, 0)], [(other, 1)]))
    assert (after.free[0].tolist(), after.places.tolist()) == ([3, 1], [1, 0])
    assert not Left.begin((("cpu", 2),), full).enough[0]


def test_of_a_resource_that_a_node_lacks_nothing_is_left() -> None:
    assert left((("gpu", 1),)).enough.tolist() == [False, True]
    assert left((("tpu", 1),)).enough.tolist() == [False, False]


def test_places_for_pods_run_out() -> None:
    assert left((), (Resident("a"), 1)).enough.tolist() == [True, False]


def test_a_node_that_is_overcommitted_takes_who_does_not_ask_for_it() -> None:
    greedy = Resident("a", requests=(("memory", 99), ("unheard", 1)))
    assert left((("cpu", 1),), (greedy, 0)).enough.tolist() == [True, True]
    assert left((("memory", 1),), (greedy, 0)).missing(0) == ("memory",)


def test_what_is_missing_is_named_places_first() -> None:
    wanted = (("cpu", 9), ("memory", 1))
    after = left(wanted).after([(Resident("a"), 1)])
    assert after.missing(1) == ("pods", "cpu", "memory")
    assert after.missing(0) == ("cpu",)


def test_placing_takes_from_one_node_and_leaves_what_was_known_before() -> None:
    before = left((("cpu", 2),))
    after = before.after([(Resident("a", requests=(("cpu", 3), ("memory", 1))), 0), (Resident("a"), 0)])
    assert after.enough.tolist() == [False, True]
    assert after.missing(0) == ("pods", "cpu")
    assert before.enough.tolist() == [True, True]
