"""What do we answer to each verb of kube-scheduler, and what do we learn from the API server?

The laws:
- Filter answers with one node and reserves its devices there; a pod's next filter replaces its reservation. Where it is
  to answer with all that fit (`Settings.one_node`) it reserves nothing, and bind chooses the devices.
- Bind turns the reservation into a holding without expiry before the Binding is sent; what ends it stands in `binding`.
- A member of a gang goes where the plan of its gang puts it, and nowhere before there is one.
- A pod whose Binding may be under way is answered with that node and no other.
- A pod that is not train gets a promise only within its project's quota, as that is used then (`quota`); bind asks
  again where it chooses itself. What was promised stands.
- Every pod that uses a GPU of ours counts, whoever bound it, until all its containers have ended; where it is gone
  without that having been seen, a while longer (`Settings.quarantine_s`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeGuard

from msgspec.structs import replace

from extender.core import reasons
from extender.core.answers import BindRefused, BindTo, Chosen, Refused
from extender.core.binding import Bindings
from extender.core.explanations import Explanations, Weighed
from extender.core.gang.gangs import Gangs
from extender.core.gang.planning import Room
from extender.core.held import bound, promised
from extender.core.ledger.holding import State
from extender.core.ledger.ledger import Ledger
from extender.core.packing.choice import Misfit
from extender.core.packing.packer import HIGHEST_SCORE, Packer
from extender.core.preemption.preemptions import Preemptions
from extender.core.quota.kinds import Kind
from extender.core.quota.over import OverQuota
from extender.core.quota.quota import Quota
from extender.core.settings import Settings
from extender.core.waiting import Waiting
from kube.gpus import GpuRequest, Malformed, MemoryShare, Placement, Share, Unmapped
from kube.versions import age

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from extender.core.gang.planning import Checks
    from extender.core.gang.steps import Steps
    from extender.core.ledger.holding import Holding
    from extender.core.ledger.nodes import GpuNode
    from extender.core.model import Membership, PodKey, SeenPod, Shape
    from extender.core.preemption.moment import Moment
    from extender.core.preemption.moves import Moves
    from extender.core.quota.projects import Projects, Unauthorised
    from extender.core.reasons import Reasons

_GONE_REMEMBERED = 20_000  # UIDs of deleted pods: an answer read before the deletion may be heard after it


@dataclass(slots=True)
class Scheduling:
    """The one changing state of the extender: the ledger, and what is known of each pod that is not bound."""

    ledger: Ledger = field(default_factory=Ledger)
    explanations: Explanations = field(default_factory=Explanations)
    left_out: dict[str, str] = field(default_factory=dict)
    """Nodes with GPUs that we do not name, each with the reason."""
    settings: Settings = field(default_factory=Settings)
    packer: Packer = field(init=False)
    quota: Quota = field(init=False)
    gangs: Gangs = field(init=False)
    preemptions: Preemptions = field(init=False)
    _unbound: dict[str, SeenPod] = field(default_factory=dict)
    _waiting: Waiting = field(default_factory=Waiting)
    _bindings: Bindings = field(init=False)
    _gone: dict[str, None] = field(default_factory=dict)
    _learned: set[str] = field(default_factory=set)
    """Pods that packing has learned from."""

    def __post_init__(self) -> None:
        self.packer = Packer(self.ledger, self.settings.packing)
        self.quota = Quota(self.ledger)
        self.gangs = Gangs(self.ledger, self.settings.gang)
        self.preemptions = Preemptions(self.gangs, self.settings.preemption)
        self._bindings = Bindings(self.ledger)

    def tune(self, settings: Settings) -> None:
        """Go by other settings from now on."""
        if settings.packing != self.settings.packing:
            self.packer.retune(settings.packing)
        self.gangs.settings = settings.gang
        self.preemptions.settings = settings.preemption
        self.settings = settings
        self.quota.configure(self.quota.projects, settings.kinds)

    def projects_are(self, projects: Projects) -> None:
        """Go by other projects from now on."""
        self.quota.configure(projects, self.settings.kinds)

    # --- what the API server says ---

    def node_seen(self, node: GpuNode) -> None:
        """Take note of a node whose devices are ours to name."""
        self.left_out.pop(node.name, None)
        self.ledger.put_node(node)

    def node_gone(self, name: str, left_out: str = "") -> None:
        """Take note that a node is deleted, or not ours any more; `left_out`: why, where it was given to us."""
        self.left_out.pop(name, None)
        if left_out:
            self.left_out[name] = left_out
        self.ledger.drop_node(name)

    def nodes_are(self, nodes: Iterable[GpuNode], left_out: Mapping[str, str] = MappingProxyType({})) -> None:
        """Take note of all nodes that are ours, there are no others; and of those `left_out`, each with the reason."""
        now = {node.name: node for node in nodes}
        for known in [node.name for node in self.ledger.nodes() if node.name not in now]:
            self.ledger.drop_node(known)
        self.left_out = dict(left_out)
        for node in now.values():
            self.ledger.put_node(node)

    def pod_seen(self, pod: SeenPod) -> None:
        """Take note of a pod's state."""
        if self._see(pod):
            self._learn(pod)

    def _see(self, pod: SeenPod) -> bool:
        """Take note of a pod's state; tell whether packing is to learn from it."""
        uid = pod.key.uid
        if pod.ended:
            self._gone_for_good(uid)
            return False
        if uid in self._gone:
            return False
        if (pod.gang is not None or self.gangs) and not self._is_old_news(pod):
            self.gangs.seen(pod)
        if pod.node:
            known = self.ledger.holding(uid)
            if known is not None or uid in self._unbound:  # of any other there is nothing to forget
                self._waits_no_more(uid)
                self.preemptions.bound(uid)
            holding = bound(pod, known)
            if known is None or known != holding:
                self.ledger.hold(holding)
            return True
        if pod.request is not None:
            # An unbound sight may be older than our own Binding: it ends no holding.
            self._know_unbound(pod)
            return True
        return False

    def pod_gone(self, uid: str, now: float, *, ended: bool = False) -> None:
        """Take note at `now` seconds that a pod is deleted; `ended`: all its containers had ended before.

        A kubelet writes that they have (phase Succeeded or Failed) before it lets a pod go; a pod that goes without was
        deleted by force, or its node is lost.
        """
        held = self.ledger.holding(uid)
        if ended or held is None or held.devices == () or held.promised:
            self._gone_for_good(uid)
        elif held.state is not State.QUARANTINED:
            self._remember_gone(uid)
            self.ledger.hold(replace(held, state=State.QUARANTINED, expires_at=now + self.settings.quarantine_s))

    def pods_are(self, pods: Iterable[SeenPod], now: float) -> tuple[PodKey, ...]:
        """Take note of all pods there are, at `now` seconds; return those that we know of and the list lacks.

        A pod may be younger than the list, so what is known of it stays until a read of that pod itself shows it gone.
        """
        pods = tuple(pods)
        self.pods_listed(pods, now)
        return self.listed({pod.key.uid for pod in pods})

    def pods_listed(self, pods: Iterable[SeenPod], now: float) -> None:
        """Take note at `now` seconds of some of all the pods there are; `listed` follows the last of them.

        Pods of one node are best given together: the room of each node is computed once a call.
        """
        came: dict[Shape, int] = {}
        with self.ledger.at_once():
            for pod in pods:
                if not self._see(pod) or not _asks_for_a_share(pod.request):
                    continue
                uid = pod.key.uid
                if uid not in self._learned:
                    self._learned.add(uid)
                    shape = pod.shape()
                    came[shape] = came.get(shape, 0) + 1
                if not pod.node and not pod.gated and pod.gang is None and uid in self._unbound:
                    self._waiting.found(pod, now)
        for shape, count in came.items():
            self.packer.learn(shape, count)

    def listed(self, seen: Collection[str]) -> tuple[PodKey, ...]:
        """Take note that those are the UIDs of all pods there are; return what `pods_are` returns."""
        lacking = [
            held for held in self.ledger.holdings() if held.pod.uid not in seen and held.state is not State.QUARANTINED
        ]
        for held in lacking:
            if held.devices == ():  # no GPU: we write none of these, so no list is older than what we know
                self.ledger.release(held.pod.uid)
        unread = {uid: pod.key for uid, pod in self._unbound.items() if uid not in seen}
        unread |= {held.pod.uid: held.pod for held in lacking if held.devices != ()}
        # A member may hold nothing and wait for nothing; one that is gone would keep its gang from being planned.
        unread |= {pod.key.uid: pod.key for pod in self.gangs.members() if pod.key.uid not in seen}
        return tuple(unread[uid] for uid in sorted(unread))

    def pod_read(self, key: PodKey, pod: SeenPod | None, asked_at: float) -> None:
        """Take note of the answer to a read of one pod that was sent at `asked_at` seconds; None: it is gone."""
        if pod is None:
            self.pod_gone(key.uid, asked_at)
            return
        self.pod_seen(pod)
        if not pod.node and self._bindings.read_unbound(key.uid, asked_at):
            self._waiting.hurry(key.uid)

    def to_fence(self) -> tuple[PodKey, ...]:
        """Return the pods of which a Binding may still arrive that somebody before us sent, in a fixed order.

        A change of the pod ends that: a Binding goes to one version of it.
        """
        return tuple(pod.key for _, pod in sorted(self._unbound.items()) if self._may_be_charged(pod) and not pod.gated)

    def unbound(self) -> Iterable[SeenPod]:
        """Return the pods without a node that ask for GPUs."""
        return self._unbound.values()

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
        if pod.gang is not None and _asks_for_a_share(request):
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
        if pod.gang is not None and _asks_for_a_share(pod.request):
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

    def _may_be_charged(self, pod: SeenPod) -> bool:
        """Tell whether a Binding of a pod takes anything that we give: devices, or a part of its project's quota."""
        asks = isinstance(pod.request, Share | MemoryShare)
        return asks or (isinstance(pod.request, Unmapped) and bool(self.quota.project_of(pod.ask())))

    def _know_unbound(self, pod: SeenPod) -> None:
        """Take note of a pod without a node; kube-scheduler may show us an older one than the API server did."""
        if self._is_old_news(pod):
            return
        known = self._unbound.get(pod.key.uid)
        self._unbound[pod.key.uid] = pod
        if known is not None and (known.project, known.priority_class) != (pod.project, pod.priority_class):
            self._waiting.changed(pod)

    def _is_old_news(self, pod: SeenPod) -> bool:
        """Tell whether a newer version of a pod is known to wait."""
        known = self._unbound.get(pod.key.uid)
        return known is not None and age(known.version) > age(pod.version)

    def _gone_for_good(self, uid: str) -> None:
        self._remember_gone(uid)
        self.ledger.release(uid)

    def _remember_gone(self, uid: str) -> None:
        self._gone[uid] = None
        self._learned.discard(uid)
        self.gangs.gone(uid)
        if len(self._gone) > _GONE_REMEMBERED:
            del self._gone[next(iter(self._gone))]
        self._waits_no_more(uid)
        self.explanations.gone(uid)

    def _waits_no_more(self, uid: str) -> None:
        """Forget what was known of a pod as one that is not bound."""
        self._unbound.pop(uid, None)
        self._bindings.forget(uid)
        self._waiting.ended(uid)
        self.explanations.waits_no_more(uid)

    def _reserve(self, pod: SeenPod, node: str, placed: Placement | None, now: float) -> None:
        self.ledger.hold(promised(pod, node, placed, now + self.settings.reservation_s))

    def _learn(self, pod: SeenPod) -> None:
        """Let packing learn from a pod that asks for GPUs of ours, once."""
        if pod.key.uid not in self._learned and _asks_for_a_share(pod.request):
            self._learned.add(pod.key.uid)
            self.packer.learn(pod.shape())

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


def _asks_for_a_share(request: GpuRequest | Malformed | None) -> TypeGuard[Share | MemoryShare]:
    return isinstance(request, (Share, MemoryShare))  # a union would be made anew each time
