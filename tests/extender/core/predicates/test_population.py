"""Who is there."""

from __future__ import annotations

from extender.core.predicates.demands import Resident
from extender.core.predicates.population import Population
from extender.core.predicates.ports import HostPort
from extender.core.predicates.selectors import EVERYTHING, Labels, Selector, equal_to
from extender.core.predicates.terms import PodTerm

WEB = Labels({"app": "web"})
SELECTED = Selector(equal_to({"app": "web"}))
APART = PodTerm("zone", SELECTED)


def test_pods_are_found_by_namespace_and_labels() -> None:
    there = Population(3, [(Resident("a", WEB), 0), (Resident("a", WEB), 2), (Resident("b", WEB), 1)])
    assert there.nodes_of(lambda namespace: namespace == "a", (SELECTED, EVERYTHING)) == [0, 2]
    assert there.nodes_of(lambda _: True, (SELECTED, Selector(equal_to({"app": "api"})))) == []


def test_those_that_leave_do_not_stay() -> None:
    leaving = Resident("a", WEB, leaving=True)
    there = Population(2, [(Resident("a", WEB), 0), (Resident("a", WEB), 0), (leaving, 1), (Resident("a"), 1)])
    assert there.staying("a", SELECTED).tolist() == [2, 0]
    assert there.staying("nobodys", SELECTED).tolist() == [0, 0]
    assert there.nodes_of(lambda _: True, (SELECTED,)) == [0, 0, 1]


def test_holders_of_terms_claims_and_ports_are_known() -> None:
    holder = Resident("a", anti_affinity=(APART,), claims=frozenset({"c"}), ports=(HostPort(80),))
    there = Population(2, [(holder, 1), (Resident("a"), 0)])
    assert there.holders == {APART: [1]}
    assert there.claims == {("a", "c"): 1}
    assert there.with_ports == [(holder, 1)]


def test_who_is_gone_leaves_those_who_are_like_it() -> None:
    holder = Resident("a", WEB, anti_affinity=(APART,), claims=frozenset({"c"}), ports=(HostPort(80),))
    before = Population(2, [(holder, 1), (holder, 1), (holder, 0), (Resident("b", WEB), 0)])
    after = before.changed([(holder, 1), (Resident("b", WEB), 0)], [])
    assert after.nodes_of(lambda _: True, (SELECTED,)) == [1, 0]
    assert after.staying("a", SELECTED).tolist() == [1, 1]
    assert (after.holders, after.claims) == ({APART: [1, 0]}, {("a", "c"): 2})
    assert after.with_ports == [(holder, 1), (holder, 0)]
    assert after.changed([(holder, 1), (holder, 0)], []).holders == {}
    assert before.claims == {("a", "c"): 3}


def test_who_comes_is_found_beside_those_who_were_there() -> None:
    holder = Resident("a", WEB, anti_affinity=(APART,), claims=frozenset({"c"}), ports=(HostPort(80),))
    before = Population(2, [(holder, 1)])
    after = before.changed([], [(holder, 0), (Resident("b", WEB), 1)])
    assert after.nodes_of(lambda _: True, (SELECTED,)) == [1, 0, 1]
    assert (after.holders, after.claims) == ({APART: [1, 0]}, {("a", "c"): 2})
    assert after.with_ports == [(holder, 1), (holder, 0)]
    assert before.nodes_of(lambda _: True, (SELECTED,)) == [1]
