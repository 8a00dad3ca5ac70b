"""A decision as columns: what is asked of the law, what is held, what is left alone, and the same once more."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoscaler.core.decisions.decision import decide_again
from autoscaler.core.model import Averaging, Decision, Inputs, Mode, Policy, Seen

POLICY = Policy(target=10.0, stable_window_s=60, panic_window_s=6)
CALM = Inputs(at_ms=1_000_000, policy=POLICY, current=4, ready=4, stable=40.0, panic=40.0, seen=Seen.ALL, standing=4)


def test_a_calm_load_keeps_the_replicas() -> None:
    decision = decide_again(CALM)
    assert (decision.mode, decision.wanted, decision.desired) == (Mode.STABLE, 4, 4)
    assert decision.reason == "stable: load 40 over 60s, target 10 each: 4"


@pytest.mark.parametrize(
    ("inputs", "desired", "reason"),
    [
        (replace(CALM, seen=Seen.NOTHING, stable=10.0), 4, "held: no samples; last known load 40"),
        (replace(CALM, stable=None, panic=None), 4, "held: no sample of its load has been seen yet"),
        (replace(CALM, hold="no good keys"), 4, "held: no good keys"),
        (replace(CALM, leave="another scales it", current=9), 9, "left alone: another scales it"),
        (replace(CALM, current=0, standing=0), 0, "somebody scaled it to zero; autoscaling resumes above zero"),
        (
            replace(CALM, seen=Seen.PART, stable=20.0, panic=20.0),
            4,
            "held: some ready pods sent no samples; 2 wanted, part of the data never scales down",
        ),
        (replace(CALM, hold="x", current=7), 7, "held: x"),
        (replace(CALM, hold="x", policy=replace(POLICY, max_scale=3)), 3, "held: x; lowered to 3: max-scale"),
        (replace(CALM, hold="x", policy=replace(POLICY, min_scale=6)), 6, "held: x; raised to 6: min-scale"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_held_keeps_its_count_and_says_why(inputs: Inputs, desired: int, reason: str) -> None:
    decision = decide_again(inputs)
    assert (decision.mode, decision.desired, decision.reason) == (Mode.HELD, desired, reason)


def test_a_hold_keeps_the_state_of_panic() -> None:
    decision = decide_again(replace(CALM, hold="x", panic_since_ms=7, floor=9, panic=400.0))
    assert (decision.panic_since_ms, decision.floor, decision.excess_burst_capacity) == (7, 9, None)


def test_part_of_the_data_may_scale_up_and_moves_panic_on() -> None:
    decision = decide_again(replace(CALM, seen=Seen.PART, panic=90.0))
    assert (decision.mode, decision.desired, decision.panic_since_ms) == (Mode.PANIC, 9, CALM.at_ms)


def test_the_delay_keeps_more_than_is_wanted_now() -> None:
    decision = decide_again(replace(CALM, stable=20.0, panic=20.0, delayed=6))
    assert (decision.wanted, decision.desired) == (6, 6)
    assert decision.reason.endswith(": 2; kept at 6: scale-down-delay")


def test_the_last_replica_stays() -> None:
    decision = decide_again(replace(CALM, ready=1, current=1, standing=1, stable=0.0, panic=0.0))
    assert (decision.wanted, decision.desired) == (0, 1)
    assert decision.reason.endswith("raised to 1: the last replica stays, as zero needs the activator")


def test_a_panic_says_what_began_it_and_what_keeps_it() -> None:
    began = decide_again(replace(CALM, panic=90.0))
    assert began.reason == "panic: load 90 over 6s, target 10 each, 4 ready: 9"
    kept = decide_again(replace(CALM, panic_since_ms=CALM.at_ms - 1000, floor=12))
    assert kept.reason == "panic: kept at 12, its highest; load 40 over 6s, target 10 each"


OBSERVED = replace(CALM, observed="HorizontalPodAutoscaler llama scales it")


def test_what_is_observed_says_so_and_is_decided_on_as_if_it_had_been_carried_out() -> None:
    # Another keeps 40 replicas; of ours, 4 would be left: by those the rates go.
    lower = decide_again(replace(OBSERVED, current=40, ready=40, stable=11.0, panic=11.0))
    assert lower.desired == 2
    assert lower.reason == "observed: stable: load 11 over 60s, target 10 each: 2"
    burst = decide_again(replace(OBSERVED, current=40, ready=40, panic=90.0))
    assert burst.reason == "observed: panic: load 90 over 6s, target 10 each, 4 ready: 9"


def test_a_hold_while_another_sets_the_replicas_keeps_our_own_last_decision() -> None:
    assert decide_again(replace(OBSERVED, current=40, ready=40, seen=Seen.NOTHING)).desired == 4
    assert decide_again(replace(OBSERVED, current=40, ready=40, seen=Seen.NOTHING, standing=0)).desired == 40


def test_replicas_that_do_not_exist_never_count() -> None:
    # We had decided on 30 and another keeps 3: no more than those can be lost at once, or carry anything.
    decision = decide_again(replace(OBSERVED, current=3, ready=3, standing=30, stable=40.0, panic=40.0))
    assert "3 ready" not in decision.reason
    assert (decision.inputs.counted, decision.desired) == (3, 4)


def test_what_another_scaled_to_zero_is_not_decided_on_while_it_is_observed_either() -> None:
    decision = decide_again(replace(OBSERVED, current=0, ready=0))
    assert (decision.desired, decision.reason) == (0, "somebody scaled it to zero; autoscaling resumes above zero")


LIMITED = replace(CALM, policy=replace(POLICY, limit_to_placeable=True), stable=90.0, panic=90.0)
HELD = "panic: load 90 over 6s, target 10 each, 4 ready: 9"


@pytest.mark.parametrize(
    ("inputs", "desired", "reason"),
    [
        (LIMITED, 9, ""),
        (replace(LIMITED, placed=4, fits=9), 9, ""),
        (replace(LIMITED, placed=4, fits=3, misfit="no room"), 7, "; lowered to 7: only 7 can be placed: no room"),
        (replace(LIMITED, placed=4, fits=0), 4, "; kept at 4: only 4 can be placed"),
        (replace(LIMITED, placed=1, fits=0), 4, "; kept at 4: only 1 can be placed"),
        (replace(LIMITED, asking=True), 4, "; kept at 4 until the extender has said how many can be placed"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_replicas_rise_only_as_far_as_they_can_be_placed(inputs: Inputs, desired: int, reason: str) -> None:
    decision = decide_again(inputs)
    assert (decision.wanted, decision.desired, decision.reason) == (9, desired, HELD + reason)
    assert decision.inputs == inputs


def test_what_is_promised_is_asked_for_place_or_no_place() -> None:
    least = replace(LIMITED, policy=replace(LIMITED.policy, min_scale=6), placed=4, fits=0)
    assert decide_again(least).desired == 6
    first = replace(LIMITED, policy=replace(LIMITED.policy, initial_scale=8), placed=4, fits=0)
    assert decide_again(replace(first, initialised=False)).desired == 8
    assert decide_again(first).desired == 4


def test_places_lower_nothing_that_is_asked_for_and_stop_no_scale_down() -> None:
    many = replace(CALM, policy=LIMITED.policy, current=20, ready=4, placed=4, fits=0, standing=20)
    assert decide_again(replace(many, stable=200.0, panic=200.0)).desired == 20
    assert decide_again(replace(many, stable=100.0, panic=100.0)).desired == 10


def test_what_is_held_rises_no_further_than_its_places_either() -> None:
    held = replace(LIMITED, hold="x", standing=9, placed=4, fits=1)
    assert decide_again(held).desired == 5


LOADS = st.one_of(st.none(), st.floats(0, 1e12))
POLICIES = st.builds(
    Policy,
    averaging=st.sampled_from(Averaging),
    target=st.floats(0.01, 1e6),
    panic_threshold=st.floats(1.1, 10),
    max_scale_up_rate=st.floats(1.01, 1000),
    max_scale_down_rate=st.floats(1.01, 10),
    activation_scale=st.integers(0, 5),
    initial_scale=st.integers(0, 5),
    min_scale=st.integers(0, 5),
    max_scale=st.sampled_from([0, 5, 100]),
    reachable=st.booleans(),
    limit_to_placeable=st.booleans(),
)


@st.composite
def recorded(draw: st.DrawFn) -> Inputs:
    stable = draw(LOADS)
    return Inputs(
        at_ms=draw(st.integers(1, 2**41)),
        policy=draw(POLICIES),
        current=draw(st.integers(0, 1000)),
        ready=draw(st.integers(0, 1000)),
        stable=stable,
        panic=None if stable is None else draw(st.floats(0, 1e12)),
        seen=draw(st.sampled_from(Seen)),
        hold=draw(st.sampled_from(["", "", "x"])),
        leave=draw(st.sampled_from(["", "", "y"])),
        panic_since_ms=draw(st.one_of(st.none(), st.integers(1, 2**41))),
        floor=draw(st.integers(0, 1000)),
        delayed=draw(st.integers(0, 1000)),
        standing=draw(st.integers(0, 1000)),
        initialised=draw(st.booleans()),
        observed=draw(st.sampled_from(["", "", "an HPA scales it"])),
    )


@settings(max_examples=300)
@given(recorded())
def test_what_stands_is_kept_or_exceeded_wherever_the_data_is_not_whole(inputs: Inputs) -> None:
    decision = decide_again(inputs)
    bound = inputs.policy.max_scale or decision.desired
    if inputs.leave or inputs.current == 0:
        assert decision.desired == inputs.current
    elif inputs.seen is not Seen.ALL or inputs.stable is None or inputs.hold:
        stands = inputs.standing if inputs.observed and inputs.standing else max(inputs.current, inputs.standing)
        assert decision.desired >= min(stands, bound)


@settings(max_examples=300)
@given(recorded(), st.integers(0, 1000), st.integers(0, 1000))
def test_places_only_ever_lower_a_rise_and_never_below_what_is_asked_for(
    inputs: Inputs, placed: int, fits: int
) -> None:
    free, bound = decide_again(inputs), decide_again(replace(inputs, placed=placed, fits=fits))
    if bound.desired != free.desired:
        assert inputs.asked_for <= bound.desired < free.desired
        assert bound.desired >= placed + fits
    more = decide_again(replace(inputs, placed=placed, fits=fits + 1))
    assert bound.desired <= more.desired <= free.desired
    assert replace(bound, inputs=inputs, desired=free.desired, reason=free.reason) == free


@settings(max_examples=300)
@given(recorded(), st.floats(0, 1e12), st.floats(0, 1e12))
def test_more_load_never_means_fewer_replicas(inputs: Inputs, more: float, burst: float) -> None:
    policy = inputs.policy
    if inputs.stable is None or inputs.panic is None or 0 < policy.max_scale < policy.min_scale:
        return
    less = decide_again(inputs)
    loaded = decide_again(replace(inputs, stable=inputs.stable + more, panic=inputs.panic + burst))
    assert loaded.desired >= less.desired


@settings(max_examples=300)
@given(recorded())
def test_panic_never_shrinks_and_a_step_obeys_the_rates(inputs: Inputs) -> None:
    ready = min(inputs.ready, inputs.standing) if inputs.observed and inputs.standing else inputs.ready
    decision, policy, base = decide_again(inputs), inputs.policy, max(1, ready)
    if decision.mode is Mode.PANIC and inputs.panic_since_ms is not None:
        assert decision.wanted >= inputs.floor
    if decision.mode is Mode.STABLE:
        most = max(-(-policy.max_scale_up_rate * base // 1), policy.activation_scale, inputs.delayed)
        least = base // policy.max_scale_down_rate if policy.reachable else 0
        assert least <= decision.wanted <= most


@given(recorded())
def test_the_same_inputs_give_the_same_decision(inputs: Inputs) -> None:
    first: Decision = decide_again(inputs)
    assert decide_again(first.inputs) == first
