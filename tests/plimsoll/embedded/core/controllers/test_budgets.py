from __future__ import annotations

from typing import Any

import pytest

from plimsoll.embedded.core.controllers.budgets import decide
from plimsoll.embedded.core.notation.moments import written

NOW = 1_800_000_000.0

Object = dict[str, Any]


def budget(status: Object | None = None, **spec: Any) -> Object:
    return {"metadata": {"name": "p", "namespace": "n", "generation": 1}, "spec": spec, "status": status or {}}


def pod(name: str, *, ready: bool = True, owner: str | None = "rs", **meta: Any) -> Object:
    references = [{"uid": owner, "controller": True}] if owner else []
    return {
        "metadata": {"name": name, "uid": name, "ownerReferences": references, **meta},
        "spec": {},
        "status": {"conditions": [{"type": "Ready", "status": "True" if ready else "False"}]},
    }


def scale(_: Object) -> tuple[str, int]:
    return "d", 10


@pytest.mark.parametrize(
    ("spec", "healthy", "expected", "desired", "allowed"),
    [
        ({"minAvailable": 2}, 5, 5, 2, 3),
        ({"minAvailable": 9}, 5, 5, 9, 0),
        ({"minAvailable": "25%"}, 5, 10, 3, 2),
        ({"maxUnavailable": 1}, 10, 10, 9, 1),
        ({"maxUnavailable": "25%"}, 10, 10, 7, 3),
        ({"maxUnavailable": 20}, 3, 10, 0, 3),
        ({}, 3, 0, 0, 0),
    ],
    ids=[
        "a number is one of the pods there are",
        "too few pods allow nothing",
        "a share is one of the replicas wanted, rounded up",
        "so many may be missing of the replicas wanted",
        "a share that may be missing is rounded up",
        "all may be missing",
        "nothing said allows nothing",
    ],
)
def test_what_is_expected_desired_and_allowed(
    spec: Object, healthy: int, expected: int, desired: int, allowed: int
) -> None:
    status = decide(budget(**spec), [pod(str(each)) for each in range(healthy)], scale, NOW).status
    assert (status["currentHealthy"], status["expectedPods"]) == (healthy, expected)
    assert (status["desiredHealthy"], status["disruptionsAllowed"]) == (desired, allowed)
    condition = status["conditions"][0]
    assert (condition["status"], condition["reason"]) == (
        ("True", "SufficientPods") if allowed else ("False", "InsufficientPods")
    )


def test_pods_not_ready_being_deleted_or_evicted_are_not_healthy() -> None:
    evicted = {"disruptedPods": {"evicted": written(NOW - 10)}}
    pods = [pod("a"), pod("b", ready=False), pod("c", deletionTimestamp=written(NOW)), pod("evicted")]
    outcome = decide(budget(evicted, minAvailable=0), pods, scale, NOW)
    assert outcome.status["currentHealthy"] == 1
    assert outcome.status["disruptedPods"] == evicted["disruptedPods"]
    assert outcome.again_at == NOW + 110


def test_an_eviction_is_forgotten_once_the_pod_goes_or_is_gone() -> None:
    status = {"disruptedPods": {"going": written(NOW), "gone": written(NOW)}}
    outcome = decide(budget(status, minAvailable=0), [pod("going", deletionTimestamp=written(NOW))], scale, NOW)
    assert "disruptedPods" not in outcome.status


def test_a_pod_that_was_not_deleted_for_two_minutes_is_healthy_again_and_told_of() -> None:
    status = {"disruptedPods": {"a": written(NOW - 121)}}
    outcome = decide(budget(status, minAvailable=0), [pod("a")], scale, NOW)
    assert "disruptedPods" not in outcome.status
    assert outcome.status["currentHealthy"] == 1
    assert [each.reason for each in outcome.said] == ["NotDeleted"]


def test_pods_that_nobody_controls_count_as_none_for_a_share() -> None:
    spec: Object = {"maxUnavailable": 1, "selector": {"matchLabels": {"app": "un"}}}
    outcome = decide(budget(**spec), [pod("a", owner=None)], scale, NOW)
    assert (outcome.status["expectedPods"], outcome.status["disruptionsAllowed"]) == (0, 0)
    assert outcome.said[0].message.startswith(
        "Pods selected by this PodDisruptionBudget (selector: &LabelSelector{MatchLabels:map[string]string{app: un,},"
        "MatchExpressions:[]LabelSelectorRequirement{},}) were found to be unmanaged."
    )


def test_a_controller_that_cannot_be_found_allows_nothing() -> None:
    before = budget({"currentHealthy": 3, "disruptionsAllowed": 2}, maxUnavailable=1)
    outcome = decide(before, [pod("a")], lambda _: None, NOW)
    assert (outcome.status["currentHealthy"], outcome.status["disruptionsAllowed"]) == (3, 0)
    assert outcome.status["conditions"][0]["message"] == 'found no controllers for pod "a"'


def test_the_condition_keeps_its_time_as_long_as_its_status() -> None:
    first = decide(budget(minAvailable=0), [pod("a")], scale, NOW).status
    later = decide(budget(first, minAvailable=0), [pod("a")], scale, NOW + 60).status
    assert later == first


def test_a_budget_without_pods_says_so() -> None:
    assert [each.reason for each in decide(budget(minAvailable=1), [], scale, NOW).said] == ["NoPods"]
