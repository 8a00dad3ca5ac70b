"""What do we answer to each verb of kube-scheduler, and what do we learn from the API server?

The laws:
- Filter answers with one node and reserves its devices there; a pod's next filter replaces its reservation.
- Bind turns the reservation into a holding without expiry before the Binding is sent. Only a read that shows the pod
  bound or gone ends it: after a time-out the Binding may still arrive.
- A pod whose Binding may be under way is answered with that node and no other.
- Every pod that uses a GPU of ours counts, whoever bound it, until it is gone or all its containers have ended.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from extender.core import packing
from extender.core.ledger import GpuNode, Holding, Ledger, State
from extender.core.model import WHOLE, GpuRequest, Malformed, MemoryShare, Placement, PodKey, Share, Unmapped

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

RESERVATION_S = 30.0
"""How long a filter's promise stands without a bind: longer than a scheduling cycle with its retries ever takes."""

HIGHEST_SCORE = 10
"""kube-scheduler's scale of an extender's scores: integers from 0."""


@dataclass(frozen=True, slots=True)
class SeenPod:
    """A pod as the API server shows it. `placed` is what its Binding wrote; None where it wrote nothing readable."""

    key: PodKey
    request: GpuRequest | Malformed | None
    node: str = ""
    placed: Placement | None = None
    ended: bool = False


@dataclass(frozen=True, slots=True)
class Chosen:
    """Filter's yes: the nodes that may take the pod; one, where its devices are ours to name."""

    nodes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """Filter's no: the reason of each node. No eviction by kube-scheduler itself would help, so it should try none."""

    reasons: dict[str, str]


@dataclass(frozen=True, slots=True)
class BindTo:
    """Send a Binding to `node`; `placed` is written on the pod, None for a pod whose devices the kubelet picks.

    `again`: an earlier Binding of the same pod may still be under way.
    """

    pod: PodKey
    node: str
    placed: Placement | None
    again: bool = False


@dataclass(frozen=True, slots=True)
class BindRefused:
    """Send no Binding."""

    reason: str


