"""How many pods of one shape could be placed now, one after the other? Counted on a copy of the room; nothing changes.

Each node is filled as the packer fills it. Which node comes first makes no difference to the sum. What kube-scheduler
looks at besides is looked at here as far as it keeps pods off whole nodes: taints, and the model that pods want.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from extender.core import reasons
from extender.core.packing.fitting import fit, tightest
from kube.gpus import Share
from kube.taints import CORDONED, unborne

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from extender.core.ledger.ledger import Ledger
    from extender.core.model import Shape
    from kube.gpus import MemoryShare
    from kube.taints import Toleration

NO_CPU = "too little CPU or memory left"
_FILLED = "full after these"


@dataclass(frozen=True, slots=True)
class Fits:
    """So many pods fit; where that is fewer than asked about, why there are no more."""

    count: int
    reason: str = ""


def fits(
    ledger: Ledger, shape: Shape, most: int, left_out: Mapping[str, str], tolerations: Sequence[Toleration] = ()
) -> Fits:
    """Return how many pods of `shape` with such tolerations fit on all nodes, at most `most`."""
    assert shape.request is not None  # noqa: S101  a pod without GPUs is not ours to place
    names = sorted(node.name for node in ledger.nodes())
    columns = ledger.columns_of(names)
    free, memory = ledger.free[:, columns].astype(np.int64), ledger.device_memory[:, columns]
    suits, takes, left = _suits(ledger, shape, columns), ledger.takes(shape)[columns], _left(ledger, shape, columns)
    keeps_away = _keeps_away(ledger, names, tolerations)
    takes &= np.array([name not in keeps_away for name in names], dtype=np.bool_)
    if isinstance(shape.request, Share) and shape.request.devices == 1:
        # Whatever the order, each device takes as many as go into its room: no thousand rounds for thousandths.
        placed = np.where(suits & takes, np.minimum((free // shape.request.milli).sum(axis=0), left), 0)
    else:
        placed = _one_after_the_other(shape.request, free, memory, np.where(suits & takes, left, 0), most)
    count = int(placed.sum())
    if count >= most:
        return Fits(most)
    why = _why(ledger, shape, names, left_out)
    rows = zip(names, placed.tolist(), left.tolist(), suits.tolist(), takes.tolist(), strict=True)
    for name, has, room, ours, taken in rows:
        if not ours:
            model = ledger.models[ledger.model[ledger.columns[name]]] or "unknown"
            why[name] = f"model {' or '.join(shape.models)} wanted, {model} found"
        elif name in keeps_away:
            why[name] = keeps_away[name]
        elif not taken:
            continue  # as `_why` says
        elif has >= room:
            why[name] = NO_CPU
        elif has:
            why[name] = _FILLED
    return Fits(count, reasons.sentence(reasons.counted(ledger, reasons.of_each(ledger, why)), 0))


def taking(ledger: Ledger, shape: Shape, names: Sequence[str], tolerations: Sequence[Toleration]) -> NDArray[np.bool_]:
    """Tell which of these nodes take pods of `shape` with such tolerations, whatever is free there; shape [names]."""
    columns = ledger.columns_of(names)
    keeps_away = _keeps_away(ledger, names, tolerations)
    bears = np.array([name not in keeps_away for name in names], dtype=np.bool_)
    return _suits(ledger, shape, columns) & ledger.takes(shape)[columns] & bears


def _one_after_the_other(
    request: Share | MemoryShare,
    free: NDArray[np.int64],
    memory: NDArray[np.int32],
    left: NDArray[np.int64],
    most: int,
) -> NDArray[np.int64]:
    """Return how many pods go on each node, at most `left`, and about `most` in all; `free` is what remains then."""
    placed = np.zeros(len(left), dtype=np.int64)
    while placed.sum() < most:
        fitting = fit(request, free.astype(np.uint16), memory)
        here = fitting.fits & (placed < left)
        if not here.any():
            break
        free -= np.where(tightest(fitting, free) & here, fitting.milli, 0)
        placed += here
    return placed


def _suits(ledger: Ledger, shape: Shape, columns: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell which nodes have a model that the pods accept."""
    if not shape.models:
        return np.ones(len(columns), dtype=np.bool_)
    accepted = [number for number, model in enumerate(ledger.models) if model in shape.models]
    return np.isin(ledger.model[columns], accepted)


def _keeps_away(ledger: Ledger, names: Sequence[str], tolerations: Sequence[Toleration]) -> dict[str, str]:
    """Return the nodes that keep the pods away, each with the reason."""
    found: dict[str, str] = {}
    for name in names:
        node = ledger.node(name)
        if node is not None and (taint := unborne(node.taints, tolerations)) is not None:
            found[name] = "cordoned" if taint == CORDONED else f"its taint {taint} is not tolerated"
    return found


def _left(ledger: Ledger, shape: Shape, columns: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many pods each node has CPU and memory for."""
    left = np.full(len(columns), np.iinfo(np.int64).max)
    for wanted, free in ((shape.cpu, ledger.cpu_free), (shape.memory, ledger.memory_free)):
        if wanted:
            left = np.minimum(left, np.maximum(free[columns], 0) // wanted)
    return left


def _why(ledger: Ledger, shape: Shape, names: list[str], left_out: Mapping[str, str]) -> dict[str, str]:
    assert shape.request is not None  # noqa: S101  as above
    return {**left_out, **reasons.misfits(ledger, shape, names, left_out)}
