"""Samples become one value a second; what was not measured is said, and is never zero."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.core.model import SecondOfLoad, Seen
from autoscaler.core.observation import NO_SAMPLES, LastKnown, Samples, Series, gather, lookback_s, observe


def each_second(pod: str, values: dict[int, float]) -> Series:
    """One sample in the middle of each second."""
    return Series("ns", pod, tuple((second + 0.5, value) for second, value in sorted(values.items())))


def seen(samples: Samples, ready: list[str], seconds: range, known: LastKnown | None = None) -> list[SecondOfLoad]:
    return list(observe(samples, "ns", ready, known or LastKnown(), seconds)[1])


def test_each_second_carries_its_own_sample() -> None:
    samples = gather([each_second("a", {10: 1.0, 11: 2.0, 12: 3.0})])
    assert seen(samples, ["a"], range(10, 13)) == [SecondOfLoad(10 + i, 1.0 + i, Seen.ALL) for i in range(3)]


def test_a_sample_holds_until_the_next_one() -> None:
    samples = gather([Series("ns", "a", ((10.5, 1.0), (13.5, 4.0)))])
    assert [s.load for s in seen(samples, ["a"], range(10, 15))] == [1.0, 1.0, 1.0, 4.0, 4.0]


def test_the_load_of_a_pod_is_the_sum_of_its_series_and_that_of_a_workload_the_sum_of_its_pods() -> None:
    samples = gather([each_second("a", {10: 1.0}), each_second("a", {10: 2.0}), each_second("b", {10: 4.0})])
    assert seen(samples, ["a", "b"], range(10, 11)) == [SecondOfLoad(10, 7.0, Seen.ALL)]


def test_pods_of_other_namespaces_and_pods_that_are_not_ready_do_not_count() -> None:
    samples = gather([each_second("a", {10: 1.0}), each_second("c", {10: 5.0}), Series("other", "a", ((10.5, 9.0),))])
    assert seen(samples, ["a"], range(10, 11)) == [SecondOfLoad(10, 1.0, Seen.ALL)]


def test_no_samples_at_all_carry_the_last_known_load_and_say_so() -> None:
    known, _ = observe(gather([each_second("a", {10: 6.0})]), "ns", ["a"], LastKnown(), range(10, 11))
    assert seen(NO_SAMPLES, ["a"], range(11, 13), known) == [
        SecondOfLoad(11, 6.0, Seen.NOTHING),
        SecondOfLoad(12, 6.0, Seen.NOTHING),
    ]


def test_a_workload_that_was_never_measured_has_no_value() -> None:
    assert seen(NO_SAMPLES, ["a"], range(10, 13)) == []
    assert seen(gather([each_second("x", {10: 1.0})]), ["a"], range(10, 13)) == []


def test_stale_samples_are_no_samples() -> None:
    samples = gather([each_second("a", {10: 6.0, 11: 6.0})])
    assert [s.seen for s in seen(samples, ["a"], range(11, 18))] == [Seen.ALL] * 5 + [Seen.NOTHING] * 2


def every(interval: int, pod: str, until: int, value: float = 1.0) -> Series:
    """One sample an interval, from 0.5 s on."""
    return Series("ns", pod, tuple((time + 0.5, value) for time in range(0, until, interval)))


@pytest.mark.parametrize("interval", [1, 5, 15, 30, 60, 110])
def test_a_steady_scrape_of_any_interval_is_seen_whole(interval: int) -> None:
    until = 3 * 110
    samples = gather([every(interval, "a", until), every(interval, "b", until)])
    assert {s.seen for s in seen(samples, ["a", "b"], range(until - interval, until))} == {Seen.ALL}


def test_slow_scrapes_stay_fresh_beside_fast_ones() -> None:
    samples = gather([every(1, "fast", 300), *(every(15, f"slow{i}", 300) for i in range(8))])
    ready = ["fast", *(f"slow{i}" for i in range(8))]
    assert {s.seen for s in seen(samples, ready, range(285, 300))} == {Seen.ALL}


def test_a_lost_scrape_is_no_longer_interval() -> None:
    times = [t for t in range(40) if t not in (7, 8, 20)]
    samples = gather([Series("ns", "a", tuple((t + 0.5, 1.0) for t in times))])
    assert samples.interval_s == 1.0


@pytest.mark.parametrize(("interval", "lookback"), [(None, 300), (1.0, 40), (15.0, 48), (60.0, 160), (500.0, 300)])
def test_two_samples_are_asked_for_at_any_interval(interval: float | None, lookback: int) -> None:
    assert lookback_s(interval) == lookback


def test_a_pod_that_is_not_measured_counts_with_its_last_known_load_and_the_second_is_partial() -> None:
    both = gather([each_second("a", {10: 6.0}), each_second("b", {10: 4.0})])
    known, _ = observe(both, "ns", ["a", "b"], LastKnown(), range(10, 11))
    only_a = gather([each_second("a", dict.fromkeys(range(10, 30), 6.0))])
    assert seen(only_a, ["a", "b"], range(20, 21), known) == [SecondOfLoad(20, 10.0, Seen.PART)]


def test_a_partial_second_is_never_below_the_last_load_that_was_measured_whole() -> None:
    known = LastKnown({"old": 10.0}, 10.0, 10.0)
    replaced = gather([each_second("new-1", {10: 1.0})])
    assert seen(replaced, ["new-1", "new-2"], range(10, 11), known) == [SecondOfLoad(10, 10.0, Seen.PART)]


def test_a_peak_that_was_never_measured_whole_passes() -> None:
    """One of two pods is never scraped: the other one's peak must not stay for ever."""
    known = LastKnown()
    for second, load in ((10, 10.0), (11, 300.0), (12, 10.0)):
        known, values = observe(gather([each_second("a", {second: load})]), "ns", ["a", "b"], known, [second])
        assert [(s.load, s.seen) for s in values] == [(load, Seen.PART)]


def test_values_that_are_no_load_are_no_samples() -> None:
    samples = gather([Series("ns", "a", ((10.5, math.nan), (11.5, -1.0), (12.5, math.inf)))])
    assert samples.by_pod == {}


def test_without_ready_pods_the_last_known_load_stands() -> None:
    assert seen(NO_SAMPLES, [], range(10, 11), LastKnown({"a": 3.0}, 3.0)) == [SecondOfLoad(10, 3.0, Seen.NOTHING)]


@given(
    st.lists(st.floats(0, 1e6), min_size=1, max_size=5),
    st.lists(st.sampled_from(["all", "none", "some"]), min_size=1, max_size=30),
)
def test_holes_of_any_kind_and_length_never_lower_the_load(loads: list[float], story: list[str]) -> None:
    """Every pod's true load is constant; whatever is hidden, no second carries less than the first one did."""
    ready = [f"p{i}" for i in range(len(loads))]
    shown = {"all": loads, "none": [], "some": loads[:1]}
    known, values = observe(
        gather([each_second(p, {0: v}) for p, v in zip(ready, loads, strict=True)]), "ns", ready, LastKnown(), range(1)
    )
    first = values[0].load
    for step, kind in enumerate(story):
        second = 100 * (step + 1)  # far apart: all that is not shown now is stale
        series = [each_second(p, {second: v}) for p, v in zip(ready, shown[kind], strict=False)]
        known, values = observe(gather(series), "ns", ready, known, range(second, second + 1))
        assert values[0].load >= first
