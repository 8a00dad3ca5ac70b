"""Raw series become the load of each place: rates from counters, sums of series, and never a number from no number."""

from __future__ import annotations

import math
from bisect import bisect_left
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from autoscaler.core.load.gathering import RawSeries, gather, gathered_values
from autoscaler.core.load.presets import Kind
from autoscaler.core.load.queries import OWN_QUERY, Place, Selection, TargetLabels, counts
from autoscaler.core.model import Metric, Question

if TYPE_CHECKING:
    from autoscaler.core.load.observation import Samples, Steps

RUNNING, WAITING, SERVED = "vllm:num_requests_running", "vllm:num_requests_waiting", "vllm:request_success_total"
POD: Place = ("ns", "a")

Points = tuple[tuple[float, float], ...]


def series(metric: str, *samples: tuple[float, float], **labels: str) -> RawSeries:
    return {"__name__": metric, "namespace": "ns", "pod": "a", **labels}, samples


def load(steps: Steps, end: float) -> float | None:
    """Return what a place's steps say just before `end`, None where a term of it is not fresh."""
    newest = bisect_left(steps.times, end) - 1
    return (
        steps.loads[newest] if newest >= 0 and steps.fresh[newest] and not steps.terms & ~steps.fresh[newest] else None
    )


def loads(samples: Samples, ends: range, place: Place = POD) -> list[float | None]:
    return [load(samples.by_place[place], end) for end in ends]


def rates(*samples: tuple[float, float]) -> list[float | None]:
    answer = gather(Selection.of(Question(Metric.RPS)), [series(SERVED, *samples)])
    return loads(answer, range(int(samples[0][0]) + 1, int(samples[-1][0]) + 2))


def test_a_rate_counts_at_the_later_sample_and_holds_until_the_next() -> None:
    assert rates((0.5, 100.0), (2.5, 104.0), (3.5, 114.0)) == [None, None, 2.0, 10.0]


def test_after_a_restart_of_the_server_all_it_counted_is_new() -> None:
    assert rates((0.5, 100.0), (1.5, 3.0), (2.5, 4.0)) == [None, 3.0, 1.0]


def test_one_sample_of_a_counter_is_no_rate() -> None:
    assert rates((0.5, 100.0)) == [None]


def test_a_counter_that_stands_is_measured_as_nothing_to_do() -> None:
    assert rates((0.5, 7.0), (1.5, 7.0)) == [None, 0.0]


def test_a_new_series_of_a_counter_makes_its_pod_no_less_measured() -> None:
    raw = [series(SERVED, (0.5, 1.0), (1.5, 3.0), reason="stop"), series(SERVED, (1.5, 5.0), reason="length")]
    assert loads(gather(Selection.of(Question(Metric.RPS)), raw), range(2, 3)) == [2.0]


def test_summed_times_of_requests_are_requests_at_once() -> None:
    raw = [
        series("nv_inference_pending_request_count", (0.5, 4.0), (2.5, 5.0)),
        series("nv_inference_compute_input_duration_us", (0.5, 1e6), (2.5, 2e6)),
        series("nv_inference_compute_infer_duration_us", (0.5, 7e6), (2.5, 13e6)),
        series("nv_inference_compute_output_duration_us", (0.5, 0.0), (2.5, 0.0)),
    ]
    samples = gather(Selection.of(Question(preset="triton")), raw)
    assert loads(samples, range(1, 4)) == [None, None, pytest.approx(5.0 + 0.5 + 3.0)]


def test_engines_add_up_and_ranks_do_not() -> None:
    engines = [series(RUNNING, (0.5, 1.0), engine="0"), series(RUNNING, (0.5, 2.0), engine="1")]
    assert loads(gather(Selection.of(Question()), engines), range(1, 2)) == [3.0]
    ranks = [series("sglang:num_running_reqs", (0.5, 4.0), tp_rank=str(rank)) for rank in range(8)]
    assert loads(gather(Selection.of(Question(preset="sglang")), ranks), range(1, 2)) == [4.0]


def test_series_that_were_not_asked_for_do_not_count() -> None:
    raw = [series("up", (0.5, 1.0)), series(RUNNING, (0.5, 2.0)), series(RUNNING, (0.5, 9.0), pod=""), series(RUNNING)]
    samples = gather(Selection.of(Question()), raw)
    assert loads(samples, range(1, 2)) == [2.0]
    assert list(samples.by_place) == [POD]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, -1.0, 1e13])
