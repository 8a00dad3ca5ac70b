"""What slots cost at least is never more than what room costs."""

from __future__ import annotations

from random import Random

import pytest

from extender.core.preemption.search.ground import Ground, classes
from extender.core.preemption.search.room import Room
from extender.core.preemption.search.slots import Slots, demands
from tests.extender.core.preemption.search.dumb import Shape, allowed, closed_sets, cluster, suffices


@pytest.mark.parametrize("seed", range(150))
def test_no_set_that_is_enough_costs_less_than_the_slots_of_a_kind(seed: int) -> None:
    needs, field = cluster(Random(seed), Shape(candidates=8))  # noqa: S311 - no secret
    ground = Ground(field)
    bounds = [Slots(ground).least(Room(ground), demand, frozenset()) for demand in demands(classes(needs))]
    for gone in closed_sets(field):
        if allowed(field, gone) and suffices(needs, field, gone):
            price = Room(ground).price_of([ground.order.index(one) for one in gone])
            assert price is not None
            assert all(bound is not None and bound <= price for bound in bounds)
