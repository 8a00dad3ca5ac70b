"""What do we answer to each verb of kube-scheduler, and what is to be done beside the verbs?

The laws:
- Filter answers with one node and reserves its devices there; a pod's next filter replaces its reservation. Where it is
  to answer with all that fit (`Settings.one_node`) it reserves nothing, and bind chooses the devices.
- Bind turns the reservation into a holding without expiry before the Binding is sent; what ends it stands in `binding`.
- A member of a gang goes where the plan of its gang puts it, and nowhere before there is one.
- A pod whose Binding may be under way is answered with that node and no other.
- A pod that is not train gets a promise only within its project's quota, as that is used then (`quota`); bind asks
  again where it chooses itself. What was promised stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from extender.core import reasons
from extender.core.answers import BindRefused, BindTo, Chosen, Refused
from extender.core.explanations import Weighed
from extender.core.gang.planning import Room
from extender.core.held import promised
from extender.core.known import Known, asks_for_a_share
from extender.core.packing.choice import Misfit
from extender.core.packing.packer import HIGHEST_SCORE
from extender.core.quota.kinds import Kind
from extender.core.quota.over import OverQuota
from kube.gpus import Malformed, Placement, Unmapped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extender.core.gang.planning import Checks
    from extender.core.gang.steps import Steps
    from extender.core.ledger.holding import Holding
    from extender.core.model import Membership, PodKey, SeenPod
    from extender.core.preemption.moment import Moment
    from extender.core.preemption.moves import Moves
    from extender.core.quota.projects import Unauthorised
    from extender.core.reasons import Reasons


@dataclass(slots=True)
class Scheduling(Known):
    """What is known, and what kube-scheduler is answered by it."""

    # --- what is to be done beside the verbs ---

    def to_read(self) -> tuple[PodKey, ...]:
        """Return the pods whose Binding's outcome is unknown: only a read tells what became of it."""
        return self._bindings.to_read()

    def to_kick(self, now: float) -> tuple[PodKey, ...]:
        """Return the refused pods that kube-scheduler should try again at `now` seconds: they would fit now."""
        self.ledger.expire(now)
        return self._waiting.to_kick(self.ledger, self.packer, self.quota, now)

    # --- what kube-scheduler asks ---

    def plan_gangs(self, checks: Checks, now: float) -> Steps:
        """Plan the gangs that wait at `now` seconds, and return what is to be done about all of them.

        `checks`: what kube-scheduler will look at besides the GPUs.
        """
        self.ledger.expire(now)
        return self.gangs.steps(self.room(checks), now)

    def plans(self) -> bool:
        """Tell whether there is anything to plan."""
        wanted = self.preemptions.is_wanted(self._unbound.values(), self.ledger, self.quota)
        return wanted or bool(self.gangs)

    @property
    def follows(self) -> bool:
        """Whether it matters what kube-scheduler looks at besides GPUs: as of the last `plans`."""
        return self.preemptions.wanted or bool(self.gangs)

    def take_over(self) -> None:
        """Take note that we begin to lead: what we planned when we led before is void."""
        self.preemptions.take_over(self.ledger)
        self.gangs.take_over()

    def make_room(self, checks: Checks, at: Moment) -> Moves:
        """Plan who leaves for those that wait, and return what is to be done about it; after `plan_gangs`."""
        self.ledger.expire(at.now)
        moves = self.preemptions.look(self.room(checks), self._unbound, at)
        for plan in self.preemptions.plans():
            for uid in plan.plan.pods:
                self._waiting.ended(uid)  # it is tried when its room is there, and not before
        return moves

    def offered(self, uid: str) -> tuple[str, ...]:
        """Return the nodes that suited a pod otherwise when filter refused it last."""
        names = map(self.ledger.name_of, self._waiting.offered(uid).tolist())
        return tuple(filter(None, names))

    def room(self, checks: Checks) -> Room:
        """Return what is planned on, with what kube-scheduler will look at besides the GPUs."""
        return Room(self.ledger, self.packer, checks, self.quota, self.left_out)

    def filter(self, pod: SeenPod, nodes: Sequence[str], now: float) -> Chosen | Refused:
        """Choose one of `nodes` for `pod` and reserve its devices there, at `now` seconds."""
        self.ledger.expire(now)
        request = pod.request
        if pod.key.uid in self._gone:
            return Refused(reasons.of_all(self.ledger, nodes, "the pod is deleted"))
        if request is None:
            return Chosen(tuple(nodes))
        self._learn(pod)
        self._know_unbound(pod)
        if isinstance(request, Malformed):
            return Refused(reasons.of_all(self.ledger, nodes, str(request)))
        held = self.ledger.holding(pod.key.uid)
        if held is not None and not held.promised:
            return self._filter_under_way(pod, held.node, nodes, now)
        if held is not None and held.planned:
            return self._filter_planned(pod, held, nodes, now)
        if pod.gang is not None and asks_for_a_share(request):
            return self._filter_member(pod, pod.gang, nodes, now)
        self.ledger.release(pod.key.uid)
        if (barred := self.quota.refusal(pod.ask())) is not None:
            return self._barred(pod, barred, nodes, now)
        if isinstance(request, Unmapped):
            return self._filter_unmapped(pod, nodes, now)
        if self._gives_way(pod, now):
            # Else it would get what inference waits for, and be evicted for it.
            return self._put_off(pod, nodes, now)
        return self._choose(pod, nodes, now)

    def prioritize(self, pod: SeenPod, nodes: Sequence[str]) -> tuple[int, ...]:
        """Return a score from 0 to 10 for each of `nodes`: 10 the best, 0 where the pod does not fit."""
        if pod.request is None or isinstance(pod.request, Malformed | Unmapped):
            return (0,) * len(nodes)
        held = self.ledger.holding(pod.key.uid)
        if held is not None:
            return tuple(HIGHEST_SCORE if node == held.node else 0 for node in nodes)
        return self.packer.priorities(pod.shape(), nodes)

    def bind(self, uid: str, node: str, now: float) -> BindTo | BindRefused:
        """Decide whether a Binding of pod `uid` to `node` may be sent; what it needs is held from here on."""
        self.ledger.expire(now)
        held = self.ledger.holding(uid)
        if held is not None and held.node != node:
            if not held.promised:
                return BindRefused(f"its binding to node {held.node} is under way")
            if held.planned:
                return BindRefused(f"a plan puts it on node {held.node}")
            self.ledger.release(uid)
            held = None
        if held is not None and held.nominated:
            return BindRefused(f"others are leaving node {node} for it; it will be filtered again")
        unbound = self._unbound.get(uid)
        if held is None:
            if unbound is None or unbound.request is None or isinstance(unbound.request, Malformed):
                return BindRefused("the pod is not known here as one that waits for GPUs; it will be filtered again")
            placed = self._place(unbound, node)
            if isinstance(placed, BindRefused):
                return placed
            if placed is None and not self.quota.project_of(unbound.ask()):
                return BindTo(unbound.key, node, None, version=unbound.version)
            self._reserve(unbound, node, placed, now)
            held = self.ledger.holding(uid)
        assert held is not None  # noqa: S101  reserved just above
        return self._bindings.ask(held, unbound, self.settings.nvfractions_prefix)

    def bound(self, uid: str) -> None:
        """Take note that the API server accepted the Binding."""
        self._waits_no_more(uid)
        self._bindings.bound(uid)
        self.preemptions.bound(uid)

    def not_bound(self, asked: BindTo) -> None:
        """Take note that this Binding was refused, or not sent, for certain; another one may still arrive."""
        self._bindings.not_bound(asked)

    def unknown(self, asked: BindTo) -> None:
        """Take note that nobody can tell yet whether this Binding was, or will be, carried out."""
        self._bindings.unknown(asked)

    # --- how ---

    def _filter_under_way(self, pod: SeenPod, node: str, nodes: Sequence[str], now: float) -> Chosen | Refused:
        """Answer filter of a pod whose Binding to `node` may arrive."""
        if self._is_among(node, nodes):
            return Chosen((node,))
        return self._refused(pod, reasons.of_all(self.ledger, nodes, f"its binding to node {node} is under way"), now)

    def _filter_planned(self, pod: SeenPod, held: Holding, nodes: Sequence[str], now: float) -> Chosen | Refused:
        """Answer filter of a pod that a plan gave its place."""
        if not held.nominated and self._is_among(held.node, nodes):
            self._waiting.ended(pod.key.uid)
            self.explanations.waits_no_more(pod.key.uid)
            return Chosen((held.node,))
        if held.nominated and pod.gang is None and (chosen := self._elsewhere(pod, held, nodes, now)) is not None:
            return chosen
        if held.nominated:
            reason = f"others are leaving node {held.node} for it"
        elif pod.gang is not None:
            reason = f"the plan of its gang {pod.gang.gang} puts it on node {held.node}"
        else:
            reason = f"room was made for it on node {held.node}"
        return self._keeps_waiting(pod, reason, nodes, now)

    def _elsewhere(self, pod: SeenPod, held: Holding, nodes: Sequence[str], now: float) -> Chosen | None:
        """Choose for a pod that others are still leaving for, where room came free that it fits in as it is."""
        columns = self.ledger.columns_of(nodes)
        if not self.packer.fits_any(pod.shape(), columns[columns >= 0]):
            return None
        self.ledger.release(pod.key.uid)  # its plan ends by that, and whoever was not evicted for it yet stays
        answer = self._choose(pod, nodes, now)
        if isinstance(answer, Chosen):
            return answer
        self._waiting.ended(pod.key.uid)
        self.ledger.hold(held)
        return None

    def _filter_member(self, pod: SeenPod, member: Membership, nodes: Sequence[str], now: float) -> Refused:
        """Answer filter of a member of a gang that has no place."""
        self.ledger.release(pod.key.uid)  # promised while it was no member yet
        return self._keeps_waiting(pod, f"its gang {member.gang} has no plan yet", nodes, now)

    def _keeps_waiting(self, pod: SeenPod, reason: str, nodes: Sequence[str], now: float) -> Refused:
        """Refuse a pod that is told when its time has come, whatever happens on the nodes."""
        misfits = reasons.of_all(self.ledger, nodes, reason)
        self.explanations.refused(pod, self.ledger, misfits, now)
        return Refused(misfits)

    def _choose(self, pod: SeenPod, nodes: Sequence[str], now: float) -> Chosen | Refused:
        """Choose for a pod that holds nothing and that its project's quota has room for."""
        kept = self.gangs.kept_from(pod)
        if kept is not None:
            nodes, offered = [node for node in nodes if node not in kept.nodes], nodes
        over = self.quota.closed_models(pod.ask())
        closed = [one.model for one in over]
        if not self.settings.one_node:
            fitting = self.packer.fitting(pod.shape(), nodes, closed)
            if fitting:
                self._waiting.ended(pod.key.uid)
                self.explanations.waits_no_more(pod.key.uid)
                return Chosen(fitting)
        elif (choice := self.packer.choose(pod.shape(), nodes, closed)) is not None:
            self._waiting.ended(pod.key.uid)
            self._reserve(pod, choice.node, choice.placement, now)
            self.explanations.chosen(pod.key.uid, Weighed(now, len(nodes), choice))
            return Chosen((choice.node,))
        misfits = reasons.misfits(self.ledger, pod.shape(), nodes if kept is None else offered, self.left_out)
        if kept is not None:
            misfits = reasons.kept_out(self.ledger, misfits, kept.nodes, str(kept))
        if over:
            misfits = reasons.overlaid(self.ledger, misfits, {one.model: one.brief for one in over})
        return self._refused(pod, misfits, now, over)

    def _gives_way(self, pod: SeenPod, now: float) -> bool:
        """Tell whether a pod is to wait for a moment until room that came free was offered to those before it."""
        may_wait = self._is_train(pod) and self._waiting.may_be_put_off(pod.key.uid, now)
        return may_wait and self.preemptions.goes_first(pod, self.ledger, self.packer)

    def _put_off(self, pod: SeenPod, nodes: Sequence[str], now: float) -> Refused:
        """Refuse a pod for a moment: it is tried again once the room that came free was offered to those before it."""
        misfits = reasons.of_all(self.ledger, nodes, "room that came free is offered to inference first")
        self._waiting.put_off(pod, misfits.columns, now)
        return Refused(misfits)

    def _is_train(self, pod: SeenPod) -> bool:
        return self.quota.kinds.of(pod.priority_class) is Kind.TRAIN

    def _refused(self, pod: SeenPod, misfits: Reasons, now: float, over: Sequence[OverQuota] = ()) -> Refused:
        self._waiting.refused(pod, misfits.columns, ledger=self.ledger, quota=self.quota, now=now)
        self.explanations.refused(pod, self.ledger, misfits, now, over)
        return Refused(misfits)

    def _barred(self, pod: SeenPod, why: OverQuota | Unauthorised, nodes: Sequence[str], now: float) -> Refused:
        """Refuse a pod for its project's sake, whatever is free."""
        told = reasons.of_all(self.ledger, nodes, why.brief if isinstance(why, OverQuota) else str(why))
        self._waiting.refused(pod, told.columns, ledger=self.ledger, quota=self.quota, now=now)
        self.explanations.barred(pod.key.uid, why, len(nodes), now)
        return Refused(told)

    def _place(self, pod: SeenPod, node: str) -> Placement | BindRefused | None:
        """Choose the devices of a pod that bind asks about and that holds nothing; None: the kubelet chooses them."""
        if pod.gang is not None and asks_for_a_share(pod.request):
            return BindRefused(f"its gang {pod.gang.gang} has no plan any more; it will be filtered again")
        barred = self.quota.refusal(pod.ask())
        if barred is not None:
            return BindRefused(barred.brief if isinstance(barred, OverQuota) else str(barred))
        if isinstance(pod.request, Unmapped):
            return None
        for over in self.quota.closed_models(pod.ask()):
            if over.model == self.ledger.model_of(node):
                return BindRefused(over.brief)
        placed = self.packer.placement(pod.shape(), node)
        return BindRefused(placed.reason) if isinstance(placed, Misfit) else placed

    def _is_among(self, node: str, nodes: Sequence[str]) -> bool:
        """Tell whether a node is among thousands, without making a text of any name."""
        column = int(self.ledger.columns_of((node,))[0])
        if column < 0:  # it is not ours any more, and has no column
            return node in nodes
        return bool((self.ledger.columns_of(nodes) == column).any())

    def _reserve(self, pod: SeenPod, node: str, placed: Placement | None, now: float) -> None:
        self.ledger.hold(promised(pod, node, placed, now + self.settings.reservation_s))

    def _filter_unmapped(self, pod: SeenPod, nodes: Sequence[str], now: float) -> Chosen | Refused:
        uid = pod.key.uid
        self._waiting.ended(uid)
        others = tuple(node for node in nodes if self.ledger.node(node) is None)
        if others:
            self.explanations.waits_no_more(uid)
            return Chosen(others)
        misfits = reasons.of_all(self.ledger, nodes, reasons.OURS_ALONE)
        self.explanations.refused(pod, self.ledger, misfits, now)
        return Refused(misfits)
