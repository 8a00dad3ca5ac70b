"""Samples become one value a second; what was not measured is said, and is never zero."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.core.load.gathering import RawSeries, gather
from autoscaler.core.load.observation import (
    NO_SAMPLES,
    LastKnown,
    Samples,
    lookback_s,
    observe,
    scraped_every_s,
)
from autoscaler.core.load.queries import Place, Selection
from autoscaler.core.model import Metric, Question, SecondOfLoad, Seen

RUNNING, WAITING = "vllm:num_requests_running", "vllm:num_requests_waiting"


def series(pod: str, *samples: tuple[float, float], metric: str = RUNNING, namespace: str = "ns") -> RawSeries:
    return {"__name__": metric, "namespace": namespace, "pod": pod}, samples


def each_second(pod: str, values: dict[int, float], metric: str = RUNNING) -> RawSeries:
    """One sample in the middle of each second."""
    return series(pod, *((second + 0.5, value) for second, value in sorted(values.items())), metric=metric)


def gathered(*raw: RawSeries) -> Samples:
    return gather(Selection.of(Question()), raw)


def pods(*names: str) -> tuple[Place, ...]:
    return tuple(("ns", name) for name in names)


def seen(
    samples: Samples, ready: tuple[Place, ...], seconds: range, known: LastKnown | None = None
) -> list[SecondOfLoad]:
    return list(observe(samples, ready, known or LastKnown(), seconds)[1])


def test_each_second_carries_its_own_sample() -> None:
    samples = gathered(each_second("a", {10: 1.0, 11: 2.0, 12: 3.0}))
    assert seen(samples, pods("a"), range(10, 13)) == [SecondOfLoad(10 + i, 1.0 + i, Seen.ALL) for i in range(3)]


def test_a_sample_holds_until_the_next_one() -> None:
    samples = gathered(series("a", (10.5, 1.0), (13.5, 4.0)))
    assert [s.load for s in seen(samples, pods("a"), range(10, 15))] == [1.0, 1.0, 1.0, 4.0, 4.0]


def test_a_sample_at_the_end_of_a_second_belongs_to_the_next_one() -> None:
    samples = gathered(series("a", (10.5, 1.0), (12.0, 4.0)))
    assert [s.load for s in seen(samples, pods("a"), range(11, 13))] == [1.0, 4.0]


def test_the_load_of_a_pod_is_the_sum_of_its_series_and_that_of_a_workload_the_sum_of_its_pods() -> None:
    samples = gathered(
        each_second("a", {10: 1.0}), each_second("a", {10: 2.0}, WAITING), each_second("b", {10: 4.0}),
        each_second("b", {10: 0.0}, WAITING),
    )  # fmt: skip
    assert seen(samples, pods("a", "b"), range(10, 11)) == [SecondOfLoad(10, 7.0, Seen.ALL)]


def test_pods_of_other_namespaces_and_pods_that_are_not_ready_do_not_count() -> None:
    samples = gathered(
        each_second("a", {10: 1.0}), each_second("c", {10: 5.0}), series("a", (10.5, 9.0), namespace="other")
    )
    assert seen(samples, pods("a"), range(10, 11)) == [SecondOfLoad(10, 1.0, Seen.ALL)]


def test_no_samples_at_all_carry_the_last_known_load_and_say_so() -> None:
    known, _ = observe(gathered(each_second("a", {10: 6.0})), pods("a"), LastKnown(), range(10, 11))
    assert seen(NO_SAMPLES, pods("a"), range(11, 13), known) == [
        SecondOfLoad(11, 6.0, Seen.NOTHING),
        SecondOfLoad(12, 6.0, Seen.NOTHING),
    ]


def test_a_workload_that_was_never_measured_has_no_value() -> None:
    assert seen(NO_SAMPLES, pods("a"), range(10, 13)) == []
    assert seen(gathered(each_second("x", {10: 1.0})), pods("a"), range(10, 13)) == []


def test_stale_samples_are_no_samples() -> None:
    samples = gathered(each_second("a", {10: 6.0, 11: 6.0}))
    assert [s.seen for s in seen(samples, pods("a"), range(11, 18))] == [Seen.ALL] * 5 + [Seen.NOTHING] * 2


def every(interval: int, pod: str, until: int, value: float = 1.0) -> RawSeries:
    """One sample an interval, from 0.5 s on."""
    return series(pod, *((time + 0.5, value) for time in range(0, until, interval)))


@pytest.mark.parametrize("interval", [1, 5, 15, 30, 60, 110])
def test_a_steady_scrape_of_any_interval_is_seen_whole(interval: int) -> None:
    until = 3 * 110
    samples = gathered(every(interval, "a", until), every(interval, "b", until))
    assert {s.seen for s in seen(samples, pods("a", "b"), range(until - interval, until))} == {Seen.ALL}


def test_slow_scrapes_stay_fresh_beside_fast_ones() -> None:
    samples = gathered(every(1, "fast", 300), *(every(15, f"slow{i}", 300) for i in range(8)))
    ready = pods("fast", *(f"slow{i}" for i in range(8)))
    assert {s.seen for s in seen(samples, ready, range(285, 300))} == {Seen.ALL}


def test_a_pod_that_is_not_measured_counts_with_its_last_known_load_and_the_second_is_partial() -> None:
    both = gathered(each_second("a", {10: 6.0}), each_second("b", {10: 4.0}))
    known, _ = observe(both, pods("a", "b"), LastKnown(), range(10, 11))
    only_a = gathered(each_second("a", dict.fromkeys(range(10, 30), 6.0)))
    assert seen(only_a, pods("a", "b"), range(20, 21), known) == [SecondOfLoad(20, 10.0, Seen.PART)]


def test_a_partial_second_is_never_below_the_last_load_that_was_measured_whole() -> None:
    known = LastKnown({("ns", "old"): 10.0}, 10.0, 10.0)
    replaced = gathered(each_second("new-1", {10: 1.0}))
    assert seen(replaced, pods("new-1", "new-2"), range(10, 11), known) == [SecondOfLoad(10, 10.0, Seen.PART)]


def test_a_peak_that_was_never_measured_whole_passes() -> None:
    """One of two pods is never scraped: the other one's peak must not stay for ever."""
    known = LastKnown()
    for second, load in ((10, 10.0), (11, 300.0), (12, 10.0)):
        known, values = observe(gathered(each_second("a", {second: load})), pods("a", "b"), known, [second])
        assert [(s.load, s.seen) for s in values] == [(load, Seen.PART)]


