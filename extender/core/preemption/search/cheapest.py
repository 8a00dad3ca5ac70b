"""Who leaves so that all of these find room, at the least cost, and where does each then go?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extender.core.preemption.search.bounds import Bounds
from extender.core.preemption.search.exact import improved
from extender.core.preemption.search.greedy import by_need, is_shared
from extender.core.preemption.search.ground import Ground, classes
from extender.core.preemption.search.needless import fill_back
from extender.core.preemption.search.reverse import kept_back
from extender.core.preemption.search.room import Room
from extender.core.preemption.search.steps import Steps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extender.core.preemption.search.field import Choice, Field, Need

# So many ways are tried while pods go where they cost least: some 20 microseconds each.
_TRIED = 1_000


def cheapest(needs: Sequence[Need], field: Field) -> Choice | None:
    """Return who leaves and where all needs go then; None where not all find room, whoever leaves."""
    kinds = classes(needs)
    ground = Ground(field)
    bounds = Bounds(ground)
    steps = Steps(_TRIED)
    found = []
    for bundled in (False, True) if len(needs) > 1 and is_shared(ground, kinds) else (False,):
        room = Room(ground)
        if by_need(room, kinds, bounds, steps, bundled=bundled):
            found.append(fill_back(room, kinds, steps) if len(needs) > 1 else room)
    if len(needs) > 1:
        found += kept_back(ground, kinds, steps)
    best = min(found, key=lambda room: room.price, default=None)
    if len(needs) > 1:
        best = improved(ground, kinds, best)
    return None if best is None else best.choice()
