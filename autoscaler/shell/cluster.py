"""How do Kubernetes' objects become values of the core? Workloads, scales, pods, owners and autoscalers, translated."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from autoscaler.core.model import WorkloadKey
from autoscaler.core.targets.draining import COST, OURS
from autoscaler.core.targets.holdings import Holding
from autoscaler.core.targets.pods import OwnedPod
from autoscaler.core.targets.refusal import Controller, refusal
from autoscaler.core.targets.selection import BadSelectorError, selector
from autoscaler.core.targets.target import Target
from autoscaler.core.targets.writers import MANAGER, Autoscaler
from autoscaler.core.targets.writing import Found
from kube import nesting
from kube.gpus import VENDOR_GPU, GpuAnnotations, held
from kube.objects import ObjectMeta, ObjectReference, Scale

if TYPE_CHECKING:
    from collections.abc import Collection

    from autoscaler.core.targets.selection import Selector
    from kube.discovery import Scalable
    from kube.objects import (
        Container,
        HorizontalPodAutoscaler,
        ManagedFields,
        Named,
        OwnerReference,
        Pod,
        PodSpec,
        Workload,
    )

PROJECT = "plimsoll.dev/project"

_ENDED = frozenset({"Failed", "Succeeded"})
_HOPELESS = frozenset(
    {
        "CrashLoopBackOff",
        "CreateContainerConfigError",
        "CreateContainerError",
        "ErrImageNeverPull",
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "RunContainerError",
    }
)
_NO_SELECTOR = "its scale tells no status.selector, so which pods are its own is unknown"


def workload_reference(key: WorkloadKey) -> ObjectReference:
    """Return what an Event about a workload points at."""
    return ObjectReference(
        api_version=key.api_version, kind=key.kind, namespace=key.namespace, name=key.name, uid=key.uid
    )


# --- workloads ---


def key_of(scalable: Scalable, found: Workload) -> WorkloadKey:
    """Return which workload an object of this kind is."""
    meta = found.metadata
    return WorkloadKey(meta.uid, meta.namespace, meta.name, scalable.api_version, scalable.kind, scalable.resource)


def target_with_own_count(scalable: Scalable, found: Workload, scaled: Collection[tuple[str, str]]) -> Target:
    """Translate a workload of a kind whose count is spec.replicas (absent: one) and whose pods are owned."""
    replicas = msgspec.json.decode(found.spec, type=_Replicas).replicas if bytes(found.spec) else None
    return Target(
        key_of(scalable, found),
        1 if replicas is None else replicas,
        found.metadata.annotations or {},
        _unix_s(found.metadata.creation_timestamp),
        found.metadata.resource_version,
        refused=refusal(_controller(found), scaled),
    )


def target_with_scale(scalable: Scalable, found: Workload, scale: Found, scaled: Collection[tuple[str, str]]) -> Target:
    """Translate a workload whose count and pods only its scale tells."""
    refused, chosen = refusal(_controller(found), scaled), None
    try:
        chosen = selector(scale.selector) if scale.selector else None
        refused = refused or ("" if chosen else _NO_SELECTOR)
    except BadSelectorError as error:
        refused = refused or str(error)
    return Target(
        key_of(scalable, found),
        scale.replicas,
        found.metadata.annotations or {},
        _unix_s(found.metadata.creation_timestamp),
        scale.version,
        _or_none(chosen, refused),
        refused,
    )


def _or_none(chosen: Selector | None, refused: str) -> Selector | None:
    return None if refused else chosen


class _Replicas(msgspec.Struct):
    replicas: int | None = None


def found_scale(answer: bytes) -> Found:
    """Translate a Scale.

    Raises:
        msgspec.DecodeError: it is none.
    """
    scale = msgspec.json.decode(answer, type=Scale)
    return Found(scale.spec.replicas, scale.metadata.uid, scale.metadata.resource_version, scale.status.selector)


def scale_path(key: WorkloadKey) -> str:
    """Return where the scale of a workload is."""
    return f"{workload_path(key)}/scale"


def workload_path(key: WorkloadKey) -> str:
    """Return where a workload is."""
    root = f"/apis/{key.api_version}" if "/" in key.api_version else f"/api/{key.api_version}"
    return f"{root}/namespaces/{key.namespace}/{key.resource}/{key.name}"


class _Templated(msgspec.Struct):
    template: dict[str, Any] = {}


class _WithTemplate(msgspec.Struct):
    metadata: ObjectMeta
    spec: _Templated = msgspec.field(default_factory=_Templated)


_templated = msgspec.json.Decoder(_WithTemplate)


def pod_shape(answer: bytes) -> bytes:
    """Return the pod that a workload's template makes, as JSON.

    Raises:
        msgspec.DecodeError: the answer is no object with a template.
        ValueError: its template makes no pod.
    """
    found = nesting.decoded(_templated.decode, answer)
    template = found.spec.template
    meta, spec = template.get("metadata") or {}, template.get("spec")
    if not isinstance(meta, dict) or not isinstance(spec, dict) or not spec.get("containers"):
        raise ValueError("spec.template has no spec with containers")
    kept = {key: meta[key] for key in ("labels", "annotations") if key in meta}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"namespace": found.metadata.namespace, **kept},
        "spec": spec,
    }
    return msgspec.json.encode(pod)


def manager_of_replicas(found: Workload) -> str:
    """Return who wrote the replicas last, "" where nothing tells: ourselves where we own them together with others.

    Kinds of others may keep their count elsewhere than in spec.replicas: there it is who wrote the scale last.
    """
    entries = found.metadata.managed_fields or ()
    owners = [entry for entry in entries if _owns_replicas(entry)]
    owners = owners or [entry for entry in entries if entry.subresource == "scale"]
    if any(entry.manager == MANAGER for entry in owners):
        return MANAGER
    newest = max(owners, key=lambda entry: (entry.time or "", entry.manager), default=None)
    return newest.manager if newest else ""


def _owns_replicas(entry: ManagedFields) -> bool:
    fields: Any = nesting.decoded(msgspec.json.decode, entry.fields_v1) if bytes(entry.fields_v1) else None
    spec = fields.get("f:spec") if isinstance(fields, dict) else None
    return isinstance(spec, dict) and "f:replicas" in spec


# --- pods, owners, autoscalers ---


def controller_uid(found: Named) -> str:
    """Return the UID of what controls an object, "" where nothing does."""
    owner = _controlling(found)
    return owner.uid if owner else ""


def owned_pod(pod: Pod) -> OwnedPod:
    """Translate a pod. Pending and terminating pods do not count as ready (kpa-spec section 0)."""
    told = next((one for one in pod.status.conditions or () if one.type == "Ready" and one.status == "True"), None)
    ready = pod.status.phase == "Running" and pod.metadata.deletion_timestamp is None and told is not None
    meta, annotations = pod.metadata, pod.metadata.annotations or {}
    # What ended, or is on its way out, holds no replica's place any more.
    waits = not ready and meta.deletion_timestamp is None and pod.status.phase not in _ENDED
    failed = _failed(pod)
    return OwnedPod(
        meta.uid,
        controller_uid(pod),
        meta.name,
        ready,
        meta.namespace,
        meta.labels or {},
        starting=waits and not failed,
        failed=waits and failed,
        created_s=_unix_s(meta.creation_timestamp),
        holding=_holding(pod),
        ready_since_s=_unix_s(told.last_transition_time) if told and ready else 0,
        placed=bool(pod.spec.node_name),
        cost=annotations.get(COST, ""),
        our_cost=annotations.get(OURS, ""),
    )


def _failed(pod: Pod) -> bool:
    """Tell whether the start of a pod failed: a container crashed, or waits for what only a person can mend."""
    status = pod.status
    containers = (*(status.init_container_statuses or ()), *(status.container_statuses or ()))
    return any(
        one.restart_count > 0 or bool(one.state and one.state.waiting and one.state.waiting.reason in _HOPELESS)
        for one in containers
    )


def _holding(pod: Pod) -> Holding | None:
    """Return what a pod holds of GPUs: nothing before it is bound, and nothing once its containers have stopped."""
    if not pod.spec.node_name or pod.status.phase in _ENDED:
        return None
    milli = held(GpuAnnotations.of(pod.metadata.annotations), _whole_gpus(pod.spec))
    project = (pod.metadata.labels or {}).get(PROJECT)
    return Holding(pod.metadata.namespace, milli, controller_uid(pod), project) if milli else None


def _whole_gpus(spec: PodSpec) -> int:
    """Return how many GPUs the limits of a pod's containers come to, as kube-scheduler counts.

    Init containers run one after the other, each beside the sidecars that were started before it.
    """
    sidecars = most = 0
    for container in spec.init_containers or ():
        if container.restart_policy == "Always":
            sidecars += _gpus(container)
            most = max(most, sidecars)
        else:
            most = max(most, sidecars + _gpus(container))
    return max(most, sidecars + sum(map(_gpus, spec.containers)))


def _gpus(container: Container) -> int:
    # What is no whole number no API server accepts for a GPU.
    limits = container.resources.limits if container.resources else None
    text = (limits or {}).get(VENDOR_GPU, "0")
    return int(text) if text.isascii() and text.isdigit() else 0


def autoscaler(found: HorizontalPodAutoscaler) -> Autoscaler:
    """Translate a HorizontalPodAutoscaler."""
    meta, scales = found.metadata, found.spec.scale_target_ref
    group = scales.api_version.rpartition("/")[0]
    return Autoscaler(meta.uid, meta.name, (meta.namespace, group, scales.kind, scales.name))


def _controlling(found: Named) -> OwnerReference | None:
    return next((owner for owner in found.metadata.owner_references or () if owner.controller), None)


def _controller(found: Named) -> Controller | None:
    owner = _controlling(found)
    if owner is None:
        return None
    return Controller(owner.uid, owner.api_version.rpartition("/")[0], owner.kind, owner.name)


def _unix_s(moment: str | None) -> int:
    """Return a time of the API server as Unix seconds, 0 for none."""
    return int(datetime.fromisoformat(moment).timestamp()) if moment else 0
