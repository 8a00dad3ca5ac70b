"""How much of a node's free GPUs can the typical pods use? The rest is its fragmentation.

The law (Weng et al., USENIX ATC 2023): a typical pod can use what is free on devices that have as much as it wants, if
the node has its CPU, its model and enough such devices; else nothing. Fragmentation is what is free less what they can
use, each pod weighed by its popularity.

Summed over all pods that want a share of one device, what can be used of a device depends on nothing but the kind of
node, its free CPU and what is free on the device: a table answers, a look-up for each device instead of a question for
each pod. Several whole devices are a second table, by how many are entirely free; several shares are asked one by one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from extender.core.model import share_on
from kube.gpus import MOST_DEVICES, WHOLE, Share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from extender.core.packing.capacity import Kind
    from extender.core.packing.typical import Popular

_SIZES = WHOLE + 1
_COUNTS = MOST_DEVICES + 1


@dataclass(frozen=True, slots=True)
class _Several:
    """A typical pod that wants a share of several devices; `kinds` tells of each kind of node whether it suits."""

    share: Share
    cpu: int
    popularity: int
    kinds: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Nodes:
    """Nodes in question: `kind` and `cpu`, int64 [nodes], and `free`, milli-GPU, int64 [devices, nodes]."""

    kind: NDArray[np.int64]
    cpu: NDArray[np.int64]
    free: NDArray[np.int64]


class Usable:
    """What the typical pods can use, in milli-GPU times popularity."""

    def __init__(self, typical: Sequence[Popular], kinds: Sequence[Kind]) -> None:
        self._cpus = np.array(sorted({one.shape.cpu for one in typical}), dtype=np.int64)
        steps = len(self._cpus) + 1
        one_device = np.zeros((len(kinds), steps, _SIZES), dtype=np.int64)
        whole_devices = np.zeros((len(kinds), steps, _COUNTS), dtype=np.int64)
        several: list[_Several] = []
        for popular in typical:
            shape, weight = popular.shape, popular.popularity
            enough = int(np.searchsorted(self._cpus, shape.cpu)) + 1
            shares = [_share(popular, kind) for kind in kinds]
            for number, share in enumerate(shares):
                if share is None:
                    continue
                if share.devices == 1:
                    one_device[number, enough:, share.milli :] += weight
                elif share.milli == WHOLE:
                    whole_devices[number, enough:, share.devices :] += weight
            several += [
                _Several(share, shape.cpu, weight, np.array([other == share for other in shares]))
                for share in dict.fromkeys(shares)
                if share is not None and share.devices > 1 and share.milli < WHOLE
            ]
        self._steps = steps
        self._one = (one_device * np.arange(_SIZES)).ravel()
        self._whole = (whole_devices * (np.arange(_COUNTS) * int(WHOLE))).ravel()
        self._several = tuple(several)

    def of(self, nodes: Nodes) -> NDArray[np.int64]:
        """Return what can be used of each node, shape [nodes]."""
        row = self._row(nodes)
        used: NDArray[np.int64] = self._one[row * _SIZES + nodes.free].sum(axis=0)
        used += self._whole[row * _COUNTS + np.count_nonzero(nodes.free == WHOLE, axis=0)]
        for one in self._several:
            suits = nodes.free >= one.share.milli
            enough = (np.count_nonzero(suits, axis=0) >= one.share.devices) & self._suit(one, nodes)
            used += one.popularity * np.where(enough, np.where(suits, nodes.free, 0).sum(axis=0), 0)
        return used

    def after_one(self, nodes: Nodes, milli: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return what can be used of each node once `milli` [nodes] is taken of one device, for each device.

        Shape [devices, nodes]; where a device has less than `milli`, the value means nothing.
        """
        row = self._row(nodes)
        left = np.maximum(nodes.free - milli, 0)
        before = self._one[row * _SIZES + nodes.free]
        used: NDArray[np.int64] = before.sum(axis=0) - before
        used += self._one[row * _SIZES + left]
        entire = nodes.free == WHOLE
        used += self._whole[row * _COUNTS + np.count_nonzero(entire, axis=0) - entire]
        for one in self._several:
            suits = nodes.free >= one.share.milli
            still = left >= one.share.milli
            enough = np.count_nonzero(suits, axis=0) - suits + still >= one.share.devices
            room = np.where(suits, nodes.free, 0)
            sums = room.sum(axis=0) - room + np.where(still, left, 0)
            used += one.popularity * np.where(enough & self._suit(one, nodes), sums, 0)
        return used

    def _row(self, nodes: Nodes) -> NDArray[np.int64]:
        return nodes.kind * self._steps + np.searchsorted(self._cpus, nodes.cpu, side="right")

    def _suit(self, one: _Several, nodes: Nodes) -> NDArray[np.bool_]:
        return (nodes.cpu >= one.cpu) & one.kinds[nodes.kind]


def _share(popular: Popular, kind: Kind) -> Share | None:
    """Return what a typical pod wants of a kind of node, or None where it wants none or does not suit."""
    shape = popular.shape
    if shape.request is None or (shape.models and kind.model not in shape.models):
        return None
    return share_on(shape.request, kind.memory)
