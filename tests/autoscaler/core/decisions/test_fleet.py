"""Workloads, tick by tick: holds, bounds, and what stays when parameters change or rows come and go."""

from __future__ import annotations

from dataclasses import replace
from math import isnan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoscaler.core.decisions.decision import decide_again
from autoscaler.core.decisions.fleet import Fleet
from autoscaler.core.decisions.look import Look
from autoscaler.core.load.gathering import gather
from autoscaler.core.load.observation import NO_SAMPLES, Samples
from autoscaler.core.load.queries import Selection
from autoscaler.core.model import Averaging, Decision, Metric, Mode, Placement, Policy, Question, Seen, Signal

POLICY = Policy(target=10.0, stable_window_s=60, panic_window_s=6, max_scale=100)
START = 10_000.0
SELECTION = Selection.of(Question(Metric.CONCURRENCY, "vllm"))


def samples(now: float, load: float, pods: int) -> Samples:
    times = [now - back for back in range(40, -1, -1)]
    return gather(
        SELECTION,
        (
            (
                {"__name__": "vllm:num_requests_running", "namespace": "ns", "pod": f"p{i}"},
                tuple((t, load / pods) for t in times),
            )
            for i in range(pods)
        ),
    )


def look(
    ready: int, seen: Samples, current: int | None = None, *, hold: str = "", leave: str = "", observed: str = ""
) -> Look:
    places = tuple(("ns", f"p{i}") for i in range(ready))
    current = ready if current is None else current
    return Look(current, ready, seen, places, hold=hold, leave=leave, observed=observed)


class One:
    """A fleet of one workload."""

    def __init__(self, policy: Policy = POLICY, *, created: float = 0.0) -> None:
        self.fleet = Fleet()
        self.fleet.follow("a", policy, int(START * 1000), created_s=int(created))

    def tick(self, seen: Look, now: float) -> Decision:
        """Tick; what was decided comes out again from its inputs alone."""
        self.fleet.tick(int(now * 1000), {"a": seen})
        decision = self.fleet.decision("a")
        assert decision is not None
        assert decide_again(decision.inputs) == decision
        return decision

    def run(self, since: float, seconds: int, load: float, ready: int) -> tuple[float, Decision]:
        """Tick every 2 s with a steady load; return the time and the last decision."""
        now, decision = since, None
        while now < since + seconds:
            now += 2.0
            decision = self.tick(look(ready, samples(now, load, ready)), now)
        assert decision is not None
        return now, decision


def test_before_the_first_sample_the_decision_is_held() -> None:
    decision = One().tick(look(3, NO_SAMPLES), START)
    assert (decision.mode, decision.desired) == (Mode.HELD, 3)


def test_a_decision_without_samples_still_obeys_the_bounds() -> None:
    low = One(replace(POLICY, min_scale=5)).tick(look(3, NO_SAMPLES), START)
    high = One(replace(POLICY, max_scale=2)).tick(look(3, NO_SAMPLES), START)
    assert (low.desired, high.desired) == (5, 2)
    assert "min-scale" in low.reason
    assert "max-scale" in high.reason


def test_below_min_scale_it_wins_over_max_scale() -> None:
    policy = replace(POLICY, min_scale=5, max_scale=2)
    assert One(policy).tick(look(3, NO_SAMPLES), START).desired == 5


def test_the_last_replica_stays() -> None:
    _, decision = One().run(START, 120, 0.0, 1)
    assert (decision.wanted, decision.desired, decision.mode) == (0, 1, Mode.STABLE)


def test_a_workload_that_somebody_scaled_to_zero_is_left_alone() -> None:
    decision = One(replace(POLICY, min_scale=2)).tick(look(0, NO_SAMPLES), START)
    assert (decision.mode, decision.desired) == (Mode.HELD, 0)


def test_a_hole_is_held_until_it_has_left_the_panic_window() -> None:
    workload = One()
    now, before = workload.run(START, 130, 40.0, 4)
    assert (before.mode, before.desired) == (Mode.STABLE, 4)
    modes = []
    for step in range(1, 41):
        away = step <= 30
        tick = now + 2.0 * step
        decision = workload.tick(look(4, NO_SAMPLES if away else samples(tick, 40.0, 4)), tick)
        assert decision.desired == 4
        modes.append(decision.mode)
    assert modes[:30] == [Mode.HELD] * 30
    assert modes[-1] is Mode.STABLE


