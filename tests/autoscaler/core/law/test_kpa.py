"""The law decides as kpa-spec section 2 writes it, and a plain transcription of the steps agrees everywhere."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.core.law import kpa
from autoscaler.core.model import MOST_REPLICAS, Policy
from tests.autoscaler.core.twin import Decider

POLICY = Policy(target=10.0, total=15.0, target_burst_capacity=20.0, max_scale_up_rate=10.0, max_scale_down_rate=2.0)
CALM = kpa.State(np.array([kpa.NEVER]), np.array([0]))

Load = tuple[float, float, int]
"""Stable average, panic average, ready pods."""


def decided(
    load: Load, policy: Policy = POLICY, state: kpa.State = CALM, at_s: float = 100.0
) -> tuple[kpa.State, kpa.Wanted]:
    stable, panic, ready = load
    loads = kpa.Loads(np.array([stable]), np.array([panic]), np.array([ready]))
    return kpa.decide(kpa.Parameters.of([policy]), state, loads, now_ms=int(at_s * 1000))


def wanted(load: Load, policy: Policy = POLICY) -> int:
    return int(decided(load, policy)[1].replicas[0])


@pytest.mark.parametrize(
    ("load", "replicas", "panicking"),
    [
        pytest.param((40.0, 40.0, 4), 4, False, id="load on target keeps the replicas"),
        pytest.param((40.1, 40.1, 4), 5, False, id="a fraction of a replica is a whole one"),
        pytest.param((40.0, 90.0, 4), 9, True, id="more than twice the target within the panic window"),
        pytest.param((40.0, 80.0, 4), 8, True, id="exactly twice is enough"),
        pytest.param((40.0, 70.1, 4), 8, True, id="the threshold compares replicas, rounded up"),
        pytest.param((40.0, 70.0, 4), 4, False, id="below the threshold the stable window decides"),
        pytest.param((5000.0, 5000.0, 4), 40, True, id="never more than the up rate times the ready"),
        pytest.param((0.0, 0.0, 9), 4, False, id="never less than the ready by the down rate, rounded down"),
        pytest.param((-7.0, -7.0, 9), 4, False, id="a load below zero is none"),
        pytest.param((0.0, 0.0, 1), 0, False, id="nothing to do asks for nothing"),
        pytest.param((30.0, 30.0, 0), 3, True, id="without a ready replica the rates count from one"),
    ],
)
def test_the_law_decides(load: Load, replicas: int, panicking: bool) -> None:  # noqa: FBT001  a column of the table
    _, answer = decided(load)
    assert (answer.replicas[0], answer.panicking[0]) == (replicas, panicking)


@pytest.mark.parametrize(
    ("load", "replicas"),
    [
        pytest.param((1.0, 1.0, 1), 5, id="a workload with any load gets the activation scale"),
        pytest.param((0.0, 0.0, 1), 0, id="one without load does not"),
        pytest.param((90.0, 90.0, 5), 9, id="one that needs more gets more"),
        pytest.param((1.0, 0.0, 0), 5, id="it may exceed the up rate"),
    ],
)
def test_the_activation_scale_raises_what_is_wanted(load: Load, replicas: int) -> None:
    assert wanted(load, replace(POLICY, activation_scale=5, max_scale_up_rate=2.0)) == replicas


def test_the_activation_scale_alone_is_no_reason_to_panic() -> None:
    assert not decided((1.0, 1.0, 1), replace(POLICY, activation_scale=5))[1].panicking[0]


def test_an_activation_scale_of_one_is_off() -> None:
    assert kpa.Parameters.of([replace(POLICY, activation_scale=1)]).activation_scale[0] == 0


def test_an_unreachable_workload_may_fall_at_once() -> None:
    assert wanted((0.0, 0.0, 9), replace(POLICY, reachable=False)) == 0


@pytest.mark.parametrize(
    ("burst", "load", "excess"),
    [
        pytest.param(
            20.0, (40.0, 12.5, 4), 27, id="capacity of the ready, less the burst, less the load, rounded down"
        ),
        pytest.param(20.0, (40.0, 50.5, 2), -41, id="below zero too"),
        pytest.param(20.0, (0.0, 0.0, 0), -20, id="nothing ready has no capacity"),
        pytest.param(0.0, (40.0, 50.5, 2), 0, id="0 is off"),
        pytest.param(-1.0, (40.0, 50.5, 2), -1, id="-1 leads all requests to the activator"),
    ],
)
def test_the_excess_burst_capacity(burst: float, load: Load, excess: int) -> None:
    assert decided(load, replace(POLICY, target_burst_capacity=burst))[1].excess_burst_capacity[0] == excess


@pytest.mark.parametrize(
    ("burst", "excess"), [(0.0, 0), (-1.0, -1), (20.0, 25), (45.5, 0), (46.5, -1), (1e300, -(2**31))]
)
def test_the_first_excess_burst_capacity_is_cut_towards_zero(burst: float, excess: int) -> None:
    policy = replace(POLICY, target_burst_capacity=burst, initial_scale=3)
    assert kpa.first_excess_burst_capacity(policy) == excess


def test_the_order_of_float_operations_is_the_originals() -> None:
    """1.1 * 110 is 121.00000000000001 in IEEE-754 doubles, so that one replica more may be added."""
    assert wanted((9000.0, 10.0, 110), replace(POLICY, max_scale_up_rate=1.1)) == 122


def test_loads_beyond_all_measure_end_at_the_largest_count() -> None:
    policy = replace(POLICY, max_scale_up_rate=1e308, target=0.01, target_burst_capacity=1e300)
    _, answer = decided((1e308, 1e308, 1000), policy)
    assert (answer.replicas[0], answer.panic[0]) == (MOST_REPLICAS, MOST_REPLICAS)
    assert answer.excess_burst_capacity[0] == -(2**31)


def test_panic_keeps_its_highest_answer_through_a_dip() -> None:
    state, _ = decided((40.0, 90.0, 4))
    _, dip = decided((40.0, 10.0, 9), state=state, at_s=102.0)
    assert (dip.replicas[0], dip.panicking[0]) == (9, True)


def test_panic_ends_after_one_stable_window_without_a_new_reason() -> None:
    state, _ = decided((40.0, 90.0, 4))
    state, last = decided((20.0, 20.0, 9), state=state, at_s=160.0)
    assert last.panicking[0]
    state, after = decided((20.0, 20.0, 9), state=state, at_s=160.001)
    assert (after.panicking[0], after.replicas[0]) == (False, 4)
    assert (state.panic_since_ms[0], state.floor[0]) == (kpa.NEVER, 0)


def test_a_new_reason_extends_panic() -> None:
    state, _ = decided((40.0, 90.0, 4))
    state, _ = decided((40.0, 180.0, 9), state=state, at_s=150.0)
    assert decided((20.0, 20.0, 18), state=state, at_s=209.0)[1].panicking[0]


@pytest.mark.parametrize(("ready", "panicking"), [(0, False), (1, False), (2, True)])
def test_a_restart_begins_in_panic_where_more_than_one_pod_is_ready(ready: int, panicking: bool) -> None:  # noqa: FBT001
    state = kpa.first(np.array([ready]), 100_000)
    assert (state.panic_since_ms[0] == 100_000, state.floor[0]) == (panicking, ready)


def test_a_row_without_a_valid_decision_keeps_its_state() -> None:
    before = kpa.first(np.array([7, 7]), 100_000)
    loads = kpa.Loads(np.full(2, 900.0), np.full(2, 900.0), np.full(2, 7))
    after, _ = kpa.decide(
        kpa.Parameters.of([POLICY, POLICY]), before, loads, now_ms=102_000, where=np.array([True, False])
    )
    assert after.floor.tolist() == [70, 7]
    assert after.panic_since_ms.tolist() == [102_000, 100_000]


def test_each_step_on_the_way_is_told() -> None:
    _, answer = decided((45.0, 900.0, 4))
    assert (answer.raw_stable[0], answer.raw_panic[0]) == (5.0, 90.0)
    assert (answer.stable[0], answer.panic[0]) == (5, 40)


load_values = st.floats(-100, 1e5)
loads = st.tuples(load_values, load_values, st.integers(0, 200))
policies = st.builds(
    Policy,
    target=st.floats(0.01, 1000),
    total=st.floats(0.01, 1000),
    target_burst_capacity=st.one_of(st.sampled_from([-1.0, 0.0]), st.floats(0.5, 500)),
    stable_window_s=st.integers(6, 120),
    panic_threshold=st.floats(1.1, 10),
    max_scale_up_rate=st.floats(1.01, 1000),
    max_scale_down_rate=st.floats(1.01, 10),
    activation_scale=st.sampled_from([0, 0, 2, 30]),
    reachable=st.booleans(),
)


@given(
    st.lists(st.tuples(policies, st.integers(0, 50)), min_size=1, max_size=6),
    st.lists(st.tuples(st.integers(100, 90_000), st.lists(loads, min_size=6, max_size=6)), min_size=4, max_size=20),
)
def test_the_law_agrees_with_its_plain_transcription(
    workloads: list[tuple[Policy, int]], ticks: list[tuple[int, list[Load]]]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kpa, "_BLOCK", 4)
        now_ms, count = 1_000_000, len(workloads)
        parameters = kpa.Parameters.of([policy for policy, _ in workloads])
        state = kpa.first(np.array([ready for _, ready in workloads]), now_ms)
        twins = [Decider.first(ready, now_ms) for _, ready in workloads]
        for pause_ms, seen in ticks:
            now_ms += pause_ms
            stable, panic, ready = (np.array(column) for column in zip(*seen[:count], strict=True))
            state, answer = kpa.decide(parameters, state, kpa.Loads(stable, panic, ready), now_ms=now_ms)
            told = [
                twin.decide(policy, *load, now_ms)
                for twin, (policy, _), load in zip(twins, workloads, seen, strict=False)
            ]
            assert list(zip(answer.replicas.tolist(), answer.excess_burst_capacity.tolist(), strict=True)) == told
            assert state.floor.tolist() == [twin.floor for twin in twins]
            assert [None if since == kpa.NEVER else since for since in state.panic_since_ms.tolist()] == [
                twin.panic_since_ms for twin in twins
            ]


@given(policies, loads, st.floats(0, 1e5), st.floats(0, 1e5), st.integers(0, 300))
def test_more_load_never_means_fewer_replicas(
    policy: Policy, load: Load, stable: float, panic: float, floor: int
) -> None:
    more = (load[0] + stable, load[1] + panic, load[2])
    for state in (CALM, kpa.State(np.array([90_000]), np.array([floor]))):
        one, other = (decided(seen, policy, state)[1].replicas[0] for seen in (load, more))
        assert other >= one


@given(policies, loads, loads)
def test_panic_never_shrinks(policy: Policy, first: Load, then: Load) -> None:
    state, before = decided(first, policy)
    _, after = decided(then, policy, state, 102.0)
    if before.panicking[0] and after.panicking[0]:
        assert after.replicas[0] >= before.replicas[0]


@given(policies, loads)
def test_a_step_obeys_the_rates(policy: Policy, load: Load) -> None:
    base = max(1, load[2])
    highest = max(math.ceil(policy.max_scale_up_rate * base), policy.activation_scale)
    lowest = math.floor(base / policy.max_scale_down_rate) if policy.reachable else 0
    assert lowest <= wanted(load, policy) <= highest
