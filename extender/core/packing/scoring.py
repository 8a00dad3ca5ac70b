"""Which node is best for a pod? A score for each, in milli-GPU; higher is better; nothing here refuses.

`fragmentation`, the default: what the typical pods can still use of the node's free room, less what they could before
and what the pod takes; less, in the weights of `Settings`:
- pressure: for the GPUs taken, by how much the model is asked for by name;
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
from extender.core.packing.fragmentation import Nodes
from extender.core.packing.settings import Settings, Strategy
from extender.core.packing.typical import ALL
from kube.gpus import WHOLE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from extender.core.model import Shape
    from extender.core.packing.fragmentation import Usable

MISFIT = int(np.iinfo(np.int64).min)
"""The score of a node where the pod does not fit."""

_MOST_CPU, _MOST_GPU = 128_000, 8 * WHOLE  # best fit's measure: the largest node of the published comparison
_ONE = 1000
_FAR = 700.0  # GPUs: e to its power is still a number


@dataclass(frozen=True, slots=True)
class Room:
    """Nodes to score, one a place. `free` and `device_memory` have the shape [devices, nodes], all others [nodes].

    `cpu_there`, `devices`, `kind`, `place`: what `Capacity` holds; `pressure`: thousandths, on the node's model.
    """

    free: NDArray[np.int64]
    device_memory: NDArray[np.int32]
    cpu: NDArray[np.int64]
    cpu_there: NDArray[np.int64]
    devices: NDArray[np.int64]
    kind: NDArray[np.int64]
    place: NDArray[np.int64]
    pressure: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Parts:
    """What a score consists of, each int64 [nodes], milli-GPU. `taken`: bool [devices, nodes], the devices it takes.

    `milli`: what it takes of each. `before` and `after`: what is free and of no use to typical pods; the rest are what
    was taken off.
    """

    score: NDArray[np.int64]
    taken: NDArray[np.bool_]
    milli: NDArray[np.int64]
    before: NDArray[np.int64]
    after: NDArray[np.int64]
    pressure: NDArray[np.int64]
    starvation: NDArray[np.int64]
    order: NDArray[np.int64]


def score(shape: Shape, room: Room, usable: Usable, settings: Settings) -> Parts:
    """Return the score of each node for a pod of `shape`; `MISFIT` where it does not fit."""
    fitting = fit(shape.request, room.free, room.device_memory)
    if settings.strategy in (Strategy.BEST_FIT, Strategy.SPREAD):
        return _by_what_is_left(shape, room, fitting, settings)
    before = usable.of(Nodes(room.kind, room.cpu, room.free))
    later = Nodes(room.kind, room.cpu - shape.cpu, room.free)
    if fitting.devices == 1:
        taken, after = _best_device(fitting, later, usable)
    else:
        taken = tightest(fitting, room.free)
        after = usable.of(Nodes(later.kind, later.cpu, room.free - np.where(taken, fitting.milli, 0)))
    free = room.free.sum(axis=0)
    milli = fitting.devices * fitting.milli
    lost_before, lost_after = free * ALL - before, (free - milli) * ALL - after
    if settings.strategy is Strategy.FGD:
        none = np.zeros_like(milli)
        lost = np.clip((lost_after - lost_before) / (ALL * WHOLE), -_FAR, _FAR)
        total = (100 / (1 + np.exp(lost))).astype(np.int64)
        return _parts(fitting, total, taken, (lost_before, lost_after), (none, none, none))
    charges = (
        settings.pressure * room.pressure * milli // (_ONE * WHOLE),
        settings.starvation * _starved(room, free - milli, later.cpu) // _ONE,
        settings.order * room.place // PLACES,
    )
    total = (lost_before - lost_after) // ALL - sum(charges)
    return _parts(fitting, total, taken, (lost_before, lost_after), charges)


def _best_device(fitting: Fit, later: Nodes, usable: Usable) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Return the device that leaves the most usable, and how much that is."""
    each = np.where(fitting.suits, usable.after_one(later, fitting.milli), MISFIT)
    most = each.max(axis=0)
    row = np.where(each == most, later.free, 2 * WHOLE).argmin(axis=0)
    taken = np.zeros(each.shape, dtype=np.bool_)
    taken[row, np.arange(len(row))] = True
    return taken, most


def _starved(room: Room, free: NDArray[np.int64], cpu: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the share of a node's GPUs that is free beyond its share of free CPU, in thousandths."""
    gpus = free * _ONE // np.maximum(room.devices * WHOLE, 1)
    return np.maximum(gpus - cpu * _ONE // room.cpu_there, 0)


def _by_what_is_left(shape: Shape, room: Room, fitting: Fit, settings: Settings) -> Parts:
    spread = settings.strategy is Strategy.SPREAD
    taken = tightest(fitting, room.free, emptiest=spread)
    gpus = room.free.sum(axis=0) - fitting.devices * fitting.milli
    cpu = np.clip(room.cpu - shape.cpu, 0, _MOST_CPU)
    left = 50 * cpu * _MOST_GPU + 50 * gpus * _MOST_CPU
    best = -(-left // (_MOST_CPU * _MOST_GPU))
    none = np.zeros_like(best)
    return _parts(fitting, best if spread else 100 - best, taken, (none, none), (none, none, none))


def _parts(
    fitting: Fit,
    total: NDArray[np.int64],
    taken: NDArray[np.bool_],
    lost: tuple[NDArray[np.int64], NDArray[np.int64]],
    charges: tuple[NDArray[np.int64], ...],
) -> Parts:
    before, after = lost
    return Parts(np.where(fitting.fits, total, MISFIT), taken, fitting.milli, before // ALL, after // ALL, *charges)
