from __future__ import annotations

from typing import Any

import pytest

from plimsoll.embedded.core.controllers.deployments import Change, Creation, Status, decide, template_hash
from plimsoll.embedded.core.notation.moments import written

NOW = 1_800_000_000.0

Object = dict[str, Any]


def deployment(replicas: int = 3, status: Object | None = None, **spec: Any) -> Object:
    return {
        "metadata": {
            "name": "web",
            "namespace": "n",
            "uid": "d",
            "generation": 1,
            "annotations": {"note": "x", "kubectl.kubernetes.io/last-applied-configuration": "{}"},
        },
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "main"}]}},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}},
            "progressDeadlineSeconds": 600,
            **spec,
        },
        "status": status or {},
    }


def created(of: Object) -> Creation:
    step = decide(of, [], (), NOW)
    assert isinstance(step, Creation)
    return step


def made(of: Object, **status: int) -> Object:
    """Return the ReplicaSet of a Deployment as the API server has it."""
    replica_set = created(of).replica_set
    meta = {**replica_set["metadata"], "uid": "rs", "creationTimestamp": written(NOW)}
    return {**replica_set, "metadata": meta, "status": {"terminatingReplicas": 0, **status}}


def told(of: Object, owned: list[Object], now: float = NOW) -> Object:
    """Return the Deployment's next status, after the steps that have to do with its ReplicaSet's revision."""
    for _ in range(3):
        step = decide(of, owned, (), now)
        assert isinstance(step, Status), step
        annotations = {**of["metadata"]["annotations"], **step.annotations}
        of = {**of, "metadata": {**of["metadata"], "annotations": annotations}, "status": step.status}
    return of


def reasons(of: Object) -> dict[str, tuple[str, str]]:
    return {each["type"]: (each["status"], each["reason"]) for each in of["status"]["conditions"]}


def test_a_new_deployment_gets_one_replica_set_named_by_its_template() -> None:
    made_set = created(deployment()).replica_set
    unique = made_set["metadata"]["labels"]["pod-template-hash"]
    assert made_set["metadata"]["name"] == f"web-{unique}"
    assert made_set["spec"]["selector"]["matchLabels"] == {"app": "web", "pod-template-hash": unique}
    assert made_set["spec"]["template"]["metadata"]["labels"] == {"app": "web", "pod-template-hash": unique}
    assert made_set["spec"]["replicas"] == 3
    assert made_set["metadata"]["annotations"] == {
        "note": "x",
        "deployment.kubernetes.io/revision": "1",
        "deployment.kubernetes.io/desired-replicas": "3",
        "deployment.kubernetes.io/max-replicas": "4",
    }
    assert made_set["metadata"]["ownerReferences"] == [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "name": "web",
            "uid": "d",
            "controller": True,
            "blockOwnerDeletion": True,
        }
    ]


def test_a_name_that_another_replica_set_has_counts_as_a_collision_and_leads_to_another() -> None:
    first = created(deployment()).replica_set["metadata"]["name"]
    step = decide(deployment(), [], {first}, NOW)
    assert step == Status({"collisionCount": 1})
    assert created(deployment(status={"collisionCount": 1})).replica_set["metadata"]["name"] != first


def test_the_hash_is_that_of_the_template_and_of_nothing_else() -> None:
    template = deployment()["spec"]["template"]
    with_hash = {**template, "metadata": {"labels": {"app": "web", "pod-template-hash": "x"}}}
    assert template_hash(template, 0) == template_hash(with_hash, 0)
    assert template_hash(template, 0) != template_hash({**template, "spec": {}}, 0)


def test_a_paused_deployment_gets_no_replica_set() -> None:
    paused = deployment(paused=True)
    step = decide(paused, [], (), NOW)
    assert isinstance(step, Status)
    assert [each["reason"] for each in step.status["conditions"]] == ["DeploymentPaused"]
    assert isinstance(decide({**paused, "status": step.status}, [], (), NOW), Status)


