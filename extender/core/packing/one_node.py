"""What is the score of one node? The law of `scoring`, said plainly for a single one.

Between two questions about a shape one or two nodes change: array operations on so few cost ten times what the numbers
themselves do. Both forms give the same scores, which the tests hold them to. Requests whose share depends on the model,
and the strategy that only serves comparisons, are scored as arrays alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from extender.core.packing.scoring import MOST_CPU, MOST_GPU, OneScore
from extender.core.packing.settings import Settings, Strategy
from extender.core.packing.typical import ALL
from kube.gpus import WHOLE, Share

if TYPE_CHECKING:
    from extender.core.model import Shape
    from extender.core.packing.fragmentation import Usable

_FRAGMENTATION, _SPREAD = Strategy.FRAGMENTATION, Strategy.SPREAD  # to look them up at their class takes its time
_PLAIN = (_FRAGMENTATION, Strategy.BEST_FIT, _SPREAD)


class OneRoom(msgspec.Struct, frozen=True, gc=False):
    """A node as `scoring.Room` has many: `free` milli-GPU of each device; the others as they are called there.

    `before`: what the typical pods can use of it now, times `ALL`.
    """

    free: Sequence[int]
    cpu: int
    cpu_there: int
    devices: int
    kind: int
    order: int
    pressure: int
    before: int


def scores_plainly(shape: Shape, strategy: Strategy) -> bool:
    """Tell whether `score_one` scores such a pod."""
    return isinstance(shape.request, Share) and strategy in _PLAIN


def score_one(shape: Shape, room: OneRoom, usable: Usable, settings: Settings) -> OneScore | None:
    """Return the score of a node for a pod of a `shape` that `scores_plainly`; None where it does not fit."""
    request = shape.request
    assert isinstance(request, Share)  # noqa: S101  nothing else is asked
    if settings.strategy is not _FRAGMENTATION:
        return _by_what_is_left(shape.cpu, request, room, settings)
    devices, milli = request.devices, request.milli
    free, cpu = room.free, room.cpu - shape.cpu
    if devices == 1:
        row, after = usable.best_of_one(room.kind, cpu, free, milli)
        if row < 0:
            return None
        rows: tuple[int, ...] = (row,)
    else:
        rows = _tightest(free, request)
        if not rows:
            return None
        left = list(free)
        for row in rows:
            left[row] -= milli
        after = usable.of_one(room.kind, cpu, left)
    before = room.before
    all_free, taken = sum(free), devices * milli
    pressure = room.pressure * taken // (1000 * WHOLE)
    starved = max((all_free - taken) // room.devices - cpu * 1000 // room.cpu_there, 0)
    starvation = settings.starvation * starved // 1000
    score = (after - before) // ALL + taken - pressure - starvation - room.order
    return OneScore(score, rows, milli, all_free, before, after, pressure, starvation, room.order)


def _by_what_is_left(cpu: int, request: Share, room: OneRoom, settings: Settings) -> OneScore | None:
    spread = settings.strategy is _SPREAD
    rows = _tightest(room.free, request, emptiest=spread)
    if not rows:
        return None
    gpus = sum(room.free) - request.devices * request.milli
    left = 50 * min(max(room.cpu - cpu, 0), MOST_CPU) * MOST_GPU + 50 * gpus * MOST_CPU
    best = -(-left // (MOST_CPU * MOST_GPU))
    return OneScore(best if spread else 100 - best, rows, request.milli, 0, 0, 0, 0, 0, 0)


def _tightest(free: Sequence[int], request: Share, *, emptiest: bool = False) -> tuple[int, ...]:
    """Return the devices that are taken, in order; () where too few suit."""
    milli = request.milli
    if request.devices == 1:  # what most ask for, in half the time
        rooms = [room for room in free if room >= milli]
        return (free.index(max(rooms) if emptiest else min(rooms)),) if rooms else ()
    suiting = [(-room if emptiest else room, row) for row, room in enumerate(free) if room >= milli]
    if len(suiting) < request.devices:
        return ()
    return tuple(sorted(row for _, row in sorted(suiting)[: request.devices]))