def test_replicas_that_a_person_added_while_there_was_no_data_stay() -> None:
    workload = One()
    now, _ = workload.run(START, 130, 40.0, 4)
    workload.tick(look(4, NO_SAMPLES), now + 2)
    assert workload.tick(look(4, NO_SAMPLES, 9), now + 4).desired == 9
    assert workload.tick(look(9, NO_SAMPLES), now + 6).desired == 9


def test_a_decision_that_is_not_written_yet_is_held_too() -> None:
    workload = One()
    now, raised = workload.run(START, 130, 90.0, 2)
    assert raised.desired == 9
    assert workload.tick(look(2, NO_SAMPLES), now + 2).desired == 9


def test_the_return_of_samples_is_no_valley() -> None:
    workload = One()
    now, _ = workload.run(START, 130, 40.0, 4)
    for _ in range(30):
        now += 2.0
        workload.tick(look(4, NO_SAMPLES), now)
    for _ in range(60):
        now += 2.0
        assert workload.tick(look(4, samples(now, 40.0, 4)), now).desired == 4


def test_part_of_the_samples_never_scales_down() -> None:
    workload = One()
    now, _ = workload.run(START, 130, 40.0, 4)
    for _ in range(60):
        now += 2.0
        decision = workload.tick(look(4, samples(now, 1.0, 1)), now)
        assert decision.desired == 4


def test_part_of_the_samples_may_scale_up() -> None:
    workload = One()
    now, _ = workload.run(START, 130, 40.0, 4)
    for _ in range(10):
        now += 2.0
        decision = workload.tick(look(4, samples(now, 300.0, 2)), now)
    assert decision.desired > 4


def test_a_changed_window_keeps_what_was_measured() -> None:
    workload = One()
    now, _ = workload.run(START, 130, 40.0, 4)
    workload.fleet.follow("a", replace(POLICY, stable_window_s=20, panic_window_s=2), int(now * 1000))
    decision = workload.tick(look(4, samples(now + 2, 40.0, 4)), now + 2)
    assert (decision.inputs.stable, decision.desired) == (40.0, 4)


@pytest.mark.parametrize(
    ("policy", "query"),
    [(replace(POLICY, metric=Metric.RPS), ""), (POLICY, "sum(queue_length)")],
    ids=["metric", "query"],
)
def test_what_was_measured_in_another_unit_is_forgotten(policy: Policy, query: str) -> None:
    """Forty requests at once are four replicas; four hundred requests per second at a target of ten would be forty."""
    workload = One()
    now, _ = workload.run(START, 130, 40.0, 4)
    workload.fleet.follow("a", policy, int(now * 1000), query=query)
    held = workload.tick(look(4, NO_SAMPLES), now + 2)
    assert (held.mode, held.desired, held.inputs.stable) == (Mode.HELD, 4, None)
    first = workload.tick(look(4, samples(now + 4, 400.0, 4)), now + 4)
    assert (first.inputs.stable, first.inputs.panic, first.desired) == (400.0, 400.0, 40)


def test_a_metric_that_measures_less_sends_nobody_away_at_once() -> None:
    workload = One()
    now, _ = workload.run(START, 130, 40.0, 4)
    workload.fleet.follow("a", replace(POLICY, metric=Metric.RPS), int(now * 1000))
    now, kept = workload.run(now, 60, 1.0, 4)
    assert (kept.inputs.stable, kept.desired) == (1.0, 4)
    _, lowered = workload.run(now, 10, 1.0, 4)
    assert lowered.desired == 2


def test_another_target_of_the_same_metric_keeps_what_was_measured() -> None:
    workload = One()
    now, _ = workload.run(START, 130, 40.0, 4)
    workload.fleet.follow("a", replace(POLICY, target=5.0, averaging=Averaging.WEIGHTED_EXPONENTIAL), int(now * 1000))
    kept = workload.tick(look(4, NO_SAMPLES), now + 2)
    assert kept.inputs.stable == pytest.approx(40.0, abs=0.01)


def test_after_a_restart_in_a_surge_the_starting_replicas_count() -> None:
    """Twenty are asked for and four are ready: the first decision must not send sixteen of them away."""
    workload = One()
    workload.tick(look(4, NO_SAMPLES, 20), START)
    decision = workload.tick(look(4, samples(START + 2, 40.0, 4), 20), START + 2)
    assert (decision.mode, decision.desired) == (Mode.PANIC, 20)


