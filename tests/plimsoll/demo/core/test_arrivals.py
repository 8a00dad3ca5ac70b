from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.demo.core.arrivals import (
    PEAK_S,
    Arrival,
    Stretch,
    compressed,
    generated,
    peak,
    service_s,
    spread,
    thinned,
)

STRETCHES = (Stretch(20, rate=2, dispersion=1), Stretch(30, rate=20, dispersion=4))

arrivals = st.lists(
    st.builds(Arrival, at_s=st.floats(0, 200), in_tokens=st.integers(0, 5000), out_tokens=st.integers(0, 500)),
    min_size=1,
    max_size=60,
).map(lambda each: tuple(sorted(each, key=lambda arrival: arrival.at_s)))


def test_service_time_is_a_fixed_part_and_a_part_for_each_token() -> None:
    assert service_s(0, 0) == pytest.approx(0.2)
    assert service_s(1000, 40) == pytest.approx(0.2 + 0.1 + 1.0)


@given(st.integers(0, 2**32))
def test_the_same_seed_gives_the_same_arrivals(seed: int) -> None:
    assert generated(STRETCHES, seed) == generated(STRETCHES, seed)


@given(st.integers(0, 2**32))
def test_generated_arrivals_are_in_order_and_within_their_stretches(seed: int) -> None:
    times = [arrival.at_s for arrival in generated(STRETCHES, seed)]
    assert times == sorted(times)
    assert all(0 < at_s < 50 for at_s in times)


def test_a_stretch_has_about_the_arrivals_that_its_rate_says() -> None:
    (calm, burst) = (
        sum(begin <= arrival.at_s < end for seed in range(20) for arrival in generated(STRETCHES, seed)) / 20
        for begin, end in ((0, 20), (20, 50))
    )
    assert calm == pytest.approx(40, rel=0.15)
    assert burst == pytest.approx(600, rel=0.15)


def test_arrivals_of_one_stamp_are_spread_until_the_next() -> None:
    batches = tuple(Arrival(at, 1, 1) for at in (0.0, 0.0, 2.0, 2.0, 2.0, 50.0))
    assert [arrival.at_s for arrival in spread(batches)] == [0.0, 1.0, 2.0, 3.0, 4.0, 50.0]


@given(arrivals)
def test_spreading_keeps_every_arrival_and_their_order(some: tuple[Arrival, ...]) -> None:
    times = [arrival.at_s for arrival in spread(some)]
    assert times == sorted(times)
    assert all(now >= then.at_s for now, then in zip(times, some, strict=True))


def test_a_compressed_trace_begins_at_zero_and_ends_in_time() -> None:
    trace = tuple(Arrival(at_s, 1, 1) for at_s in (100.0, 110.0, 120.0, 400.0))
    assert [arrival.at_s for arrival in compressed(trace, 10, length_s=20)] == [0.0, 1.0, 2.0]


@given(arrivals)
def test_the_peak_is_the_one_that_looking_at_every_stretch_finds(some: tuple[Arrival, ...]) -> None:
    def weight(arrival: Arrival) -> float:
        return float(arrival.in_tokens)

    by_hand = max(
        sum(weight(other) for other in some if first.at_s <= other.at_s < first.at_s + PEAK_S) for first in some
    )
    assert peak(some, weight) == pytest.approx(by_hand / PEAK_S)


def test_without_arrivals_there_is_no_peak() -> None:
    assert peak((), lambda _: 1.0) == 0


def test_arrivals_below_the_limit_are_all_kept() -> None:
    some = generated(STRETCHES, 1)
    assert thinned(some, most_per_s=1000, seed=1) == some


@given(st.integers(0, 1000))
def test_thinning_brings_the_peak_near_the_limit(seed: int) -> None:
    some = tuple(Arrival(second / 50, 1, 1) for second in range(5000))
    kept = thinned(some, most_per_s=10, seed=seed)
    assert set(kept) <= set(some)
    assert peak(kept, lambda _: 1.0) == pytest.approx(10, rel=0.6)
