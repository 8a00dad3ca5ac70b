"""Those leave that cost least, and room is found for all: held against a twin that tries every set."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from extender.core.preemption.search.cheapest import cheapest
from extender.core.preemption.search.field import Candidate, Choice, Field, Need
from tests.extender.core.preemption.search.dumb import Shape, cluster, dumb_cheapest, dumb_cost, wrong

SHAPES = {
    "mixed": Shape(),
    "plain": Shape(
        gangs=0, one_way=0, wide=0, budgets=0, projects=0, priorities=1, resources=0, candidates=12, needs=4
    ),
    "gangs": Shape(gangs=0.8, one_way=0.1, candidates=12),
    "fractions": Shape(nodes=2, devices=2, sizes=(125, 250, 500, 1000), candidates=12, needs=5, wide=0.2),
    "one need": Shape(needs=1, kinds=1, candidates=12, devices=4),
    "kinds": Shape(needs=4, kinds=4, candidates=10, nodes=2, devices=4),
    "budgets and quotas": Shape(budgets=3, projects=3, priorities=3, candidates=11),
}


def hold(needs: list[Need], field: Field) -> Choice | None:
    """Return the choice after all laws have been checked."""
    choice = cheapest(needs, field)
    want = dumb_cheapest(needs, field)
    assert (choice is None) == (want is None)
    if choice is not None:
        assert wrong(needs, field, choice) == ""
        assert dumb_cost(field, choice.victims) == want
    return choice


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("part", range(10))
def test_a_thousand_random_clusters_are_answered_as_by_trying_every_set(shape: str, part: int) -> None:
    for seed in range(15):
        hold(*cluster(Random(f"{shape}-{part}-{seed}"), SHAPES[shape]))  # noqa: S311 - no secret


@given(st.randoms(use_true_random=False), st.sampled_from(sorted(SHAPES)))
@settings(max_examples=60, deadline=None)
def test_any_other_cluster_too(random: Random, shape: str) -> None:
    hold(*cluster(random, SHAPES[shape]))


@pytest.mark.parametrize("seed", range(100))
def test_the_order_of_the_candidates_decides_nothing(seed: int) -> None:
    random = Random(seed)  # noqa: S311 - no secret
    needs, field = cluster(random, SHAPES["mixed"])
    order = random.sample(range(len(field.candidates)), len(field.candidates))
    place = {one: at for at, one in enumerate(order)}
    turned = tuple(
        replace(each, takes=tuple(sorted(place[one] for one in each.takes)))
        for each in (field.candidates[one] for one in order)
    )
    first, second = cheapest(needs, field), cheapest(needs, replace(field, candidates=turned))
    assert (first is None) == (second is None)
    if first is not None and second is not None:
        assert first.places == second.places
        assert {field.candidates[one].uid for one in first.victims} == {turned[one].uid for one in second.victims}


def pod(at: int, node: int, *held: tuple[int, int], **said: object) -> Candidate:
    charge = sum(milli for _, milli in held)
    one = Candidate(f"uid-{at}", node, held, (), (at,), charge=charge, work=60)
    return replace(one, **said)


def field(nodes: int, devices: int, *candidates: Candidate, **said: object) -> Field:
    whole = Field(((1000,) * devices,) * nodes, ((),) * nodes, candidates)
    return replace(whole, **said)


def need(milli: int, *, nodes: int = 1, devices: int = 1, requests: tuple[int, ...] = ()) -> Need:
    return Need(devices, (milli,) * nodes, requests)


def victims(needs: list[Need], seen: Field) -> tuple[int, ...] | None:
    choice = hold(needs, seen)
    return None if choice is None else choice.victims


HALVES = tuple(pod(at, 0, (at, 500), work=100 - at) for at in range(8))

TABLE: dict[str, tuple[list[Need], Field, tuple[int, ...] | None]] = {
    "nobody needs anything: nobody leaves": ([], field(1, 1, pod(0, 0, (0, 1000))), ()),
    "free room is used first, at no cost": ([need(500)] * 2, field(1, 2, pod(0, 0, (0, 500)), pod(1, 0, (1, 500))), ()),
    "eight devices half used, one whole is needed: exactly one leaves, of the least work": (
        [need(1000)],
        field(1, 8, *HALVES),
        (7,),
    ),
    "four quarters take the room of one that is whole, rather than of four small ones": (
        [need(250)] * 4,
        replace(
            field(1, 5, pod(0, 0, (0, 1000), work=999), *(pod(at, 0, (at, 250), work=0) for at in range(1, 5))),
            devices=((1000, 250, 250, 250, 250),),
        ),
        (0,),
    ),
    "one on two devices leaves rather than two on one each": (
        [need(1000)] * 2,
        field(1, 4, pod(0, 0, (0, 1000), (1, 1000), work=999), pod(1, 0, (2, 1000)), pod(2, 0, (3, 1000))),
        (0,),
    ),
    "a training gang counts all its members": (
        [need(1000)],
        field(1, 3, *(pod(at, 0, (at, 1000), takes=(0, 1), work=0) for at in (0, 1)), pod(2, 0, (2, 1000), work=999)),
        (2,),
    ),
    "who leaves takes all with it": (
        [need(1000)],
        field(1, 2, *(pod(at, 0, (at, 1000), takes=(0, 1)) for at in (0, 1))),
        (0, 1),
    ),
    "a budget forbids the cheapest: another leaves": (
        [need(1000)],
        field(1, 2, pod(0, 0, (0, 1000), work=0, budgets=(0,)), pod(1, 0, (1, 1000)), budgets=(0,)),
        (1,),
    ),
    "a budget lets one go, not two": (
        [need(1000)] * 2,
        field(1, 2, *(pod(at, 0, (at, 1000), budgets=(0,)) for at in (0, 1)), budgets=(1,)),
        None,
    ),
    "what is short is CPU: the one leaves that has it": (
        [need(200, requests=(4,))],
        field(1, 2, pod(0, 0, (0, 500), requests=(1,)), pod(1, 0, (1, 500), requests=(4,), work=99), left=((5,),)),
        (1,),
    ),
    "a resource that is not asked for may be short": (
        [need(200, requests=(0,))],
        field(1, 1, pod(0, 0, (0, 500), requests=(9,)), left=((3,),)),
        (),
    ),
    "borrowed pods leave before those within a quota, though they are two": (
        [need(1000)],
        field(
            1,
            2,
            *(pod(at, 0, (0, 500), project="a") for at in (0, 1)),
            pod(2, 0, (1, 1000), project="b"),
            over={"a": 999},
        ),
        (0, 1),
    ),
    "only what was borrowed may leave, and that is not enough": (
        [need(1000)] * 2,
        field(1, 2, *(pod(at, 0, (at, 1000), project="a") for at in (0, 1)), over={"a": 1000}, borrowed_only=True),
        None,
    ),
    "a low priority leaves, though it is two": (
        [need(1000)],
        field(1, 2, pod(0, 0, (0, 500)), pod(1, 0, (0, 500)), pod(2, 0, (1, 1000), priority=100, work=0)),
        (0, 1),
    ),
    "a promise is given up before a pod leaves": (
        [need(1000)],
        field(1, 2, pod(0, 0, (0, 1000), reservation=True), pod(1, 0, (1, 1000), work=0)),
        (0,),
    ),
    "all or nothing: two do not fit, so nobody leaves": ([need(1000)] * 2, field(1, 1, pod(0, 0, (0, 1000))), None),
    "a node that does not suit is not looked at": (
        [Need(1, (0, 1000), ())],
        field(2, 1, pod(0, 1, (0, 1000))),
        (0,),
    ),
    "a pod goes on one node, though two have the devices": (
        [need(1000, nodes=2, devices=2)],
        field(2, 2, pod(0, 0, (0, 1000)), pod(1, 1, (0, 1000), work=0)),
        (1,),
    ),
}


@pytest.mark.parametrize("claim", TABLE)
def test_who_leaves(claim: str) -> None:
    needs, seen, want = TABLE[claim]
    assert victims(needs, seen) == want


def test_a_gang_of_eight_whole_devices_among_64_halves_evicts_sixteen_of_the_least_work() -> None:
    halves = tuple(pod(at, at // 16, (at // 2 % 8, 500), work=100 * (at // 2 * 7 % 32)) for at in range(64))
    choice = cheapest([need(1000, nodes=4)] * 8, field(4, 8, *halves))
    assert choice is not None
    assert len(choice.victims) == 16
    assert sum(halves[one].work for one in choice.victims) == 2 * 100 * sum(range(8))
    assert len(set(choice.places)) == 8


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_equals_the_lowest_uid_leaves_in_whatever_order_they_were_given(order: tuple[int, int]) -> None:
    both = tuple(replace(pod(0, 0, (0, 500)), uid=f"uid-{name}", takes=(at,)) for at, name in enumerate(order))
    choice = cheapest([need(500)], field(1, 1, *both))
    assert choice is not None
    assert [both[one].uid for one in choice.victims] == ["uid-0"]
