"""Which pods were there before anything was placed? Sorted by what predicates ask of them, and never changed."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from numpy.typing import NDArray

    from extender.core.predicates.demands import Placed, Resident
    from extender.core.predicates.selectors import Labels, Selector
    from extender.core.predicates.terms import PodTerm


class Population:
    """The pods of `nodes` nodes. Thousands of them have a few hundred labels: each is looked at once.

    `holders`: the nodes of the pods that have a required anti-affinity term, by term. `claims`: the
    PersistentVolumeClaims in use, by namespace and name. `with_ports`: the pods that take ports of their node.
    """

    def __init__(self, nodes: int, placed: Iterable[Placed]) -> None:
        self._nodes = nodes
        self._by_labels: dict[str, dict[Labels, list[tuple[int, bool]]]] = defaultdict(lambda: defaultdict(list))
        holders: dict[PodTerm, list[int]] = defaultdict(list)
        claims: set[tuple[str, str]] = set()
        self.with_ports: list[Placed] = []
        for pod, node in placed:
            self._by_labels[pod.namespace][pod.labels].append((node, pod.leaving))
            for term in pod.anti_affinity:
                holders[term].append(node)
            claims |= claimed(pod)
            if pod.ports:
                self.with_ports.append((pod, node))
        self.holders: Mapping[PodTerm, list[int]] = dict(holders)
        self.claims = frozenset(claims)

    def nodes_of(self, reached: Callable[[str], bool], selectors: tuple[Selector, ...]) -> list[int]:
        """Return the nodes of the pods that all `selectors` accept, in the namespaces that are `reached`."""
        return [
            node
            for namespace, by_labels in self._by_labels.items()
            if reached(namespace)
            for labels, pods in by_labels.items()
            if all(selector.accepts(labels) for selector in selectors)
            for node, _ in pods
        ]

    def staying(self, namespace: str, selector: Selector) -> NDArray[np.int64]:
        """Return how many pods of a namespace `selector` accepts on each node [nodes], without those that leave."""
        found = [
            node
            for labels, pods in self._by_labels.get(namespace, {}).items()
            if selector.accepts(labels)
            for node, leaving in pods
            if not leaving
        ]
        return np.bincount(np.array(found, dtype=np.intp), minlength=self._nodes).astype(np.int64)


def claimed(pod: Resident) -> frozenset[tuple[str, str]]:
    """Return the PersistentVolumeClaims that a pod uses, by namespace and name."""
    return frozenset((pod.namespace, claim) for claim in pod.claims)
