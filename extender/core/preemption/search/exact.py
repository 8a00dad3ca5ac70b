"""Is there anything cheaper? All sets of units are weighed, those left out that cannot be the cheapest.

Units are decided one after the other, the dearest first: it stays, or it leaves. A branch is left where what has left,
and the cheapest slots that are still wanted, cost as much as the best that is known; or where all that are not yet
decided would not be enough. Where the best costs no more than slots do at the very beginning, nothing is searched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extender.core.preemption.search.cost import SHARES
from extender.core.preemption.search.needless import placed
from extender.core.preemption.search.room import Room
from extender.core.preemption.search.slots import Slots, demands
from extender.core.preemption.search.steps import Steps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extender.core.preemption.search.ground import Class, Ground

# Beyond so many units and devices even a first look takes too long beside what was found already.
_MOST_UNITS = 200
_MOST_DEVICES = 128

# A step looks at every device a few times: some 20 microseconds each, 50 milliseconds in all.
_LOOKS = 2_500


def improved(ground: Ground, kinds: Sequence[Class], best: Room | None) -> Room | None:
    """Return the cheapest room, or the best that was found within the steps."""
    devices = sum(map(len, ground.free))
    if (
        len(ground.units) > _MOST_UNITS
        or devices > _MOST_DEVICES
        or sum(len(kind.places) for kind in kinds) > _MOST_UNITS
    ):
        return best
    return _Search(ground, kinds, best, Steps(_LOOKS // (devices + 4))).found()


class _Search:
    """The search, and the best that it knows."""

    def __init__(self, ground: Ground, kinds: Sequence[Class], best: Room | None, steps: Steps) -> None:
        self._ground = ground
        self._kinds = kinds
        self._best = best
        self._steps = steps
        self._packing = Steps(1_000)
        self._slots = Slots(ground)
        self._demands = demands(kinds)

    def found(self) -> Room | None:
        """Decide all units that cost less than all that is known."""
        ground = self._ground
        open_ = [unit for unit in ground.units if self._best is None or ground.firm(unit) < self._best.price]
        open_.sort(key=lambda unit: (-ground.firm(unit), unit))
        self._decide((), open_, frozenset(ground.units).difference(open_))
        return self._best

    def _decide(self, gone: tuple[int, ...], open_: Sequence[int], staying: frozenset[int]) -> None:
        """Look for the cheapest set of which these have left and those stay."""
        if not self._steps.are_left:
            return
        room = Room(self._ground)
        price = room.price_of(gone)
        if price is None or self._is_too_dear(price):
            return
        self._steps.take()
        room.let_go(gone)
        for demand in self._demands:
            more = self._slots.least(room, demand, staying)
            if more is None or self._is_too_dear(price + more):
                return
        there = placed(room, self._kinds, self._packing)
        if there is not None:
            self._best = there
            return
        room.let_go(open_)
        if not open_ or placed(room, self._kinds, self._packing) is None:
            return
        unit, *rest = open_
        self._decide(gone, rest, staying | {unit})
        self._decide((*gone, unit), rest, staying)

    def _is_too_dear(self, price: int) -> bool:
        """Tell whether no price from here on is below the best: all are multiples of a reservation's."""
        return self._best is not None and price > self._best.price - SHARES
