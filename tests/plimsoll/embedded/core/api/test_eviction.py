"""What a budget says of an eviction at moments that a cluster passes too fast to be asked."""

from __future__ import annotations

from typing import Any

import pytest

from plimsoll.embedded.core.api.eviction import charged
from plimsoll.embedded.core.problem import Object, Problem

NOW = "2026-01-01T00:00:00Z"
POD: Object = {
    "metadata": {"name": "one", "labels": {"app": "web"}},
    "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
}


def budget(generation: int = 1, **status: Any) -> Object:
    return {
        "metadata": {"name": "web", "generation": generation},
        "spec": {"selector": {"matchLabels": {"app": "web"}}},
        "status": {"observedGeneration": 1, **status},
    }


def refusal(of: Object) -> tuple[int, str, int]:
    with pytest.raises(Problem) as caught:
        charged(POD, [of], NOW)
    (cause,) = caught.value.details["causes"]
    return caught.value.status, cause["message"], caught.value.details.get("retryAfterSeconds", 0)


def test_a_budget_that_was_changed_just_now_says_when_to_come_back() -> None:
    told = "The disruption budget web is still being processed by the server."
    assert refusal(budget(generation=2, disruptionsAllowed=1)) == (429, told, 10)


def test_a_budget_that_cannot_be_counted_says_why() -> None:
    condition = {"type": "DisruptionAllowed", "status": "False", "reason": "SyncFailed", "message": "no scale"}
    told = "The disruption budget web does not allow evicting pods currently because it failed sync: no scale"
    assert refusal(budget(conditions=[condition])) == (429, told, 0)


def test_the_last_disruption_ends_the_allowance() -> None:
    paid = charged(POD, [budget(disruptionsAllowed=1)], NOW)
    assert paid is not None
    assert paid["status"]["disruptionsAllowed"] == 0
    assert paid["status"]["disruptedPods"] == {"one": NOW}
    (condition,) = paid["status"]["conditions"]
    assert (condition["status"], condition["reason"]) == ("False", "InsufficientPods")
