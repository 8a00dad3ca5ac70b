"""How do pods reach the core, and bindings the API server?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from extender.core.model import PodKey, SeenPod
from extender.shell import hami
from extender.shell.enforcement import writing
from extender.shell.members import GatedPod, letting_go, membership_of, showing
from extender.shell.pods import NO_ANNOTATIONS, Pod
from extender.shell.wants import wants_of
from kube import nesting
from kube.client import JSON_PATCH, MERGE_PATCH, NO_ANSWER, Api, ApiError
from kube.gangs import GANG, PLAN, WHOLE_ONCE
from kube.gpus import Malformed, placement_in, written
from kube.objects import ObjectReference
from kube.reading import decoded
from kube.watch import listed, watch

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from extender.core.answers import BindTo
    from extender.shell.pods import Spec, Status
    from kube.gangs import Planned
    from kube.gpus import GpuRequest
    from kube.watch import Change

_PODS = "/api/v1/pods"
_BINDING_TIMEOUT_S = 5.0
_WRITE_S = 5.0
_RETRY = "plimsoll.dev/retry"
_CONTRADICTED = (409, 422)
"""By which the API server tells that an object is not what a change takes it for; and by 422 that it breaks a rule."""
_NO_GROUP = (
    "left out of a pod that asks for GPUs: kube-scheduler plans such a group by itself and asks no extender meanwhile, "
    f"so that no GPU can be kept for it; the label {GANG} makes pods a gang"
)

_pod = msgspec.json.Decoder(Pod)


@dataclass(frozen=True, slots=True)
class Accepted:
    """The API server bound the pod as asked."""


@dataclass(frozen=True, slots=True)
class NotSent:
    """The API server refused for certain; nothing was written."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """No answer, or one that leaves open what was written: only a read can tell."""

    reason: str


def seen_pod(pod: Pod) -> SeenPod:
    """Translate a pod."""
    metadata, spec = pod.metadata, pod.spec
    labels = metadata.labels
    annotations = metadata.annotations or NO_ANNOTATIONS
    wants = wants_of(spec, annotations)
    # In the order of the fields: named, they take four times as long, and a list has ten thousand pods.
    return SeenPod(
        PodKey(metadata.uid, metadata.namespace, metadata.name),
        wants.request if spec.scheduling_group is None else _in_group(wants.request, spec),
        spec.node_name,
        placement_in(annotations),
        _ended(pod.status),
        bool(spec.scheduling_gates),
        wants.taken.cpu,
        wants.taken.memory,
        wants.models,
        hami.held_by(annotations.allocated, spec) if annotations.allocated is not None and wants.of_gpus else None,
        wants.containers,
        wants.sharing,
        wants.by_kubelet,
        metadata.resource_version,
        metadata.creation_timestamp or "",
        metadata.deletion_timestamp is not None,
        annotations.mirror is not None,
        labels.project if labels is not None else "",
        spec.priority_class_name,
        wants.taken.gpus,
        spec.priority or 0,
        membership_of(pod) if spec.scheduling_gates or (labels is not None and labels.gang is not None) else None,
    )


def follow_pods(
    api: Api, on_trouble: Callable[[ApiError | None], None] = lambda _: None
) -> AsyncGenerator[Change[SeenPod], None]:
    """Yield every change of the cluster's pods, as `watch` does."""
    return watch(api, _PODS, Pod, read=seen_pod, on_trouble=on_trouble)


async def list_pods(api: Api) -> tuple[SeenPod, ...]:
    """Return the cluster's pods.

    Raises:
        ApiError: they cannot be listed now.
    """
    pods, _ = await listed(api, _PODS, Pod, read=seen_pod)
    return pods


def reference(pod: PodKey) -> ObjectReference:
    """Return what an Event about a pod points at."""
    return ObjectReference(api_version="v1", kind="Pod", namespace=pod.namespace, name=pod.name, uid=pod.uid)


async def send_binding(
    api: Api, asked: BindTo, *, within_s: float, left_s: float, wall_s: float
) -> Accepted | NotSent | Unknown:
    """Write node and devices on the pod in one call: the API server merges a Binding's annotations into the pod.

    Nothing is sent later than `within_s` seconds from now, and nothing carried out later than `left_s`: the API server
    lets go of it by then, and of one that comes later where the pod was changed since it was decided on. `wall_s`: the
    seconds since 1970.
    """
    pod = asked.pod
    body = {
        "apiVersion": "v1",
        "kind": "Binding",
        "metadata": {
            "name": pod.name,
            "namespace": pod.namespace,
            "uid": pod.uid,
            "resourceVersion": asked.version,
            "annotations": (written(asked.placed) if asked.placed else {}) | writing.written(asked, int(wall_s)),
        },
        "target": {"apiVersion": "v1", "kind": "Node", "name": asked.node},
    }
    path = f"/api/v1/namespaces/{pod.namespace}/pods/{pod.name}/binding"
    limit_s = min(left_s, _BINDING_TIMEOUT_S)
    query = {"timeout": f"{math.ceil(limit_s * 1000)}ms"}
    try:
        await api.request("POST", path, query=query, body=body, timeout_s=limit_s, connect_s=min(within_s, limit_s))
    except ApiError as error:
        if error.status == NO_ANSWER or error.status >= 500 or error.status == 409:
            return Unknown(error.message)
        return NotSent(error.message)
    return Accepted()


async def read_pod(api: Api, key: PodKey) -> SeenPod | None:
    """Return the pod as it is now, or None if it is gone (or another pod bears its name).

    Raises:
        ApiError: it cannot be read now.
    """
    try:
        answer = await api.request("GET", f"/api/v1/namespaces/{key.namespace}/pods/{key.name}")
    except ApiError as error:
        if error.status == 404:
            return None
        raise
    return _decoded(key, answer)


