"""Where one more pod may go, so that pods stay spread."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from extender.core.predicates.demands import Resident
from extender.core.predicates.ground import Ground
from extender.core.predicates.nodes import NodeFacts
from extender.core.predicates.population import Population
from extender.core.predicates.selectors import EVERYTHING, NOTHING, Labels, Selector, equal_to
from extender.core.predicates.spread import SpreadConstraint
from extender.core.predicates.spreading import Spreading

ZONES = ("z0", "z0", "z1", None)
GROUND = Ground([NodeFacts(f"n{at}", Labels({"zone": zone} if zone else {})) for at, zone in enumerate(ZONES)], {})
WEB = Labels({"app": "web"})
SELECTED = Selector(equal_to({"app": "web"}))


def spreading(*nodes: int, counting: tuple[bool, ...] = (True, True, True, False), **more: Any) -> Spreading:
    """Return how pods on these nodes are spread over zones."""
    said: dict[str, Any] = {"max_skew": 1, "selector": SELECTED} | more
    constraint = SpreadConstraint("zone", **said)
    there = Population(len(ZONES), [(Resident("a", WEB), node) for node in nodes])
    mask, domains = np.array(counting), GROUND.domains("zone")
    return Spreading.begin(constraint, "a", domains=domains, counting=mask, population=there)


def test_a_zone_that_is_ahead_takes_no_more() -> None:
    assert spreading(0).allowed(itself=True).tolist() == [False, False, True, False]
    assert spreading(0, 2).allowed(itself=True).tolist() == [True, True, True, False]


def test_a_pod_that_is_not_meant_itself_adds_nothing() -> None:
    assert spreading(0).allowed(itself=False).tolist() == [True, True, True, False]


def test_a_larger_skew_allows_more() -> None:
    assert spreading(0, max_skew=2).allowed(itself=True).tolist() == [True, True, True, False]


def test_fewer_domains_than_the_minimum_count_as_if_one_were_empty() -> None:
    assert spreading(0, 2, min_domains=2).allowed(itself=True).tolist() == [True, True, True, False]
    assert not spreading(0, 2, min_domains=3).allowed(itself=True).any()


def test_pods_on_nodes_that_do_not_count_are_not_seen_and_a_zone_without_such_nodes_is_empty() -> None:
    only_zone_0 = (True, True, False, False)
    assert spreading(0, 2, 2, counting=only_zone_0).allowed(itself=True).tolist() == [True, True, True, False]
    nowhere = spreading(0, counting=(False,) * 4)
    assert nowhere.allowed(itself=True).tolist() == [True, True, True, False]


@pytest.mark.parametrize("selector", [EVERYTHING, NOTHING])
def test_a_selector_of_everything_counts_no_pod_that_is_there_as_kube_scheduler_has_it(selector: Selector) -> None:
    one = spreading(0, 0, 0, selector=selector)
    assert one.allowed(itself=True).tolist() == [True, True, True, False]
    assert one.after([(Resident("a", WEB), 0)]) is one


def test_pods_that_are_placed_count_unless_they_leave_or_belong_elsewhere() -> None:
    before = spreading()
    others = [
        (Resident("b", WEB), 0),
        (Resident("a", WEB, leaving=True), 0),
        (Resident("a"), 0),
        (Resident("a", WEB), 3),
    ]
    assert before.after(others) is before
    after = before.after([(Resident("a", WEB), 1)])
    assert after.allowed(itself=True).tolist() == [False, False, True, False]
    assert before.allowed(itself=True).tolist() == [True, True, True, False]
