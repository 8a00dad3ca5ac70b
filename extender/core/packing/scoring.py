"""Which node is best for a pod? A score for each, in milli-GPU; higher is better; nothing here refuses.

`fragmentation`, the default: what the typical pods can still use of the node's free room, less what they could before
and what the pod takes; less, in the weights of `Settings`:
- pressure: for the GPUs taken, by how scarce nodes like this are for pods that cannot run everywhere;
- starvation: for the share of the node's GPUs that is free beyond its share of free CPU: GPUs without CPU are lost, and
  the typical pods tell it only once it has come so far;
- order: for the node's place in a fixed order. Nodes fill one after the other, and those at the end stay empty for pods
  that need much at once.

Of the devices of a node the one that leaves the most usable, then the fullest, then the first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from extender.core.packing.capacity import PLACES
from extender.core.packing.fitting import Fit, fit, tightest
from extender.core.packing.settings import Settings, Strategy
from extender.core.packing.typical import ALL
from kube.gpus import WHOLE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from extender.core.model import Shape
    from extender.core.packing.fragmentation import State, Usable

MISFIT = int(np.iinfo(np.int32).min)
"""The score of a node where the pod does not fit; all others are above it, and below its negative."""

MOST_CPU, MOST_GPU = 128_000, 8 * WHOLE  # best fit's measure: the largest node of the published comparison
_FREE_BITS = 11  # a device's room is below 2^11
# As arrays: numpy would make one of a Python number anew in every operation, which takes as long as the operation.
_ALL, _ONE, _ONE_GPU, _BITS = np.array(ALL), np.array(1000), np.array(1000 * WHOLE), np.array(_FREE_BITS)
_ALL_BITS, _NOTHING = np.array(2**_FREE_BITS - 1), np.array(0)
_LOWEST = np.iinfo(np.int64).min
_FAR = 700.0  # GPUs: e to its power is still a number


class Room(NamedTuple):
    """Nodes to score. `free` and `device_memory` have the shape [devices, nodes], all others [nodes].

    `cpu_there`, `devices` (at least 1), `kind`: from `Capacity`. `order`: the charge for the place in the order of
    nodes, milli-GPU; `pressure`: the charge for a GPU, in thousandths of a milli-GPU.
    """

    free: NDArray[np.uint16]
    device_memory: NDArray[np.int32]
    cpu: NDArray[np.int64]
    cpu_there: NDArray[np.int64]
    devices: NDArray[np.int64]
    kind: NDArray[np.int64]
    order: NDArray[np.int64]
    pressure: NDArray[np.int64]


class OneScore(msgspec.Struct, frozen=True, gc=False):
    """The score of one node, and what it comes from, all milli-GPU.

    `rows`: the devices taken, `milli` of each. `free`: on all devices before; `before`, `after`: what the typical pods
    can use, times `ALL`. `pressure`, `starvation`, `order`: taken off.
    """

    score: int
    rows: tuple[int, ...]
    milli: int
    free: int
    before: int
    after: int
    pressure: int
    starvation: int
    order: int


class Scores(NamedTuple):
    """The score of each node, int64 [nodes], and what it comes from, all milli-GPU.

    `taken`: bool [devices, nodes], the devices taken; or int64 [nodes], the one. `milli`: taken of each. `free`: on all
    devices; `before`, `after`: what the typical pods can use, times `ALL`. `charges`: pressure, starvation and order,
    taken off.
    """

    score: NDArray[np.int64]
    taken: NDArray[np.int64] | NDArray[np.bool_]
    milli: NDArray[np.int64]
    free: NDArray[np.int64]
    before: NDArray[np.int64]
    after: NDArray[np.int64]
    charges: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]

    def one(self, node: int) -> OneScore | None:
        """Return the score of one of the nodes; None where the pod does not fit."""
        if self.score[node] == MISFIT:
            return None
        taken = self.taken
        rows = (int(taken[node]),) if taken.ndim == 1 else tuple(np.flatnonzero(taken[:, node]).tolist())
        return OneScore(
            int(self.score[node]),
            rows,
            int(self.milli[node] if self.milli.ndim else self.milli),
            *(int(values[node]) for values in (self.free, self.before, self.after, *self.charges)),
        )


def standing(
    settings: Settings, pressure: NDArray[np.int64], place: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return `order` and `pressure` of a `Room`, of nodes by their place and by how scarce they are, in thousandths."""
    return settings.order * place // PLACES, settings.pressure * pressure