def test_a_reason_to_hold_is_held_and_told_within_the_bounds() -> None:
    decision = One(replace(POLICY, max_scale=3)).tick(look(4, samples(START, 400.0, 4), hold="no good keys"), START)
    assert (decision.mode, decision.desired) == (Mode.HELD, 3)
    assert decision.reason.startswith("held: no good keys")


def test_a_clock_that_was_set_back_begins_anew_and_sends_nobody_away() -> None:
    workload = One()
    now, _ = workload.run(START, 130, 40.0, 4)
    now -= 3600.0
    _, risen = workload.run(now, 20, 400.0, 4)
    assert (risen.mode, risen.desired) == (Mode.PANIC, 40)


def test_a_clock_that_was_set_back_finds_the_rows_of_those_who_are_gone() -> None:
    fleet = Fleet()
    for uid in "abc":
        fleet.follow(uid, POLICY, int(START * 1000))
    fleet.tick(int(START * 1000), {uid: look(4, samples(START, 40.0, 4)) for uid in "abc"})
    fleet.forget("c")
    fleet.tick(int(START * 1000) - 3_600_000, {uid: look(4, samples(START - 3600, 40.0, 4)) for uid in "ab"})
    decisions = [fleet.decision(uid) for uid in "ab"]
    assert [decision and decision.desired for decision in decisions] == [4, 4]


def test_a_row_that_was_never_decided_on_knows_no_panic_of_the_one_before_it() -> None:
    fleet = Fleet()
    fleet.follow("a", POLICY, int(START * 1000))
    fleet.tick(int(START * 1000), {"a": look(4, samples(START, 400.0, 4))})
    fleet.forget("a")
    fleet.follow("b", POLICY, int(START * 1000))
    fleet.tick(int((START + 2) * 1000), {"b": look(4, NO_SAMPLES)})
    decision = fleet.decision("b")
    assert decision is not None
    assert (decision.inputs.panic_since_ms, decision.inputs.floor) == (None, 0)
    assert (decision.panic_since_ms, decision.floor) == (None, 0)


def test_loads_beyond_all_measure_are_no_overflow() -> None:
    workload = One(replace(POLICY, max_scale=0, max_scale_up_rate=1e308))
    _, decision = workload.run(START, 10, 3.9e12, 4)
    assert decision.desired == 2**31 - 1


def test_the_reason_has_the_numbers_that_made_it() -> None:
    _, decision = One().run(START, 130, 35.0, 1)
    assert "load 35" in decision.reason
    assert "target 10 each" in decision.reason


@pytest.mark.parametrize("stop_s", [30, 599, 3600])
def test_a_stopped_program_wakes_up_without_a_valley(stop_s: int) -> None:
    workload = One()
    now, _ = workload.run(START, 130, 40.0, 4)
    now += stop_s
    for _ in range(5):
        now += 2.0
        assert workload.tick(look(4, samples(now, 40.0, 4)), now).desired >= 4


@st.composite
def bounded_policies(draw: st.DrawFn) -> Policy:
    low = draw(st.integers(0, 5))
    high = draw(st.one_of(st.just(0), st.integers(max(low, 1), 50)))
    delay, activation = draw(st.sampled_from([0, 3, 30])), draw(st.sampled_from([0, 2, 4]))
    return Policy(
        target=draw(st.floats(1, 50)),
        min_scale=low,
        max_scale=high,
        scale_down_delay_s=delay,
        activation_scale=activation if not high else min(activation, high),
        initial_scale=draw(st.integers(1, 4)) if not high else 1,
        averaging=draw(st.sampled_from(Averaging)),
    )


@settings(deadline=None, max_examples=50)
@given(
    bounded_policies(),
    st.integers(1, 10),
    st.lists(st.one_of(st.none(), st.floats(0, 5000)), min_size=1, max_size=25),
)
def test_replicas_are_always_within_their_bounds(policy: Policy, ready: int, loads: list[float | None]) -> None:
    workload = One(policy, created=START)
    for step, load in enumerate(loads):
        now = START + 2.0 * step
        seen = NO_SAMPLES if load is None else samples(now, load, ready)
        decision = workload.tick(look(ready, seen), now)
        least = max(1, policy.min_scale)
        assert decision.desired >= least
        assert not policy.max_scale or decision.desired <= max(policy.max_scale, least)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(1, 20), min_size=1, max_size=4), st.floats(0, 400), st.integers(1, 8))
