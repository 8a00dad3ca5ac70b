"""Evictions count as the API server counts them."""

from __future__ import annotations

import pytest

from extender.core.predicates.budgets import Budget, counting, selecting
from extender.core.predicates.demands import Resident
from extender.core.predicates.lodgers import Facts
from extender.core.predicates.selectors import EVERYTHING, NOTHING, Labels, Selector, equal_to

WEB = Labels({"app": "web"})
SELECTED = Selector(equal_to({"app": "web"}))


def pod(*, ready: bool = True, guarded: bool = True) -> Facts:
    return Facts(Resident("a", WEB), "n", ready=ready, guarded=guarded)


def test_a_budget_selects_pods_of_its_own_namespace_none_without_a_selector_and_all_with_an_empty_one() -> None:
    budgets = [
        Budget("a", "its", SELECTED, 1),
        Budget("b", "others", SELECTED, 1),
        Budget("a", "none", NOTHING, 1),
        Budget("a", "all", EVERYTHING, 1),
    ]
    assert selecting(budgets, "a", WEB) == (0, 3)
    assert selecting(budgets, "a", Labels()) == (3,)
    assert selecting(budgets, "c", WEB) == ()


ONE, SPARING = Budget("a", "one", SELECTED, 1), Budget("a", "sparing", EVERYTHING, 0, spares_unready=True)


@pytest.mark.parametrize(
    ("budgets", "victim", "counted"),
    [
        pytest.param([], pod(), (), id="one without a budget counts nowhere"),
        pytest.param([ONE], pod(), (0,), id="one with a budget counts there"),
        pytest.param([ONE, SPARING], pod(), None, id="one that two budgets select cannot be evicted"),
        pytest.param([ONE, SPARING], pod(ready=False), None, id="nor can it while it is not ready"),
        pytest.param([ONE, SPARING], pod(guarded=False), (), id="unless budgets are not asked about it"),
        pytest.param([SPARING], pod(ready=False), (), id="one that is not ready counts nowhere where that is said"),
        pytest.param([SPARING], pod(), (0,), id="there a ready one counts"),
        pytest.param([ONE], pod(ready=False), (0,), id="elsewhere one that is not ready counts too"),
    ],
)
def test_an_eviction_counts_in_one_budget_at_most(
    budgets: list[Budget], victim: Facts, counted: tuple[int, ...] | None
) -> None:
    assert counting(budgets, selecting(budgets, "a", WEB), victim) == counted
