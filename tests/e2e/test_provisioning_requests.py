"""What a gang needs is asked for in a ProvisioningRequest, as long as it is wanted: on a real control plane."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from kube.client import ApiError
from tests.e2e import gangs, pods
from tests.e2e.test_projects import configure, in_force, project

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from deploy.local import LocalCluster
    from kube.client import Api

_MAP = "/api/v1/namespaces/plimsoll-system/configmaps/config-extender"
_DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_NAME = "provisioningrequests.autoscaling.x-k8s.io"
_CLASS = "queued.example.com"


def _definition(version: str) -> dict[str, Any]:
    """Return the kind as Cluster Autoscaler defines it, without what only its controller reads."""
    reference = {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}
    one = {
        "type": "object",
        "required": ["count", "podTemplateRef"],
        "properties": {"count": {"type": "integer", "minimum": 1}, "podTemplateRef": reference},
    }
    spec = {
        "type": "object",
        "required": ["podSets", "provisioningClassName"],
        "properties": {
            "podSets": {"type": "array", "minItems": 1, "maxItems": 32, "items": one},
            "provisioningClassName": {"type": "string", "maxLength": 253},
        },
    }
    schema = {"type": "object", "required": ["spec"], "properties": {"spec": spec}}
    names = {"kind": "ProvisioningRequest", "plural": "provisioningrequests", "singular": "provisioningrequest"}
    served = {"name": version, "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": _NAME,
            # The API server keeps names under k8s.io to those that were approved.
            "annotations": {"api-approved.kubernetes.io": "https://github.com/kubernetes/autoscaler/pull/5848"},
        },
        "spec": {"group": "autoscaling.x-k8s.io", "scope": "Namespaced", "names": names, "versions": [served]},
    }


@pytest.fixture(autouse=True, params=["v1", "v1beta1"])
def served(cluster: LocalCluster, managed_namespace: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """Serve the kind in one version, and run an extender that asks for nodes."""
    del managed_namespace
    cluster.call(lambda api: api.request("POST", _DEFINITIONS, body=_definition(request.param)))
    pods.patch(
        cluster, _MAP, {"data": {"gang-provisioning": "provisioning-request", "gang-provisioning-class": _CLASS}}
    )
    if cluster.pid("extender") is not None:
        cluster.stop("extender")  # it looks once a minute whether the kind is served
    cluster.start_extender()
    yield request.param
    pods.patch(cluster, _MAP, {"data": {"gang-provisioning": None, "gang-provisioning-class": None}})
    configure(cluster, None)
    cluster.call(lambda api: api.request("DELETE", f"{_DEFINITIONS}/{_NAME}"))
    pods.wait_until(
        "it is not served any more", lambda: _get(cluster, f"/apis/autoscaling.x-k8s.io/{request.param}") is None
    )


def test_the_whole_minimum_is_asked_for_until_there_is_room(
    cluster: LocalCluster, managed_namespace: str, served: str, add_nodes: Callable[[int, int], None]
) -> None:
    gangs.create_deployment(cluster, managed_namespace, gangs.deployment("d", 20))
    pods.wait_until("nodes are asked for", lambda: len(_requests(cluster, managed_namespace, served)) == 1)
    (asked,) = _requests(cluster, managed_namespace, served)
    assert asked["spec"]["provisioningClassName"] == _CLASS
    (of_pods,) = asked["spec"]["podSets"]
    assert of_pods["count"] == 20
    (template,) = _templates(cluster, managed_namespace)
    assert template["metadata"]["name"] == of_pods["podTemplateRef"]["name"]
    (container,) = template["template"]["spec"]["containers"]
    assert container["resources"]["limits"] == {"nvidia.com/gpu": "1"}
    assert [owner["kind"] for owner in asked["metadata"]["ownerReferences"]] == ["Pod"]
    told = [one.message for one in pods.events(cluster, managed_namespace) if one.reason == "GangNeedsNodes"]
    assert told
    assert gangs.bound(cluster, managed_namespace) == []
    add_nodes(1, 4)
    pods.wait_until("the gang runs", lambda: len(gangs.bound(cluster, managed_namespace, "d")) == 20)
    pods.wait_until("nothing is asked for", lambda: not _requests(cluster, managed_namespace, served))
    pods.wait_until("no template is left", lambda: not _templates(cluster, managed_namespace))


def test_nothing_is_asked_for_over_the_quota_and_what_another_extender_asked_for_is_taken_away(
    cluster: LocalCluster, managed_namespace: str, served: str
) -> None:
    configure(cluster, [project("search", 20, managed_namespace)])
    in_force(cluster, "search", 20_000)
    gangs.create_deployment(cluster, managed_namespace, gangs.deployment("d", 20))
    pods.wait_until("nodes are asked for", lambda: len(_requests(cluster, managed_namespace, served)) == 1)
    cluster.kill("extender")
    configure(cluster, [project("search", 19, managed_namespace)])
    cluster.start_extender()
    pods.wait_until("nothing is asked for", lambda: not _requests(cluster, managed_namespace, served))
    pods.wait_until("no template is left", lambda: not _templates(cluster, managed_namespace))


def _requests(cluster: LocalCluster, namespace: str, version: str) -> list[dict[str, Any]]:
    path = f"/apis/autoscaling.x-k8s.io/{version}/namespaces/{namespace}/provisioningrequests"
    return (_get(cluster, path) or {"items": []})["items"]  # type: ignore[no-any-return]


def _templates(cluster: LocalCluster, namespace: str) -> list[dict[str, Any]]:
    return (_get(cluster, f"/api/v1/namespaces/{namespace}/podtemplates") or {})["items"]  # type: ignore[no-any-return]


def _get(cluster: LocalCluster, path: str) -> dict[str, Any] | None:
    async def work(api: Api) -> bytes:
        with contextlib.suppress(ApiError):
            return await api.request("GET", path)
        return b"null"

    found: dict[str, Any] | None = json.loads(cluster.call(work))
    return found
