"""How much of a node's free GPUs can the typical pods use? The rest is its fragmentation.

The law (Weng et al., USENIX ATC 2023): a typical pod can use what is free on devices that have as much as it wants, if
the node has its CPU, its model and enough such devices; else nothing. Fragmentation is what is free less what they can
use, each pod weighed by its popularity.

Summed over all pods that want a share of one device, what can be used of a device depends on nothing but the kind of
node, its free CPU and what is free on the device: a table answers, a look-up for each device instead of a question for
each pod. Several whole devices are a second table, by how many are entirely free; several shares are asked one by one.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from extender.core.model import share_on
from kube.gpus import MOST_DEVICES, WHOLE, Share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from extender.core.packing.capacity import Kind
    from extender.core.packing.typical import Popular

_SIZES = WHOLE + 1
_PLACES = _SIZES + MOST_DEVICES + 1
# As arrays: numpy would make one of a Python number anew in every operation, which takes as long as the operation.
_WHOLE = np.array(WHOLE, dtype=np.uint16)
_ENTIRE = np.array(_SIZES)
_ROW = np.array(_PLACES)


@dataclass(frozen=True, slots=True)
class _Several:
    """A typical pod that wants a share of several devices; `kinds` tells of each kind of node whether it suits."""

    share: Share
    cpu: int
    popularity: int
    kinds: NDArray[np.bool_]


class State(NamedTuple):
    """Nodes as the table knows them, each with several amounts of free CPU: `cpu` has the shape [CPUs, nodes].

    `place`, int64 [devices + 1, nodes]: what is free on each device, and last, from `_SIZES` on, how many are `entire`:
    bool [devices, nodes], the device is entirely free. `at`, int64 [CPUs, devices + 1, nodes]: row and place in
    one; `worth`: what stands there; `used`, [CPUs, nodes]: its sum.
    """

    kind: NDArray[np.int64]
    cpu: NDArray[np.int64]
    place: NDArray[np.int64]
    entire: NDArray[np.bool_]
    at: NDArray[np.int64]
    worth: NDArray[np.int64]
    used: NDArray[np.int64]

    @property
    def free(self) -> NDArray[np.int64]:
        """What is free on each device, milli-GPU, shape [devices, nodes]."""
        return self.place[:-1]


class Usable:
    """What the typical pods can use, in milli-GPU times popularity."""

    def __init__(self, typical: Sequence[Popular], kinds: Sequence[Kind]) -> None:
        self._cpus = np.array(sorted({one.shape.cpu for one in typical}), dtype=np.int64)
        steps = len(self._cpus) + 1
        table = np.zeros((max(len(kinds), 1), steps, _PLACES), dtype=np.int64)
        several: list[_Several] = []
        for popular in typical:
            shape, weight = popular.shape, popular.popularity
            enough = int(np.searchsorted(self._cpus, shape.cpu)) + 1
            shares = [_share(popular, kind) for kind in kinds]
            for number, share in enumerate(shares):
                if share is None:
                    continue
                if share.devices == 1:
                    table[number, enough, share.milli] += weight
                elif share.milli == WHOLE:
                    table[number, enough, _SIZES + share.devices] += weight
            several += [
                _Several(share, shape.cpu, weight, np.array([other == share for other in shares]))
                for share in dict.fromkeys(shares)
                if share is not None and share.devices > 1 and share.milli < WHOLE
            ]
        # Whoever has more CPU and more free serves whom those with less serve.
        np.cumsum(table, axis=1, out=table)
        for part in (table[..., :_SIZES], table[..., _SIZES:]):
            np.cumsum(part, axis=2, out=part)
        room = np.concatenate((np.arange(_SIZES), np.arange(MOST_DEVICES + 1) * int(WHOLE)))
        self._table = (table * room).ravel()
        self._last = np.diff(self._table, prepend=0)
        """What the last of so many entirely free devices adds."""
        self._kind_rows = np.array(steps * _PLACES)
        self._several = tuple(several)
        # For one node: numbers one at a time come out of these sooner than out of arrays.
        self._steps, self._row_of_kind = self._cpus.tolist(), steps * _PLACES
        self._values, self._lasts = self._table.data, self._last.data

    def state(self, kind: NDArray[np.int64], cpu: NDArray[np.int64], free: NDArray[np.uint16]) -> State:
        """Return nodes of a `kind` for the table, with `cpu`, [CPUs, nodes], and `free`, [devices, nodes]."""
        entire = free == _WHOLE
        place = np.empty((len(free) + 1, free.shape[1]), dtype=np.int64)
        place[:-1] = free
        np.add(np.add.reduce(entire), _ENTIRE, out=place[-1])
        row = self._cpus.searchsorted(cpu, side="right") * _ROW
        row += kind * self._kind_rows
        at = row[:, np.newaxis] + place
        worth = self._table.take(at)
        return State(kind, cpu, place, entire, at, worth, np.add.reduce(worth, axis=1))

    def of(self, nodes: State) -> NDArray[np.int64]:
        """Return what can be used of each node, shape [CPUs, nodes]."""
        used = nodes.used
        for one in self._several:
            suits = nodes.free >= one.share.milli
            enough = (suits.sum(axis=0) >= one.share.devices) & _suit(one, nodes)
            used = used + one.popularity * np.where(enough, np.where(suits, nodes.free, 0).sum(axis=0), 0)
        return used

    def after_one(self, nodes: State, milli: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return what can be used of each node, with the last of its CPUs, once `milli` is taken of one device.

        For each device, shape [devices, nodes]; where one has less than `milli`, the value means nothing.
        """
        at, worth = nodes.at[-1], nodes.worth[-1]
        used: NDArray[np.int64] = self._table.take(at[:-1] - milli)
        used += nodes.used[-1] - worth[:-1]
        # Of a device that was entirely free there is one fewer.
        np.subtract(used, self._last.take(at[-1]), out=used, where=nodes.entire)
        for one in self._several:
            left = nodes.free - milli
            suits, still = nodes.free >= one.share.milli, left >= one.share.milli
            enough = suits.sum(axis=0) - suits + still >= one.share.devices
            room = np.where(suits, nodes.free, 0)
            sums = room.sum(axis=0) - room + np.where(still, left, 0)
            used += one.popularity * np.where(enough & _suit(one, nodes)[-1], sums, 0)
        return used

    # --- the same of one node ---

    def of_one(self, kind: int, cpu: int, free: Sequence[int]) -> int:
        """Return what can be used of a node of a `kind`, with so much free CPU and `free` on each device."""
        return self._by_table(self._row(kind, cpu), free) + self._by_several(kind, cpu, free)

    def best_of_one(self, kind: int, cpu: int, free: Sequence[int], milli: int) -> tuple[int, int]:
        """Return the device that leaves the most usable once `milli` is taken of it, and how much that is.

        Of equals the fullest, then the first; -1 where no device has as much.
        """
        values, row = self._values, self._row(kind, cpu)
        used, last = self._by_table(row, free), self._lasts[row + _SIZES + free.count(WHOLE)]
        device, most, tightest = -1, 0, 0
        for index, room in enumerate(free):
            if room < milli or (device >= 0 and room == tightest):
                continue
            left = used - values[row + room] + values[row + room - milli]
            if room == WHOLE:
                left -= last
            if self._several:
                left += self._by_several(kind, cpu, [*free[:index], room - milli, *free[index + 1 :]])
            if device < 0 or left > most or (left == most and room < tightest):
                device, most, tightest = index, left, room
        return device, most

    def _row(self, kind: int, cpu: int) -> int:
        return kind * self._row_of_kind + bisect_right(self._steps, cpu) * _PLACES

    def _by_table(self, row: int, free: Sequence[int]) -> int:
        values = self._values
        used = values[row + _SIZES + free.count(WHOLE)]
        for room in free:
            used += values[row + room]
        return used

    def _by_several(self, kind: int, cpu: int, free: Sequence[int]) -> int:
        used = 0
        for one in self._several:
            if cpu >= one.cpu and one.kinds[kind]:
                rooms = [room for room in free if room >= one.share.milli]
                used += one.popularity * sum(rooms) if len(rooms) >= one.share.devices else 0
        return used


def _suit(one: _Several, nodes: State) -> NDArray[np.bool_]:
    suit: NDArray[np.bool_] = (nodes.cpu >= one.cpu) & one.kinds[nodes.kind]
    return suit


def _share(popular: Popular, kind: Kind) -> Share | None:
    """Return what a typical pod wants of a kind of node, or None where it wants none or does not suit."""
    shape = popular.shape
    if shape.request is None or (shape.models and kind.model not in shape.models):
        return None
    return share_on(shape.request, kind.memory)