@dataclass(slots=True)
class Scheduling:
    """The one changing state of the extender: the ledger, and what each unbound pod asks for."""

    ledger: Ledger = field(default_factory=Ledger)
    _waiting: dict[str, SeenPod] = field(default_factory=dict)

    # --- what the API server says ---

    def node_seen(self, node: GpuNode) -> None:
        """Take note of a node whose devices are ours to name."""
        self.ledger.put_node(node)

    def node_gone(self, name: str) -> None:
        """Take note that a node is deleted, or not ours any more."""
        self.ledger.drop_node(name)

    def nodes_are(self, nodes: Iterable[GpuNode]) -> None:
        """Take note of all nodes that are ours; there are no others."""
        now = {node.name: node for node in nodes}
        for known in [node.name for node in self.ledger.nodes() if node.name not in now]:
            self.ledger.drop_node(known)
        for node in now.values():
            self.ledger.put_node(node)

    def pod_seen(self, pod: SeenPod) -> None:
        """Take note of a pod's state."""
        uid = pod.key.uid
        if pod.ended:
            self.pod_gone(uid)
        elif pod.node:
            self._waiting.pop(uid, None)
            self._hold_bound(pod)
        elif pod.request is not None:
            # An unbound sight may be older than our own Binding: it ends no holding.
            self._waiting[uid] = pod

    def pod_gone(self, uid: str) -> None:
        """Take note that a pod is deleted, or that all its containers have ended."""
        self._waiting.pop(uid, None)
        self.ledger.release(uid)

    def pods_are(self, pods: Iterable[SeenPod]) -> tuple[PodKey, ...]:
        """Take note of all pods there are; return those of our holdings that the list lacks.

        A pod may be younger than the list, so what it holds stays until a read of that pod itself shows it gone.
        """
        seen = {pod.key.uid: pod for pod in pods}
        self._waiting = {uid: pod for uid, pod in self._waiting.items() if uid in seen}
        for pod in seen.values():
            self.pod_seen(pod)
        return tuple(sorted((h.pod for h in self.ledger.holdings() if h.pod.uid not in seen), key=lambda key: key.uid))

    # --- what kube-scheduler asks ---

    def filter(self, pod: SeenPod, nodes: Sequence[str], now: float) -> Chosen | Refused:
        """Choose one of `nodes` for `pod` and reserve its devices there, at `now` seconds."""
        self.ledger.expire(now)
        request = pod.request
        if request is None:
            return Chosen(tuple(nodes))
        if isinstance(request, Malformed):
            return Refused(dict.fromkeys(nodes, str(request)))
        self._waiting[pod.key.uid] = pod
        if isinstance(request, Unmapped):
            return self._filter_unmapped(nodes)
        held = self.ledger.holding(pod.key.uid)
        if held is not None and held.state is not State.RESERVED:
            if held.node in nodes:
                return Chosen((held.node,))
            return Refused(dict.fromkeys(nodes, f"its binding to node {held.node} is under way"))
        self.ledger.release(pod.key.uid)
        chosen = packing.best(nodes, packing.costs(self.ledger, request, nodes))
        if chosen is None:
            return Refused({node: self._misfit(request, node) for node in nodes})
        self._reserve(pod.key, request, chosen, now + RESERVATION_S)
        return Chosen((chosen,))

    def prioritize(self, pod: SeenPod, nodes: Sequence[str]) -> tuple[int, ...]:
        """Return a score from 0 to 10 for each of `nodes`: 10 the best, 0 where the pod does not fit."""
        if pod.request is None or isinstance(pod.request, Malformed | Unmapped):
            return (0,) * len(nodes)
        held = self.ledger.holding(pod.key.uid)
        if held is not None:
            return tuple(HIGHEST_SCORE if node == held.node else 0 for node in nodes)
        cost = packing.costs(self.ledger, pod.request, nodes)
        fitting = packing.fits(cost)
        better = sorted(set(cost[fitting].tolist()))
        rank = {value: HIGHEST_SCORE - min(place, HIGHEST_SCORE - 1) for place, value in enumerate(better)}
        return tuple(rank[c] if f else 0 for c, f in zip(cost.tolist(), fitting.tolist(), strict=True))

    def bind(self, uid: str, node: str, now: float) -> BindTo | BindRefused:
        """Decide whether a Binding of pod `uid` to `node` may be sent; what it needs is held from here on."""
        self.ledger.expire(now)
        held = self.ledger.holding(uid)
        if held is not None and held.node != node:
            if held.state is not State.RESERVED:
                return BindRefused(f"its binding to node {held.node} is under way")
            self.ledger.release(uid)
            held = None
        waiting = self._waiting.get(uid)
        if held is None:
            if waiting is None or waiting.request is None or isinstance(waiting.request, Malformed):
                return BindRefused("the pod is not known here as one that waits for GPUs; it will be filtered again")
            if isinstance(waiting.request, Unmapped):
                return BindTo(waiting.key, node, None)
            if not self._reserve(waiting.key, waiting.request, node, now + RESERVATION_S):
                return BindRefused(self._misfit(waiting.request, node))
            held = self.ledger.holding(uid)
        assert held is not None  # noqa: S101  reserved just above
        if held.devices is None:
            return BindRefused(f"it is bound to node {held.node} already, by another")
        again = held.state is not State.RESERVED
        self.ledger.hold(replace(held, state=State.BINDING, expires_at=float("inf")))
        return BindTo(held.pod, node, Placement(held.devices, held.milli), again)

    def bound(self, uid: str) -> None:
        """Take note that the API server accepted the Binding."""
        self._waiting.pop(uid, None)
        held = self.ledger.holding(uid)
        if held is not None:
            self.ledger.hold(replace(held, state=State.BOUND))

    def not_bound(self, asked: BindTo) -> None:
        """Take note that the API server refused this Binding for certain; an earlier one may still arrive."""
        held = self.ledger.holding(asked.pod.uid)
        if held is not None and held.state is State.BINDING and not asked.again:
            self.ledger.release(asked.pod.uid)

    # --- how ---

    def _hold_bound(self, pod: SeenPod) -> None:
        known = self.ledger.holding(pod.key.uid)
        devices: tuple[int, ...] | None
        if pod.placed is not None:
            devices, milli = pod.placed.devices, pod.placed.milli
        elif known is not None and known.node == pod.node:
            devices, milli = known.devices, known.milli  # somebody removed our annotation: the pod still runs there
        elif pod.request is not None:
            devices, milli = None, WHOLE
        else:
            return
        holding = Holding(pod.key, pod.node, devices, milli, State.BOUND)
        if known != holding:
            self.ledger.hold(holding)

    def _reserve(self, key: PodKey, request: Share | MemoryShare, node: str, until: float) -> bool:
        place = packing.placement(self.ledger, request, node)
        if isinstance(place, packing.Misfit):
            return False
        self.ledger.hold(Holding(key, node, place.devices, place.milli, State.RESERVED, until))
        return True

    def _misfit(self, request: Share | MemoryShare, node: str) -> str:
        place = packing.placement(self.ledger, request, node)
        assert isinstance(place, packing.Misfit)  # noqa: S101  asked only where it did not fit
        return place.reason

    def _filter_unmapped(self, nodes: Sequence[str]) -> Chosen | Refused:
        others = tuple(node for node in nodes if self.ledger.node(node) is None)
        if others:
            return Chosen(others)
        return Refused(
            dict.fromkeys(
                nodes,
                "its GPUs are given by Plimsoll alone; a namespace asks for them with the label plimsoll.dev/managed",
            )
        )
