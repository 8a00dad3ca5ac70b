"""Which nodes are near the pods that affinity speaks of."""

from __future__ import annotations

from extender.core.predicates.demands import Resident
from extender.core.predicates.ground import Ground
from extender.core.predicates.near import NearHolders, NearMeant, Together
from extender.core.predicates.nodes import NodeFacts
from extender.core.predicates.population import Population
from extender.core.predicates.selectors import Labels, Selector, equal_to
from extender.core.predicates.terms import PodTerm

GROUND = Ground(
    [
        NodeFacts("n0", Labels({"zone": "z0", "rack": "r0"})),
        NodeFacts("n1", Labels({"zone": "z0", "rack": "r1"})),
        NodeFacts("n2", Labels({"zone": "z1"})),
        NodeFacts("n3"),
    ],
    {},
)
WEB = Resident("a", Labels({"app": "web"}))
BY_ZONE = PodTerm("zone", Selector(equal_to({"app": "web"})), frozenset({"a"}))
BY_RACK = PodTerm("rack", BY_ZONE.selector, frozenset({"a"}))
NOBODY = Population(4, [])
HERE, NOWHERE = [True, True, False, False], [False] * 4


def test_near_are_the_nodes_of_its_zone() -> None:
    assert NearMeant.begin(BY_ZONE, GROUND, Population(4, [(WEB, 1)])).near.tolist() == HERE
    assert NearMeant.begin(BY_ZONE, GROUND, Population(4, [(WEB, 3)])).near.tolist() == NOWHERE


def test_a_pod_that_is_placed_makes_nodes_near_if_it_is_meant() -> None:
    before = NearMeant.begin(BY_ZONE, GROUND, NOBODY)
    assert before.after([(Resident("b", WEB.labels), 0)]) is before
    assert before.after([(WEB, 0)]).near.tolist() == HERE
    assert before.near.tolist() == NOWHERE


def test_a_pod_that_holds_a_term_makes_nodes_near_whatever_its_labels() -> None:
    holder = Resident("b", anti_affinity=(BY_ZONE,))
    assert NearHolders.begin(BY_ZONE, GROUND, Population(4, [(holder, 0)])).near.tolist() == HERE
    before = NearHolders.begin(BY_ZONE, GROUND, NOBODY)
    assert before.after([(WEB, 0)]) is before
    assert before.after([(holder, 1)]).near.tolist() == HERE


def test_every_term_must_be_met_by_a_pod_of_which_all_speak() -> None:
    both = Together.begin((BY_ZONE, BY_RACK), GROUND, Population(4, [(WEB, 0)]))
    assert both.met(by_itself=True).tolist() == [True, False, False, False]
    api = PodTerm("zone", Selector(equal_to({"app": "api"})), frozenset({"a"}))
    contradiction = Together.begin((BY_ZONE, api), GROUND, Population(4, [(WEB, 0)]))
    assert contradiction.met(by_itself=False).tolist() == NOWHERE


def test_the_first_of_a_group_may_go_wherever_the_labels_are() -> None:
    first = Together.begin((BY_ZONE, BY_RACK), GROUND, NOBODY)
    assert first.met(by_itself=True).tolist() == HERE
    assert first.met(by_itself=False).tolist() == NOWHERE
    second = first.after([(WEB, 1)])
    assert second.met(by_itself=True).tolist() == [False, True, False, False]


def test_one_of_the_group_without_any_of_the_labels_is_nobody() -> None:
    alone = Together.begin((BY_ZONE,), GROUND, Population(4, [(WEB, 3)]))
    assert alone.met(by_itself=True).tolist() == [True, True, True, False]
    assert alone.after([(WEB, 3)]).met(by_itself=True).tolist() == [True, True, True, False]


def test_one_of_the_group_with_some_of_the_labels_is_somebody() -> None:
    half = Together.begin((BY_ZONE, BY_RACK), GROUND, Population(4, [(WEB, 2)]))
    assert half.met(by_itself=True).tolist() == NOWHERE
    assert Together.begin((BY_ZONE, BY_RACK), GROUND, NOBODY).after([(WEB, 2)]).met(by_itself=True).tolist() == NOWHERE
