"""How scarce is each pool of nodes? The demand of those pods that cannot run everywhere, over what there is of it.

A pod may name the models it accepts, or ask for more CPU or devices than some nodes have: the fewer nodes can run it,
the more it needs that others leave them alone while there is room elsewhere. Nothing is reserved for certain, and no
pod is refused for it.

Demand is what the pods seen would ask for if together they asked for the whole cluster; a pod that can run in several
pools, but not in all, counts for each in proportion to how much there is of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from extender.core.model import Shape, share_on
from extender.core.packing.typical import GRAIN, milli_asked
from kube.gpus import WHOLE, MemoryShare, Share

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from extender.core.packing.capacity import Pool

_MOST = 2000
_THOUGHT = 4 * GRAIN


def pressure(seen: Iterable[tuple[Shape, int]], pools: Sequence[Pool], there: Sequence[int]) -> list[int]:
    """Return the pressure on each of `pools`, in thousandths: 1000 where its demand is all of it, 2000 at most.

    `seen`: shapes and how much each counts; `there`: milli-GPU of each pool.
    """
    nodes = _Pools(pools)
    capacity = np.array(there, dtype=np.int64)
    asked = np.zeros(len(pools), dtype=np.int64)
    demand = 0
    for shape, count in seen:
        milli = milli_asked(shape) * count
        demand += milli
        can = nodes.can_run(shape) & (capacity > 0)
        if milli and can.any() and not can[capacity > 0].all():
            asked[can] += milli * capacity[can] // int(capacity[can].sum())
    cluster = sum(there)
    return [
        min(want * cluster * 1000 // (demand * milli), _MOST) if demand and milli else 0
        for want, milli in zip(asked.tolist(), there, strict=True)
    ]


def thought_of(pools: Sequence[Pool], there: Sequence[int]) -> list[tuple[Shape, int]]:
    """Return what is thought to come before much was seen: pods that fill a node each, of every pool, four together.

    Pods that only the largest nodes can run are rare: until some came, those nodes would fill with pods of any size.
    """
    present = [pool for pool, milli in zip(pools, there, strict=True) if milli]
    count = max(_THOUGHT // max(len(present), 1), 1)
    return [(Shape(Share(pool.devices, WHOLE), pool.cpu), count) for pool in present]


class _Pools:
    """What decides whether a pod could run in a pool, one value each."""

    def __init__(self, pools: Sequence[Pool]) -> None:
        self._pools = pools
        self._cpu = np.array([pool.cpu for pool in pools], dtype=np.int64)
        self._devices = np.array([pool.devices for pool in pools], dtype=np.int64)
        self._models: dict[tuple[str, ...], NDArray[np.bool_]] = {}

    def can_run(self, shape: Shape) -> NDArray[np.bool_]:
        """Tell of each pool whether a pod could run on an empty node of it."""
        if shape.models not in self._models:
            named = [not shape.models or pool.kind.model in shape.models for pool in self._pools]
            self._models[shape.models] = np.array(named, dtype=np.bool_)
        devices = shape.request.devices if shape.request is not None else 0
        can: NDArray[np.bool_] = (self._cpu >= shape.cpu) & (self._devices >= devices) & self._models[shape.models]
        if isinstance(shape.request, MemoryShare):
            can &= np.array([_has_memory(shape.request, pool) for pool in self._pools], dtype=np.bool_)
        return can


def _has_memory(request: Share | MemoryShare, pool: Pool) -> bool:
    return share_on(request, pool.kind.memory) is not None
