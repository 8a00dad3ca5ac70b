"""Alike pods have one answer."""

from __future__ import annotations

from extender.core.predicates.demands import PodDemands, Resident
from extender.core.predicates.selectors import Labels


def test_demands_are_one_key_for_all_pods_that_are_alike() -> None:
    one, other = (PodDemands(Resident("a", Labels({"app": "web"}), (("cpu", 1),))) for _ in range(2))
    assert {one: "found"}[other] == "found"
    assert one != PodDemands(Resident("b", Labels({"app": "web"}), (("cpu", 1),)))
    assert one != PodDemands(one.resident, unmodelled=("spec.schedulingGroup",))
