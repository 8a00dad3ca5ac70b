"""Which pods were there before anything was placed? Sorted by what predicates ask of them, and never changed."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Self, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from numpy.typing import NDArray

    from extender.core.predicates.demands import Placed, Resident
    from extender.core.predicates.selectors import Labels, Selector
    from extender.core.predicates.terms import PodTerm

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class Population:
    """The pods of `nodes` nodes. Thousands of them have a few hundred labels: each is looked at once.

    `holders`: the nodes of the pods that have a required anti-affinity term, by term. `claims`: the
    PersistentVolumeClaims in use, by namespace and name, each with how many pods use it. `with_ports`: the pods that
    take ports of their node.
    """

    def __init__(self, nodes: int, placed: Iterable[Placed]) -> None:
        self._nodes = nodes
        by_labels: dict[str, dict[Labels, list[tuple[int, bool]]]] = defaultdict(lambda: defaultdict(list))
        holders: dict[PodTerm, list[int]] = defaultdict(list)
        claims: dict[tuple[str, str], int] = defaultdict(int)
        self.with_ports: list[Placed] = []
        for pod, node in placed:
            by_labels[pod.namespace][pod.labels].append((node, pod.leaving))
            for term in pod.anti_affinity:
                holders[term].append(node)
            if pod.claims:
                for claim in claimed(pod):
                    claims[claim] += 1
            if pod.ports:
                self.with_ports.append((pod, node))
        self._by_labels: Mapping[str, Mapping[Labels, list[tuple[int, bool]]]] = dict(by_labels)
        self.holders: Mapping[PodTerm, list[int]] = dict(holders)
        self.claims: Mapping[tuple[str, str], int] = dict(claims)

    def changed(self, gone: Iterable[Placed], come: Iterable[Placed]) -> Self:
        """Return the pods that are there once these of them are gone and those have come; most of it is shared."""
        left, new = Population(self._nodes, gone), Population(self._nodes, come)
        other = object.__new__(type(self))
        by_labels = dict(self._by_labels)
        for namespace in left._by_labels.keys() | new._by_labels.keys():
            gone_here, come_here = left._by_labels.get(namespace, {}), new._by_labels.get(namespace, {})
            by_labels[namespace] = _changed(by_labels.get(namespace, {}), gone_here, come_here)
        other._nodes, other._by_labels = self._nodes, by_labels
        other.holders = _changed(self.holders, left.holders, new.holders)
        other.with_ports = _rest(self.with_ports, left.with_ports) + new.with_ports
        other.claims = self.claims
        if left.claims or new.claims:
            other.claims = dict(Counter(self.claims) - Counter(left.claims) + Counter(new.claims))
        return other

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


def _changed(
    known: Mapping[_Key, list[_Value]], gone: Mapping[_Key, list[_Value]], come: Mapping[_Key, list[_Value]]
) -> Mapping[_Key, list[_Value]]:
    """Return what is under each key then; a key under which nothing is left is not there."""
    if not gone and not come:
        return known
    then = dict(known)
    for key in gone.keys() | come.keys():
        then[key] = _rest(then.get(key, []), gone.get(key, [])) + come.get(key, [])
        if not then[key]:
            del then[key]
    return then


def _rest(all_of: list[_Value], gone: list[_Value]) -> list[_Value]:
    """Return `all_of` without as many of each as are in `gone`."""
    if not gone:
        return all_of
    missing = Counter(gone)
    rest = []
    for one in all_of:
        if missing.get(one):
            missing[one] -= 1
        else:
            rest.append(one)
    return rest
