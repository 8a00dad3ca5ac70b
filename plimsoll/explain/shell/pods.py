"""What is the extender asked of one pod, and what does it tell?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extender.shell.messages import MessageError, state_of
from extender.v1 import extender_pb2 as v1
from plimsoll.explain.core.pods import ToldMisfits, ToldPlaced, ToldPod, ToldWaits, ToldWeighed
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
        return ToldPod(*names, told.asks, standing, told.since_ms, told.project, told.kind)


def document(told: ToldPod) -> dict[str, Any]:
    """Return what is known of a pod as JSON values, with the names of extender.proto."""
    head = {"namespace": told.namespace, "name": told.name, "uid": told.uid, "asks": told.asks}
    head |= {"project": told.project, "kind": told.kind}
    standing = told.standing
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
    }


def _standing(told: v1.ExplainResponse) -> ToldWaits | ToldPlaced:
    which = told.WhichOneof("standing")
    if which == "placed":
        return _placed(told.placed)
    if which == "waits":
        return _waits(told.waits)
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
    )
