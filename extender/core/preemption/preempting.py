"""Which of the evictions that kube-scheduler would carry out for a pod help it? What we answer to its verb preempt.

kube-scheduler sees no devices: for a pod that its node has too little CPU for, it proposes victims on nodes where our
filter would refuse the pod all the same. The laws:
- Nobody is evicted in vain: a node stays only where the pod fits on its devices once those victims are gone.
- Nobody is evicted because we hear later than kube-scheduler: where filter was shown a node on which it evicts nobody
  (any more), and those that are leaving there make room, the pod is tried again once we have seen them gone.
- Nothing is added: for a pod that we make room for ourselves (`made_room_for`) kube-scheduler evicts nobody.
- For a pod of a kind that is mapped neither inference nor build is evicted. Else kube-scheduler's priorities stand: it
  proposes no pod of equal or higher priority.

From 1.38 on it asks about nodes, too, on which it would have to evict nobody, with an empty list: such a node stays, as
empty, where the pod fits now. Before that an empty list is an error to it: none is made of one that has victims.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

from extender.core.ledger.holding import State
from extender.core.packing.fitting import fit
from extender.core.quota.kinds import Kind
from kube.gpus import Malformed, Unmapped

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from extender.core.ledger.holding import Holding
    from extender.core.ledger.ledger import Ledger
    from extender.core.model import SeenPod
    from extender.core.quota.quota import Quota

    Victims = dict[str, tuple[str, ...]]

_SPARED = (Kind.INFERENCE, Kind.BUILD)


class Situation(NamedTuple):
    """How things stand at `now` seconds.

    `kept`: nodes that do not take the pod whatever is free, for others' sake. `offered`: those that suited it otherwise
    when filter refused it last.
    """

    ledger: Ledger
    quota: Quota
    now: float
    kept: Collection[str] = ()
    offered: Collection[str] = ()


def answer(pod: SeenPod, proposed: Mapping[str, tuple[str, ...]], situation: Situation) -> Victims:
    """Return the nodes on which evicting helps a pod, each with the UIDs of the victims, every one of them once.

    `proposed`: the victims on each node, as kube-scheduler has them. Nothing is changed.
    """
    ledger, quota = situation.ledger, situation.quota
    # The same UID twice keeps kube-scheduler waiting for an eviction that it never sees.
    victims = {node: tuple(dict.fromkeys(uids)) for node, uids in proposed.items()}
    if pod.request is None:
        return victims
    if isinstance(pod.request, Malformed):
        return {}  # filter refuses it everywhere until somebody corrects it
    held = ledger.holding(pod.key.uid)
    if held is not None and held.state in (State.BINDING, State.BOUND):
        return {}  # it has its room
    planned = nominated(ledger, pod.key.uid)
    if made_room_for(pod, quota):
        return {planned: ()} if victims.get(planned) == () else {}
    trial = _Trial.of(pod, situation)
    if pod.gang is not None and not isinstance(pod.request, Unmapped):
        # A member goes where the plan of its gang puts it, on devices that it holds already.
        return {node: uids for node, uids in victims.items() if node == planned and not trial.spares(node, uids)}
    if trial.has_room_soon([node for node in situation.offered if node not in victims and node not in situation.kept]):
        return {}
    allowed = {
        node: uids
        for node, uids in victims.items()
        if node not in situation.kept and not trial.spares(node, uids) and trial.is_within(node, uids)
    }
    return trial.fitting(allowed)


def made_room_for(pod: SeenPod, quota: Quota) -> bool:
    """Tell whether we choose ourselves who leaves for a pod: inference of a project, as far as its quota goes."""
    return quota.kinds.of(pod.priority_class) is Kind.INFERENCE and bool(quota.project_of(pod.ask()))


def nominated(ledger: Ledger, uid: str) -> str:
    """Return the node on which a plan of ours keeps room for a pod; "" where none does."""
    held = ledger.holding(uid)
    return held.node if held is not None and held.promised and held.planned else ""


class _Trial(NamedTuple):
    """A ledger on which victims leave, and the quota over it; `limited`: as long as all stay it refuses some node."""

    pod: SeenPod
    ledger: Ledger
    quota: Quota
    limited: bool

    @classmethod
    def of(cls, pod: SeenPod, situation: Situation) -> _Trial:
        """Return one that is as the room is now, but for what the pod itself was promised for a while."""
        ledger = situation.ledger.copy()
        ledger.expire(situation.now)
        held = ledger.holding(pod.key.uid)
        if held is not None and not held.planned:
            ledger.release(pod.key.uid)
        quota, ask = situation.quota.copy(ledger), pod.ask()
        return cls(pod, ledger, quota, quota.refusal(ask) is not None or bool(quota.closed_models(ask)))

    def spares(self, node: str, uids: tuple[str, ...]) -> bool:
        """Tell whether one of these must stay, whatever kube-scheduler's priorities say."""
        kinds = self.quota.kinds
        if kinds.of(self.pod.priority_class) is Kind.FOREIGN:
            return False
        asks = (held.ask for held in self._held(node, uids))
        return any(ask is not None and kinds.of(ask.priority_class) in _SPARED for ask in asks)

    def is_within(self, node: str, uids: tuple[str, ...]) -> bool:
        """Tell whether its project's quota lets the pod run on a node once these are gone."""
        if not self.limited:
            return True
        ask, gone = self.pod.ask(), self._held(node, uids)
        for held in gone:
            self.ledger.release(held.pod.uid)
        refused = self.quota.refusal(ask) is not None
        closed = [over.model for over in self.quota.closed_models(ask)]
        for held in gone:
            self.ledger.hold(held)
        return not refused and (node not in self.ledger.columns or self.ledger.model_of(node) not in closed)

    def has_room_soon(self, nodes: Sequence[str]) -> bool:
        """Tell whether the pod fits on the devices of one of these once those are gone that are leaving already."""
        if self.limited or isinstance(self.pod.request, Unmapped):
            return False
        leaving = {node: [one for one in self.ledger.holdings_on(node) if one.leaving] for node in nodes}
        return bool(self._suits(leaving).any())

    def fitting(self, victims: Victims) -> Victims:
        """Return the nodes on whose devices the pod fits once these are gone: all leave at once, each from its node."""
        if isinstance(self.pod.request, Unmapped):
            suits = self.ledger.columns_of(tuple(victims)) < 0  # the kubelet gives it devices that are not ours to give
        else:
            suits = self._suits({node: self._held(node, uids) for node, uids in victims.items()})
        return {node: victims[node] for node, does in zip(victims, suits.tolist(), strict=True) if does}

    def _suits(self, gone: Mapping[str, list[Holding]]) -> NDArray[np.bool_]:
        """Tell of each node whether the pod fits on its devices now that these are gone from it; shape [nodes]."""
        ledger, shape = self.ledger, self.pod.shape()
        with ledger.at_once():
            for held in itertools.chain.from_iterable(gone.values()):
                ledger.release(held.pod.uid)
        columns = ledger.columns_of(tuple(gone))
        there = fit(shape.request, ledger.free[:, columns], ledger.device_memory[:, columns])
        return (columns >= 0) & there.fits & ledger.takes(shape)[columns]

    def _held(self, node: str, uids: tuple[str, ...]) -> list[Holding]:
        """Return what these hold of the node's GPUs; what somebody else names of another node frees nothing here."""
        held = (self.ledger.holding(uid) for uid in uids)
        return [one for one in held if one is not None and one.node == node and one.devices != ()]