def test_a_value_that_is_no_load_is_no_sample_and_breaks_its_pod_when_the_last_good_one_is_stale(bad: float) -> None:
    raw = [
        series(RUNNING, *((t + 0.5, 3.0 if t < 3 else bad) for t in range(20)), engine="0"),
        series(RUNNING, *((t + 0.5, 4.0) for t in range(20)), engine="1"),
    ]
    samples = gather(Selection.of(Question()), raw)
    assert loads(samples, range(1, 21)) == [7.0] * 7 + [None] * 13


def test_a_broken_series_that_heals_counts_again_and_one_that_ends_is_forgotten() -> None:
    engine_1 = series(RUNNING, *((t + 0.5, 4.0) for t in range(20)), engine="1")
    healed = series(RUNNING, *((t + 0.5, math.nan if t < 3 else 3.0) for t in range(20)), engine="0")
    assert loads(gather(Selection.of(Question()), [healed, engine_1]), range(1, 7)) == [None] * 3 + [7.0] * 3
    ended = series(RUNNING, *((t + 0.5, math.nan) for t in range(3)), engine="0")
    assert loads(gather(Selection.of(Question()), [ended, engine_1]), range(1, 12)) == [None] * 7 + [4.0] * 4


def test_numbers_that_are_none_are_left_out_of_a_counter() -> None:
    assert rates((0.5, 1.0), (1.5, math.nan), (2.5, 5.0)) == [None, None, 2.0]
    assert rates((0.5, 1.0), (1.5, math.inf), (2.5, -5.0), (3.5, 7.0)) == [None, None, None, 2.0]


def test_a_lost_scrape_is_no_longer_interval() -> None:
    times = [t for t in range(40) if t not in (7, 8, 20)]
    samples = gather(Selection.of(Question()), [series(RUNNING, *((t + 0.5, 1.0) for t in times))])
    assert samples.interval_s == samples.by_place[POD].interval_s == 1.0


def test_a_hole_within_an_answer_is_a_hole() -> None:
    times = [0, 1, 2, 3, 15, 16]
    samples = gather(Selection.of(Question()), [series(RUNNING, *((t + 0.5, 1.0) for t in times))])
    assert loads(samples, range(1, 18)) == [1.0] * 8 + [None] * 7 + [1.0] * 2


def test_the_same_series_seen_by_two_replicas_counts_once() -> None:
    raw = [
        series(SERVED, (0.5, 10.0), (1.5, 12.0), prometheus_replica="1"),
        series(SERVED, (0.7, 11.0), (1.7, 14.0), prometheus_replica="0"),
        series(SERVED, (0.7, 0.0), (1.7, 1.0), prometheus_replica="0", finished_reason="stop"),
    ]
    selection = Selection.of(Question(Metric.RPS), TargetLabels(replicas=("prometheus_replica",)))
    for order in (raw, raw[::-1]):
        assert loads(gather(selection, order), range(2, 3)) == [pytest.approx(4.0)]


def test_of_replicas_that_saw_as_much_the_first_counts() -> None:
    selection = Selection.of(Question(), TargetLabels(replicas=("replica",)))
    raw = [series(RUNNING, (0.5, float(replica)), replica=str(replica)) for replica in (2, 1)]
    assert loads(gather(selection, raw), range(1, 2)) == [1.0]


def test_samples_out_of_order_are_put_in_order_and_the_first_of_two_at_one_time_stays() -> None:
    samples = gather(Selection.of(Question()), [series(RUNNING, (1.5, 2.0), (0.5, 1.0), (1.5, 3.0))])
    assert loads(samples, range(1, 3)) == [1.0, 2.0]


def test_a_lone_sample_that_is_not_new_says_that_the_question_was_cut_short() -> None:
    fast = series(RUNNING, *((t + 0.5, 1.0) for t in range(10)))
    assert not gather(Selection.of(Question()), [fast, series(RUNNING, (8.0, 1.0), pod="new")]).cut
    assert gather(Selection.of(Question()), [fast, series(RUNNING, (2.0, 1.0), pod="slow")]).cut


def test_the_values_of_an_own_query_hold_like_samples() -> None:
    samples = gathered_values(((10.2, 5.0), (12.2, 7.0)))
    assert loads(samples, range(10, 19), OWN_QUERY) == [None, 5.0, 5.0, *[7.0] * 5, None]
    assert gathered_values(()).by_place == {}
    assert gathered_values(((10.2, 0.0),)).by_place[OWN_QUERY].loads[0] == 0.0


