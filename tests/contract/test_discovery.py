"""What does the API server say that it is and serves?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

if TYPE_CHECKING:
    from kube.client import Api

Object = dict[str, Any]

_ALL = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
_CHANGE = ["get", "patch", "update"]
_KINDS: dict[str, dict[str, tuple[str, bool, list[str]]]] = {
    "/api/v1": {
        "namespaces": ("Namespace", False, [verb for verb in _ALL if verb != "deletecollection"]),
        "namespaces/finalize": ("Namespace", False, ["update"]),
        "namespaces/status": ("Namespace", False, _CHANGE),
        "nodes": ("Node", False, _ALL),
        "nodes/status": ("Node", False, _CHANGE),
        "pods": ("Pod", True, _ALL),
        "pods/status": ("Pod", True, _CHANGE),
        "pods/binding": ("Binding", True, ["create"]),
        "pods/eviction": ("Eviction", True, ["create"]),
        "services": ("Service", True, _ALL),
        "configmaps": ("ConfigMap", True, _ALL),
        "events": ("Event", True, _ALL),
    },
    "/apis/apps/v1": {
        "deployments": ("Deployment", True, _ALL),
        "deployments/scale": ("Scale", True, _CHANGE),
        "deployments/status": ("Deployment", True, _CHANGE),
        "replicasets": ("ReplicaSet", True, _ALL),
        "replicasets/scale": ("Scale", True, _CHANGE),
    },
    "/apis/autoscaling/v2": {
        "horizontalpodautoscalers": ("HorizontalPodAutoscaler", True, _ALL),
        "horizontalpodautoscalers/status": ("HorizontalPodAutoscaler", True, _CHANGE),
    },
    "/apis/coordination.k8s.io/v1": {"leases": ("Lease", True, _ALL)},
    "/apis/policy/v1": {
        "poddisruptionbudgets": ("PodDisruptionBudget", True, _ALL),
        "poddisruptionbudgets/status": ("PodDisruptionBudget", True, _CHANGE),
    },
    "/apis/scheduling.k8s.io/v1": {"priorityclasses": ("PriorityClass", False, _ALL)},
}


async def _document(api: Api, path: str) -> Object:
    document: Object = msgspec.json.decode(await api.request("GET", path))
    return document


async def test_the_version_is_that_of_the_control_plane(api: Api) -> None:
    version = await _document(api, "/version")
    assert (version["major"], version["minor"]) == ("1", "36")
    assert version["gitVersion"].startswith("v1.36.")


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz"])
async def test_the_server_is_well(api: Api, path: str) -> None:
    assert await api.request("GET", path) == b"ok"


async def test_the_core_has_one_version(api: Api) -> None:
    versions = await _document(api, "/api")
    assert (versions["kind"], versions["versions"]) == ("APIVersions", ["v1"])


async def test_groups_are_listed(api: Api) -> None:
    listed = await _document(api, "/apis")
    assert listed["kind"] == "APIGroupList"
    preferred = {group["name"]: group["preferredVersion"]["groupVersion"] for group in listed["groups"]}
    ours = {"apps", "coordination.k8s.io", "policy", "scheduling.k8s.io"}
    assert {name: preferred[name] for name in ours} == {name: f"{name}/v1" for name in ours}
    assert preferred["autoscaling"] == "autoscaling/v2"


async def test_a_group_tells_its_versions(api: Api) -> None:
    version = {"groupVersion": "apps/v1", "version": "v1"}
    group = {"kind": "APIGroup", "apiVersion": "v1", "name": "apps"}
    assert await _document(api, "/apis/apps") == {**group, "versions": [version], "preferredVersion": version}


@pytest.mark.parametrize("path", _KINDS)
async def test_the_kinds_that_we_use_are_there(api: Api, path: str) -> None:
    listed = await _document(api, path)
    assert listed["kind"] == "APIResourceList"
    assert listed["groupVersion"] == path.removeprefix("/apis/").removeprefix("/api/")
    there = {each["name"]: (each["kind"], each["namespaced"], each["verbs"]) for each in listed["resources"]}
    assert {name: there.get(name) for name in _KINDS[path]} == _KINDS[path]


async def test_kinds_have_names_in_the_singular_and_short_ones(api: Api) -> None:
    listed = await _document(api, "/apis/apps/v1")
    (deployments,) = (each for each in listed["resources"] if each["name"] == "deployments")
    assert (deployments["singularName"], deployments["shortNames"]) == ("deployment", ["deploy"])


async def test_a_scale_is_of_a_group_of_its_own(api: Api) -> None:
    listed = await _document(api, "/apis/apps/v1")
    (scale,) = (each for each in listed["resources"] if each["name"] == "deployments/scale")
    assert (scale["group"], scale["version"], scale["kind"]) == ("autoscaling", "v1", "Scale")
