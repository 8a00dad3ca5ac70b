"""The highest priority costs most, then what is within a quota; and more never costs less."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest
from msgspec.structs import replace

from extender.core.preemption.search.cost import cost
from extender.core.preemption.search.field import Candidate, Field
from extender.core.preemption.search.ground import Ground
from extender.core.preemption.search.room import Room
from tests.extender.core.preemption.search.dumb import Shape, allowed, closed_sets, cluster, dumb_cost


def pod(uid: str, **said: object) -> Candidate:
    return replace(Candidate(uid, 0, ((0, 100),), (), (int(uid),), charge=500, work=10), **said)


def field(*candidates: Candidate, over: dict[str, int] | None = None) -> Field:
    return Field(((1000,),), ((),), candidates, (), over)


def test_two_of_low_priority_cost_less_than_one_of_high() -> None:
    seen = field(pod("0"), pod("1"), pod("2", priority=100, work=0))
    assert cost(seen, [0, 1]) == (0, 0, 0, 2, 20, 0)
    assert cost(seen, [2]) == (0, 1, 0, 0, 0, 0)
    assert cost(seen, [0, 1]) < cost(seen, [2])


def test_what_was_borrowed_goes_before_what_is_within_the_quota() -> None:
    seen = field(*(pod(uid, project="a") for uid in "012"), over={"a": 700})
    assert cost(seen, [0]) == (0, 1, 10, 0)
    assert cost(seen, [0, 1]) == (0, 2, 20, 0)
    assert cost(seen, [0, 1, 2]) == (1, 2, 30, 0)


def test_of_a_project_the_low_priority_counts_first_whoever_was_named_first() -> None:
    seen = field(pod("0", project="a", priority=100), pod("1", project="a"), over={"a": 500})
    assert cost(seen, [0]) == (0, 1, 0, 0, 10, 0)
    assert cost(seen, [0, 1]) == (1, 0, 0, 1, 20, 0)


def test_a_project_that_borrowed_nothing_loses_what_is_within_its_quota() -> None:
    seen = field(pod("0", project="a"), pod("1"))
    assert cost(seen, [0]) == (1, 0, 10, 0)
    assert cost(seen, [1]) == (0, 1, 10, 0)


def test_a_reservation_costs_nothing_but_itself() -> None:
    seen = field(pod("0", reservation=True, project="a", priority=900), pod("1"))
    assert cost(seen, [0]) == (0, 0, 0, 1)


def test_all_that_leave_together_count() -> None:
    seen = field(pod("0", takes=(0, 1)), pod("1", takes=(0, 1)))
    assert cost(seen, [1]) == (0, 2, 20, 0)


@pytest.mark.parametrize("seed", range(150))
def test_prices_are_as_costs_whichever_way_they_came_about(seed: int) -> None:
    random = Random(seed)  # noqa: S311 - no secret
    _, seen = cluster(random, Shape(candidates=8, gangs=0, one_way=0, projects=3, budgets=1))
    ground = Ground(seen)
    told = []
    for gone in sorted(closed_sets(seen), key=sorted):
        room = Room(ground)
        units = [ground.order.index(one) for one in gone]
        if not set(units).issubset(ground.units):
            assert not allowed(seen, gone)
            continue
        random.shuffle(units)
        price = room.price_of(units)
        assert (price is not None) == allowed(seen, gone)
        if price is None:
            continue
        for unit in units:
            step = room.price_of([unit])
            before = room.price
            room.let_go([unit])
            assert step is not None
            assert room.price == before + step
        assert room.price == price
        told.append((dumb_cost(seen, gone), cost(seen, gone), price))
        stays = random.sample(units, random.randint(0, len(units)))
        for unit in stays:
            room.take_back(unit)
        assert room.price == Room(ground).price_of(set(units) - set(stays))
    told.sort()
    for (low, low_cost, low_price), (high, high_cost, high_price) in pairwise(told):
        assert (low < high) == (low_cost < high_cost) == (low_price < high_price)


@pytest.mark.parametrize("seed", range(100))
def test_no_set_costs_less_than_a_part_of_it(seed: int) -> None:
    random = Random(seed)  # noqa: S311 - no secret
    _, seen = cluster(random, Shape(candidates=8, projects=2))
    sets = sorted(closed_sets(seen), key=sorted)
    for gone in random.sample(sets, min(20, len(sets))):
        assert all(cost(seen, part) <= cost(seen, gone) for part in sets if part <= gone)
