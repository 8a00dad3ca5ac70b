"""Has a plan failed in the field? Whatever the reason, it is undone whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from extender.core.gang.gang import membership
from extender.core.held import holds
from extender.core.ledger.holding import State

if TYPE_CHECKING:
    from extender.core.gang.gang import Gang, Standing
    from extender.core.gang.settings import Settings
    from extender.core.ledger.holding import Holding
    from extender.core.ledger.ledger import Ledger
    from extender.core.ledger.nodes import Device, GpuNode

_REFUSED_S = 3.0  # kube-scheduler may refuse a node that it knows from a moment ago


class Failure(NamedTuple):
    """Why a plan does not come to be, in words, and the node that is to blame; "" where none is."""

    reason: str
    node: str = ""


def failure(gang: Gang, standing: Standing, ledger: Ledger, settings: Settings, now: float) -> Failure | None:
    """Return what keeps a gang's promised members from their nodes at `now` seconds; None where nothing does."""
    behind: Failure | None = None
    for pod in standing.promised:
        uid, name = pod.key.uid, pod.key.name
        held = ledger.holding(uid)
        if held is None or held.state is not State.RESERVED:
            continue
        node = ledger.node(held.node)
        if node is None:
            return Failure(f"node {held.node}, on which pod {name} was planned, is gone", held.node)
        if not node.places.keys() >= set(held.devices or ()):
            return Failure(f"devices of node {held.node}, on which pod {name} was planned, are gone", held.node)
        if closed := next((one.closed for one in _devices(node, held) if one.closed), ""):
            planned = f"a device of node {held.node}, on which pod {name} was planned"
            return Failure(f"{planned}, takes no new pod: {closed}", held.node)
        if not holds(held, pod.request):
            return Failure(f"pod {name} asks for something else than when it was planned")
        member = membership(pod)
        if pod.gated or member.planned is None or not member.unschedulable:
            gang.refused_at.pop(uid, None)
        elif now - gang.refused_at.setdefault(uid, now) >= _REFUSED_S:
            reason = f"kube-scheduler does not place pod {name} on node {held.node}: {member.unschedulable}"
            return Failure(reason, held.node)
        if behind is None and now - gang.moved_at > settings.start_s:
            what = "let go" if pod.gated else "bound"
            reason = f"pod {name} was not {what} on node {held.node} within {settings.start_s:g} s"
            refusal = gang.refusals.get(uid)
            behind = Failure(reason, held.node) if refusal is None else Failure(f"{reason}: {refusal}")
    return behind


def _devices(node: GpuNode, held: Holding) -> list[Device]:
    return [node.devices[node.places[name]] for name in held.devices or ()]