@pytest.mark.parametrize("paused", [False, True])
def test_replicas_are_passed_on_with_a_sentence(paused: bool) -> None:  # noqa: FBT001
    before = deployment(3)
    owned = [made(before)]
    status = told(before, owned)["status"]
    annotations = {"note": "x", "deployment.kubernetes.io/revision": "1"}
    scaled = deployment(1, status, paused=paused)
    scaled["metadata"]["annotations"] = annotations
    if paused:
        step = decide(scaled, owned, (), NOW)
        assert isinstance(step, Status)
        scaled["status"] = step.status
    name = owned[0]["metadata"]["name"]
    assert decide(scaled, owned, (), NOW) == Change(
        name,
        {
            "metadata": {
                "annotations": {
                    "deployment.kubernetes.io/desired-replicas": "1",
                    "deployment.kubernetes.io/max-replicas": "2",
                }
            },
            "spec": {"replicas": 1},
        },
        f"Scaled down replica set {name} from 3 to 1",
    )


def test_a_replica_set_that_was_scaled_by_hand_is_scaled_back() -> None:
    before = deployment(3)
    owned = [made(before)]
    told_before = told(before, owned)
    owned[0]["spec"]["replicas"] = 7
    step = decide(told_before, owned, (), NOW)
    assert isinstance(step, Change)
    assert step.patch["spec"] == {"replicas": 3}


def test_annotations_are_passed_on_but_for_those_of_tools() -> None:
    before = deployment()
    owned = [made(before)]
    before["metadata"]["annotations"]["more"] = "y"
    name = owned[0]["metadata"]["name"]
    assert decide(before, owned, (), NOW) == Change(name, {"metadata": {"annotations": {"more": "y"}}})


def test_a_changed_template_is_not_rolled_out() -> None:
    before = deployment()
    owned = [made(before)]
    before["spec"]["template"] = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "other"}]}}
    step = decide(before, owned, (), NOW)
    assert isinstance(step, Status)
    assert "updatedReplicas" not in step.status


def test_a_deployment_becomes_available_and_complete_with_its_pods() -> None:
    starting = told(deployment(), [made(deployment(), replicas=3)])
    assert starting["status"]["unavailableReplicas"] == 3
    assert reasons(starting) == {
        "Available": ("False", "MinimumReplicasUnavailable"),
        "Progressing": ("True", "ReplicaSetUpdated"),
    }
    counts = {"replicas": 3, "readyReplicas": 3, "availableReplicas": 3}
    ready = told(starting, [made(deployment(), **counts)])
    assert reasons(ready) == {
        "Available": ("True", "MinimumReplicasAvailable"),
        "Progressing": ("True", "NewReplicaSetAvailable"),
    }
    assert {key: value for key, value in ready["status"].items() if key != "conditions"} == {
        "observedGeneration": 1,
        "replicas": 3,
        "updatedReplicas": 3,
        "readyReplicas": 3,
        "availableReplicas": 3,
        "terminatingReplicas": 0,
    }


def test_a_quarter_may_be_unavailable() -> None:
    counts = {"replicas": 4, "readyReplicas": 3, "availableReplicas": 3}
    assert reasons(told(deployment(4), [made(deployment(4), **counts)]))["Available"][0] == "True"


def test_a_settled_deployment_is_left_alone() -> None:
    owned = [made(deployment(), replicas=3, readyReplicas=3, availableReplicas=3)]
    settled = told(deployment(), owned)
    assert told(settled, owned, NOW + 999)["status"] == settled["status"]


def test_what_makes_no_progress_until_its_deadline_has_timed_out() -> None:
    owned = [made(deployment())]
    waiting = told(deployment(), owned)
    step = decide(waiting, owned, (), NOW)
    assert isinstance(step, Status)
    assert step.again_at == NOW + 601
    assert reasons(told(waiting, owned, NOW + 601))["Progressing"] == ("False", "ProgressDeadlineExceeded")


def test_a_replica_sets_failure_is_the_deployments() -> None:
    owned = [made(deployment())]
    failure = {"type": "ReplicaFailure", "status": "True", "lastTransitionTime": written(NOW), "reason": "FailedCreate"}
    owned[0]["status"]["conditions"] = [failure]
    failing = told(deployment(), owned)
    assert reasons(failing)["ReplicaFailure"] == ("True", "FailedCreate")
    assert "ReplicaFailure" not in reasons(told(failing, [made(deployment())]))
