"""What is read of pods on nodes."""

from __future__ import annotations

from typing import Any

import pytest

from extender.core.predicates.lodgers import Facts, Lodger
from extender.shell.predicates.lodgers import is_marked, lodger_of
from kube.gpus import MARKER
from tests.extender.shell.predicates.written import pod

MARKED = {"name": "c", "resources": {"limits": {MARKER: "1"}}}
MADE = "2026-01-01T00:00:00Z"


def facts(spec: dict[str, Any] | None = None, status: dict[str, Any] | None = None, **metadata: Any) -> Facts:
    found = lodger_of(pod({"nodeName": "n", "containers": [MARKED]} | (spec or {}), status, **metadata))
    assert isinstance(found, Facts)
    return found


def test_of_a_pod_without_gpus_of_ours_only_what_it_counts_for_is_kept() -> None:
    assert type(lodger_of(pod({"nodeName": "n", "priority": 5}))) is Lodger


@pytest.mark.parametrize("where", ["containers", "initContainers"])
@pytest.mark.parametrize("how", ["requests", "limits"])
def test_any_container_may_ask_for_gpus_of_ours(where: str, how: str) -> None:
    assert is_marked(pod({where: [{"name": "c", "resources": {how: {MARKER: "1"}}}]}))
    assert not is_marked(pod({where: [{"name": "c", "resources": {how: {"cpu": "1"}}}, {"name": "d"}]}))


def test_it_started_when_the_kubelet_says_and_before_that_when_it_was_made() -> None:
    assert facts(creationTimestamp=MADE).started == MADE
    assert facts(None, {"startTime": "2026-01-02T00:00:00Z"}, creationTimestamp=MADE).started == "2026-01-02T00:00:00Z"


def test_its_owner_is_the_controller_alone() -> None:
    owners = [{"uid": "1", "kind": "Job", "name": "j"}, {"uid": "2", "kind": "Job", "name": "k", "controller": True}]
    assert (facts(ownerReferences=owners).owner, facts(ownerReferences=owners[:1]).owner, facts().owner) == (
        "2",
        "",
        "",
    )


def test_it_is_given_the_time_to_end_that_its_deletion_says_and_before_that_what_it_asks_for() -> None:
    assert facts().grace_s == 30
    assert facts({"terminationGracePeriodSeconds": 60}).grace_s == 60
    leaving = facts(
        {"terminationGracePeriodSeconds": 60}, deletionTimestamp="2026-01-01T00:00:00Z", deletionGracePeriodSeconds=5
    )
    assert (leaving.grace_s, leaving.resident.leaving) == (5, True)


def test_budgets_do_not_guard_what_has_not_begun_or_is_leaving() -> None:
    ready = {"type": "Ready", "status": "True"}
    running = facts(None, {"phase": "Running", "conditions": [{"type": "Initialized", "status": "True"}, ready]})
    assert (running.guarded, running.ready) == (True, True)
    assert not facts(None, {"phase": "Pending"}).guarded
    assert not facts(None, {"phase": "Running"}, deletionTimestamp="2026-01-01T00:00:00Z").guarded
    assert not facts(None, {"phase": "Running", "conditions": [ready | {"status": "False"}]}).ready


def test_its_priority_is_zero_where_nobody_gave_it_one() -> None:
    assert (facts().priority, facts({"priority": -5}).priority) == (0, -5)
