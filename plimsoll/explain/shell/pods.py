"""What is the extender asked of one pod, and what does it tell?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extender.shell.message_error import MessageError
from extender.shell.messages import stage_of, state_of
from extender.v1 import extender_pb2 as v1
from plimsoll.explain.core.gangs import ToldGang
from plimsoll.explain.core.pods import ToldMisfits, ToldPlaced, ToldPod, ToldWaits, ToldWeighed
from plimsoll.explain.shell import preemption
from plimsoll.gpus.shell.server import extender

if TYPE_CHECKING:
    from plimsoll.asking import Server


def explain(server: Server, namespace: str, name: str) -> ToldPod:
    """Ask for one pod.

    Raises:
        AskingError: there is no answer, or a refusal.
    """
    with extender(server) as (stub, call):
        told = stub.Explain(v1.ExplainRequest(namespace=namespace, name=name), **call)
        standing = _standing(told)
        names = told.namespace, told.name, told.uid
        gang = _gang(told.gang) if told.HasField("gang") else None
        made = preemption.preemption(told.preemption) if told.HasField("preemption") else None
        left = preemption.eviction(told.eviction) if told.HasField("eviction") else None
        return ToldPod(*names, told.asks, standing, told.since_ms, told.project, told.kind, gang, made, left)


def document(told: ToldPod) -> dict[str, Any]:
    """Return what is known of a pod as JSON values, with the names of extender.proto."""
    head: dict[str, Any] = {"namespace": told.namespace, "name": told.name, "uid": told.uid, "asks": told.asks}
    head |= {"project": told.project, "kind": told.kind, "gang": told.gang and _gang_document(told.gang)}
    head |= {"preemption": preemption.document(told.preemption), "eviction": preemption.document(told.eviction)}
    standing = told.standing
    if standing is None:
        return {**head, "since_ms": told.since_ms}
    if isinstance(standing, ToldPlaced):
        return {**head, "placed": _placed_document(standing), "since_ms": told.since_ms}
    waits = {
        "reason": standing.reason,
        "misfits": [
            {"reason": group.reason, "nodes": group.nodes, "examples": list(group.examples)}
            for group in standing.misfits
        ],
        "offered": standing.offered,
        "not_offered": standing.not_offered,
        "first_asked_ms": standing.first_asked_ms,
        "last_asked_ms": standing.last_asked_ms,
        "asked": standing.asked,
    }
    return {**head, "waits": waits, "since_ms": told.since_ms}


def _gang_document(gang: ToldGang) -> dict[str, Any]:
    return {
        "name": gang.name,
        "stage": gang.stage.value,
        "needed": gang.needed,
        "bound": gang.bound,
        "promised": gang.promised,
        "waiting": gang.waiting,
        "reason": gang.reason,
        "since_ms": gang.since_ms,
        "undone": gang.undone,
        "kept_nodes": list(gang.kept_nodes),
    }


def _placed_document(placed: ToldPlaced) -> dict[str, Any]:
    weighed = placed.weighed
    return {
        "node": placed.node,
        "devices": list(placed.devices),
        "milli": placed.milli,
        "memory_mib": placed.memory,
        "state": placed.state.value,
        "model": placed.model,
        "weighed": weighed
        and {
            "at_ms": weighed.at_ms,
            "score": weighed.score,
            "offered": weighed.offered,
            "fitted": weighed.fitted,
            "others": [{"node": node, "score": score} for node, score in weighed.others],
            "because": weighed.because,
        },
        "by_plan": placed.by_plan,
    }


def _standing(told: v1.ExplainResponse) -> ToldWaits | ToldPlaced | None:
    which = told.WhichOneof("standing")
    if which == "placed":
        return _placed(told.placed)
    if which == "waits":
        return _waits(told.waits)
    if told.HasField("eviction"):
        return None
    raise MessageError("the pod neither waits nor is it placed")


def _waits(waits: v1.Waits) -> ToldWaits:
    return ToldWaits(
        waits.reason,
        tuple(ToldMisfits(group.reason, group.nodes, tuple(group.examples)) for group in waits.misfits),
        waits.offered,
        waits.not_offered,
        waits.first_asked_ms if waits.HasField("first_asked_ms") else None,
        waits.last_asked_ms if waits.HasField("last_asked_ms") else None,
        waits.asked,
    )


def _placed(placed: v1.Placed) -> ToldPlaced:
    weighed = None
    if placed.HasField("weighed"):
        told = placed.weighed
        others = tuple((other.node, other.score) for other in told.others)
        weighed = ToldWeighed(told.at_ms, told.score, told.offered, told.fitted, others, told.because)
    return ToldPlaced(
        placed.node,
        tuple(placed.devices),
        placed.milli,
        placed.memory_mib,
        state_of(placed.state),
        placed.model,
        weighed,
        placed.by_plan,
    )


def _gang(gang: v1.Gang) -> ToldGang:
    return ToldGang(
        gang.name,
        stage_of(gang.stage),
        gang.needed,
        gang.bound,
        gang.promised,
        gang.waiting,
        gang.reason,
        gang.since_ms if gang.HasField("since_ms") else None,
        gang.undone,
        tuple(gang.kept_nodes),
    )
