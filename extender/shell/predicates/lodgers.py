"""What matters of a pod that is on a node? Of one without GPUs of ours no more than what it counts for there."""

from __future__ import annotations

from sys import intern
from typing import TYPE_CHECKING

from extender.core.predicates.lodgers import Facts, Lodger
from extender.shell.predicates.residents import resident_of
from kube.gpus import MARKER

if TYPE_CHECKING:
    from kube.constraints import ConstrainedPod

_GRACE_S = 30  # what the API server writes where nobody says


def lodger_of(pod: ConstrainedPod) -> Lodger:
    """Return a pod that is on a node."""
    resident, node = resident_of(pod), intern(pod.spec.node_name)
    if not is_marked(pod):
        return Lodger(resident, node)
    return Facts(
        resident,
        node,
        pod.spec.priority or 0,
        pod.status.start_time or pod.metadata.creation_timestamp or "",
        intern(_controller(pod)),
        _grace_s(pod),
        any(one.type == "Ready" and one.status == "True" for one in pod.status.conditions or ()),
        guarded=pod.status.phase != "Pending" and not resident.leaving,
    )


def is_marked(pod: ConstrainedPod) -> bool:
    """Tell whether a pod asks for GPUs of ours."""
    return any(
        MARKER in (one.resources.requests or ()) or MARKER in (one.resources.limits or ())
        for one in (*pod.spec.containers, *(pod.spec.init_containers or ()))
        if one.resources is not None
    )


def _controller(pod: ConstrainedPod) -> str:
    return next((one.uid for one in pod.metadata.owner_references or () if one.controller), "")


def _grace_s(pod: ConstrainedPod) -> int:
    given, asked = pod.metadata.deletion_grace_period_seconds, pod.spec.termination_grace_period_seconds
    told = asked if pod.metadata.deletion_timestamp is None else given
    return _GRACE_S if told is None else told