def test_a_hole_of_any_length_never_lowers_a_decision(holes: list[int], load: float, ready: int) -> None:
    workload = One()
    now, steady = workload.run(START, 130, load, ready)
    for hole in holes:
        for step in range(hole + 4):
            now += 2.0
            seen = NO_SAMPLES if step < hole else samples(now, load, ready)
            assert workload.tick(look(ready, seen), now).desired >= steady.desired


def test_the_scale_down_delay_keeps_what_was_wanted_within_it() -> None:
    workload = One(replace(POLICY, stable_window_s=6, panic_window_s=1, scale_down_delay_s=60, max_scale_down_rate=10))
    now, _ = workload.run(START, 60, 45.0, 5)
    now, kept = workload.run(now, 50, 10.0, 5)
    assert (kept.wanted, kept.desired) == (5, 5)
    assert "scale-down-delay" in kept.reason
    _, lowered = workload.run(now, 30, 10.0, 5)
    assert lowered.desired == 1


def test_a_delay_that_is_set_later_counts_from_what_is_remembered() -> None:
    policy = replace(POLICY, stable_window_s=6, panic_window_s=1, scale_down_delay_s=20, max_scale_down_rate=10)
    workload = One(policy)
    now, _ = workload.run(START, 60, 45.0, 5)
    workload.fleet.follow("a", replace(policy, scale_down_delay_s=60), int(now * 1000))
    _, kept = workload.run(now, 50, 10.0, 5)
    assert kept.desired == 5


def test_the_initial_scale_holds_until_it_was_ready_once() -> None:
    workload = One(replace(POLICY, initial_scale=4, stable_window_s=6, panic_window_s=1), created=START)
    now, early = workload.run(START, 30, 5.0, 1)
    assert (early.wanted, early.desired) == (1, 4)
    assert "initial-scale" in early.reason
    now, _ = workload.run(now, 20, 5.0, 4)
    _, later = workload.run(now, 60, 5.0, 2)
    assert later.desired == 1


def test_a_workload_that_reached_its_initial_scale_before_is_not_raised_to_it_again() -> None:
    _, decision = One(replace(POLICY, initial_scale=4)).run(START, 80, 5.0, 1)
    assert decision.desired == 1


def test_the_activation_scale_is_the_least_that_any_load_gets() -> None:
    policy = replace(POLICY, activation_scale=3, stable_window_s=6, panic_window_s=1)
    workload = One(policy)
    now, some = workload.run(START, 30, 1.0, 1)
    assert some.desired == 3
    _, none = workload.run(now, 60, 0.0, 3)
    assert none.desired == 1


def test_replicas_that_another_sets_are_left_as_they_are_whatever_the_bounds() -> None:
    workload = One(replace(POLICY, max_scale=3))
    now, _ = workload.run(START, 80, 400.0, 3)
    left = workload.tick(look(9, samples(now + 2, 400.0, 9), leave="HorizontalPodAutoscaler x scales it too"), now + 2)
    assert (left.mode, left.desired) == (Mode.HELD, 9)
    assert left.reason == "left alone: HorizontalPodAutoscaler x scales it too"


def test_a_weighted_average_follows_the_newest_seconds() -> None:
    policy = replace(POLICY, panic_threshold=1000.0)
    linear, weighted = One(policy), One(replace(policy, averaging=Averaging.WEIGHTED_EXPONENTIAL))
    for workload in (linear, weighted):
        now, _ = workload.run(START, 130, 10.0, 1)
        workload.run(now, 10, 100.0, 1)
    stable = [each.fleet.decision("a").inputs.stable for each in (linear, weighted)]  # type: ignore[union-attr]
    assert stable[0] == pytest.approx(25.0)
    assert stable[1] is not None
    assert stable[1] > 80


