from __future__ import annotations

from dataclasses import replace

from hypothesis import given

from autoscaler.core.model import Inputs, Policy, Seen
from autoscaler.core.worked import Pair, worked
from tests.autoscaler.recorded import AT_MS, decided, many_inputs, seen


@given(many_inputs)
def test_it_gives_the_numbers_of_a_plain_telling_of_the_law(inputs: Inputs) -> None:
    free = replace(inputs, hold="", leave="", current=max(1, inputs.current), seen=Seen.ALL, stable=9.5, panic=700.25)
    plain, numbers = decided(free), worked(free, 9.5, 700.25)
    assert (numbers.delayed, numbers.since_ms) == (plain.wanted, plain.panic_since_ms)
    assert numbers.floor == plain.floor


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