def score(shape: Shape, room: Room, usable: Usable, settings: Settings) -> Scores:
    """Return the score of each node for a pod of `shape`; `MISFIT` where it does not fit."""
    fitting = fit(shape.request, room.free, room.device_memory)
    strategy = settings.strategy
    if strategy is Strategy.BEST_FIT or strategy is Strategy.SPREAD:
        return _by_what_is_left(shape, room, fitting, settings)
    # The CPU now, and what this pod leaves: one question for both.
    nodes = usable.state(room.kind, room.cpu - np.array(((0,), (shape.cpu,))), room.free)
    taken: NDArray[np.int64] | NDArray[np.bool_]
    milli = fitting.milli
    if fitting.devices == 1:
        taken, after = _best_device(fitting, nodes, usable)
    else:
        milli = np.asarray(fitting.devices * milli)
        taken = tightest(fitting, nodes.free)
        left = np.maximum(nodes.free - np.where(taken, fitting.milli, 0), 0)  # below 0 only where it is no fit
        (after,) = usable.of(usable.state(room.kind, nodes.cpu[1:], left.astype(np.uint16)))
    free = np.add.reduce(nodes.free)
    before = usable.of(nodes)[0]
    if strategy is Strategy.FGD:
        none = np.zeros_like(free)
        lost = np.clip((before - after) / (ALL * WHOLE) - milli / WHOLE, -_FAR, _FAR)
        total = (100 / (1 + np.exp(lost))).astype(np.int64)
        return _scores(fitting, total, taken, (free, before, after), (none, none, none))
    charges = (
        room.pressure * milli // _ONE_GPU,
        settings.starvation * _starved(room, free - milli, nodes.cpu[1]) // _ONE,
        room.order,
    )
    total = (after - before) // _ALL
    total += milli
    for charge in charges:
        total -= charge
    return _scores(fitting, total, taken, (free, before, after), charges)


def _best_device(fitting: Fit, nodes: State, usable: Usable) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the device that leaves the most usable, and how much that is."""
    # One key: what is usable, and below it what is free, so that the fullest of equals wins, then the first.
    key = usable.after_one(nodes, fitting.milli)
    key <<= _BITS
    key -= nodes.free
    np.putmask(key, ~fitting.suits, _LOWEST)
    return key.argmax(axis=0), (np.maximum.reduce(key) + _ALL_BITS) >> _BITS


def _starved(room: Room, free: NDArray[np.int64], cpu: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the share of a node's GPUs that is free beyond its share of free CPU, in thousandths."""
    starved: NDArray[np.int64] = np.maximum(free // room.devices - cpu * _ONE // room.cpu_there, _NOTHING)
    return starved


def _by_what_is_left(shape: Shape, room: Room, fitting: Fit, settings: Settings) -> Scores:
    spread = settings.strategy is Strategy.SPREAD
    free = room.free.astype(np.int64)
    taken = tightest(fitting, free, emptiest=spread)
    gpus = free.sum(axis=0) - fitting.devices * fitting.milli
    cpu = np.clip(room.cpu - shape.cpu, 0, MOST_CPU)
    left = 50 * cpu * MOST_GPU + 50 * gpus * MOST_CPU
    best = -(-left // (MOST_CPU * MOST_GPU))
    none = np.zeros_like(best)
    return _scores(fitting, best if spread else 100 - best, taken, (none, none, none), (none, none, none))


def _scores(
    fitting: Fit,
    total: NDArray[np.int64],
    taken: NDArray[np.int64] | NDArray[np.bool_],
    used: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]],
    charges: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]],
) -> Scores:
    if fitting.devices == 1 and taken.ndim > 1:
        taken = taken.argmax(axis=0)
    np.putmask(total, ~fitting.fits, MISFIT)
    return Scores(total, taken, fitting.milli, *used, charges)
