"""Claims that one pod alone may use."""

from __future__ import annotations

from extender.core.predicates.claims import Taken
from extender.core.predicates.demands import Resident
from extender.core.predicates.population import Population

MINE = frozenset({("a", "c")})
USER = Resident("a", claims=frozenset({"c"}))


def test_a_claim_is_taken_by_a_pod_of_its_namespace_on_any_node() -> None:
    assert Taken.begin(MINE, Population(2, [(USER, 1)])).taken
    assert not Taken.begin(MINE, Population(2, [(Resident("b", claims=frozenset({"c"})), 1)])).taken


def test_it_is_taken_by_the_first_that_is_placed() -> None:
    free = Taken.begin(MINE, Population(2, []))
    assert free.after([(Resident("a"), 0)]) is free
    assert free.after([(USER, 0)]).taken
