from __future__ import annotations

from typing import Any

import pytest

from plimsoll.embedded.core.controllers.replicas import (
    Shortfall,
    Surplus,
    claims,
    needed,
    new_pod,
    next_available,
    status_of,
)
from plimsoll.embedded.core.notation.moments import written
from plimsoll.embedded.core.notation.templates import template_changed

NOW = 1_800_000_000.0

Object = dict[str, Any]


def replica_set(replicas: int = 2, **spec: Any) -> Object:
    return {
        "metadata": {"name": "web-1", "namespace": "n", "uid": "rs", "generation": 3},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web", "tier": "one"}, "annotations": {"note": "x"}},
                "spec": {"containers": [{"name": "main"}]},
            },
            **spec,
        },
        "status": {},
    }


def pod(name: str, phase: str = "Running", *, ready_for_s: float | None = 100.0, **meta: Any) -> Object:
    conditions = []
    if ready_for_s is not None:
        conditions = [{"type": "Ready", "status": "True", "lastTransitionTime": written(NOW - ready_for_s)}]
    return {
        "metadata": {
            "name": name,
            "uid": name,
            "creationTimestamp": written(NOW - 200),
            "labels": {"app": "web", "tier": "one"},
            **meta,
        },
        "spec": {"nodeName": "node"},
        "status": {"phase": phase, "conditions": conditions},
    }


def test_ended_pods_and_pods_being_deleted_are_replaced() -> None:
    pods = [pod("a"), pod("b", "Failed"), pod("c", "Succeeded"), pod("d", deletionTimestamp=written(NOW))]
    assert needed(replica_set(2), pods, pods, NOW) == Shortfall(1)


def test_at_most_500_pods_are_created_at_a_time() -> None:
    assert needed(replica_set(501), [], [], NOW) == Shortfall(500)


def test_a_pod_that_is_not_ready_goes_before_one_that_is() -> None:
    pods = [pod("a"), pod("b", ready_for_s=None), pod("c")]
    assert needed(replica_set(2), pods, pods, NOW) == Surplus((pods[1],))


def test_the_right_number_of_pods_needs_nothing() -> None:
    assert needed(replica_set(1), [pod("a")], [], NOW) is None


def test_a_new_pod_is_the_templates_and_the_replica_sets() -> None:
    made = new_pod(replica_set())
    assert made["metadata"] == {
        "generateName": "web-1-",
        "labels": {"app": "web", "tier": "one"},
        "annotations": {"note": "x"},
        "ownerReferences": [
            {
                "apiVersion": "apps/v1",
                "kind": "ReplicaSet",
                "name": "web-1",
                "uid": "rs",
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ],
    }
    assert made["spec"] == {"containers": [{"name": "main"}]}


def test_a_status_leaves_out_what_is_zero_but_replicas_and_terminating_replicas() -> None:
    assert status_of(replica_set(), [], None, NOW) == {
        "replicas": 0,
        "terminatingReplicas": 0,
        "observedGeneration": 3,
    }


def test_a_status_counts_each_pod_for_what_it_is() -> None:
    pods = [
        pod("available"),
        pod("ready just now", ready_for_s=1.0),
        pod("starting", ready_for_s=None, labels={"app": "web"}),
        pod("going", deletionTimestamp=written(NOW)),
        pod("ended", "Failed"),
    ]
    assert status_of(replica_set(minReadySeconds=10), pods, None, NOW) == {
        "replicas": 3,
        "fullyLabeledReplicas": 2,
        "readyReplicas": 2,
        "availableReplicas": 1,
        "terminatingReplicas": 1,
        "observedGeneration": 3,
    }


def test_a_pod_becomes_available_once_it_was_ready_for_min_ready_seconds() -> None:
    pods = [pod("a"), pod("b", ready_for_s=1.0)]
    assert next_available(replica_set(minReadySeconds=10), pods, NOW) == NOW + 9
    assert next_available(replica_set(), pods, NOW) is None


def test_a_refused_pod_is_told_in_a_condition_until_one_is_accepted() -> None:
    refused = status_of(replica_set(), [], "no quota", NOW)
    assert refused["conditions"] == [
        {
            "type": "ReplicaFailure",
            "status": "True",
            "lastTransitionTime": written(NOW),
            "reason": "FailedCreate",
            "message": "no quota",
        }
    ]
    again = {**replica_set(), "status": refused}
    assert status_of(again, [], "another reason", NOW + 9)["conditions"] == refused["conditions"]
    assert "conditions" not in status_of(again, [], None, NOW + 9)


def test_a_selected_pod_without_controller_is_adopted_and_one_that_is_not_selected_is_let_go() -> None:
    stray, other = pod("stray"), pod("other", labels={"app": "other"})
    found = claims(replica_set(), [other, pod("ours")], [stray, pod("ended", "Failed")])
    assert (found.adopted, found.released) == ((stray,), (other,))


def test_a_replica_set_that_is_being_deleted_adopts_nothing() -> None:
    going = replica_set()
    going["metadata"]["deletionTimestamp"] = written(NOW)
    assert claims(going, [], [pod("stray")]).adopted == ()


@pytest.mark.parametrize(
    ("new", "changed"),
    [
        ({"metadata": {"labels": {"app": "web", "pod-template-hash": "x"}}, "spec": {"a": 1}}, False),
        ({"metadata": {"labels": {"app": "web"}, "annotations": {}}, "spec": {"a": 1}}, False),
        ({"metadata": {"labels": {"app": "web"}}, "spec": {"a": 2}}, True),
        ({"metadata": {"labels": {"app": "web"}, "annotations": {"note": "x"}}, "spec": {"a": 1}}, True),
    ],
    ids=["its hash is no change", "empty is as none", "a changed spec", "a new annotation"],
)
def test_a_template_has_changed_where_its_pods_would_differ(new: Object, changed: bool) -> None:  # noqa: FBT001
    old = {"metadata": {"labels": {"app": "web"}}, "spec": {"a": 1}}
    assert template_changed({"spec": {"template": old}}, {"spec": {"template": new}}) is changed