def test_rows_that_come_and_go_do_not_touch_each_other() -> None:
    fleet, alone = Fleet(), One()
    now, uids = START, ["a"]
    fleet.follow("a", POLICY, int(now * 1000))
    for step in range(100):
        now += 2.0
        if step % 7 == 3:
            uids.append(f"x{step}")
            fleet.follow(uids[-1], replace(POLICY, stable_window_s=10 + step, scale_down_delay_s=step), int(now * 1000))
        if step % 11 == 9:
            fleet.forget(uids.pop(1))
        load = 10.0 + 3 * step
        fleet.tick(int(now * 1000), {uid: look(4, samples(now, load if uid == "a" else 500.0, 4)) for uid in uids})
        expected = alone.tick(look(4, samples(now, load, 4)), now)
        assert fleet.decision("a") == expected
        assert fleet.decision("x3") is None or "x3" in fleet
    assert sorted(fleet) == sorted(uids)


def test_only_workloads_that_are_to_get_other_replicas_are_returned() -> None:
    fleet = Fleet()
    for uid in ("busy", "calm"):
        fleet.follow(uid, POLICY, int(START * 1000))
    looks = {"busy": look(1, samples(START + 2, 90.0, 1)), "calm": look(1, samples(START + 2, 9.0, 1))}
    assert fleet.tick(int((START + 2) * 1000), looks) == ["busy"]


def test_part_of_the_data_is_marked_in_the_inputs() -> None:
    workload = One()
    now, _ = workload.run(START, 20, 40.0, 4)
    assert workload.tick(look(4, samples(now + 2, 40.0, 2)), now + 2).inputs.seen is Seen.PART


def test_another_metric_is_never_averaged_with_what_was_counted_before() -> None:
    one = One(replace(POLICY, metric=Metric.RPS, target=100.0))
    now, before = one.run(START, 130, 900.0, 9)
    assert (before.mode, before.desired) == (Mode.STABLE, 9)
    one.fleet.follow("a", replace(POLICY, target=5.0), int(now * 1000))
    for _ in range(90):
        now += 2.0
        decision = one.tick(look(9, samples(now, 36.0, 9)), now)
        assert decision.inputs.stable == decision.inputs.panic == pytest.approx(36.0)
        assert 8 <= decision.desired <= 9  # 900 requests a second are not 180 replicas of 5 requests at once
    assert (decision.mode, decision.desired) == (Mode.STABLE, 8)


def test_without_a_sample_of_the_other_metric_the_replicas_stay() -> None:
    one = One(replace(POLICY, metric=Metric.RPS, target=100.0))
    now, _ = one.run(START, 130, 900.0, 9)
    one.fleet.follow("a", replace(POLICY, target=5.0), int(now * 1000))
    for _ in range(60):
        now += 2.0
        decision = one.tick(look(9, NO_SAMPLES), now)
        assert (decision.mode, decision.desired, decision.inputs.stable) == (Mode.HELD, 9, None)


OTHER = "HorizontalPodAutoscaler llama scales it"


def observe(one: One, since: float, seconds: int, *, load: float, ready: int) -> tuple[float, Decision]:
    """Tick every 2 s while another sets the replicas."""
    now, decision = since, None
    while now < since + seconds:
        now += 2.0
        decision = one.tick(look(ready, samples(now, load, ready), observed=OTHER), now)
        assert one.fleet.tick(int(now * 1000), {"a": look(ready, samples(now, load, ready), observed=OTHER)}) == []
    assert decision is not None
    return now, decision


def test_what_is_observed_goes_down_as_if_it_were_carried_out_and_is_never_to_be_written() -> None:
    one = One(replace(POLICY, max_scale_down_rate=1.1))
    _, decision = observe(one, START, 120, load=40.0, ready=40)
    assert (decision.inputs.current, decision.inputs.ready, decision.desired) == (40, 40, 4)
    assert decision.inputs.observed == OTHER


def test_scaling_begins_without_a_jump_after_observing() -> None:
    policy = replace(POLICY, max_scale_up_rate=2.0, scale_down_delay_s=600)
    one = One(policy)
    # What is decided while it is observed lies far from what is there, in panic, on its floor and in its delay.
    now, decision = observe(one, START, 10, load=1000.0, ready=20)
    assert decision.desired == 40
    now, decision = observe(one, now, 20, load=60.0, ready=8)
    assert decision.desired == 40
    first = one.tick(look(8, samples(now + 2, 60.0, 8)), now + 2)
    assert first.desired == 16  # of the eight that are there no more than twice as many
    assert (first.inputs.standing, first.inputs.delayed, first.inputs.floor) == (0, 0, 8)


