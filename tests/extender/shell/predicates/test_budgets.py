"""What is read of disruption budgets."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from extender.core.predicates.budgets import Budget
from extender.core.predicates.selectors import EVERYTHING, NOTHING
from extender.shell.predicates.budgets import budget_of
from kube.budgets import PodDisruptionBudget


def read(spec: dict[str, Any] | None = None, generation: int = 1, **status: Any) -> Budget | None:
    written = {
        "metadata": {"name": "b", "namespace": "a", "generation": generation},
        "spec": spec or {},
        "status": {"observedGeneration": 1, "disruptionsAllowed": 2} | status,
    }
    return budget_of(msgspec.json.decode(msgspec.json.encode(written), type=PodDisruptionBudget))


def test_what_its_status_allows_is_allowed() -> None:
    assert read() == Budget("a", "b", NOTHING, 2)


def test_a_status_of_before_the_last_change_allows_nothing() -> None:
    assert read(generation=2) == Budget("a", "b", NOTHING, 0)


def test_less_than_nothing_is_nothing() -> None:
    assert read(disruptionsAllowed=-1) == Budget("a", "b", NOTHING, 0)


def test_an_empty_selector_is_not_an_absent_one() -> None:
    assert read({"selector": {}}) == Budget("a", "b", EVERYTHING, 2)


def test_one_whose_selector_cannot_be_read_is_passed_over_as_the_api_server_does() -> None:
    assert read({"selector": {"matchExpressions": [{"key": "app", "operator": "Similar"}]}}) is None


@pytest.mark.parametrize(
    ("spec", "healthy", "desired", "spares"),
    [
        ({"unhealthyPodEvictionPolicy": "AlwaysAllow"}, 0, 1, True),
        ({}, 1, 1, True),
        ({}, 0, 1, False),
        ({"unhealthyPodEvictionPolicy": "IfHealthyBudget"}, 0, 0, False),
    ],
)
def test_a_pod_that_is_not_ready_is_spared_by_policy_or_while_enough_others_are(
    spec: dict[str, Any], healthy: int, desired: int, *, spares: bool
) -> None:
    found = read(spec, currentHealthy=healthy, desiredHealthy=desired)
    assert found is not None
    assert found.spares_unready is spares


def test_one_without_a_status_allows_nothing() -> None:
    bare = {"metadata": {"name": "b", "namespace": "a", "generation": 1}}
    assert budget_of(msgspec.convert(bare, PodDisruptionBudget)) == Budget("a", "b", NOTHING, 0)
