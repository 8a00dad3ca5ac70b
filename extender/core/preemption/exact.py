"""Is there anything cheaper? All sets of units are weighed, those left out that cannot be the cheapest.

Units are decided one after the other, the dearest first: it stays, or it leaves. A branch is left where what has left
already costs as much as the best that is known, or where all that are not yet decided would not be enough.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extender.core.preemption.needless import placed
from extender.core.preemption.room import Room
from extender.core.preemption.steps import Steps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extender.core.preemption.ground import Class, Ground


def improved(ground: Ground, kinds: Sequence[Class], best: Room | None) -> Room | None:
    """Return the cheapest room, or the best that was found within the steps."""
    return _Search(ground, kinds, best).found()


class _Search:
    def __init__(self, ground: Ground, kinds: Sequence[Class], best: Room | None) -> None:
        self._ground = ground
        self._kinds = kinds
        self._best = best
        self._steps = Steps(3_000)
        self._units = sorted(ground.units, key=lambda unit: (-ground.firm(unit), unit))

    def found(self) -> Room | None:
        if len(self._units) <= 12:
            self._decide(0, (), self._units)
        return self._best

    def _fits(self, units: Sequence[int]) -> Room | None:
        room = Room(self._ground)
        room.let_go(units)
        return placed(room, self._kinds, self._steps)

    def _decide(self, at: int, gone: tuple[int, ...], open_: Sequence[int]) -> None:
        if not self._steps.are_left:
            return
        self._steps.take()
        price = Room(self._ground).price_of(gone)
        if price is None or (self._best is not None and price >= self._best.price):
            return
        if self._fits((*gone, *open_)) is None:
            return
        room = self._fits(gone)
        if room is not None:
            self._best = room
            return
        if open_:
            unit, *rest = open_
            self._decide(at + 1, gone, rest)
            self._decide(at + 1, (*gone, unit), rest)
