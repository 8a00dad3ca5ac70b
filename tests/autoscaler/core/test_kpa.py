"""The law decides as kpa-spec section 2 writes it, and a plain transcription of the steps agrees everywhere."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.core import kpa
from autoscaler.core.model import Load, Policy

POLICY = Policy(target=10.0, max_scale_up_rate=10.0, max_scale_down_rate=2.0)
CALM = kpa.Panic()


def wanted(load: Load, policy: Policy = POLICY, state: kpa.Panic = CALM, now: float = 100.0) -> kpa.Wanted:
    return kpa.decide(policy, state, load, now)[1]


@pytest.mark.parametrize(
    ("load", "replicas", "panicking"),
    [
        pytest.param(Load(40.0, 40.0, 4), 4, False, id="load on target keeps the replicas"),
        pytest.param(Load(40.1, 40.1, 4), 5, False, id="a fraction of a replica is a whole one"),
        pytest.param(Load(40.0, 90.0, 4), 9, True, id="more than twice the target within the panic window"),
        pytest.param(Load(40.0, 80.0, 4), 8, True, id="exactly twice is enough"),
        pytest.param(Load(40.0, 70.1, 4), 8, True, id="the threshold compares replicas, rounded up"),
        pytest.param(Load(40.0, 70.0, 4), 4, False, id="below the threshold the stable window decides"),
        pytest.param(Load(5000.0, 5000.0, 4), 40, True, id="never more than the up rate times the ready"),
        pytest.param(Load(0.0, 0.0, 9), 4, False, id="never less than the ready by the down rate, rounded down"),
        pytest.param(Load(0.0, 0.0, 1), 0, False, id="nothing to do asks for nothing"),
        pytest.param(Load(30.0, 30.0, 0), 3, True, id="without a ready replica the rates count from one"),
    ],
)
def test_the_law_decides(load: Load, replicas: int, panicking: bool) -> None:  # noqa: FBT001  a column of the table
    assert (wanted(load).replicas, wanted(load).panicking) == (replicas, panicking)


def test_the_order_of_float_operations_is_the_originals() -> None:
    """1.1 * 110 is 121.00000000000001 in IEEE-754 doubles, so that one replica more may be added."""
    assert wanted(Load(9000.0, 10.0, 110), replace(POLICY, max_scale_up_rate=1.1)).replicas == 122


def test_panic_keeps_its_highest_answer_through_a_dip() -> None:
    state, first = kpa.decide(POLICY, CALM, Load(40.0, 90.0, 4), 100.0)
    state, dip = kpa.decide(POLICY, state, Load(40.0, 10.0, 9), 102.0)
    assert (first.replicas, dip.replicas, dip.panicking) == (9, 9, True)


def test_panic_ends_after_one_stable_window_without_a_new_reason() -> None:
    state, _ = kpa.decide(POLICY, CALM, Load(40.0, 90.0, 4), 100.0)
    state, last = kpa.decide(POLICY, state, Load(20.0, 20.0, 9), 160.0)
    assert last.panicking
    _, after = kpa.decide(POLICY, state, Load(20.0, 20.0, 9), 160.001)
    assert (after.panicking, after.replicas) == (False, 4)


def test_a_new_reason_extends_panic() -> None:
    state, _ = kpa.decide(POLICY, CALM, Load(40.0, 90.0, 4), 100.0)
    state, _ = kpa.decide(POLICY, state, Load(40.0, 180.0, 9), 150.0)
    assert kpa.decide(POLICY, state, Load(20.0, 20.0, 18), 209.0)[1].panicking


def test_a_restart_with_replicas_begins_in_panic_and_one_replica_does_not() -> None:
    assert kpa.decide(POLICY, kpa.first_panic(7, 100.0), Load(1.0, 1.0, 7), 102.0)[1].replicas == 7
    assert kpa.decide(POLICY, kpa.first_panic(1, 100.0), Load(1.0, 1.0, 1), 102.0)[1] == kpa.Wanted(
        1, 1, 1, panicking=False
    )


@dataclass
class Twin:
    """Section 2, steps 1 to 4 and 6 to 8, line by line, without a second thought."""

    panic_time: float | None
    max_panic: int

    def step(self, policy: Policy, load: Load, now: float) -> int:
        r = max(1, load.ready)
        up = math.ceil(policy.max_scale_up_rate * r)
        down = math.floor(r / policy.max_scale_down_rate)
        ds, dp = math.ceil(load.stable / policy.target), math.ceil(load.panic / policy.target)
        want_s, want_p = int(min(max(ds, down), up)), int(min(max(dp, down), up))
        over = dp / r >= policy.panic_threshold
        if (self.panic_time is None and over) or (self.panic_time is not None and over):
            self.panic_time = now
        elif self.panic_time is not None and not over and self.panic_time + policy.stable_window_s < now:
            self.panic_time, self.max_panic = None, 0
        d = want_s
        if self.panic_time is not None:
            d = max(want_s, want_p)
            self.max_panic = max(self.max_panic, d)
            d = self.max_panic
        return d


loads = st.builds(Load, st.floats(0, 1e5), st.floats(0, 1e5), st.integers(0, 200))
policies = st.builds(
    Policy,
    target=st.floats(0.01, 1000),
    stable_window_s=st.integers(6, 120),
    panic_threshold=st.floats(1.1, 10),
    max_scale_up_rate=st.floats(1.01, 1000),
    max_scale_down_rate=st.floats(1.01, 10),
)


@given(policies, st.integers(0, 50), st.lists(st.tuples(st.floats(0.1, 40), loads), max_size=30))
def test_the_law_agrees_with_its_plain_transcription(
    policy: Policy, ready: int, ticks: list[tuple[float, Load]]
) -> None:
    now = 1000.0
    state = kpa.first_panic(ready, now)
    twin = Twin(now if ready > 1 else None, ready)
    for pause, load in ticks:
        now += pause
        state, answer = kpa.decide(policy, state, load, now)
        assert answer.replicas == twin.step(policy, load, now)


@given(policies, loads, st.floats(0, 1e5), st.floats(0, 1e5))
def test_more_load_never_means_fewer_replicas(policy: Policy, load: Load, stable: float, panic: float) -> None:
    more = Load(load.stable + stable, load.panic + panic, load.ready)
    assert wanted(more, policy).replicas >= wanted(load, policy).replicas


@given(policies, loads, loads)
def test_panic_never_shrinks(policy: Policy, first: Load, then: Load) -> None:
    state, before = kpa.decide(policy, CALM, first, 100.0)
    _, after = kpa.decide(policy, state, then, 102.0)
    if before.panicking and after.panicking:
        assert after.replicas >= before.replicas


@given(policies, loads)
def test_a_step_obeys_the_rates(policy: Policy, load: Load) -> None:
    base = max(1, load.ready)
    highest = math.ceil(policy.max_scale_up_rate * base)
    assert math.floor(base / policy.max_scale_down_rate) <= wanted(load, policy).replicas <= highest
