"""What has each node that no pod changes? Kept beside the ledger's columns, and brought up to date with them.

A kind is what makes a share the same: the model of the GPUs, and the MiB of the first. A pool is nodes that are alike
in all that decides whether a pod could run there if they were empty.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from kube.gpus import WHOLE, MiB

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from extender.core.ledger.ledger import Ledger
    from extender.core.ledger.nodes import GpuNode

PLACES = 2**16

_SPARE = 64  # pools that no node is of: renumbering begins after so many


class Kind(NamedTuple):
    """A model of GPU, and the MiB of one; "" and 0 where nobody said."""

    model: str
    memory: MiB


class Pool(NamedTuple):
    """Nodes that are alike: their kind, milli-CPU, and the number of devices that take pods."""

    kind: Kind
    cpu: int
    devices: int


class Capacity:
    """One value a column: `cpu`, milli-CPU; `devices` that take pods; `kind`, `pool`: places in `kinds` and `pools`.

    Of `pools` no more than half, and a few, are such that no node is of any more; of `kinds` as many.
    `drawn` from the node's name: the order of nodes is that of these, and stays as it is when others come and go. All
    int64, shape [columns]; `known`, bool, tells the columns that are nodes.
    """

    def __init__(self) -> None:
        self.cpu: NDArray[np.int64] = np.ones(0, dtype=np.int64)
        self.devices: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self.kind: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self.drawn: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self.kinds: list[Kind] = []
        self.pool: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self.pools: list[Pool] = []
        self.version = 0
        """Grows with every change."""
        self.known: NDArray[np.bool_] = np.zeros(0, dtype=np.bool_)
        self._nodes: list[GpuNode | None] = []
        self._place_of_pool: dict[Pool, int] = {}
        self._seen = -1

    def follow(self, ledger: Ledger) -> None:
        """Take note of the columns that changed."""
        if ledger.renewed <= self._seen:  # pods came and went: what they take is not capacity
            self._seen = ledger.generation
            return
        more = ledger.free.shape[1] - len(self.cpu)
        if more:
            self.cpu = np.pad(self.cpu, (0, more), constant_values=1)
            self.devices, self.kind = np.pad(self.devices, (0, more)), np.pad(self.kind, (0, more))
            self.pool = np.pad(self.pool, (0, more))
            self.drawn, self.known = np.pad(self.drawn, (0, more)), np.pad(self.known, (0, more))
            self._nodes.extend([None] * more)
        few, before = ledger.changed_since(self._seen), len(self.pools)
        for column in np.flatnonzero(ledger.changed > self._seen).tolist() if few is None else sorted(few):
            self._note(ledger, column)
        if len(self.pools) > before:
            self._forget()
        self._seen = ledger.generation

    def places(self, steps: int) -> NDArray[np.int64]:
        """Return the place of each column in the order of nodes, from 0 to `PLACES` - 1, shape [columns].

        No node is further from the next than a `steps`th of the way: few nodes do not come to its end.
        """
        order = np.flatnonzero(self.known)
        order = order[np.argsort(self.drawn[order], kind="stable")]
        places = np.zeros_like(self.drawn)
        places[order] = -(-np.arange(len(order)) * PLACES // max(len(order), steps))
        return places

    def by_pool(self) -> list[int]:
        """Return the milli-GPU that there are in each pool, in the order of `pools`."""
        there = np.bincount(self.pool[self.known], self.devices[self.known] * int(WHOLE), minlength=len(self.pools))
        return [int(milli) for milli in there]

    def _forget(self) -> None:
        """Number pools and kinds anew where most pools are such that no node is of: whoever labels nodes makes them."""
        here = np.unique(self.pool[self.known])
        if len(self.pools) <= 2 * len(here) + _SPARE:
            return
        # All of it made anew: a copy goes on with what it has.
        self.pools = [self.pools[place] for place in here.tolist()]
        self.kinds = list(dict.fromkeys(pool.kind for pool in self.pools))
        self._place_of_pool = {pool: place for place, pool in enumerate(self.pools)}
        self.pool = np.where(self.known, np.searchsorted(here, self.pool), 0)
        place_of_kind = {kind: place for place, kind in enumerate(self.kinds)}
        self.kind = np.array([place_of_kind[pool.kind] for pool in self.pools] or [0], dtype=np.int64)[self.pool]
        self.version += 1

    def _note(self, ledger: Ledger, column: int) -> None:
        node = ledger.node(ledger.name_of(column))
        if node is self._nodes[column]:
            return
        self._nodes[column] = node
        self.version += 1
        self.known[column] = node is not None
        if node is None:
            return
        kind = Kind(node.model, node.devices[0].memory if node.devices else MiB(0))
        if kind not in self.kinds:
            self.kinds.append(kind)
        self.cpu[column] = max(node.cpu, 1)
        self.devices[column] = sum(not device.closed for device in node.devices)
        self.kind[column] = self.kinds.index(kind)
        pool = Pool(kind, node.cpu, int(self.devices[column]))
        if pool not in self._place_of_pool:
            self._place_of_pool[pool] = len(self.pools)
            self.pools.append(pool)
        self.pool[column] = self._place_of_pool[pool]
        self.drawn[column] = int.from_bytes(blake2b(node.name.encode(), digest_size=2).digest())
