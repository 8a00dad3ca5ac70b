"""Of which gang is a pod a member, and by which change is a member let go?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from extender.core.model import Membership
from extender.shell.pods import NO_ANNOTATIONS
from kube.gangs import GANG, PLAN, SHOWN, least_of, planned_in, written
from kube.gpus import Malformed

if TYPE_CHECKING:
    from extender.shell.pods import Pod
    from kube.gangs import Planned

_UNSCHEDULABLE = "Unschedulable"


class _Owner(msgspec.Struct, gc=False):
    controller: bool | None = None


class _Condition(msgspec.Struct, gc=False):
    reason: str = ""
    message: str = ""


class _Gate(msgspec.Struct, gc=False):
    name: str


class _Meta(msgspec.Struct, rename="camel", gc=False):
    resource_version: str
    annotations: dict[str, str] | None = None


class _Spec(msgspec.Struct, rename="camel", gc=False):
    scheduling_gates: list[_Gate] | None = None
    affinity: dict[str, Any] | None = None


class GatedPod(msgspec.Struct, gc=False):
    """What of a v1 Pod a change that lets it go rests on."""

    metadata: _Meta
    spec: _Spec


_NAMELESS = Malformed(GANG, "", "the gang's name, where the label or the gate is there")
_owners = msgspec.json.Decoder(list[_Owner] | None)
_conditions = msgspec.json.Decoder(list[_Condition] | None)


def membership_of(pod: Pod) -> Membership | None:
    """Return of which gang a pod is a member; None where neither its label nor our gate speaks of one.

    Where the label names none, the gang is "", and what it says of its minimum counts for nothing.
    """
    labels, gates = pod.metadata.labels, pod.spec.scheduling_gates
    gang = labels.gang if labels is not None else None
    if gang is None and not any(gate.name == GANG for gate in gates or ()):
        return None
    annotations = pod.metadata.annotations or NO_ANNOTATIONS
    return Membership(
        gang or "",
        least_of(annotations.gang_min) if gang else _NAMELESS,
        any(owner.controller for owner in _owners.decode(pod.metadata.owner_references) or ()),
        planned_in(annotations.gang_plan),
        next(
            (one.message for one in _conditions.decode(pod.status.conditions) or () if one.reason == _UNSCHEDULABLE), ""
        ),
        annotations.gang_shown is not None,
        next((gate.name for gate in gates or () if gate.name != GANG), ""),
        annotations.gang_whole is not None,
    )


def letting_go(pod: GatedPod, planned: Planned) -> list[dict[str, Any]] | None:
    """Return the JSON patch that pins a pod to its node, writes the plan on it and takes our gate off, all at once.

    It holds of this version of the pod alone. None where our gate is not there any more.
    """
    pinned = {"op": "add", "path": "/spec/affinity", "value": _pinned(pod.spec.affinity or {}, planned.node)}
    return _ungating(pod, PLAN, written(planned), pinned)


def showing(pod: GatedPod) -> list[dict[str, Any]] | None:
    """Return the JSON patch that takes our gate off a pod that has no plan, and says so on it; else as `letting_go`."""
    return _ungating(pod, SHOWN, "true")


def _ungating(pod: GatedPod, annotation: str, value: str, *more: dict[str, Any]) -> list[dict[str, Any]] | None:
    gates = pod.spec.scheduling_gates or []
    place = next((place for place, gate in enumerate(gates) if gate.name == GANG), None)
    if place is None:
        return None
    key = annotation.replace("/", "~1")
    annotate = (
        {"op": "add", "path": "/metadata/annotations", "value": {annotation: value}}
        if pod.metadata.annotations is None
        else {"op": "add", "path": f"/metadata/annotations/{key}", "value": value}
    )
    return [
        {"op": "test", "path": "/metadata/resourceVersion", "value": pod.metadata.resource_version},
        annotate,
        *more,
        {"op": "remove", "path": f"/spec/schedulingGates/{place}"},
    ]


def _pinned(affinity: dict[str, Any], node: str) -> dict[str, Any]:
    """Return an affinity by which a pod goes to a node alone; what it needs besides it goes on needing."""
    pin = {"key": "metadata.name", "operator": "In", "values": [node]}
    of_nodes = affinity.get("nodeAffinity") or {}
    required = of_nodes.get(_REQUIRED) or {}
    # A term that says nothing suits no node, and the API server lets nobody add to it.
    terms: list[dict[str, Any]] = [
        {**term, "matchFields": [*(term.get("matchFields") or ()), pin]} if any(term.values()) else term
        for term in required.get("nodeSelectorTerms") or ()
    ] or [{"matchFields": [pin]}]
    return {**affinity, "nodeAffinity": {**of_nodes, _REQUIRED: {**required, "nodeSelectorTerms": terms}}}


_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
