from __future__ import annotations

from typing import Any

import pytest

from plimsoll.embedded.core.controllers.lifecycle import (
    Addresses,
    Next,
    Stage,
    completed_status,
    next_stage,
    node_status,
    ready_status,
)
from plimsoll.embedded.core.notation.moments import written

NOW = 1_800_000_000.0

Object = dict[str, Any]


def pod(phase: str = "Pending", annotations: dict[str, str] | None = None, **meta: Any) -> Object:
    scheduled = {"type": "PodScheduled", "status": "True", "lastTransitionTime": written(NOW - 9)}
    return {
        "metadata": {"name": "p", "annotations": annotations or {}, **meta},
        "spec": {"nodeName": "node", "containers": [{"name": "main", "image": "x"}]},
        "status": {"phase": phase, "conditions": [scheduled]},
    }


def delay(stage: str, text: str) -> dict[str, str]:
    return {f"{stage}.stage.kwok.x-k8s.io/delay": text}


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (pod(), Next(Stage.READY, NOW)),
        (pod(annotations=delay("pod-ready", "1m1.5s")), Next(Stage.READY, NOW + 61.5)),
        (pod(annotations=delay("pod-ready", "soon")), Next(Stage.READY, NOW)),
        (pod("Running"), None),
        (pod("Running", delay("pod-complete", "2s")), Next(Stage.COMPLETE, NOW + 2)),
        (pod("Succeeded", delay("pod-complete", "2s")), None),
        (pod("Running", deletionTimestamp=written(NOW)), Next(Stage.DELETE, NOW)),
        (pod("Succeeded", deletionTimestamp=written(NOW)), Next(Stage.DELETE, NOW)),
        (
            pod("Running", delay("pod-delete", "500ms"), deletionTimestamp=written(NOW)),
            Next(Stage.DELETE, NOW + 0.5),
        ),
        (pod(deletionTimestamp=written(NOW), deletionGracePeriodSeconds=0, finalizers=["x/y"]), None),
    ],
    ids=[
        "a bound pod starts at once",
        "a cold start takes its time",
        "a malformed delay is none",
        "a running pod stays",
        "a run that completes",
        "an ended pod stays",
        "a deleted pod goes",
        "an ended pod goes too",
        "an orderly end takes its time",
        "finalizers hold a pod that has ended",
    ],
)
def test_what_happens_next_to_a_pod(seen: Object, expected: Next | None) -> None:
    assert next_stage(seen, NOW) == expected


def test_a_started_pod_is_running_and_ready() -> None:
    starting = pod()
    starting["spec"]["readinessGates"] = [{"conditionType": "foo/bar"}]
    status = ready_status(starting, "10.244.0.1", NOW)
    assert (status["phase"], status["podIP"], status["podIPs"]) == ("Running", "10.244.0.1", [{"ip": "10.244.0.1"}])
    assert [(each["type"], each["status"]) for each in status["conditions"]] == [
        ("Initialized", "True"),
        ("Ready", "True"),
        ("ContainersReady", "True"),
        ("foo/bar", "True"),
        ("PodScheduled", "True"),
    ]
    assert status["containerStatuses"] == [
        {
            "name": "main",
            "image": "x",
            "imageID": "",
            "lastState": {},
            "restartCount": 0,
            "ready": True,
            "started": True,
            "state": {"running": {"startedAt": written(NOW)}},
        }
    ]


def test_a_completed_pod_has_succeeded_and_its_conditions_keep_their_places() -> None:
    running = {**pod("Running"), "status": ready_status(pod(), None, NOW)}
    status = completed_status(running, NOW + 5)
    assert status["phase"] == "Succeeded"
    assert [(each["type"], each["status"], each.get("reason")) for each in status["conditions"]] == [
        ("Initialized", "True", None),
        ("Ready", "False", "PodCompleted"),
        ("ContainersReady", "False", "PodCompleted"),
        ("PodScheduled", "True", None),
    ]
    assert status["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 0


def test_a_new_node_becomes_ready_and_a_ready_one_is_left_alone() -> None:
    node = {"metadata": {"name": "n"}, "spec": {}, "status": {"capacity": {"cpu": "1"}}}
    status = node_status(node, NOW)
    assert status is not None
    assert status["conditions"][0]["type"] == "Ready"
    assert len(status["conditions"]) == 5
    assert status["capacity"] == {"cpu": "1"}
    assert node_status({**node, "status": status}, NOW) is None


def test_addresses_are_given_from_the_lowest_never_twice_and_again_once_given_back() -> None:
    addresses = Addresses()
    addresses.note(["10.244.0.2", "192.168.0.1"])
    assert [addresses.take(), addresses.take()] == ["10.244.0.1", "10.244.0.3"]
    addresses.give_back("10.244.0.2")
    addresses.give_back("10.244.0.2")
    assert [addresses.take(), addresses.take()] == ["10.244.0.2", "10.244.0.4"]
