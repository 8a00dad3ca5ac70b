from __future__ import annotations

from typing import Any

from plimsoll.embedded.core import kinds
from plimsoll.embedded.core.controllers.view import View

Object = dict[str, Any]


def pod(uid: str, *, owner: str | None = None, node: str | None = None, version: int = 1) -> Object:
    references = [{"uid": owner, "controller": True}] if owner else []
    return {
        "metadata": {
            "name": uid,
            "namespace": "n",
            "uid": uid,
            "resourceVersion": str(version),
            "ownerReferences": references,
        },
        "spec": {"nodeName": node} if node else {},
        "status": {},
    }


def names(pods: list[Object]) -> list[str]:
    return [each["metadata"]["name"] for each in pods]


def test_a_pod_is_found_by_controller_and_node_as_it_is_now() -> None:
    view = View()
    view.put(kinds.PODS, pod("a", owner="rs"), 1.0)
    assert view.put(kinds.PODS, pod("a", owner="other", node="n1", version=2), 2.0) == pod("a", owner="rs")
    assert view.controlled(kinds.PODS, "rs") == []
    assert names(view.controlled(kinds.PODS, "other")) == ["a"]
    assert names(view.pods_on("n1")) == ["a"]
    assert view.changed_at("a") == 2.0
    assert view.version(kinds.PODS, "a") == 2


def test_a_pod_without_controller_is_found_in_its_namespace() -> None:
    view = View()
    view.put(kinds.PODS, pod("a"), 1.0)
    view.put(kinds.PODS, pod("b", owner="rs"), 1.0)
    assert names(view.without_controller("n")) == ["a"]
    assert names(view.within(kinds.PODS, "n")) == ["a", "b"]


def test_what_is_gone_is_found_nowhere_and_remembered_as_gone() -> None:
    view = View()
    view.put(kinds.PODS, pod("a", owner="rs", node="n1"), 1.0)
    assert view.remove(kinds.PODS, "a") is not None
    assert view.remove(kinds.PODS, "a") is None
    assert (view.dependents("rs"), view.pods_on("n1"), view.within(kinds.PODS, "n")) == ([], [], [])
    assert view.is_gone("a")
    assert view.named(kinds.PODS, "n", "a") is None


def test_a_name_belongs_to_the_newer_object() -> None:
    view = View()
    view.put(kinds.PODS, pod("a"), 1.0)
    newer = pod("a")
    newer["metadata"]["uid"] = "newer"
    view.put(kinds.PODS, newer, 2.0)
    view.remove(kinds.PODS, "a")
    assert view.named(kinds.PODS, "n", "a") == newer
