"""How do workloads reach the core, and replica counts the API server?"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from autoscaler.core.inventory import OwnedPod, Target
from autoscaler.core.model import WorkloadKey
from kube.client import MERGE_PATCH, Api
from kube.objects import ConfigMap, Deployment, Named, ObjectReference, Pod, ReplicaSet

if TYPE_CHECKING:
    from collections.abc import Mapping

CONFIG_MAP = "config-autoscaler"

Kind = TypeVar("Kind", bound=Named)


@dataclass(frozen=True, slots=True)
class Source(Generic[Kind]):
    """Which objects to watch."""

    name: str
    path: str
    kind: type[Kind]
    query: Mapping[str, str] = field(default_factory=dict)


DEPLOYMENTS = Source(
    "deployments", "/apis/apps/v1/deployments", Deployment, {"labelSelector": "plimsoll.dev/autoscale=true"}
)
REPLICA_SETS = Source("replica sets", "/apis/apps/v1/replicasets", ReplicaSet)
PODS = Source("pods", "/api/v1/pods", Pod)


def config_maps(namespace: str) -> tuple[str, Mapping[str, str]]:
    """Return path and selection of our ConfigMap."""
    return f"/api/v1/namespaces/{namespace}/configmaps", {"fieldSelector": f"metadata.name={CONFIG_MAP}"}


def target(deployment: Deployment) -> Target:
    """Translate an autoscaled Deployment."""
    meta = deployment.metadata
    replicas = 1 if deployment.spec.replicas is None else deployment.spec.replicas
    return Target(WorkloadKey(meta.uid, meta.namespace, meta.name), replicas, meta.annotations or {})


def controller(found: Named) -> str:
    """Return the UID of what controls an object, "" where nothing does."""
    return next((owner.uid for owner in found.metadata.owner_references or () if owner.controller), "")


def owned_pod(pod: Pod) -> OwnedPod:
    """Translate a pod. Pending and terminating pods do not count as ready (kpa-spec section 0)."""
    conditions = pod.status.conditions or ()
    ready = (
        pod.status.phase == "Running"
        and pod.metadata.deletion_timestamp is None
        and any(condition.type == "Ready" and condition.status == "True" for condition in conditions)
    )
    return OwnedPod(pod.metadata.uid, controller(pod), pod.metadata.name, ready)


def workload_reference(key: WorkloadKey) -> ObjectReference:
    """Return what an Event about a workload points at."""
    return ObjectReference(
        api_version="apps/v1", kind="Deployment", namespace=key.namespace, name=key.name, uid=key.uid
    )


def config_map_reference(found: ConfigMap) -> ObjectReference:
    """Return what an Event about our ConfigMap points at."""
    meta = found.metadata
    return ObjectReference(api_version="v1", kind="ConfigMap", namespace=meta.namespace, name=meta.name, uid=meta.uid)


async def write_replicas(api: Api, key: WorkloadKey, replicas: int) -> None:
    """Ask for `replicas` of a workload.

    Raises:
        ApiError: it was refused, or there was no answer; the next tick sees what became of it.
    """
    path = f"/apis/apps/v1/namespaces/{key.namespace}/deployments/{key.name}/scale"
    await api.request("PATCH", path, body={"spec": {"replicas": replicas}}, content_type=MERGE_PATCH, timeout_s=5.0)
