from __future__ import annotations

from typing import Any

import pytest

from plimsoll.embedded.core.controllers.ranking import first_to_go
from plimsoll.embedded.core.notation.moments import written

NOW = 1_800_000_000.0

Object = dict[str, Any]


def pod(
    uid: str,
    *,
    node: str = "node",
    phase: str = "Running",
    ready_for_s: float | None = 1000.0,
    age_s: float = 2000.0,
    cost: str | None = None,
    restarts: int = 0,
) -> Object:
    ready = [] if ready_for_s is None else [{"type": "Ready", "status": "True"}]
    for each in ready:
        each["lastTransitionTime"] = written(NOW - (ready_for_s or 0))
    cost_key = "controller.kubernetes.io/pod-deletion-cost"
    return {
        "metadata": {
            "name": uid,
            "uid": uid,
            "creationTimestamp": written(NOW - age_s),
            **({"annotations": {cost_key: cost}} if cost is not None else {}),
        },
        "spec": {"nodeName": node} if node else {},
        "status": {"phase": phase, "conditions": ready, "containerStatuses": [{"restartCount": restarts}]},
    }


@pytest.mark.parametrize(
    ("stays", "goes"),
    [
        (pod("a", phase="Pending", ready_for_s=None), pod("b", node="", phase="Pending", ready_for_s=None)),
        (pod("a", ready_for_s=None), pod("b", phase="Pending", ready_for_s=None)),
        (pod("a"), pod("b", ready_for_s=None)),
        (pod("a"), pod("b", cost="-1")),
        (pod("a", cost="5"), pod("b", cost="+1")),
        (pod("a", node="lonely"), pod("b", node="crowded")),
        (pod("a", ready_for_s=1000.0), pod("b", ready_for_s=10.0)),
        (pod("a"), pod("b", restarts=1)),
        (pod("a", age_s=5000.0), pod("b", age_s=1001.0)),
        (pod("b", ready_for_s=1000.0), pod("a", ready_for_s=1001.0)),
    ],
    ids=[
        "unassigned before assigned",
        "pending before running",
        "not ready before ready",
        "a lower deletion cost first",
        "a malformed cost is none",
        "more replicas on the node first",
        "later ready first",
        "more restarts first",
        "newer first",
        "about one age: by uid",
    ],
)
def test_of_two_pods_this_one_goes(stays: Object, goes: Object) -> None:
    crowd = [pod("x", node="crowded"), pod("y", node="crowded")]
    for order in ([stays, goes], [goes, stays]):
        assert first_to_go(order, [*order, *crowd], 1, NOW) == [goes]


def test_ended_pods_make_no_node_crowded() -> None:
    here, there = pod("a", node="here"), pod("b", node="there")
    ended = [pod(each, node="there", phase="Failed") for each in "xyz"]
    assert first_to_go([here, there], [here, there, *ended], 1, NOW) == [here]
