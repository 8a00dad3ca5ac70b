"""What does room for a pod cost on each node at least? Reckoned for all nodes at once, to look at few of them.

Of each device: so many candidates as must leave if all there were as large as the largest, the cheapest of them, where
a candidate pays each of its devices with the same share. Of a node: its cheapest devices.
"""

from __future__ import annotations

from itertools import chain, repeat
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from extender.core.preemption.search.field import Need
    from extender.core.preemption.search.ground import Ground

# A float says 16 digits of a price. What is lost is taken off, so that a bound is never too high.
_ROUNDED = 1 - 1e-12

# So many candidates of a device are looked at; more cost no less.
_MOST = 16


class Bounds:
    """The least prices of nodes where nobody has left yet and nobody was placed."""

    def __init__(self, ground: Ground) -> None:
        self._width = ground.width
        may_leave = np.zeros(len(ground.candidates), np.bool_)
        may_leave[ground.may_leave] = True
        rows = np.flatnonzero(may_leave[ground.holder])
        widths = np.bincount(ground.holder, minlength=len(ground.candidates))
        shares = np.array(ground.prices.least, np.float64)[ground.holder] / np.maximum(1, widths[ground.holder])
        order = rows[np.lexsort((shares[rows], ground.device[rows]))]
        at, amounts = ground.device[order], ground.amount[order]
        devices, starts, counts = np.unique(at, return_index=True, return_counts=True)
        size = len(ground.free) * self._width
        self._largest, self._sum = np.ones(size, np.int64), np.zeros(size, np.int64)
        prices = np.zeros((size, 1 + min(_MOST, max(counts, default=0))))
        if len(devices):
            self._largest[devices] = np.maximum(1, np.maximum.reduceat(amounts, starts))
            self._sum[devices] = np.add.reduceat(amounts, starts)
            nth = 1 + np.arange(len(order)) - np.repeat(starts, counts)
            few = nth < prices.shape[1]
            prices[at[few], nth[few]] = shares[order[few]]
        self._cheapest = prices.cumsum(axis=1)
        short = (chain(devices, repeat(-1, self._width - len(devices))) for devices in ground.free)
        self._free = np.fromiter(chain.from_iterable(short), np.int64, size)

    def of(self, need: Need) -> list[tuple[int, int]]:
        """Return the least price and the number of each node that may have room, in the order of the nodes."""
        sizes = np.array(need.milli, np.int64)
        if not need.devices or need.devices > self._width:
            return [(0, node) for node, size in enumerate(need.milli) if size and not need.devices]
        lacks = np.maximum(0, np.repeat(sizes, self._width) - self._free)
        count = np.minimum(-(-lacks // self._largest), self._cheapest.shape[1] - 1)
        prices = np.take_along_axis(self._cheapest, count[:, None], axis=1)[:, 0]
        prices[lacks > self._sum] = np.inf
        ranked = np.sort(prices.reshape(-1, self._width), axis=1)[:, : need.devices].sum(axis=1)
        fit = np.flatnonzero((sizes > 0) & np.isfinite(ranked))
        return [(int(price), node) for price, node in zip((ranked[fit] * _ROUNDED).tolist(), fit.tolist(), strict=True)]
