from __future__ import annotations

from typing import Any

from plimsoll.embedded.core.controllers.garbage import lost_status, owners_of

Object = dict[str, Any]


def reference(uid: str, kind: str = "ConfigMap") -> Object:
    return {"apiVersion": "v1", "kind": kind, "name": uid, "uid": uid}


def owned_by(*references: Object) -> Object:
    return {"metadata": {"name": "x", "ownerReferences": list(references)}}


def only_here(reference: Object) -> bool:
    return bool(reference["uid"] == "here")


def test_what_never_had_an_owner_stays() -> None:
    assert not owners_of(owned_by(), only_here).collectable


def test_what_lost_all_owners_goes() -> None:
    assert owners_of(owned_by(reference("gone"), reference("lost")), only_here).collectable


def test_one_owner_is_enough_and_the_others_references_go() -> None:
    found = owners_of(owned_by(reference("gone"), reference("here")), only_here)
    assert not found.collectable
    assert (found.there, found.gone) == ((reference("here"),), (reference("gone"),))


def test_an_owner_of_an_unknown_kind_is_taken_to_be_there() -> None:
    assert not owners_of(owned_by(reference("gone", kind="Widget")), only_here).collectable


def test_a_pod_whose_node_is_gone_has_failed_unless_it_ended_before() -> None:
    status = lost_status({"metadata": {"generation": 2}, "status": {"phase": "Running"}}, 1_800_000_000.0)
    assert status == {
        "phase": "Failed",
        "observedGeneration": 2,
        "conditions": [
            {
                "type": "DisruptionTarget",
                "observedGeneration": 2,
                "status": "True",
                "lastTransitionTime": "2027-01-15T08:00:00Z",
                "reason": "DeletionByPodGC",
                "message": "PodGC: node no longer exists",
            }
        ],
    }
    assert lost_status({"metadata": {}, "status": {"phase": "Succeeded"}}, 0.0) is None
