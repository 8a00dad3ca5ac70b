"""A pod holds its devices for as long as a Binding of it may arrive, and no longer."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from extender.core.answers import BindRefused, BindTo
from extender.core.binding import SETTLING_S, Bindings
from extender.core.ledger.holding import Holding, State
from extender.core.ledger.ledger import Ledger
from extender.core.ledger.nodes import GpuNode, alike
from extender.core.model import PodKey, SeenPod
from kube.gpus import MilliGpu, Share

KEY = PodKey("u", "default", "p")
HALF = Share(1, MilliGpu(500))


def reserved(devices: tuple[str, ...] | None = ("0",), state: State = State.RESERVED) -> Bindings:
    ledger = Ledger()
    ledger.put_node(GpuNode("a", alike(1)))
    ledger.hold(Holding(KEY, "a", devices, MilliGpu(500), state, 30.0))
    return Bindings(ledger)


def held(bindings: Bindings) -> Holding:
    found = bindings.ledger.holding("u")
    assert found is not None
    return found


def ask(bindings: Bindings, request: Share = HALF) -> BindTo | BindRefused:
    return bindings.ask(held(bindings), SeenPod(KEY, request, version="7"), "")


def asked(bindings: Bindings) -> BindTo:
    found = ask(bindings)
    assert isinstance(found, BindTo)
    return found


def state(bindings: Bindings) -> State | None:
    found = bindings.ledger.holding("u")
    return found.state if found else None


def test_a_binding_that_is_asked_for_makes_a_promise_one_without_an_end() -> None:
    bindings = reserved()
    to = asked(bindings)
    assert (to.pod, to.node, to.again, to.version) == (KEY, "a", False, "7")
    assert (held(bindings).state, held(bindings).expires) == (State.BINDING, False)
    assert bindings.to_read() == ()


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        (["bound"], State.BOUND),
        (["not_bound"], None),
        (["unknown"], State.BINDING),
        (["unknown", "bound"], State.BOUND),
    ],
)
def test_the_outcome_decides_what_is_held(outcomes: list[str], expected: State | None) -> None:
    bindings = reserved()
    to = asked(bindings)
    for outcome in outcomes:
        {"bound": lambda: bindings.bound("u"), "not_bound": lambda: bindings.not_bound(to),
         "unknown": lambda: bindings.unknown(to)}[outcome]()  # fmt: skip
    assert state(bindings) is expected
    assert bindings.to_read() == ((KEY,) if expected is State.BINDING else ())


def test_of_two_bindings_both_must_be_refused_and_then_a_read_decides() -> None:
    bindings = reserved()
    first, second = asked(bindings), asked(bindings)
    assert second.again
    bindings.not_bound(first)
    assert (state(bindings), bindings.to_read()) == (State.BINDING, (KEY,))
    bindings.not_bound(second)
    assert (state(bindings), bindings.to_read()) == (State.BINDING, (KEY,)), (
        "what came before may have been carried out"
    )


def test_reads_that_show_it_unbound_for_long_enough_end_it() -> None:
    bindings = reserved()
    bindings.unknown(asked(bindings))
    assert [bindings.read_unbound("u", at) for at in (10.0, 9.0 + SETTLING_S, 10.0 + SETTLING_S)] == [
        False,
        False,
        True,
    ]
    assert (state(bindings), bindings.to_read()) == (None, ())
    assert not bindings.read_unbound("u", 1e9), "there is nothing to end any more"


def test_a_pod_that_asks_for_something_else_than_it_was_promised_is_not_bound_and_loses_the_promise() -> None:
    bindings = reserved()
    assert ask(bindings, Share(1, MilliGpu(250))) == BindRefused(
        "it asks for something else than when it was filtered; it will be filtered again"
    )
    assert state(bindings) is None


def test_a_pod_that_another_bound_is_not_bound_again() -> None:
    assert ask(reserved(None, State.BOUND)) == BindRefused("it is bound to node a already, by another")


def test_what_is_forgotten_is_not_read() -> None:
    bindings = reserved()
    bindings.unknown(asked(bindings))
    bindings.forget("u")
    assert bindings.to_read() == ()


# --- what the plan of a gang promised ---


def planned() -> Bindings:
    bindings = reserved()
    bindings.ledger.hold(replace(held(bindings), planned=True))
    return bindings


@pytest.mark.parametrize("end", ["refused", "not there any more", "asks for something else"])
def test_a_binding_that_does_not_come_to_be_leaves_what_a_plan_promised(end: str) -> None:
    bindings = planned()
    if end == "refused":
        bindings.not_bound(asked(bindings))
    elif end == "asks for something else":
        assert isinstance(ask(bindings, Share(1, MilliGpu(400))), BindRefused)
    else:
        bindings.unknown(asked(bindings))
        assert not bindings.read_unbound("u", 10.0)
        assert bindings.read_unbound("u", 10.0 + SETTLING_S)
    assert (state(bindings), held(bindings).planned) == (State.RESERVED, True)
    bindings.ledger.expire(1e9)
    assert state(bindings) is State.RESERVED


def test_a_pod_that_is_bound_holds_by_its_binding_and_not_by_a_plan_any_more() -> None:
    bindings = planned()
    to = asked(bindings)
    assert (state(bindings), held(bindings).planned) == (State.BINDING, True)
    bindings.bound(to.pod.uid)
    assert (state(bindings), held(bindings).planned) == (State.BOUND, False)
