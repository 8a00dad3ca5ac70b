"""Kubernetes' objects become values of the core, with everything that they leave out."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from autoscaler.core.model import WorkloadKey
from autoscaler.core.targets.draining import COST, OURS
from autoscaler.core.targets.holdings import Holding
from autoscaler.core.targets.selection import selector
from autoscaler.core.targets.writing import Found
from autoscaler.shell import cluster
from kube.discovery import Scalable
from kube.objects import HorizontalPodAutoscaler, Pod, Workload

DEPLOYMENTS = Scalable("apps", "v1", "deployments", "Deployment")
CONTROLLERS = Scalable("", "v1", "replicationcontrollers", "ReplicationController")
KEY = WorkloadKey("u", "team", "chat")


def workload(spec: Any = None, **meta: Any) -> Workload:
    whole = {"metadata": {"name": "chat", "namespace": "team", "uid": "u", "resourceVersion": "7", **meta}}
    return msgspec.json.decode(msgspec.json.encode(whole if spec is None else {**whole, "spec": spec}), type=Workload)


@pytest.mark.parametrize(("spec", "replicas"), [({"replicas": 3}, 3), ({"replicas": 0}, 0), ({}, 1), (None, 1)])
def test_an_absent_count_is_one(spec: Any, replicas: int) -> None:
    assert cluster.target_with_own_count(DEPLOYMENTS, workload(spec), ()).replicas == replicas


def test_a_target_has_what_the_law_and_people_need() -> None:
    found = workload({}, annotations={"a": "b"}, creationTimestamp="2026-01-01T00:00:00Z")
    target = cluster.target_with_own_count(DEPLOYMENTS, found, ())
    assert (target.key, target.annotations, target.created_s, target.resource_version) == (
        KEY, {"a": "b"}, 1_767_225_600, "7",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "chosen", "refused"),
    [
        ("app=chat", selector("app=chat"), ""),
        ("", None, "its scale tells no status.selector, so which pods are its own is unknown"),
        ("app=chat,", None, 'the selector "app=chat," ends with a comma'),
    ],
)
def test_a_scale_tells_count_and_pods_or_is_refused(text: str, chosen: object, refused: str) -> None:
    target = cluster.target_with_scale(DEPLOYMENTS, workload({}), Found(4, "u", "9", text), ())
    assert (target.replicas, target.resource_version, target.selector, target.refused) == (4, "9", chosen, refused)


def test_what_something_scalable_controls_is_refused() -> None:
    owner = {"apiVersion": "example.com/v1", "kind": "Set", "name": "many", "uid": "o", "controller": True}
    found = workload({}, ownerReferences=[owner])
    scaled = {("example.com", "Set")}
    assert cluster.target_with_own_count(DEPLOYMENTS, found, ()).refused == ""
    refused = cluster.target_with_own_count(DEPLOYMENTS, found, scaled).refused
    assert refused == "Set many controls it and sets its replicas: label that one instead"
    assert cluster.target_with_scale(DEPLOYMENTS, found, Found(4, "u", "9", "a=b"), scaled).refused == refused


@pytest.mark.parametrize(
    ("scalable", "path"),
    [
        (DEPLOYMENTS, "/apis/apps/v1/namespaces/team/deployments/chat/scale"),
        (CONTROLLERS, "/api/v1/namespaces/team/replicationcontrollers/chat/scale"),
    ],
)
def test_a_scale_has_its_place(scalable: Scalable, path: str) -> None:
    assert cluster.scale_path(cluster.key_of(scalable, workload())) == path


def fields(manager: str, time: str, *, replicas: bool = True, subresource: str = "") -> dict[str, Any]:
    owned: dict[str, Any] = {"f:spec": {"f:replicas": {}}} if replicas else {"f:metadata": {}}
    return {"manager": manager, "time": time, "subresource": subresource, "fieldsV1": owned}


@pytest.mark.parametrize(
    ("entries", "manager"),
    [
        ([], ""),
        ([fields("a", "1", replicas=False)], ""),
        ([fields("a", "2"), fields("b", "1"), fields("c", "3", replicas=False)], "a"),
        ([fields("a", "2"), fields("plimsoll-autoscaler", "1")], "plimsoll-autoscaler"),
        ([fields("a", "2", replicas=False), fields("b", "1", replicas=False, subresource="scale")], "b"),
        ([{"manager": "a"}], ""),
    ],
    ids=[
        "nobody tells", "nobody owns it", "the newest owner", "we own it too", "who wrote the scale", "no fields",
    ],
)  # fmt: skip
def test_who_owns_the_count_has_written_it(entries: list[dict[str, Any]], manager: str) -> None:
    assert cluster.manager_of_replicas(workload({}, managedFields=entries)) == manager


@pytest.mark.parametrize(
    ("version", "group"), [("apps/v1", "apps"), ("v1", ""), ("", "")], ids=["of a group", "of the core", "not said"]
)
def test_an_autoscaler_points_at_group_kind_and_name(version: str, group: str) -> None:
    reference = {"apiVersion": version, "kind": "Deployment", "name": "chat"}
    whole = {"metadata": {"name": "theirs", "namespace": "team", "uid": "h"}, "spec": {"scaleTargetRef": reference}}
    found = cluster.autoscaler(msgspec.json.decode(msgspec.json.encode(whole), type=HorizontalPodAutoscaler))
    assert (found.uid, found.name, found.scales) == ("h", "theirs", ("team", group, "Deployment", "chat"))


@pytest.mark.parametrize(
    ("phase", "condition", "deleted", "ready"),
    [
        ("Running", "True", None, True),
        ("Running", "False", None, False),
        ("Pending", "True", None, False),
        ("Running", "True", "2026-01-01T00:00:00Z", False),
    ],
    ids=["ready", "not ready", "pending", "on its way out"],
)
def test_a_pod_counts_while_it_runs_and_is_ready(
    phase: str,
    condition: str,
    deleted: str | None,
    ready: bool,  # noqa: FBT001
) -> None:
    meta = {"name": "p", "namespace": "team", "uid": "1", "deletionTimestamp": deleted, "labels": {"a": "b"}}
    status = {"phase": phase, "conditions": [{"type": "Ready", "status": condition}]}
    pod = cluster.owned_pod(msgspec.json.decode(msgspec.json.encode({"metadata": meta, "status": status}), type=Pod))
    assert (pod.namespace, pod.name, pod.owner, pod.labels, pod.ready) == ("team", "p", "", {"a": "b"}, ready)


def gpus(limit: str, *, always: bool = False) -> dict[str, Any]:
    container = {"name": "c", "resources": {"limits": {"nvidia.com/gpu": limit}}}
    return {**container, "restartPolicy": "Always"} if always else container


def bound(spec: dict[str, Any], **meta: Any) -> Pod:
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "r", "uid": "o", "controller": True}
    whole = {"metadata": {"name": "p", "namespace": "ml", "uid": "u", "ownerReferences": [owner], **meta},
             "spec": {"nodeName": "n", **spec}, "status": {"phase": "Running"}}  # fmt: skip
    return msgspec.json.decode(msgspec.json.encode(whole), type=Pod)


@pytest.mark.parametrize(
    ("containers", "before", "whole"),
    [
        ([gpus("1"), gpus("2")], [], 3),
        ([gpus("1")], [gpus("4"), gpus("2")], 4),  # one after the other
        ([gpus("1")], [gpus("1", always=True)], 2),  # a sidecar runs beside the others
        ([gpus("1")], [gpus("1", always=True), gpus("4")], 5),
        ([gpus("1")], [gpus("4"), gpus("1", always=True)], 4),
        ([{"name": "c"}], [], 0),
        ([{"name": "c", "resources": {"requests": {"cpu": "1"}}}], [], 0),
        ([gpus("much")], [], 0),
    ],
)
def test_whole_gpus_are_counted_as_kube_scheduler_does(containers: list[Any], before: list[Any], whole: int) -> None:
    holding = cluster.owned_pod(bound({"containers": containers, "initContainers": before})).holding
    assert holding == (Holding("ml", whole * 1000, "o") if whole else None)


def test_a_bound_pod_holds_what_its_annotations_say_for_the_project_of_its_label() -> None:
    pod = bound({}, annotations={"gpu-fraction": "0.25"}, labels={"plimsoll.dev/project": "search"})
    assert cluster.owned_pod(pod).holding == Holding("ml", 250, "o", "search")


@pytest.mark.parametrize("phase", ["Pending", "Running", "Succeeded", "Failed"])
def test_a_pod_holds_gpus_once_it_is_bound_and_until_it_has_ended(phase: str) -> None:
    pod = bound({"containers": [gpus("1")]}, deletionTimestamp="2026-01-01T00:00:00Z")
    pod.status.phase = phase
    assert (cluster.owned_pod(pod).holding is None) is (phase in {"Succeeded", "Failed"})
    pod.spec.node_name = ""
    assert cluster.owned_pod(pod).holding is None


@pytest.mark.parametrize(
    ("phase", "status", "expected"),
    [
        ("Pending", {}, "starting"),
        ("Running", {"containerStatuses": [{"restartCount": 0, "state": {"running": {}}}]}, "starting"),
        ("Pending", {"containerStatuses": [{"state": {"waiting": {"reason": "ContainerCreating"}}}]}, "starting"),
        ("Pending", {"containerStatuses": [{"state": {"waiting": {"reason": "ImagePullBackOff"}}}]}, "failed"),
        ("Running", {"containerStatuses": [{"restartCount": 1, "state": {"running": {}}}]}, "failed"),
        ("Pending", {"initContainerStatuses": [{"state": {"waiting": {"reason": "CrashLoopBackOff"}}}]}, "failed"),
        ("Failed", {}, "neither"),
    ],
)
def test_a_pod_that_is_not_ready_starts_or_has_failed_to(phase: str, status: dict[str, Any], expected: str) -> None:
    meta = {"name": "p", "namespace": "team", "uid": "1", "creationTimestamp": "1970-01-01T00:01:40Z"}
    found = {"metadata": meta, "status": {"phase": phase, **status}}
    pod = cluster.owned_pod(msgspec.json.decode(msgspec.json.encode(found), type=Pod))
    assert (pod.starting, pod.failed) == (expected == "starting", expected == "failed")
    assert pod.created_s == 100


def test_the_pod_of_a_template_is_what_its_controller_would_send() -> None:
    template = {
        "metadata": {"labels": {"app": "chat"}, "annotations": {"gpu-fraction": "0.5"}, "creationTimestamp": None},
        "spec": {"containers": [{"name": "c"}], "priorityClassName": "plimsoll-inference"},
    }
    answer = {"metadata": {"namespace": "ns", "name": "chat"}, "spec": {"replicas": 3, "template": template}}
    assert msgspec.json.decode(cluster.pod_shape(msgspec.json.encode(answer))) == {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"namespace": "ns", "labels": {"app": "chat"}, "annotations": {"gpu-fraction": "0.5"}},
        "spec": template["spec"],
    }


@pytest.mark.parametrize(
    "spec",
    [{}, {"template": {}}, {"template": {"spec": {}}}, {"template": {"metadata": 1, "spec": 2}}, 7, {"template": 3}],
)
def test_what_makes_no_pod_has_no_shape(spec: Any) -> None:
    with pytest.raises((ValueError, msgspec.DecodeError)):
        cluster.pod_shape(msgspec.json.encode({"metadata": {"namespace": "ns"}, "spec": spec}))


def test_a_pod_is_known_with_its_node_and_its_costs() -> None:
    meta = {"name": "a", "uid": "u", "annotations": {COST: "-1", OURS: "-1"}}
    pod = msgspec.convert({"metadata": meta, "spec": {"nodeName": "n"}}, Pod)
    known = cluster.owned_pod(pod)
    assert (known.placed, known.cost, known.our_cost, known.cost_is_ours) == (True, "-1", "-1", True)
    waiting = cluster.owned_pod(msgspec.convert({"metadata": {"name": "a", "uid": "u"}}, Pod))
    assert (waiting.placed, waiting.cost, waiting.cost_is_ours) == (False, "", False)
