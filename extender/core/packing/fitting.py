"""On which devices does a request fit? Nothing else refuses a pod: all that follows only prefers.

`free`, milli-GPU, and `device_memory`, MiB, have the shape [devices, nodes], as in the ledger.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from extender.core.model import share_on
from kube.gpus import WHOLE, MemoryShare, MiB, Share

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TOO_MUCH = WHOLE + 1


class Fit(NamedTuple):
    """Where a request fits: `devices` it needs, `milli` of each, and which suit, bool [devices, nodes].

    `milli` is int64 [nodes], or a single one where it is the same on all. A node on which too few suit is no fit; its
    other values mean nothing.
    """

    devices: int
    milli: NDArray[np.int64]
    suits: NDArray[np.bool_]

    @property
    def fits(self) -> NDArray[np.bool_]:
        """Tell on which nodes enough devices suit, shape [nodes]."""
        if self.devices == 1:
            one: NDArray[np.bool_] = np.logical_or.reduce(self.suits)
            return one
        count: NDArray[np.int64] = self.suits.sum(axis=0)
        return count >= self.devices


def fit(request: Share | MemoryShare | None, free: NDArray[np.uint16], device_memory: NDArray[np.int32]) -> Fit:
    """Return where `request` fits; None needs no device and fits everywhere."""
    nodes = free.shape[1]
    if request is None:
        return Fit(0, np.array(0), np.zeros(free.shape, dtype=np.bool_))
    if isinstance(request, Share):
        milli = np.array(request.milli)
        return Fit(request.devices, milli, free >= milli.astype(np.uint16))
    milli = np.full(nodes, _TOO_MUCH, dtype=np.int64)
    suits = np.zeros(free.shape, dtype=np.bool_)
    # A pod holds the same share of all its devices: that of the smallest. Larger devices first, as they cost least.
    for memory in np.unique(device_memory[device_memory >= request.memory])[::-1].tolist():
        share = share_on(request, MiB(memory))
        assert share is not None  # noqa: S101  devices with less memory are not asked
        here = (device_memory >= memory) & (free >= share.milli)
        first = (milli == _TOO_MUCH) & (np.count_nonzero(here, axis=0) >= request.devices)
        milli[first] = share.milli
        suits[:, first] = here[:, first]
    return Fit(request.devices, milli, suits)


def tightest(fitting: Fit, free: NDArray[np.int64], *, emptiest: bool = False) -> NDArray[np.bool_]:
    """Return the devices with the least room (the most: `emptiest`) that suit, the lowest index among equals.

    Shape [devices, nodes]; on nodes that are no fit, any.
    """
    key = np.where(fitting.suits, -free if emptiest else free, np.int64(2**62))
    rows = np.argsort(key, axis=0, kind="stable")[: fitting.devices]
    taken = np.zeros(free.shape, dtype=np.bool_)
    np.put_along_axis(taken, rows, True, axis=0)  # noqa: FBT003  numpy's own interface
    return taken
