"""Among nodes that fit, kube-scheduler's default scores decide."""

from __future__ import annotations

from typing import Any

from plimsoll.embedded.core.scheduling.occupancy import Occupancy
from plimsoll.embedded.core.scheduling.scoring import scores
from tests.plimsoll.embedded.scheduling import node_view, pod_view

NAMES = ("a", "b")


def _two(**of_b: Any) -> Occupancy:
    occupancy = Occupancy()
    occupancy.put_node(node_view("a"))
    occupancy.put_node(node_view("b", **of_b))
    return occupancy


def test_an_empty_node_scores_what_kube_scheduler_gives_it() -> None:
    # Least allocated: (8000-1000)/8000 = 87 of 100 for cpu, 31/32 = 96 for memory. Balanced before 100, after 95: 50
    # plus half of 45. No taints: three times 100.
    assert scores(pod_view(requests={"cpu": "1", "memory": "1Gi"}), ("a",), _two()) == {"a": 300 + 91 + 50 + 22}


def test_the_emptier_node_is_better_also_for_pods_that_ask_for_nothing() -> None:
    occupancy = _two()
    for number in range(10):
        occupancy.bind(pod_view(f"there-{number}", node="a"))
    found = scores(pod_view(), NAMES, occupancy)
    assert found["b"] > found["a"]


def test_a_taint_that_prefers_others_costs_three_hundred() -> None:
    occupancy = _two(taints=[{"key": "k", "effect": "PreferNoSchedule"}])
    found = scores(pod_view(), NAMES, occupancy)
    assert found["a"] - found["b"] == 300


def test_a_preferred_label_is_worth_two_hundred() -> None:
    term = {"weight": 1, "preference": {"matchExpressions": [{"key": "a", "operator": "Exists"}]}}
    affinity = {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [term]}}
    found = scores(pod_view(affinity=affinity), NAMES, _two(labels={"a": ""}))
    assert found["b"] - found["a"] == 200


def test_a_pod_that_evens_a_node_out_is_welcome_there() -> None:
    occupancy = _two()
    occupancy.bind(pod_view("much-cpu", node="a", requests={"cpu": "4", "memory": "1"}))
    occupancy.bind(pod_view("much-memory", node="b", requests={"cpu": "1m", "memory": "16Gi"}))
    found = scores(pod_view(requests={"memory": "8Gi", "cpu": "1m"}), NAMES, occupancy)
    assert found["a"] > found["b"]


def test_a_node_that_is_gone_meanwhile_scores_nothing() -> None:
    assert scores(pod_view(), ("gone",), _two()) == {"gone": 0}
