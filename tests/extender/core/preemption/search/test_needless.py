"""Nobody leaves in vain: who was let go and is not needed comes back, the dearest first."""

from __future__ import annotations

from random import Random

import pytest

from extender.core.preemption.search.ground import Ground, classes
from extender.core.preemption.search.needless import fill_back, placed
from extender.core.preemption.search.room import Room
from extender.core.preemption.search.steps import Steps
from tests.extender.core.preemption.search.dumb import Shape, closure, cluster, suffices


@pytest.mark.parametrize("seed", range(150))
def test_of_all_that_could_leave_only_those_stay_away_that_are_needed(seed: int) -> None:
    needs, field = cluster(Random(seed), Shape(one_way=0.1))  # noqa: S311 - no secret
    ground, kinds = Ground(field), classes(needs)
    room = Room(ground)
    room.let_go(ground.units)
    all_placed = placed(room, kinds, Steps(2_000))
    if all_placed is None:
        return
    gone = frozenset(fill_back(all_placed, kinds, Steps(2_000)).choice().victims)
    assert suffices(needs, field, gone)
    assert closure(field, gone) == gone
    for one in gone:
        rest = gone - closure(field, (one,))
        assert closure(field, rest) != rest or not suffices(needs, field, rest)
