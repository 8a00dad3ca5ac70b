"""One workload, tick by tick: holds, bounds, and what stays when parameters change."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.core.model import Mode, Policy
from autoscaler.core.observation import NO_SAMPLES, Samples, Series, gather
from autoscaler.core.workload import Sight, Workload

if TYPE_CHECKING:
    from autoscaler.core.model import Decision

POLICY = Policy(target=10.0, stable_window_s=60, panic_window_s=6, max_scale=100)
START = 10_000.0


def sight(ready: int, current: int | None = None) -> Sight:
    return Sight("ns", ready if current is None else current, tuple(f"p{i}" for i in range(ready)))


def samples(now: float, load: float, pods: int) -> Samples:
    times = [now - back for back in range(40, -1, -1)]
    return gather(Series("ns", f"p{i}", tuple((t, load / pods) for t in times)) for i in range(pods))


def run(workload: Workload, since: float, seconds: int, load: float, ready: int) -> tuple[float, Decision]:
    """Tick every 2 s with a steady load; return the time and the last decision."""
    now, decision = since, None
    while now < since + seconds:
        now += 2.0
        decision = workload.tick(sight(ready), samples(now, load, ready), now)
    assert decision is not None
    return now, decision


def fresh(policy: Policy = POLICY) -> Workload:
    return Workload.first_seen(policy)


def test_before_the_first_sample_the_decision_is_held() -> None:
    decision = fresh().tick(sight(3), NO_SAMPLES, START)
    assert (decision.mode, decision.desired) == (Mode.HELD, 3)


def test_a_decision_without_samples_still_obeys_the_bounds() -> None:
    low = fresh(replace(POLICY, min_scale=5)).tick(sight(3), NO_SAMPLES, START)
    high = fresh(replace(POLICY, max_scale=2)).tick(sight(3), NO_SAMPLES, START)
    assert (low.desired, high.desired) == (5, 2)
    assert "min-scale" in low.reason
    assert "max-scale" in high.reason


def test_min_scale_wins_over_max_scale() -> None:
    policy = replace(POLICY, min_scale=5, max_scale=2)
    assert fresh(policy).tick(sight(3), NO_SAMPLES, START).desired == 5


def test_the_last_replica_stays() -> None:
    _, decision = run(fresh(), START, 120, 0.0, 1)
    assert (decision.wanted, decision.desired, decision.mode) == (0, 1, Mode.STABLE)


def test_a_workload_that_somebody_scaled_to_zero_is_left_alone() -> None:
    decision = fresh(replace(POLICY, min_scale=2)).tick(sight(0), NO_SAMPLES, START)
    assert (decision.mode, decision.desired) == (Mode.HELD, 0)


def test_a_hole_is_held_until_it_has_left_the_panic_window() -> None:
    workload = fresh()
    now, before = run(workload, START, 130, 40.0, 4)
    assert (before.mode, before.desired) == (Mode.STABLE, 4)
    modes = []
    for step in range(1, 41):
        away = step <= 30
        tick = now + 2.0 * step
        decision = workload.tick(sight(4), NO_SAMPLES if away else samples(tick, 40.0, 4), tick)
        assert decision.desired == 4
        modes.append(decision.mode)
    assert modes[:30] == [Mode.HELD] * 30
    assert modes[-1] is Mode.STABLE


def test_replicas_that_a_person_added_while_there_was_no_data_stay() -> None:
    workload = fresh()
    now, _ = run(workload, START, 130, 40.0, 4)
    workload.tick(sight(4), NO_SAMPLES, now + 2)
    assert workload.tick(sight(4, current=9), NO_SAMPLES, now + 4).desired == 9
    assert workload.tick(sight(9), NO_SAMPLES, now + 6).desired == 9


def test_a_decision_that_is_not_written_yet_is_held_too() -> None:
    workload = fresh()
    now, raised = run(workload, START, 130, 90.0, 2)
    assert raised.desired == 9
    assert workload.tick(sight(2), NO_SAMPLES, now + 2).desired == 9


def test_the_return_of_samples_is_no_valley() -> None:
    workload = fresh()
    now, _ = run(workload, START, 130, 40.0, 4)
    for _ in range(30):
        now += 2.0
        workload.tick(sight(4), NO_SAMPLES, now)
    for _ in range(60):
        now += 2.0
        assert workload.tick(sight(4), samples(now, 40.0, 4), now).desired == 4


def test_part_of_the_samples_never_scales_down() -> None:
    workload = fresh()
    now, _ = run(workload, START, 130, 40.0, 4)
    for _ in range(60):
        now += 2.0
        decision = workload.tick(sight(4), samples(now, 1.0, 1), now)
        assert decision.desired == 4


def test_part_of_the_samples_may_scale_up() -> None:
    workload = fresh()
    now, _ = run(workload, START, 130, 40.0, 4)
    for _ in range(10):
        now += 2.0
        decision = workload.tick(sight(4), samples(now, 300.0, 2), now)
    assert decision.desired > 4


def test_a_changed_window_keeps_what_was_measured() -> None:
    workload = fresh()
    now, _ = run(workload, START, 130, 40.0, 4)
    workload.follow(replace(POLICY, stable_window_s=20, panic_window_s=2))
    decision = workload.tick(sight(4), samples(now + 2, 40.0, 4), now + 2)
    assert (decision.stable, decision.desired) == (40.0, 4)


def test_after_a_restart_in_a_surge_the_starting_replicas_count() -> None:
    """Twenty are asked for and four are ready: the first decision must not send sixteen of them away."""
    workload = fresh()
    workload.tick(sight(4, current=20), NO_SAMPLES, START)
    decision = workload.tick(sight(4, current=20), samples(START + 2, 40.0, 4), START + 2)
    assert (decision.mode, decision.desired) == (Mode.PANIC, 20)


def test_a_reason_to_hold_is_held_and_told_within_the_bounds() -> None:
    decision = fresh(replace(POLICY, max_scale=3)).tick(sight(4), samples(START, 400.0, 4), START, "no good keys")
    assert (decision.mode, decision.desired) == (Mode.HELD, 3)
    assert decision.reason.startswith("held: no good keys")


def test_a_clock_that_was_set_back_begins_anew_and_sends_nobody_away() -> None:
    workload = fresh()
    now, _ = run(workload, START, 130, 40.0, 4)
    now -= 3600.0
    _, risen = run(workload, now, 20, 400.0, 4)
    assert (risen.mode, risen.desired) == (Mode.PANIC, 40)


def test_loads_beyond_all_measure_are_no_overflow() -> None:
    workload = fresh(replace(POLICY, max_scale=0, max_scale_up_rate=1e308))
    _, decision = run(workload, START, 10, 3.9e12, 4)
    assert decision.desired == 2**31 - 1


def test_the_reason_has_the_numbers_that_made_it() -> None:
    _, decision = run(fresh(), START, 130, 35.0, 1)
    assert "load 35" in decision.reason
    assert "target 10 each" in decision.reason


@pytest.mark.parametrize("stop_s", [30, 599, 3600])
def test_a_stopped_program_wakes_up_without_a_valley(stop_s: int) -> None:
    workload = fresh()
    now, _ = run(workload, START, 130, 40.0, 4)
    now += stop_s
    for _ in range(5):
        now += 2.0
        assert workload.tick(sight(4), samples(now, 40.0, 4), now).desired >= 4


@given(
    st.builds(Policy, target=st.floats(1, 50), min_scale=st.integers(0, 5), max_scale=st.integers(0, 50)),
    st.integers(1, 10),
    st.lists(st.one_of(st.none(), st.floats(0, 5000)), min_size=1, max_size=25),
)
def test_replicas_are_always_within_their_bounds(policy: Policy, ready: int, loads: list[float | None]) -> None:
    workload = Workload.first_seen(policy)
    for step, load in enumerate(loads):
        now = START + 2.0 * step
        seen = NO_SAMPLES if load is None else samples(now, load, ready)
        decision = workload.tick(sight(ready), seen, now)
        least = max(1, policy.min_scale)
        assert decision.desired >= least
        assert not policy.max_scale or decision.desired <= max(policy.max_scale, least)