def test_a_term_that_other_pods_of_the_workload_show_is_missed_where_it_is_not() -> None:
    samples = gathered(each_second("a", {10: 1.0}), each_second("a", {10: 2.0}, WAITING), each_second("b", {10: 4.0}))
    known = LastKnown({("ns", "b"): 9.0}, 12.0, 12.0)
    assert seen(samples, pods("a", "b"), range(10, 11), known) == [SecondOfLoad(10, 12.0, Seen.PART)]


def test_a_term_that_no_pod_of_the_workload_shows_is_not_missed_though_other_workloads_have_it() -> None:
    samples = gathered(each_second("a", {10: 1.0}), each_second("x", {10: 2.0}), each_second("x", {10: 2.0}, WAITING))
    assert seen(samples, pods("a"), range(10, 11)) == [SecondOfLoad(10, 1.0, Seen.ALL)]


def test_a_pod_with_a_stale_term_beside_a_fresh_one_is_not_measured() -> None:
    samples = gathered(
        each_second("a", dict.fromkeys(range(20), 1.0)), each_second("a", dict.fromkeys(range(10), 5.0), WAITING)
    )
    assert [s.load for s in seen(samples, pods("a"), range(8, 20))] == [6.0] * 12
    assert {s.seen for s in seen(samples, pods("a"), range(16, 20), LastKnown(load=6.0))} == {Seen.NOTHING}


def test_a_term_that_not_every_pod_shows_is_not_missed() -> None:
    running, queued = "ray_serve_replica_processing_queries", "ray_serve_deployment_queued_queries"
    raw = [series("a", (10.5, 1.0), metric=running), series("b", (10.5, 2.0), metric=running),
           series("b", (10.5, 3.0), metric=queued)]  # fmt: skip
    samples = gather(Selection.of(Question(preset="ray-serve")), raw)
    assert seen(samples, pods("a", "b"), range(10, 11)) == [SecondOfLoad(10, 6.0, Seen.ALL)]


def test_without_ready_pods_the_last_known_load_stands() -> None:
    known = LastKnown({("ns", "a"): 3.0}, 3.0)
    assert seen(NO_SAMPLES, (), range(10, 11), known) == [SecondOfLoad(10, 3.0, Seen.NOTHING)]


