from __future__ import annotations

import math
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from autoscaler.core.decisions.worked import Pair, worked
from autoscaler.core.model import Inputs, Policy, Seen
from tests.autoscaler.recorded import AT_MS, decided, many_inputs, seen

loads = st.floats(0, 5000)


@given(many_inputs, loads, loads)
def test_it_gives_the_numbers_of_a_plain_telling_of_the_law(inputs: Inputs, stable: float, panic: float) -> None:
    free = replace(inputs, hold="", leave="", current=max(1, inputs.current), seen=Seen.ALL, stable=stable, panic=panic)
    plain, numbers = decided(free), worked(free, stable, panic)
    assert (numbers.delayed, numbers.since_ms) == (plain.wanted, plain.panic_since_ms)
    assert numbers.floor == plain.floor


@given(many_inputs, loads, loads)
def test_the_steps_between_are_those_of_the_law(inputs: Inputs, stable: float, panic: float) -> None:
    policy, numbers = inputs.policy, worked(inputs, stable, panic)
    ready = max(1, inputs.counted)
    assert numbers.base == ready
    assert numbers.asked == Pair(math.ceil(stable / policy.target), math.ceil(panic / policy.target))
    assert numbers.highest == math.ceil(policy.max_scale_up_rate * ready)
    assert numbers.lowest == (math.floor(ready / policy.max_scale_down_rate) if policy.reachable else 0)
    asked, limited = numbers.asked, numbers.limited
    assert limited.stable == min(max(asked.stable, numbers.lowest), numbers.highest)
    assert limited.panic == min(max(asked.panic, numbers.lowest), numbers.highest)
    assert numbers.share == asked.panic / ready
    assert numbers.over == (numbers.share >= policy.panic_threshold)


def test_a_panic_that_begins_with_the_first_decision_is_not_over_its_threshold() -> None:
    """After a restart panic begins now, however little is asked for."""
    numbers = worked(replace(seen(), panic_since_ms=AT_MS, floor=4), 1.0, 1.0)
    assert (numbers.over, numbers.since_ms, numbers.fresh) == (False, AT_MS, 4)


def test_products_are_rounded_as_the_original_rounds_them() -> None:
    # 2.2 * 25 is 55.00000000000001 in doubles, and its ceiling 56.
    policy = Policy(max_scale_up_rate=2.2, target=1.0)
    assert worked(seen(25, policy=policy), 500.0, 500.0).limited == Pair(56, 56)


def test_a_panic_lasts_to_the_end_of_its_stable_window_and_no_longer() -> None:
    lasting = replace(seen(), panic_since_ms=AT_MS - 60_000, floor=9)
    assert worked(lasting, 1.0, 1.0).fresh == 9
    over = replace(lasting, panic_since_ms=AT_MS - 60_001)
    assert worked(over, 1.0, 1.0).since_ms is None


def test_a_load_beyond_all_measure_is_a_replica_count() -> None:
    assert worked(seen(), 1e308, 1e308).asked == Pair(2**31 - 1, 2**31 - 1)