def twin(selection: Selection, raw: list[RawSeries], place: Place, end: float) -> float | None:
    """Say the same from the laws alone: each series by itself, at one instant."""
    medians: dict[int, float] = {}
    for number, (_, samples) in enumerate(raw):
        gaps = sorted(later - earlier for (earlier, _), (later, _) in pairwise(samples))
        if gaps:
            medians[number] = gaps[len(gaps) // 2]
    longest = max(medians.values(), default=0.0)
    total, fresh, shown = 0.0, set(), set()
    for number, (labels, samples) in enumerate(raw):
        found = [t for t in selection.terms if t.metric == labels["__name__"] and counts(t, labels)]
        if not found or selection.place(labels) != place or not samples:
            continue
        (term,) = found
        shown.add(term)
        points: list[tuple[float, float]] = list(samples)
        if term.kind is Kind.COUNTER:
            good = [(t, v) for t, v in points if v >= 0 and math.isfinite(v)]
            points = [
                (later, (b - a if b >= a else b) / (later - earlier)) for (earlier, a), (later, b) in pairwise(good)
            ]
        stale = max(5.0, 2.5 * medians.get(number, longest))
        recent = [(t, v) for t, v in points if t < end <= t + stale]
        valued = [v for _, v in recent if 0 <= v * term.factor <= 1e12]
        if valued:
            total += valued[-1] * term.factor
            fresh.add(term)
        elif recent:
            return None
    return total if fresh and {t for t in shown if t.everywhere} <= fresh else None


values_of_series = st.sampled_from([0.0, 1.0, 2.5, 7.0, 100.0, math.nan, -1.0, math.inf])
samples_of_series = st.dictionaries(st.integers(0, 120), values_of_series, max_size=12).map(
    lambda found: tuple((at / 4 + 0.01, value) for at, value in sorted(found.items()))
)


@given(
    st.sampled_from([Question(), Question(Metric.RPS), Question(preset="triton"), Question(preset="ray-serve")]),
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from("ab"), samples_of_series), max_size=6),
    st.booleans(),
)
@example(Question(), [(0, "a", ((0.0, 1.0), (5.0, 2.0)))], False)  # noqa: FBT003  as hypothesis gives it
def test_a_twin_that_looks_at_each_series_and_instant_by_itself_says_the_same(
    question: Question,
    told: list[tuple[int, str, Points]],
    together: bool,  # noqa: FBT001  hypothesis gives it
) -> None:
    selection = Selection.of(question)
    scraped = told[0][2] if told and together else None
    raw = [
        series(
            selection.terms[term % len(selection.terms)].metric,
            *(samples if scraped is None else tuple((at, value) for at, value in scraped)),
            pod=pod,
            engine=str(number),
        )
        for number, (term, pod, samples) in enumerate(told)
    ]
    samples = gather(selection, raw)
    for place in samples.by_place:
        for end in range(45):
            expected = twin(selection, raw, place, end)
            found = load(samples.by_place[place], end)
            assert (found is None) == (expected is None)
            assert expected is None or found == pytest.approx(expected, abs=1e-6)


@given(st.lists(st.floats(0, 1e6), min_size=2, max_size=30), st.integers(1, 30))
def test_a_counter_never_falls_below_zero_and_its_rates_add_up_to_what_it_counted(
    increases: list[float], interval: int
) -> None:
    total, points = 0.0, []
    for number, increase in enumerate(increases):
        total = increase if number % 7 == 6 else total + increase  # every seventh value follows a restart
        points.append((float(number * interval), total))
    steps = gather(Selection.of(Question(Metric.RPS)), [series(SERVED, *points)]).by_place[POD]
    counted = sum(steps.loads[number] for number in range(len(increases) - 1)) * interval
    expected = sum(later - earlier if later >= earlier else later for (_, earlier), (_, later) in pairwise(points))
    assert min(steps.loads) >= 0
    assert counted == pytest.approx(expected, rel=1e-6, abs=1e-3)


@given(st.sets(st.integers(0, 59)), st.floats(0, 1e4))
def test_a_hole_of_any_length_never_lowers_a_steady_rate(lost: set[int], rate: float) -> None:
    points = [(t + 0.5, rate * t) for t in range(60) if t not in lost]
    samples = gather(Selection.of(Question(Metric.RPS)), [series(SERVED, *points)] if points else [])
    for steps in samples.by_place.values():
        found = [value for end in range(70) if (value := load(steps, end)) is not None]
        assert all(value == pytest.approx(rate, rel=1e-6, abs=1e-6) for value in found)
