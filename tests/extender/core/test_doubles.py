"""Of pods that overfill a device as few leave as must, the youngest, and only those that we placed."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from extender.core.doubles import Double
from extender.core.doubles import doubles as doubles_of
from extender.core.ledger.holding import Holding, State
from extender.core.ledger.ledger import Ledger
from extender.core.ledger.nodes import GpuNode, alike
from extender.core.model import PodKey
from kube.gpus import WHOLE, MilliGpu

DEVICES = ("0", "1", "2")


def doubles(found: Ledger, *unprotected: str) -> tuple[Double, ...]:
    return doubles_of(found, unprotected.__contains__)


def ledger(*held: Holding) -> Ledger:
    found = Ledger()
    found.put_node(GpuNode("a", alike(len(DEVICES))))
    for holding in held:
        found.hold(holding)
    return found


def held(
    name: str,
    milli: int,
    devices: tuple[str, ...] = ("0",),
    *,
    ours: bool = True,
    leaving: bool = False,
    state: State = State.BOUND,
    namespace: str = "ns",
) -> Holding:
    """A holding of a pod that is the younger the greater its name."""
    key = PodKey(f"uid-{name}", namespace, name)
    return Holding(key, "a", devices, MilliGpu(milli), state, ours=ours, leaving=leaving, created=f"2026-01-01T{name}")


def names(found: Ledger) -> list[tuple[str, list[str], list[str]]]:
    return [(one.device, [pod.name for pod in one.pods], [pod.name for pod in one.victims]) for one in doubles(found)]


def test_a_device_that_is_full_is_bound_once() -> None:
    assert doubles(ledger(held("p", 500), held("q", 500))) == ()


def test_the_younger_of_two_leaves_and_the_sentence_names_both() -> None:
    found = ledger(held("q", 500), held("p", 700))
    assert names(found) == [("0", ["p", "q"], ["q"])]
    assert str(doubles(found)[0]) == (
        "device 0 of node a was bound twice, to ns/p and ns/q: they hold 1200 of its 1000 milli-GPU; "
        "evicted, as the younger: ns/q"
    )


def test_devices_that_anybody_may_have_written_on_an_older_pod_evict_nobody() -> None:
    found = ledger(held("p", 1000, namespace="anybodys"), held("q", 900))
    assert doubles(found, "anybodys") == ()
    assert len(doubles(found)) == 1


def test_a_pod_that_is_not_ours_never_leaves_and_what_it_holds_is_no_fault_of_ours() -> None:
    assert doubles(ledger(held("p", 700, ours=False), held("q", 700))) == ()
    assert names(ledger(held("p", 700), held("q", 700), held("r", 700, ours=False))) == [("0", ["p", "q"], ["q"])]


def test_a_pod_that_is_leaving_gave_way_already_so_that_nobody_else_does() -> None:
    assert doubles(ledger(held("p", 700), held("q", 700, leaving=True))) == ()


def test_what_is_not_bound_for_certain_costs_no_pod_its_life() -> None:
    for state in (State.RESERVED, State.BINDING, State.QUARANTINED):
        assert doubles(ledger(held("p", 700), held("q", 700, state=state))) == ()


def test_none_leaves_whose_leaving_is_not_needed() -> None:
    found = ledger(held("p", 600), held("q", 600, ("1",)), held("r", 500, ("0",)), held("s", 500, ("0", "1")))
    assert names(found) == [("0", ["p", "r", "s"], ["s", "r"]), ("1", ["q", "s"], ["s"])]
    found = ledger(held("p", 900, ("0", "1")), held("q", 100), held("r", 100, ("1",)), held("s", 200, ("0", "1")))
    assert names(found) == [("0", ["p", "q", "s"], ["s"]), ("1", ["p", "r", "s"], ["s"])]


@st.composite
def holdings(draw: st.DrawFn) -> list[Holding]:
    found = []
    for number in range(draw(st.integers(0, 7))):
        devices = tuple(draw(st.lists(st.sampled_from(DEVICES), min_size=1, max_size=3, unique=True)))
        ours, leaving = draw(st.booleans()) or draw(st.booleans()), draw(st.integers(0, 5)) == 0
        found.append(held(str(number), draw(st.integers(1, WHOLE)), devices, ours=ours, leaving=leaving))
    return found


def over(there: list[Holding], without: set[str]) -> bool:
    counted = [one for one in there if one.ours and not one.leaving and one.pod.uid not in without]
    return any(sum(one.milli for one in counted if one.devices and device in one.devices) > WHOLE for device in DEVICES)


@given(holdings())
def test_once_the_victims_are_gone_nothing_is_over_and_each_of_them_is_needed(there: list[Holding]) -> None:
    found = doubles(ledger(*there))
    victims = {pod.uid for double in found for pod in double.victims}
    assert not over(there, victims)
    for fewer in combinations(sorted(victims), max(len(victims) - 1, 0)):
        assert not victims or over(there, set(fewer))
    by_uid = {one.pod.uid: one for one in there}
    assert all(by_uid[uid].ours and not by_uid[uid].leaving for uid in victims)
    assert bool(found) == over(there, set())
