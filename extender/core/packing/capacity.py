"""What has each node that no pod changes? Kept beside the ledger's columns, and brought up to date with them.

A kind is what makes typical pods fit the same: the model of the GPUs, and the MiB of the first.
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
_MANY = 1000


class Kind(NamedTuple):
    """A model of GPU, and the MiB of one; "" and 0 where nobody said."""

    model: str
    memory: MiB


class Capacity:
    """One value a column: `cpu` (milli); `devices` that take pods; `kind`, a place in `kinds`; `drawn` from its name.

    All int64, shape [columns]; `known`, bool, tells the columns that are nodes. The order of nodes is that of what was
    drawn from their names: it stays as it is when others come and go.
    """

    def __init__(self) -> None:
        self.cpu: NDArray[np.int64] = np.ones(0, dtype=np.int64)
        self.devices: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self.kind: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self.drawn: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self.kinds: list[Kind] = []
        self.version = 0
        """Grows with every change."""
        self.known: NDArray[np.bool_] = np.zeros(0, dtype=np.bool_)
        self._nodes: list[GpuNode | None] = []
        self._seen = 0

    def follow(self, ledger: Ledger) -> None:
        """Take note of the columns that changed."""
        if ledger.generation == self._seen:
            return
        more = ledger.free.shape[1] - len(self.cpu)
        if more:
            self.cpu = np.pad(self.cpu, (0, more), constant_values=1)
            self.devices, self.kind = np.pad(self.devices, (0, more)), np.pad(self.kind, (0, more))
            self.drawn, self.known = np.pad(self.drawn, (0, more)), np.pad(self.known, (0, more))
            self._nodes.extend([None] * more)
        for column in np.flatnonzero(ledger.changed > self._seen).tolist():
            self._note(ledger, column)
        self._seen = ledger.generation

    def places(self) -> NDArray[np.int64]:
        """Return the place of each column in the order of nodes, from 0 to `PLACES` - 1, shape [columns].

        Of fewer than a thousand nodes the last ones come sooner: from one to the next it is never further.
        """
        order = np.flatnonzero(self.known)
        order = order[np.argsort(self.drawn[order], kind="stable")]
        places = np.zeros_like(self.drawn)
        places[order] = np.arange(len(order)) * PLACES // max(len(order), _MANY)
        return places

    def by_model(self) -> dict[str, int]:
        """Return the milli-GPU that there are of each model."""
        there: dict[str, int] = {}
        for number, kind in enumerate(self.kinds):
            devices = int(self.devices[self.known & (self.kind == number)].sum())
            there[kind.model] = there.get(kind.model, 0) + devices * WHOLE
        return there

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
        self.drawn[column] = int.from_bytes(blake2b(node.name.encode(), digest_size=2).digest())
