"""Who leaves if all had left, and come back one by one, the dearest first, as long as all needs fit?

That finds room where the cheapest for one pod are dear for the others: what no set can do without stays to the end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extender.core.preemption.search.needless import fill_back, placed
from extender.core.preemption.search.room import Room

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extender.core.preemption.search.ground import Class, Ground
    from extender.core.preemption.search.steps import Steps

_MOST = 1_000


def kept_back(ground: Ground, kinds: Sequence[Class], steps: Steps) -> list[Room]:
    """Return the room once nobody more may come back; none where budgets and quotas do not allow it."""
    if len(ground.units) * len(ground.free) > _MOST:
        return []
    room = Room(ground)
    room.let_go(ground.units)
    back = placed(room, kinds, steps)
    if back is None:
        return []
    kept = fill_back(back, kinds, steps)
    return [] if Room(ground).price_of(kept.gone) is None else [kept]
