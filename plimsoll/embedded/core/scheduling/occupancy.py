"""What is taken on every node? By the pods that are bound there, and by those whose binding is under way.

The sums are kept as pods come and go: computing them anew for every decision would cost more than the decision.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from plimsoll.embedded.core.scheduling.requests import Amounts
    from plimsoll.embedded.core.scheduling.views import NodeView, PodView


class Place:
    """One node and what is on it; `node` is None while only its pods are known."""

    __slots__ = ("node", "pods", "scored", "taken")

    def __init__(self) -> None:
        self.node: NodeView | None = None
        self.pods: dict[str, PodView] = {}
        self.taken: Amounts = {}
        self.scored: Amounts = {}

    def put(self, pod: PodView) -> None:
        """Count a pod."""
        self.pods[pod.uid] = pod
        for total, part in ((self.taken, pod.requests), (self.scored, pod.scored)):
            for resource, count in part.items():
                total[resource] = total.get(resource, 0) + count

    def take(self, uid: str) -> None:
        """Count a pod no more."""
        pod = self.pods.pop(uid)
        for total, part in ((self.taken, pod.requests), (self.scored, pod.scored)):
            for resource, count in part.items():
                total[resource] -= count

    def without(self, gone: Iterable[PodView]) -> Place:
        """Return how it would be without some of its pods."""
        changed = Place()
        changed.node, changed.pods = self.node, dict(self.pods)
        changed.taken, changed.scored = dict(self.taken), dict(self.scored)
        for pod in gone:
            changed.take(pod.uid)
        return changed

    def joined(self, coming: Iterable[PodView]) -> Place:
        """Return how it would be with further pods."""
        changed = self.without(())
        for pod in coming:
            changed.put(pod)
        return changed


class Occupancy:
    """All nodes, in the order in which they came."""

    def __init__(self) -> None:
        self._places: dict[str, Place] = {}
        self._nodes: dict[str, Place] = {}
        self._where: dict[str, str] = {}
        self._assumed: set[str] = set()
        self._nominated: dict[str, dict[str, PodView]] = {}
        self._repelling: set[str] = set()

    # --- nodes ---

    def put_node(self, node: NodeView) -> None:
        """Take note of a node as it is now."""
        place = self._places.setdefault(node.name, Place())
        place.node = node
        self._nodes[node.name] = place

    def drop_node(self, name: str) -> None:
        """Forget a node; its pods are remembered until they are gone, for one of the same name may come."""
        place = self._nodes.pop(name, None)
        if place is not None:
            place.node = None
            self._tidy(name)

    def node(self, name: str) -> NodeView | None:
        """Return a node."""
        place = self._nodes.get(name)
        return place.node if place else None

    def place(self, name: str) -> Place | None:
        """Return a node with what is on it."""
        return self._nodes.get(name)

    def places(self) -> Iterable[Place]:
        """Return all nodes with what is on them."""
        return self._nodes.values()

    def names(self) -> tuple[str, ...]:
        """Return the names of all nodes."""
        return tuple(self._nodes)

    def __len__(self) -> int:
        return len(self._nodes)

    # --- pods ---

    def bind(self, pod: PodView) -> None:
        """Count a pod that is bound."""
        self._put(pod, pod.node)
        self._assumed.discard(pod.uid)

    def assume(self, pod: PodView, node: str) -> None:
        """Count a pod whose binding to `node` is under way."""
        self._put(pod, node)
        self._assumed.add(pod.uid)

    def is_assumed(self, uid: str) -> bool:
        """Tell whether a pod counts as one whose binding is under way, or not yet seen."""
        return uid in self._assumed

    @property
    def assuming(self) -> bool:
        """Whether a binding is under way, or not yet seen."""
        return bool(self._assumed)

    def forget(self, uid: str) -> bool:
        """Count a pod no more whose binding was under way; tell whether it did count."""
        if uid not in self._assumed:
            return False
        self.remove(uid)
        return True

    def remove(self, uid: str) -> bool:
        """Count a pod no more; tell whether it did count."""
        self._assumed.discard(uid)
        self._repelling.discard(uid)
        name = self._where.pop(uid, None)
        if name is None:
            return False
        self._places[name].take(uid)
        self._tidy(name)
        return True

    @property
    def repelling(self) -> bool:
        """Whether a pod that counts keeps others away from where it runs."""
        return bool(self._repelling)

    # --- nominations ---

    def nominate(self, pod: PodView) -> None:
        """Take note of the node that an unbound pod is promised, if there is one."""
        self.withdraw(pod.uid)
        if pod.nominated:
            self._nominated.setdefault(pod.nominated, {})[pod.uid] = pod

    def withdraw(self, uid: str) -> None:
        """Forget what a pod is promised."""
        for name in [name for name, pods in self._nominated.items() if uid in pods]:
            del self._nominated[name][uid]
            if not self._nominated[name]:
                del self._nominated[name]

    def promised(self, name: str, to_others_than: PodView) -> list[PodView]:
        """Return the pods that are promised a node and come before a pod: those of its priority or a higher one."""
        there = self._nominated.get(name)
        if not there:
            return []
        return [
            each
            for each in there.values()
            if each.uid != to_others_than.uid and each.priority >= to_others_than.priority
        ]

    # --- how ---

    def _put(self, pod: PodView, name: str) -> None:
        before = self._where.get(pod.uid)
        if before is not None:
            self._places[before].take(pod.uid)
        self._where[pod.uid] = name
        if pod.repels:
            self._repelling.add(pod.uid)
        self._places.setdefault(name, Place()).put(pod)
        if before is not None and before != name:
            self._tidy(before)

    def _tidy(self, name: str) -> None:
        place = self._places[name]
        if place.node is None and not place.pods:
            del self._places[name]
