"""What is there, as the API server shows it: nodes, pods and what they hold; and what is remembered of each pod?

The laws:
- Every pod that uses a GPU of ours counts, whoever bound it, until all its containers have ended; where it is gone
  without that having been seen, a while longer (`Settings.quarantine_s`).
- A sight of a pod may be older than what is known of it: it then changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeGuard

from msgspec.structs import replace

from extender.core.binding import Bindings
from extender.core.explanations import Explanations
from extender.core.gang.gangs import Gangs
from extender.core.held import bound
from extender.core.ledger.holding import State
from extender.core.ledger.ledger import Ledger
from extender.core.packing.packer import Packer
from extender.core.preemption.preemptions import Preemptions
from extender.core.quota.quota import Quota
from extender.core.settings import Settings
from extender.core.waiting import Waiting
from kube.gpus import GpuRequest, Malformed, MemoryShare, Share, Unmapped
from kube.versions import age

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from extender.core.ledger.nodes import GpuNode
    from extender.core.model import PodKey, SeenPod, Shape
    from extender.core.quota.projects import Projects

_GONE_REMEMBERED = 20_000  # UIDs of deleted pods: an answer read before the deletion may be heard after it


@dataclass(slots=True)
class Known:
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
                if not self._see(pod) or not asks_for_a_share(pod.request):
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

    # --- how ---

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

    def _learn(self, pod: SeenPod) -> None:
        """Let packing learn from a pod that asks for GPUs of ours, once."""
        if pod.key.uid not in self._learned and asks_for_a_share(pod.request):
            self._learned.add(pod.key.uid)
            self.packer.learn(pod.shape())


def asks_for_a_share(request: GpuRequest | Malformed | None) -> TypeGuard[Share | MemoryShare]:
    """Tell whether a pod asks for GPUs that we give."""
    return isinstance(request, (Share, MemoryShare))  # a union would be made anew each time
