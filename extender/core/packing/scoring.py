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

from dataclasses import dataclass
from typing import TYPE_CHECKING

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

MISFIT = int(np.iinfo(np.int64).min)
"""The score of a node where the pod does not fit."""

_MOST_CPU, _MOST_GPU = 128_000, 8 * WHOLE  # best fit's measure: the largest node of the published comparison
_ONE = 1000
_FREE_BITS = 11  # a device's room is below 2^11
_FAR = 700.0  # GPUs: e to its power is still a number


@dataclass(frozen=True, slots=True)
class Room:
    """Nodes to score. `free` and `device_memory` have the shape [devices, nodes], all others [nodes].

    `cpu_there`, `gpu_there` (milli-GPU), `kind`, `place`: from `Capacity`; `pressure`: thousandths.
    """

    free: NDArray[np.uint16]
    device_memory: NDArray[np.int32]
    cpu: NDArray[np.int64]
    cpu_there: NDArray[np.int64]
    gpu_there: NDArray[np.int64]
    kind: NDArray[np.int64]
    place: NDArray[np.int64]
    pressure: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Scores:
    """The score of each node, int64 [nodes], and what it comes from, all milli-GPU.

    `taken`: bool [devices, nodes], the devices taken; or int64 [nodes], the one. `milli`: taken of each.
    `lost_before`, `lost_after`: fragmentation, times `ALL`. `charges`: pressure, starvation and order, taken off.
    """

    score: NDArray[np.int64]
    taken: NDArray[np.int64] | NDArray[np.bool_]
    milli: NDArray[np.int64]
    lost_before: NDArray[np.int64]
    lost_after: NDArray[np.int64]
    charges: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]

    def devices(self, node: int) -> list[int]:
        """Return the rows of the devices taken on one of the nodes."""
        if self.taken.ndim == 1:
            return [int(self.taken[node])]
        return np.flatnonzero(self.taken[:, node]).tolist()


def score(shape: Shape, room: Room, usable: Usable, settings: Settings) -> Scores:
    """Return the score of each node for a pod of `shape`; `MISFIT` where it does not fit."""
    fitting = fit(shape.request, room.free, room.device_memory)
    if settings.strategy in (Strategy.BEST_FIT, Strategy.SPREAD):
        return _by_what_is_left(shape, room, fitting, settings)
    now = usable.state(room.kind, room.cpu, room.free)
    later = usable.with_cpu(now, room.cpu - shape.cpu)
    taken: NDArray[np.int64] | NDArray[np.bool_]
    if fitting.devices == 1:
        taken, after = _best_device(fitting, later, usable)
    else:
        taken = tightest(fitting, now.free)
        left = np.maximum(now.free - np.where(taken, fitting.milli, 0), 0)  # below 0 only where it is no fit
        after = usable.of(usable.state(later.kind, later.cpu, left.astype(np.uint16)))
    milli = fitting.devices * fitting.milli
    free = now.free.sum(axis=0)
    left_over = free - milli
    lost_before, lost_after = free * ALL - usable.of(now), left_over * ALL - after
    if settings.strategy is Strategy.FGD:
        none = np.zeros_like(milli)
        lost = np.clip((lost_after - lost_before) / (ALL * WHOLE), -_FAR, _FAR)
        total = (100 / (1 + np.exp(lost))).astype(np.int64)
        return _scores(fitting, total, taken, (lost_before, lost_after), (none, none, none))
    charges = (
        settings.pressure * room.pressure * milli // (_ONE * WHOLE),
        settings.starvation * _starved(room, left_over, later.cpu) // _ONE,
        settings.order * room.place // PLACES,
    )
    total = (lost_before - lost_after) // ALL
    for charge in charges:
        total -= charge
    return _scores(fitting, total, taken, (lost_before, lost_after), charges)


def _best_device(fitting: Fit, later: State, usable: Usable) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the device that leaves the most usable, and how much that is."""
    # One key: what is usable, and below it what is free, so that the fullest of equals wins, then the first.
    key = (usable.after_one(later, fitting.milli) << _FREE_BITS) - later.free
    key = np.where(fitting.suits, key, MISFIT)
    return key.argmax(axis=0), (key.max(axis=0) + (2**_FREE_BITS - 1)) >> _FREE_BITS


def _starved(room: Room, free: NDArray[np.int64], cpu: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the share of a node's GPUs that is free beyond its share of free CPU, in thousandths."""
    return np.maximum(free * _ONE // room.gpu_there - cpu * _ONE // room.cpu_there, 0)


def _by_what_is_left(shape: Shape, room: Room, fitting: Fit, settings: Settings) -> Scores:
    spread = settings.strategy is Strategy.SPREAD
    free = room.free.astype(np.int64)
    taken = tightest(fitting, free, emptiest=spread)
    gpus = free.sum(axis=0) - fitting.devices * fitting.milli
    cpu = np.clip(room.cpu - shape.cpu, 0, _MOST_CPU)
    left = 50 * cpu * _MOST_GPU + 50 * gpus * _MOST_CPU
    best = -(-left // (_MOST_CPU * _MOST_GPU))
    none = np.zeros_like(best)
    return _scores(fitting, best if spread else 100 - best, taken, (none, none), (none, none, none))


def _scores(
    fitting: Fit,
    total: NDArray[np.int64],
    taken: NDArray[np.int64] | NDArray[np.bool_],
    lost: tuple[NDArray[np.int64], NDArray[np.int64]],
    charges: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]],
) -> Scores:
    if fitting.devices == 1 and taken.ndim > 1:
        taken = taken.argmax(axis=0)
    return Scores(np.where(fitting.fits, total, MISFIT), taken, fitting.milli, *lost, charges)