def test_a_key_is_measured_whole_or_not_at_all_with_or_without_pods() -> None:
    labels = {"__name__": "envoy_cluster_upstream_rq_active", "envoy_cluster_name": "c"}
    raw = [({**labels, "pod": "gateway-1"}, ((10.5, 1.0),)), ({**labels, "pod": "gateway-2"}, ((10.2, 2.0),))]
    samples = gather(Selection.of(Question(preset="envoy")), raw)
    known, values = observe(samples, (("", "c"),), LastKnown(), range(10, 18))
    assert values[0] == SecondOfLoad(10, 3.0, Seen.ALL)
    assert values[-1] == SecondOfLoad(17, values[-2].load, Seen.NOTHING)
    assert known.load == values[-1].load > 0


def test_the_longest_interval_of_a_workload_is_told() -> None:
    samples = gathered(every(1, "a", 60), every(15, "b", 60), every(30, "c", 90), each_second("d", {10: 1.0}))
    assert scraped_every_s(samples, pods("a", "b")) == 15.0
    assert scraped_every_s(samples, pods("d", "x")) is None


@pytest.mark.parametrize(
    ("interval", "since", "rates", "lookback"),
    [(1.0, 2.0, False, 9), (1.0, 2.0, True, 11), (15.0, 2.0, False, 42), (15.0, 2.0, True, 72), (60.0, 2.0, False, 154),
     (500.0, 2.0, False, 300), (1.0, 20.0, False, 27), (1.0, 1e6, False, 37)],
)  # fmt: skip
def test_no_more_is_asked_for_than_the_seconds_since_the_last_answer_need(
    interval: float,
    since: float,
    rates: bool,  # noqa: FBT001  a table's column
    lookback: int,
) -> None:
    assert lookback_s(Samples({}, interval), 10, since, rates=rates) == lookback


def test_questions_look_twice_as_far_until_they_see_how_often_series_are_scraped() -> None:
    backs = [lookback_s(None, 0, 0.0, rates=False)]
    for _ in range(7):
        backs.append(lookback_s(NO_SAMPLES, backs[-1], 2.0, rates=False))
    assert backs == [10, 20, 40, 80, 160, 300, 300, 300]
    assert lookback_s(Samples({}, 1.0, cut=True), 10, 2.0, rates=False) == 20


@pytest.mark.parametrize("interval", [1, 2, 5, 15, 30, 60, 100])
@pytest.mark.parametrize("metric", [RUNNING, "vllm:request_success_total"])
def test_what_is_asked_for_measures_every_second_at_any_interval(interval: int, metric: str) -> None:
    """A pod scraped once a second beside one scraped at the interval, asked each 2 s, for two intervals and more."""
    selection = Selection.of(Question(Metric.RPS if metric != RUNNING else Metric.CONCURRENCY))
    stored = {"fast": [float(t) + 0.3 for t in range(1000)], "slow": [float(t) + 0.7 for t in range(0, 1000, interval)]}
    last, back, known = None, 0, LastKnown()
    for now in range(600, 600 + max(60, 2 * interval), 2):
        back = lookback_s(last, back, 2.0, rates=metric != RUNNING)
        raw = [
            series(pod, *((t, 3.0 * t) for t in times if now - back < t <= now), metric=metric)
            for pod, times in stored.items()
        ]
        last = gather(selection, raw)
        known, values = observe(last, pods("fast", "slow"), known, range(now - 2, now))
        assert now < 630 or {value.seen for value in values} == {Seen.ALL}
    assert last is not None
    assert back <= 2 * math.ceil(max(2.5 * interval + (2 * interval if metric != RUNNING else 0), 5) + 5)


@given(
    st.lists(st.floats(0, 1e6), min_size=1, max_size=5),
    st.lists(st.sampled_from(["all", "none", "some"]), min_size=1, max_size=30),
)
def test_holes_of_any_kind_and_length_never_lower_the_load(loads: list[float], story: list[str]) -> None:
    """Every pod's true load is constant; whatever is hidden, no second carries less than the first one did."""
    names = [f"p{i}" for i in range(len(loads))]
    ready = pods(*names)
    shown = {"all": loads, "none": [], "some": loads[:1]}
    first_answer = gathered(*(each_second(p, {0: v}) for p, v in zip(names, loads, strict=True)))
    known, values = observe(first_answer, ready, LastKnown(), range(1))
    first = values[0].load
    for step, kind in enumerate(story):
        second = 100 * (step + 1)  # far apart: all that is not shown now is stale
        raw = [each_second(p, {second: v}) for p, v in zip(names, shown[kind], strict=False)]
        known, values = observe(gathered(*raw), ready, known, range(second, second + 1))
        assert values[0].load >= first
