"""What do nodes answer, whoever is on them? By labels, taints and names: asked once of all nodes, and remembered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kube.taints import CORDONED, that_keep_away, unborne

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence

    from extender.core.predicates.node_affinity import NodeAffinity
    from extender.core.predicates.nodes import NodeFacts
    from extender.core.predicates.selectors import Labels
    from extender.core.predicates.volumes import BoundVolume
    from kube.taints import Toleration

Mask = NDArray[np.bool_]
"""A bool array [nodes]."""


@dataclass(frozen=True, slots=True)
class Domains:
    """The nodes by the value of one label: `of` [nodes] numbers the values from 0 to `count`, -1 = no such label."""

    of: NDArray[np.intp]
    count: int
    labelled: Mask

    def near(self, nodes: Sequence[int]) -> Mask:
        """Return the nodes [nodes] that share their value with any of `nodes`."""
        there = np.zeros(self.count + 1, dtype=np.bool_)
        there[self.of[list(nodes)]] = True
        there[-1] = False
        mask: Mask = there[self.of]
        return mask

    def with_node(self, node: int) -> Mask:
        """Return the nodes [nodes] that share their value with one of them."""
        mask: Mask = (self.of == self.of[node]) & self.labelled
        return mask


class Ground:
    """The nodes, and the labels of each namespace; nothing of it changes."""

    def __init__(self, nodes: Sequence[NodeFacts], namespaces: Mapping[str, Labels]) -> None:
        self.nodes = tuple(nodes)
        self.namespaces = namespaces
        self.every: Mask = np.ones(len(self.nodes), dtype=np.bool_)
        self._domains: dict[str, Domains] = {}
        self._masks: dict[Hashable, Mask] = {}

    def domains(self, key: str) -> Domains:
        """Return the nodes by the value of a label."""
        found = self._domains.get(key)
        if found is None:
            numbers: dict[str, int] = {}
            values = [node.labels.values.get(key) for node in self.nodes]
            of = [-1 if value is None else numbers.setdefault(value, len(numbers)) for value in values]
            array = np.array(of, dtype=np.intp)
            found = self._domains[key] = Domains(array, len(numbers), array >= 0)
        return found

    def schedulable(self, tolerations: tuple[Toleration, ...]) -> Mask:
        """Return the nodes that are not cordoned, or whose cordon is tolerated."""
        bears = unborne((CORDONED,), tolerations) is None
        return self.every if bears else self._mask("cordoned", lambda node: not node.cordoned)

    def tolerated(self, tolerations: tuple[Toleration, ...]) -> Mask:
        """Return the nodes all of whose taints that keep pods away are tolerated."""
        return self._mask(
            ("taints", tolerations),
            lambda node: unborne(that_keep_away(node.taints, cordoned=False), tolerations) is None,
        )

    def wanted(self, affinity: NodeAffinity) -> Mask:
        """Return the nodes that a node affinity admits."""
        return self._mask(affinity, lambda node: affinity.admits(node.name, node.labels))

    def named(self, name: str) -> Mask:
        """Return the one node that is asked for by name; "" = any."""
        return self._mask(("name", name), lambda node: node.name == name) if name else self.every

    def reachable(self, volumes: tuple[BoundVolume, ...]) -> Mask:
        """Return the nodes that the node affinity of all volumes admits."""
        return self._mask(("reachable", volumes), lambda node: all(volume.reachable(node.labels) for volume in volumes))

    def in_zone(self, volumes: tuple[BoundVolume, ...]) -> Mask:
        """Return the nodes that are where all volumes are."""
        return self._mask(("zone", volumes), lambda node: all(volume.in_zone(node.labels) for volume in volumes))

    def declaring(self, features: frozenset[str]) -> Mask:
        """Return the nodes that have declared all features."""
        return self._mask(("features", features), lambda node: features <= node.features)

    def _mask(self, key: Hashable, admits: Callable[[NodeFacts], bool]) -> Mask:
        found = self._masks.get(key)
        if found is None:
            found = self._masks[key] = np.fromiter(map(admits, self.nodes), dtype=np.bool_, count=len(self.nodes))
        return found


def all_of(*masks: Mask) -> Mask:
    """Return the nodes [nodes] that are in every mask."""
    found: Mask = np.logical_and.reduce(masks)
    return found