async def kick(api: Api, key: PodKey, now: str) -> SeenPod | None:
    """Have kube-scheduler try a pod again: a change of its annotations is an event to it.

    It ends every Binding of the pod that is still under way. Returns the pod as it is now, None if it is gone.

    Raises:
        ApiError: it was refused, or there was no answer; the next kick comes later anyway.
    """
    return await _annotate(api, key, {_RETRY: now})


async def _annotate(api: Api, key: PodKey, annotations: dict[str, str | None]) -> SeenPod | None:
    path = f"/api/v1/namespaces/{key.namespace}/pods/{key.name}"
    body = {"metadata": {"uid": key.uid, "annotations": annotations}}
    try:
        answer = await api.request("PATCH", path, body=body, content_type=MERGE_PATCH, timeout_s=_WRITE_S)
    except ApiError as error:
        if error.status == 404 or (error.status in _CONTRADICTED and await read_pod(api, key) is None):
            return None  # gone, or another pod bears its name
        raise
    return _decoded(key, answer)


async def let_go(api: Api, key: PodKey, planned: Planned, may_write: Callable[[], bool]) -> SeenPod | None:
    """Pin a gated pod to its node, write the plan on it and take our gate off, in one change of the pod as it is now.

    Returns the pod as it is then, also where it was changed meanwhile, or `may_write` is over; None if it is gone.

    Raises:
        ApiError: it was refused, or there was no answer: then only a look at the pod tells.
    """
    return await _ungate(api, key, lambda pod: letting_go(pod, planned), may_write)


async def show(api: Api, key: PodKey, may_write: Callable[[], bool]) -> SeenPod | None:
    """Take our gate off a pod that has no plan, as `let_go`."""
    return await _ungate(api, key, showing, may_write)


async def _ungate(
    api: Api,
    key: PodKey,
    patch_of: Callable[[GatedPod], list[dict[str, Any]] | None],
    may_write: Callable[[], bool],
) -> SeenPod | None:
    path = f"/api/v1/namespaces/{key.namespace}/pods/{key.name}"
    try:
        answer = await api.request("GET", path, timeout_s=_WRITE_S)
    except ApiError as error:
        if error.status == 404:
            return None
        raise
    pod = _decoded(key, answer)
    patch = None if pod is None else patch_of(decoded(GatedPod, answer))
    if pod is None or patch is None or not may_write():
        return pod
    try:
        answer = await api.request("PATCH", path, body=patch, content_type=JSON_PATCH, timeout_s=_WRITE_S)
    except ApiError as error:
        if error.status == 404:
            return None
        if error.status not in _CONTRADICTED:
            raise
        now = await read_pod(api, key)
        if now is not None and now.version == pod.version:  # what is refused is the change, not its haste
            raise
        return now
    return _decoded(key, answer)


async def mark_whole(api: Api, key: PodKey) -> SeenPod | None:
    """Write on a pod that its gang was whole once; return it as it is then, None if it is gone.

    Raises:
        ApiError: it was refused, or there was no answer.
    """
    return await _annotate(api, key, {WHOLE_ONCE: "true"})


async def strike_plan(api: Api, key: PodKey) -> SeenPod | None:
    """Take the plan off a pod; return it as it is then, None if it is gone.

    Raises:
        ApiError: it was refused, or there was no answer.
    """
    return await _annotate(api, key, {PLAN: None})


async def delete(api: Api, key: PodKey) -> None:
    """Delete a pod that is not bound; one that is gone, or another of its name, is left alone.

    Raises:
        ApiError: it was refused, or there was no answer.
    """
    path = f"/api/v1/namespaces/{key.namespace}/pods/{key.name}"
    body = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": key.uid}}
    try:
        await api.request("DELETE", path, body=body)
    except ApiError as error:
        if error.status not in (404, 409):
            raise


async def evict(api: Api, key: PodKey, *, dry_run: bool = False) -> None:
    """Have a pod leave within its disruption budget; one that is gone, or another of its name, is left alone.

    `dry_run`: it is asked only whether it may.

    Raises:
        ApiError: it was refused, by 429 where the budget does not allow it now, or there was no answer.
    """
    body = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": key.name, "namespace": key.namespace},
        "deleteOptions": {"preconditions": {"uid": key.uid}} | ({"dryRun": ["All"]} if dry_run else {}),
    }
    try:
        await api.request("POST", f"/api/v1/namespaces/{key.namespace}/pods/{key.name}/eviction", body=body)
    except ApiError as error:
        if error.status not in (404, 409):
            raise


def _in_group(request: GpuRequest | Malformed | None, spec: Spec) -> GpuRequest | Malformed | None:
    """Return what a pod with spec.schedulingGroup asks for: what it asks of us nobody could give."""
    if request is None or spec.node_name or spec.scheduling_group is None:
        return request
    return Malformed("spec.schedulingGroup", spec.scheduling_group.pod_group_name, _NO_GROUP)


def _decoded(key: PodKey, answer: bytes) -> SeenPod | None:
    try:
        pod = seen_pod(nesting.decoded(_pod.decode, answer))
    except nesting.UNREADABLE as error:
        raise ApiError(NO_ANSWER, "Undecodable", f"pod {key.namespace}/{key.name} cannot be read: {error}") from error
    return pod if pod.key.uid == key.uid else None


def _ended(status: Status) -> bool:
    """Tell whether all containers have ended: the pod collector too writes Failed, of nodes that nobody hears from."""
    if status.phase not in ("Succeeded", "Failed"):
        return False
    containers = (*(status.container_statuses or ()), *(status.init_container_statuses or ()))
    return not any(one.state is not None and one.state.running is not None for one in containers)
