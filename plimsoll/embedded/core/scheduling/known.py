"""What does the scheduler know of the cluster, and what does news of it change? Queue and occupancy follow the watches.

After kube-scheduler's eventhandlers.go. `now` is in seconds since 1970.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from plimsoll.embedded.core.scheduling import hints
from plimsoll.embedded.core.scheduling.hints import Change, Event
from plimsoll.embedded.core.scheduling.occupancy import Occupancy
from plimsoll.embedded.core.scheduling.queue import Queue

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from plimsoll.embedded.core.scheduling.views import NodeView, PodView


class Known:
    """All nodes, and all pods that have not ended; those of `profiles` that are not bound are in the queue."""

    def __init__(self, profiles: Collection[str], now: float) -> None:
        self.queue = Queue(now)
        self.occupancy = Occupancy()
        self._profiles = profiles
        self._pods: dict[str, PodView] = {}

    def pod(self, uid: str) -> PodView | None:
        """Return a pod as it was seen last."""
        return self._pods.get(uid)

    # --- nodes ---

    def nodes_are(self, nodes: Sequence[NodeView], now: float) -> None:
        """Take note of all nodes there are."""
        for name in sorted(set(self.occupancy.names()) - {node.name for node in nodes}):
            self.node_gone(name, now)
        for node in nodes:
            self.node_seen(node, now)

    def node_seen(self, node: NodeView, now: float) -> None:
        """Take note of a node as it is now."""
        before = self.occupancy.node(node.name)
        self.occupancy.put_node(node)
        events = [Event(Change.NODE_ADDED, node=node)] if before is None else hints.of_node(before, node)
        for event in events:
            self.queue.happened(event, now)

    def node_gone(self, name: str, now: float) -> None:
        """Take note that a node is deleted."""
        self.queue.happened(Event(Change.NODE_LEFT, old_node=self.occupancy.node(name)), now)
        self.occupancy.drop_node(name)

    # --- pods ---

    def pods_are(self, pods: Sequence[PodView], now: float) -> None:
        """Take note of all pods there are."""
        for uid in sorted(self._pods.keys() - {pod.uid for pod in pods}):
            self.pod_gone(uid, now)
        for pod in pods:
            self.pod_seen(pod, now)

    def pod_seen(self, pod: PodView, now: float) -> None:
        """Take note of a pod as it is now; one that has ended takes nothing any more."""
        if pod.ended:
            self.pod_gone(pod.uid, now)
            return
        before = self._pods.get(pod.uid)
        self._pods[pod.uid] = pod
        if pod.node:
            self._bound_pod_seen(before, pod, now)
        elif pod.scheduler in self._profiles:
            self._unbound_pod_seen(before, pod, now)

    def pod_gone(self, uid: str, now: float) -> None:
        """Take note that a pod is deleted."""
        pod = self._pods.pop(uid, None)
        if pod is None:
            return
        self.occupancy.withdraw(uid)
        self.queue.remove(uid)
        if pod.node:
            self.occupancy.remove(uid)
            self.queue.happened(Event(Change.POD_LEFT, old_pod=pod), now)
        elif not self.forget(pod, now) and pod.nominated:
            self.queue.happened(Event(Change.POD_LEFT, old_pod=pod), now)

    def assume(self, pod: PodView, node: str) -> None:
        """Take note that a pod's binding is under way."""
        self.occupancy.assume(pod, node)
        self.occupancy.withdraw(pod.uid)

    def forget(self, pod: PodView, now: float) -> bool:
        """Give up the place of a pod whose binding was under way; tell whether it had one."""
        had_one = self.occupancy.forget(pod.uid)
        if had_one:
            self.queue.happened(Event(Change.POD_LEFT, old_pod=pod), now)
        return had_one

    def _bound_pod_seen(self, before: PodView | None, pod: PodView, now: float) -> None:
        self.occupancy.bind(pod)
        if before is not None and before.node:
            for event in hints.of_pod(before, pod):
                self.queue.happened(event, now)
            return
        self.occupancy.withdraw(pod.uid)
        self.queue.remove(pod.uid)
        self.queue.happened(Event(Change.POD_BOUND, pod=pod), now)

    def _unbound_pod_seen(self, before: PodView | None, pod: PodView, now: float) -> None:
        if before is None:
            self.occupancy.nominate(pod)
            self.queue.add(pod, now)
        elif self.occupancy.is_assumed(pod.uid):
            if pod.deleted and not before.deleted:
                self.forget(pod, now)
        elif before.version != pod.version:
            self.occupancy.nominate(pod)
            self.queue.update(pod, list(hints.of_pod(before, pod)), now)
            if before.nominated and before.nominated != pod.nominated:
                self.queue.happened(Event(Change.POD_LEFT, old_pod=before), now)
