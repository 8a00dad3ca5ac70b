"""What becomes of a Binding? It may be asked for, and then it was carried out, or was not, or nobody knows yet.

    asked -> bound, by the answer, the watch or a read
          -> not bound, for certain: its room is free again, unless another Binding of the pod may still arrive
          -> unknown -> bound or gone, by the watch or a read
                     -> not bound, by reads that show the pod unbound for longer than the API server works on one

As long as one may arrive its pod holds the devices, without expiry.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from msgspec.structs import replace

from extender.core.answers import BindRefused, BindTo
from extender.core.enforcement.granting import Grant, Ungrantable, granted
from extender.core.held import holds
from extender.core.ledger.holding import Holding, State
from kube.gpus import Placement

if TYPE_CHECKING:
    from extender.core.ledger.ledger import Ledger
    from extender.core.model import PodKey, SeenPod

SETTLING_S = 70.0
"""The API server ends every request after 60 s (its --request-timeout); a Binding that it has not carried out that long
after it began to answer again will not arrive."""


@dataclass(slots=True)
class Bindings:
    """The Bindings that may still arrive, by the UIDs of their pods."""

    ledger: Ledger
    _unsettled: dict[str, float | None] = field(default_factory=dict)
    """Pods whose Binding's outcome is unknown: since when the API server's answers show them unbound."""
    _may_arrive: dict[str, int] = field(default_factory=dict)
    """How many Bindings of a pod were asked for and not refused for certain."""

    def ask(self, held: Holding, pod: SeenPod | None, prefix: str) -> BindTo | BindRefused:
        """Decide whether a Binding may be sent of what is held; `pod` None: it is not known as one that waits.

        `prefix` is `Grant`'s.
        """
        if held.devices is None and held.state is State.BOUND:
            return BindRefused(f"it is bound to node {held.node} already, by another")
        uid = held.pod.uid
        again = held.state is not State.RESERVED
        placed = None if held.devices is None else Placement(held.devices, held.milli)
        # Of a pod that is not known as waiting the API server refuses the Binding: it is bound or gone.
        grant = Grant() if pod is None or placed is None else self._grant(pod, held, placed, prefix)
        if isinstance(grant, BindRefused):
            if not again:
                self._let_go(held)
            return grant
        self._may_arrive[uid] = self._may_arrive.get(uid, 0) + 1
        self._unsettled.pop(uid, None)
        self.ledger.hold(replace(held, state=State.BINDING, expires_at=float("inf")))
        version = pod.version if pod else ""
        return BindTo(held.pod, held.node, placed, again, grant, version)

    def bound(self, uid: str) -> None:
        """Take note that the API server accepted the Binding."""
        self.forget(uid)
        held = self.ledger.holding(uid)
        # The watch may have shown the pod bound, and gone, before the answer to its Binding was heard.
        if held is not None and held.state is State.BINDING:
            self.ledger.hold(replace(held, state=State.BOUND, planned=False))

    def not_bound(self, asked: BindTo) -> None:
        """Take note that this Binding was refused, or not sent, for certain; another one may still arrive."""
        uid = asked.pod.uid
        others = self._may_arrive.pop(uid, 1) - 1
        if others:
            self._may_arrive[uid] = others
        if others or asked.again:
            self.unknown(asked)
            return
        held = self.ledger.holding(uid)
        if held is not None and held.state is State.BINDING:
            self._let_go(held)

    def unknown(self, asked: BindTo) -> None:
        """Take note that nobody can tell yet whether this Binding was, or will be, carried out."""
        held = self.ledger.holding(asked.pod.uid)
        if held is not None and held.state is State.BINDING:
            self._unsettled[asked.pod.uid] = None

    def read_unbound(self, uid: str, asked_at: float) -> bool:
        """Take note that a read that was sent at `asked_at` seconds shows a pod unbound.

        Tells whether no Binding of it will arrive any more: then it holds nothing.
        """
        if uid not in self._unsettled:
            return False
        since = self._unsettled[uid]
        if since is None:
            self._unsettled[uid] = asked_at
            return False
        if asked_at - since < SETTLING_S:
            return False
        self.forget(uid)
        held = self.ledger.holding(uid)
        if held is not None:
            self._let_go(held)
        return True

    def to_read(self) -> tuple[PodKey, ...]:
        """Return the pods whose Binding's outcome is unknown: only a read tells what became of it."""
        held = (self.ledger.holding(uid) for uid in self._unsettled)
        return tuple(holding.pod for holding in held if holding is not None)

    def forget(self, uid: str) -> None:
        """Forget the Bindings of a pod that is bound, or gone."""
        self._unsettled.pop(uid, None)
        self._may_arrive.pop(uid, None)

    def _let_go(self, held: Holding) -> None:
        """Take note that no Binding of what is held arrives."""
        if held.planned:
            self.ledger.hold(replace(held, state=State.RESERVED))
        else:
            self.ledger.release(held.pod.uid)

    def _grant(self, pod: SeenPod, held: Holding, placed: Placement, prefix: str) -> Grant | BindRefused:
        """Return what the node is told of a pod; both may have changed since the pod was filtered."""
        if held.state is not State.BOUND and not holds(held, pod.request):
            return BindRefused("it asks for something else than when it was filtered; it will be filtered again")
        node = self.ledger.node(held.node)
        if node is None or not node.places.keys() >= set(placed.devices):
            return BindRefused("its devices are not there any more; it will be filtered again")
        bars = node.bars(pod.shape())
        if bars:
            return BindRefused(bars)
        grant = granted(pod, placed, node, prefix)
        return BindRefused(grant.reason) if isinstance(grant, Ungrantable) else grant