def test_scaling_takes_nothing_away_for_a_stable_window_after_observing() -> None:
    one = One()
    now, decision = observe(one, START, 120, load=40.0, ready=40)
    assert decision.desired == 4
    first = one.tick(look(40, samples(now + 2, 40.0, 40)), now + 2)
    assert (first.desired, first.mode) == (40, Mode.PANIC)
    now, last = one.run(now + 2, 62, 40.0, 40)
    assert (last.desired, last.mode) == (20, Mode.STABLE)


def test_what_was_remembered_of_observing_is_forgotten_where_scaling_began_during_a_restart() -> None:
    one = One()
    # The past is made again as it was, observed; what was told of it has a floor that nobody carried out.
    one.tick(look(4, samples(START, 40.0, 4), observed=OTHER), START)
    one.fleet.recall("a", {"standing": 40.0, "panic_floor": 40.0, "panic_since_seconds": START, "initialised": 1.0})
    first = one.tick(look(4, samples(START + 2, 40.0, 4)), START + 2)
    assert (first.desired, first.inputs.floor, first.inputs.standing) == (4, 4, 0)
    scaled = One()
    scaled.tick(look(4, samples(START, 40.0, 4)), START)
    scaled.fleet.recall("a", {"standing": 40.0, "panic_floor": 40.0, "panic_since_seconds": START, "initialised": 1.0})
    assert scaled.tick(look(4, samples(START + 2, 40.0, 4)), START + 2).desired == 40


def test_observing_begins_with_what_stood_decided() -> None:
    one = One()
    now, decision = one.run(START, 120, 40.0, 4)
    assert decision.desired == 4
    observed = one.tick(look(30, samples(now + 2, 40.0, 30), observed=OTHER), now + 2)
    assert (observed.inputs.standing, observed.desired) == (4, 4)


def test_a_workload_rises_where_more_are_wanted_than_it_has_and_only_with_the_key() -> None:
    limited = One(replace(POLICY, limit_to_placeable=True))
    seen = replace(look(2, samples(START, 90.0, 2)), placement=Placement(2, 3, "no room"))
    assert limited.tick(seen, START).desired == 5
    assert limited.fleet.rising() == {"a": 9}
    assert limited.fleet.unplaced() == ["a"]
    figures = limited.fleet.figures()
    assert figures is not None
    assert figures.placeable.tolist() == [5.0]
    limited.tick(replace(seen, placement=Placement(0)), START + 2)
    assert (limited.fleet.rising(), limited.fleet.unplaced()) == ({"a": 9}, [])
    limited.tick(replace(seen, current=9), START + 4)
    assert (limited.fleet.rising(), limited.fleet.unplaced()) == ({}, [])
    limited.fleet.follow("a", POLICY, int(START * 1000))
    limited.tick(look(2, samples(START + 6, 90.0, 2)), START + 6)
    assert limited.fleet.rising() == {}
    limited.fleet.forget("a")
    assert limited.fleet.rising() == {}


def test_what_is_promised_needs_no_question() -> None:
    promised = One(replace(POLICY, limit_to_placeable=True, min_scale=9))
    assert promised.tick(replace(look(2, samples(START, 90.0, 2)), placement=Placement(0)), START).desired == 9
    assert promised.fleet.rising() == {}


def test_the_loads_of_replicas_are_known_where_all_were_measured() -> None:
    one = One()
    assert one.fleet.in_flight("a") == {}
    one.tick(look(2, samples(START, 30.0, 2)), START)
    assert one.fleet.in_flight("a") == {("ns", "p0"): 15.0, ("ns", "p1"): 15.0}
    one.tick(look(3, samples(START + 2, 30.0, 2)), START + 2)
    assert one.fleet.in_flight("a") == {}, "one of three was not measured"
    assert one.fleet.in_flight("nobody") == {}


