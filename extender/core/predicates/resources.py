"""Where is enough left of what a pod asks for? Of everything that nodes have to allocate, and of their places for pods.

Source: kube-scheduler's plugin NodeResourcesFit. Of what is not asked for, also nothing may be left: a node that is
overcommitted in memory takes a pod that asks for CPU alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from extender.core.predicates.demands import Placed
    from extender.core.predicates.ground import Mask
    from extender.core.predicates.nodes import NodeFacts

PODS = "pods"
"""The resource that says how many pods a node takes."""

ONE_POD = (PODS, 1)
"""What every pod takes of its node."""


class Remaining(NamedTuple):
    """What is left: of each of `names` int64 [resources, columns], `free`; below zero where too much is taken.

    `wanted`: what a pod asks for of each, int64 [resources]. The last resource are the places for pods.
    """

    names: tuple[str, ...]
    free: NDArray[np.int64]
    wanted: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Room:
    """What is left: `free` int64 [resources, nodes] (`rows`: by name), and `places` for pods int64 [nodes]."""

    rows: dict[str, int]
    free: NDArray[np.int64]
    places: NDArray[np.int64]

    @classmethod
    def of(cls, nodes: Sequence[NodeFacts], placed: Iterable[Placed]) -> Self:
        """Return what these pods leave of these nodes."""
        names = sorted({name for node in nodes for name, _ in node.allocatable} - {PODS})
        rows = {name: row for row, name in enumerate(names)}
        free = np.zeros((len(names), len(nodes)), dtype=np.int64)
        places = np.zeros(len(nodes), dtype=np.int64)
        for column, node in enumerate(nodes):
            for name, amount in node.allocatable:
                if name == PODS:
                    places[column] = amount
                else:
                    free[rows[name], column] = amount
        for pod, column in placed:
            places[column] -= 1
            for name, amount in pod.requests:
                if name in rows:
                    free[rows[name], column] -= amount
        return cls(rows, free, places)

    def changed(self, gone: Iterable[Placed], come: Iterable[Placed]) -> Self:
        """Return what is left once these pods, which were counted, are gone and those have come."""
        free, places = self.free.copy(), self.places.copy()
        for pods, sign in ((gone, 1), (come, -1)):
            for pod, column in pods:
                places[column] += sign
                for name, amount in pod.requests:
                    if name in self.rows:
                        free[self.rows[name], column] += sign * amount
        return type(self)(self.rows, free, places)


@dataclass(frozen=True, slots=True)
class Left:
    """What is left of the resources in `wanted`, and where it is `enough` [nodes]; as in `Room`, a row for each."""

    wanted: tuple[tuple[str, int], ...]
    free: NDArray[np.int64]
    places: NDArray[np.int64]
    enough: Mask

    @classmethod
    def begin(cls, wanted: tuple[tuple[str, int], ...], room: Room) -> Self:
        """Return what is left of what is wanted; of a resource that no node has nothing is."""
        free = np.zeros((len(wanted), len(room.places)), dtype=np.int64)
        for row, (name, _) in enumerate(wanted):
            if name in room.rows:
                free[row] = room.free[room.rows[name]]
        amounts = np.array([amount for _, amount in wanted], dtype=np.int64)
        enough = (free >= amounts[:, None]).all(axis=0) & (room.places >= 1)
        return cls(wanted, free, room.places, enough)

    def after(self, placed: Sequence[Placed]) -> Self:
        """Return what is left, once more pods are there."""
        free, places, enough = self.free.copy(), self.places.copy(), self.enough.copy()
        rows = {name: row for row, (name, _) in enumerate(self.wanted)}
        for pod, node in placed:
            places[node] -= 1
            for name, amount in pod.requests:
                if name in rows:
                    free[rows[name], node] -= amount
            enough[node] = places[node] >= 1 and all(
                free[row, node] >= amount for row, (_, amount) in enumerate(self.wanted)
            )
        return type(self)(self.wanted, free, places, enough)

    def missing(self, node: int) -> tuple[str, ...]:
        """Return the resources of which a node has not enough left, its places for pods first."""
        short = [name for row, (name, amount) in enumerate(self.wanted) if self.free[row, node] < amount]
        return (PODS, *short) if self.places[node] < 1 else tuple(short)
