"""Samples become one value a second; what was not measured is said, and is never zero."""

import math

from hypothesis import given
from hypothesis import strategies as st

from autoscaler.core.model import SecondOfLoad, Seen
from autoscaler.core.observation import NO_SAMPLES, LastKnown, Samples, Series, gather, observe


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


def test_with_a_slow_scrape_samples_stay_fresh_for_longer() -> None:
    samples = gather([Series("ns", "a", ((0.5, 1.0), (15.5, 2.0)))])
    assert samples.staleness_s == 37.5
    assert {s.seen for s in seen(samples, ["a"], range(15, 50))} == {Seen.ALL}


def test_a_pod_that_is_not_measured_counts_with_its_last_known_load_and_the_second_is_partial() -> None:
    both = gather([each_second("a", {10: 6.0}), each_second("b", {10: 4.0})])
    known, _ = observe(both, "ns", ["a", "b"], LastKnown(), range(10, 11))
    only_a = gather([each_second("a", dict.fromkeys(range(10, 30), 6.0))])
    assert seen(only_a, ["a", "b"], range(20, 21), known) == [SecondOfLoad(20, 10.0, Seen.PART)]


def test_a_partial_second_is_never_below_the_last_known_load() -> None:
    known = LastKnown({"old": 10.0}, 10.0)
    replaced = gather([each_second("new-1", {10: 1.0})])
    assert seen(replaced, ["new-1", "new-2"], range(10, 11), known) == [SecondOfLoad(10, 10.0, Seen.PART)]


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