def test_with_the_metric_rps_what_is_in_flight_is_known_and_not_what_ended() -> None:
    one = One(replace(POLICY, metric=Metric.RPS, drain_aware_scale_down=True))
    selection = Selection.of(Question(Metric.RPS, "vllm"))
    now = START
    for _ in range(10):
        now += 2.0
        times = [now - back for back in range(40, -1, -1)]
        labels = {"__name__": "vllm:request_success_total", "namespace": "ns"}
        # The first is full of long requests of which none ends, the second ends one a second.
        ended = [({**labels, "pod": f"p{pod}"}, tuple((t, 100.0 + pod * t) for t in times)) for pod in range(2)]
        seen = look(2, gather(selection, ended))
        running = {"__name__": "vllm:num_requests_running", "namespace": "ns"}
        held = [({**running, "pod": f"p{pod}"}, tuple((t, 8.0 - 7 * pod) for t in times)) for pod in range(2)]
        one.tick(replace(seen, signals={Signal.IN_FLIGHT: gather(SELECTION, held)}), now)
    assert one.fleet.in_flight("a") == {("ns", "p0"): 8.0, ("ns", "p1"): 1.0}
    one.tick(replace(seen, signals={Signal.IN_FLIGHT: gather(SELECTION, held[:1])}), now + 10.0)
    assert one.fleet.in_flight("a") == {}, "of one of two it was not measured"
    one.fleet.follow("a", replace(POLICY, metric=Metric.RPS), int(now * 1000))
    one.tick(seen, now + 12.0)
    assert one.fleet.in_flight("a") == {}


def test_what_a_fleet_tells_another_one_can_go_on_from() -> None:
    policy = replace(POLICY, panic_exit_hold_s=60)
    one, other = One(policy), One(policy)
    now, _ = one.run(START, 80, 30.0, 3)
    other.run(START, 80, 30.0, 3)
    one.tick(look(3, samples(now, 300.0, 3)), now)
    now += 2.0
    surge = one.tick(look(3, samples(now, 300.0, 3)), now)
    assert surge.panic_since_ms is not None
    figures = one.fleet.figures()
    assert figures is not None
    told = {name: float(column[0]) for name, column in figures.remembered.items() if column[0] > 0}
    # The other saw the same load, and nothing of the panic.
    other.tick(look(3, samples(now - 2.0, 300.0, 3)), now - 2.0)
    other.tick(look(3, samples(now, 300.0, 3)), now)
    other.fleet.recall("a", {"initialised": 1.0, "standing": 3.0})
    other.fleet.recall("a", told)
    now += 2.0
    again, first = (each.tick(look(3, samples(now, 20.0, 3)), now) for each in (other, one))
    assert again == first
    assert again.floor == surge.floor


def test_of_what_was_told_long_ago_the_initial_scale_stays_and_the_law_begins_anew() -> None:
    policy = replace(POLICY, initial_scale=5, progress_deadline_ns=10**18)
    long_ago = {"initialised": 1.0, "standing": 9.0, "panic_since_seconds": START - 600.0, "panic_floor": 9.0}
    desired = []
    for told in ({}, long_ago):
        one = One(policy)
        one.tick(Look(3, 3, NO_SAMPLES, ()), START - 2)
        one.fleet.recall_lasting("a", told)
        now, _ = one.run(START, 80, 10.0, 3)
        decision = one.tick(look(3, samples(now, 10.0, 3)), now)
        assert decision.floor < 9
        desired.append(decision.desired)
    assert desired[0] == 5
    assert desired[1] < 5


def test_what_a_look_wants_to_be_remembered_is_told_too() -> None:
    one = One()
    one.fleet.follow("b", POLICY, int(1000 * START))
    looks = {
        "a": look(3, samples(START, 30.0, 3)),
        "b": replace(look(3, samples(START, 30.0, 3)), remembered={"missed_0": 2.0}),
    }
    one.fleet.tick(int(1000 * START), looks)
    figures = one.fleet.figures()
    assert figures is not None
    of_a, of_b = figures.remembered["missed_0"].tolist()
    assert isnan(of_a)
    assert of_b == 2.0


def test_what_is_not_told_is_not_remembered() -> None:
    one = One()
    now, _ = one.run(START, 80, 30.0, 3)
    panicking = one.tick(look(3, samples(now + 2, 300.0, 3)), now + 2)
    assert panicking.mode is Mode.PANIC
    one.fleet.recall("a", {"standing": 3.0, "initialised": 1.0})
    calm = one.tick(look(3, samples(now + 4, 30.0, 3)), now + 4)
    assert (calm.inputs.panic_since_ms, calm.inputs.floor, calm.inputs.standing) == (None, 0, 3)
