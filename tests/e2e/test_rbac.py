"""The roles of deploy/ on a real API server: each service account may do what it must, and no more."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec
import pytest

from kube.client import Api

if TYPE_CHECKING:
    from deploy.local import LocalCluster

SYSTEM = "plimsoll-system"

# verb, API group, resource[/subresource][ name of the one object], namespace ("" = all)
MAY = {
    "plimsoll-extender": [
        ("list", "", "nodes", ""),
        ("watch", "", "nodes", ""),
        ("list", "resource.k8s.io", "resourceslices", ""),
        ("watch", "resource.k8s.io", "resourceslices", ""),
        ("list", "", "pods", ""),
        ("watch", "", "pods", ""),
        ("get", "", "pods", "any"),
        ("list", "", "namespaces", ""),
        ("watch", "", "namespaces", ""),
        ("watch", "", "configmaps config-extender", SYSTEM),
        ("watch", "", "configmaps config-projects", SYSTEM),
        ("create", "", "pods/binding", "any"),
        ("get", "", "nodes", ""),
        ("patch", "", "nodes", ""),
        ("create", "", "pods/eviction", "any"),
        ("patch", "", "pods", "any"),
        ("delete", "", "pods", "any"),
        ("list", "", "persistentvolumeclaims", "any"),
        ("watch", "", "persistentvolumeclaims", ""),
        ("watch", "", "persistentvolumes", ""),
        ("watch", "storage.k8s.io", "csinodes", ""),
        ("watch", "resource.k8s.io", "deviceclasses", ""),
        ("list", "policy", "poddisruptionbudgets", ""),
        ("watch", "policy", "poddisruptionbudgets", "any"),
        ("list", "autoscaling.x-k8s.io", "provisioningrequests", ""),
        ("create", "autoscaling.x-k8s.io", "provisioningrequests", "any"),
        ("delete", "autoscaling.x-k8s.io", "provisioningrequests", "any"),
        ("create", "", "podtemplates", "any"),
        ("delete", "", "podtemplates", "any"),
        ("create", "", "events", "any"),
        ("patch", "", "events", "any"),
        ("create", "coordination.k8s.io", "leases", SYSTEM),
        ("get", "coordination.k8s.io", "leases plimsoll-extender", SYSTEM),
        ("update", "coordination.k8s.io", "leases plimsoll-extender", SYSTEM),
        ("get", "coordination.k8s.io", "leases plimsoll-scheduler", SYSTEM),
        ("create", "authentication.k8s.io", "tokenreviews", ""),
        ("create", "authorization.k8s.io", "subjectaccessreviews", ""),
    ],
    "plimsoll-autoscaler": [
        ("watch", "apps", "deployments", ""),
        ("watch", "apps", "replicasets", ""),
        ("watch", "apps", "statefulsets", ""),
        ("watch", "", "replicationcontrollers", ""),
        ("watch", "autoscaling", "horizontalpodautoscalers", ""),
        ("watch", "", "pods", ""),
        ("get", "apps", "deployments", "any"),
        ("get", "apps", "deployments/scale", "any"),
        ("patch", "apps", "deployments/scale", "any"),
        ("patch", "apps", "replicasets/scale", "any"),
        ("patch", "apps", "statefulsets/scale", "any"),
        ("patch", "", "replicationcontrollers/scale", "any"),
        ("create", "", "events", "any"),
        ("patch", "", "events", "any"),
        ("list", "", "configmaps config-autoscaler", SYSTEM),
        ("watch", "", "configmaps config-deployment", SYSTEM),
        ("create", "authentication.k8s.io", "tokenreviews", ""),
        ("create", "authorization.k8s.io", "subjectaccessreviews", ""),
        ("create", "coordination.k8s.io", "leases", SYSTEM),
        ("get", "coordination.k8s.io", "leases plimsoll-autoscaler", SYSTEM),
        ("update", "coordination.k8s.io", "leases plimsoll-autoscaler", SYSTEM),
    ],
    "plimsoll-scheduler": [
        ("watch", "", "nodes", ""),
        ("watch", "", "pods", ""),
        ("watch", "storage.k8s.io", "storageclasses", ""),
        ("create", "", "pods/binding", "any"),
        ("patch", "", "pods/status", "any"),
        ("create", "coordination.k8s.io", "leases", SYSTEM),
    ],
}
MAY_NOT = {
    "plimsoll-extender": [
        ("deletecollection", "", "pods", "any"),
        ("create", "", "pods", "any"),
        ("list", "", "podtemplates", "any"),
        ("patch", "autoscaling.x-k8s.io", "provisioningrequests", "any"),
        ("update", "", "pods", "any"),
        ("patch", "", "pods/status", "any"),
        ("update", "", "nodes", ""),
        ("patch", "", "nodes/status", ""),
        ("get", "", "namespaces", ""),
        ("get", "", "persistentvolumeclaims", "any"),
        ("patch", "", "namespaces", ""),
        ("update", "coordination.k8s.io", "leases plimsoll-scheduler", SYSTEM),
        ("list", "coordination.k8s.io", "leases", SYSTEM),
        ("patch", "resource.k8s.io", "resourceslices", ""),
        ("list", "", "secrets", "any"),
        ("list", "", "configmaps", "any"),
        ("list", "", "configmaps", SYSTEM),
        ("patch", "apps", "deployments/scale", "any"),
        ("patch", "policy", "poddisruptionbudgets/status", "any"),
    ],
    "plimsoll-autoscaler": [
        ("delete", "", "pods", "any"),
        ("create", "", "pods/binding", "any"),
        ("patch", "", "pods", "any"),
        ("patch", "apps", "deployments", "any"),
        ("update", "apps", "deployments", "any"),
        ("update", "apps", "statefulsets/scale", "any"),
        ("patch", "apps", "statefulsets", "any"),
        ("patch", "autoscaling", "horizontalpodautoscalers", "any"),
        ("list", "batch", "jobs", "any"),
        ("list", "", "secrets", "any"),
        ("list", "", "configmaps", "any"),
        ("list", "", "configmaps", SYSTEM),
        ("get", "", "pods", "any"),
        ("patch", "", "configmaps", SYSTEM),
        ("update", "coordination.k8s.io", "leases plimsoll-scheduler", SYSTEM),
        ("update", "coordination.k8s.io", "leases plimsoll-autoscaler", "any"),
        ("delete", "coordination.k8s.io", "leases plimsoll-autoscaler", SYSTEM),
        ("list", "coordination.k8s.io", "leases", SYSTEM),
    ],
    "plimsoll-scheduler": [
        ("create", "", "pods", "any"),
        ("list", "", "secrets", "any"),
        ("update", "coordination.k8s.io", "leases", "any"),
        ("patch", "apps", "deployments", "any"),
    ],
}


class ReviewStatus(msgspec.Struct):
    allowed: bool


class Review(msgspec.Struct):
    status: ReviewStatus


def allowed(cluster: LocalCluster, account: str, asked: list[tuple[str, str, str, str]]) -> list[bool]:
    """Ask as the account itself, with its own token."""

    async def ask() -> list[bool]:
        api = await Api.connect(cluster.kubeconfig(account))
        try:
            return [await one(api, *each) for each in asked]
        finally:
            await api.close()

    async def one(api: Api, verb: str, group: str, resource: str, namespace: str) -> bool:
        plural, _, name = resource.partition(" ")
        plural, _, subresource = plural.partition("/")
        attributes = {
            "verb": verb,
            "group": group,
            "resource": plural,
            "subresource": subresource,
            "name": name,
            "namespace": namespace,
        }
        answer = await api.request(
            "POST",
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
            body={
                "apiVersion": "authorization.k8s.io/v1",
                "kind": "SelfSubjectAccessReview",
                "spec": {"resourceAttributes": attributes},
            },
        )
        return msgspec.json.decode(answer, type=Review).status.allowed

    return asyncio.run(ask())


@pytest.mark.parametrize("account", sorted(MAY))
def test_an_account_may_do_what_it_must(cluster: LocalCluster, account: str) -> None:
    answers = allowed(cluster, account, MAY[account])
    assert [each for each, yes in zip(MAY[account], answers, strict=True) if not yes] == []


@pytest.mark.parametrize("account", sorted(MAY_NOT))
def test_an_account_may_do_no_more(cluster: LocalCluster, account: str) -> None:
    answers = allowed(cluster, account, MAY_NOT[account])
    assert [each for each, yes in zip(MAY_NOT[account], answers, strict=True) if yes] == []
