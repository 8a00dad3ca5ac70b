from __future__ import annotations

from plimsoll.embedded.core import kinds
from plimsoll.embedded.core.controllers.namespaces import PODS_FIRST, THEN, is_ending, left_of, status_of

NOW = 1_800_000_000.0


def test_a_namespace_ends_once_it_is_deleted_until_it_is_finalized() -> None:
    assert not is_ending({"metadata": {}, "spec": {"finalizers": ["kubernetes"]}})
    assert is_ending({"metadata": {"deletionTimestamp": "t"}, "spec": {"finalizers": ["kubernetes"]}})
    assert not is_ending({"metadata": {"deletionTimestamp": "t"}, "spec": {}})


def test_pods_come_first_and_no_namespaced_kind_is_left_out() -> None:
    assert {PODS_FIRST, *THEN} == {kind for kind in kinds.KINDS if kind.namespaced}


def test_the_status_tells_what_is_left_and_what_holds_it() -> None:
    held = {"metadata": {"finalizers": ["x.y/z"]}}
    left = [left_of(kinds.CONFIG_MAPS, [held, {"metadata": {}}]), left_of(kinds.DEPLOYMENTS, [held])]
    first = status_of({"status": {"phase": "Terminating"}}, left, NOW)
    told = {each["type"]: (each["status"], each["message"]) for each in first["conditions"]}
    assert told["NamespaceContentRemaining"] == (
        "True",
        "Some resources are remaining: configmaps. has 2 resource instances, deployments.apps has 1 resource instances",
    )
    assert told["NamespaceFinalizersRemaining"] == (
        "True",
        "Some content in the namespace has finalizers remaining: x.y/z in 2 resource instances",
    )
    assert told["NamespaceDeletionContentFailure"][0] == "False"
    later = status_of({"status": first}, [], NOW + 60)
    times = {each["type"]: each["lastTransitionTime"] for each in later["conditions"]}
    assert times["NamespaceContentRemaining"] != times["NamespaceDeletionContentFailure"]
