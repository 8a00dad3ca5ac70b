"""Gangs as users write them, and what became of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kube.gangs import GANG, LEAST
from tests.e2e import pods

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deploy.local import LocalCluster


def member(name: str, gang: str, least: int, *, gpus: int = 1, share: str = "") -> dict[str, Any]:
    """Return a pod of a gang."""
    pod = pods.fraction(name, share) if share else pods.pod(name, gpus=gpus)
    pod["metadata"]["labels"] = {GANG: gang}
    pod["metadata"]["annotations"] |= {LEAST: str(least)}
    return pod


def members(gang: str, count: int, *, least: int | None = None, gpus: int = 1) -> list[dict[str, Any]]:
    """Return the pods of a gang; all of them are needed at once where nothing else is said."""
    return [member(f"{gang}-{number}", gang, least or count, gpus=gpus) for number in range(count)]


def deployment(gang: str, replicas: int, *, least: int | None = None) -> dict[str, Any]:
    """Return a Deployment whose pods are a gang, each with a GPU of its own."""
    pod = member("any", gang, least or replicas)
    labels = {"app": gang}
    metadata = {"labels": {**labels, **pod["metadata"]["labels"]}, "annotations": pod["metadata"]["annotations"]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": gang},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": metadata, "spec": pod["spec"]},
        },
    }


def create_deployment(cluster: LocalCluster, namespace: str, made: dict[str, Any]) -> None:
    """Create a Deployment."""
    cluster.call(lambda api: api.request("POST", f"/apis/apps/v1/namespaces/{namespace}/deployments", body=made))


def bound(cluster: LocalCluster, namespace: str, gang: str = "") -> list[str]:
    """Return the members of a gang, or all pods, that have a node."""
    return sorted(
        pod.metadata.name
        for pod in pods.pods_of(cluster, namespace)
        if pod.spec.node_name and (not gang or (pod.metadata.labels or {}).get(GANG) == gang)
    )


def told(cluster: LocalCluster, namespace: str, names: Sequence[str]) -> list[str]:
    """Return what Events say of pods."""
    return [event.message for name in names for event in pods.events_about(cluster, namespace, name)]
