"""What would kube-scheduler have done? It passes the nodes where CPU, memory and model suit; the packer chooses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from extender.core.ledger.holding import Holding, State
from extender.core.ledger.ledger import Ledger
from extender.core.model import PodKey
from extender.core.packing.packer import Packer
from extender.replay.bookkeeping import Book
from kube.gpus import MilliGpu, Placement, Share

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from extender.core.model import Shape
    from extender.core.packing.settings import Settings
    from extender.replay.trace import Trace

NOTHING = Placement((), MilliGpu(0))


@dataclass(frozen=True, slots=True)
class Placed:
    """A pod that runs."""

    uid: str
    shape: Shape
    node: str
    placement: Placement

    @property
    def milli(self) -> int:
        """The milli-GPU it holds."""
        return len(self.placement.devices) * self.placement.milli


class Cluster:
    """A cluster without a Kubernetes: the ledger and the packer as the extender has them, and a book to check them."""

    def __init__(self, trace: Trace, settings: Settings, clock: Callable[[], int], *, learn: bool) -> None:
        self._ledger = Ledger()
        for node in trace.nodes:
            self._ledger.put_node(node)
        self.packer = Packer(self._ledger, settings)
        self._clock = clock
        self._learn = learn
        self._book = Book(trace.nodes)
        self._models: dict[tuple[str, ...], NDArray[np.bool_]] = {}
        self._arrived = 0
        self.refused = 0
        self.refused_fitting = 0
        self.decision_ns: list[int] = []
        """What each decision took by the clock, in nanoseconds: choosing, and noting it in the ledger."""
        if not learn:
            for shape in trace.pods:
                self.packer.learn(shape)

    def arrive(self, shape: Shape) -> Placed | None:
        """Try to place a pod, once."""
        uid = str(self._arrived)
        self._arrived += 1
        columns = self._suiting(shape)
        began = self._clock()
        placed = self._place(uid, shape, columns)
        self.decision_ns.append(self._clock() - began)
        if placed is None:
            self.refused += 1
            self.refused_fitting += self._book.fits(shape)
        else:
            self._book.take(shape, placed.node, placed.placement)
        return placed

    def leave(self, placed: Placed) -> None:
        """End a pod."""
        self._ledger.release(placed.uid)
        self._book.give_back(placed.shape, placed.node, placed.placement)

    def _place(self, uid: str, shape: Shape, columns: NDArray[np.int64]) -> Placed | None:
        if self._learn:
            self.packer.learn(shape)
        column = self.packer.best(shape, columns)
        if column is None:
            return None
        placement = self.packer.place(shape, column) if shape.request is not None else NOTHING
        assert placement is not None  # noqa: S101  it was chosen because it fits
        node = self._ledger.name_of(column)
        self._ledger.hold(
            Holding(
                PodKey(uid, "replay", uid),
                node,
                placement.devices,
                placement.milli,
                State.BOUND,
                cpu=shape.cpu,
                memory=shape.memory,
            )
        )
        return Placed(uid, shape, node, placement)

    def _suiting(self, shape: Shape) -> NDArray[np.int64]:
        """Return the columns of the nodes that kube-scheduler would ask about."""
        ledger = self._ledger
        if shape.models not in self._models:
            named = [not shape.models or model in shape.models for model in ledger.models]
            self._models[shape.models] = (ledger.model >= 0) & np.array(named)[ledger.model]
        suits = (ledger.cpu_free >= shape.cpu) & (ledger.memory_free >= shape.memory) & self._models[shape.models]
        return np.flatnonzero(suits)


def milli_of(shape: Shape) -> int:
    """Return the milli-GPU that a pod of a trace asks for."""
    return shape.request.devices * shape.request.milli if isinstance(shape.request, Share) else 0
