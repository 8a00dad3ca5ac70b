"""Slow requests are counted by the buckets around the target, and only where a scrape shows them together."""

from __future__ import annotations

from math import inf

import pytest

from autoscaler.core.load.gathering import gather
from autoscaler.core.load.observation import Samples, Steps
from autoscaler.core.load.queries import Selection
from autoscaler.core.load.slow import ends_s, quantile, rates, slower
from autoscaler.core.model import Metric, Question, Signal

POD = ("chat", "p0")
BUCKETS = Selection.of(Question(Metric.LATENCY, "vllm", part=Signal.SLOW))
HISTOGRAM = "vllm:e2e_request_latency_seconds_bucket"


def series(
    bound: str, *values: float, pod: str = "p0", name: str = HISTOGRAM
) -> tuple[dict[str, str], list[tuple[float, float]]]:
    labels = {"__name__": name, "namespace": "chat", "pod": pod, "le": bound}
    return labels, [(float(at), value) for at, value in enumerate(values)]


def answer() -> Samples:
    """Ten requests end in a second: four within 1 s, nine within 2 s."""
    return gather(BUCKETS, [series("1.0", 0, 4), series("2.0", 0, 9), series("+Inf", 0, 10)])


@pytest.mark.parametrize(
    ("target_s", "slow"),
    [(1.0, 6.0), (1.5, 3.5), (2.0, 1.0), (0.5, 8.0), (100.0, 1.0)],
    ids=["at a bound", "half into a bucket", "at the last bound", "in the first bucket", "above the last bound"],
)
def test_requests_are_taken_to_be_spread_evenly_within_a_bucket(target_s: float, slow: float) -> None:
    steps = slower(answer(), (POD,), target_s).by_place[POD]
    assert steps.loads[0] == pytest.approx(slow)
    assert steps.fresh[0]


@pytest.mark.parametrize(
    ("bounds", "pods", "ends"),
    [
        (("1.0", "2.0", "+Inf"), ("p0",), 2.0),
        (("+Inf",), ("p0",), 0.0),
        (("1.0", "+Inf"), ("p0", "absent"), 1.0),
        (("1.0", "+Inf"), ("absent",), None),
    ],
    ids=["its last finite bound", "no finite bound", "a pod without samples aside", "not shown"],
)
def test_where_a_histogram_ends(bounds: tuple[str, ...], pods: tuple[str, ...], ends: float | None) -> None:
    found = gather(BUCKETS, [series(bound, 0, 4) for bound in bounds])
    assert ends_s(found, tuple(("chat", pod) for pod in pods)) == ends


def test_of_several_pods_the_histogram_that_ends_first_counts() -> None:
    of_one = [series(bound, 0, 4) for bound in ("1.0", "+Inf")]
    of_two = [series(bound, 0, 4, pod="p1") for bound in ("1.0", "2.0", "+Inf")]
    assert ends_s(gather(BUCKETS, of_one + of_two), (POD, ("chat", "p1"))) == 1.0


def test_a_pod_without_buckets_is_not_measured() -> None:
    assert ("chat", "p1") not in slower(answer(), (POD, ("chat", "p1")), 1.0).by_place


def test_a_server_that_begins_anew_counts_what_ended_since() -> None:
    found = gather(BUCKETS, [series("1.0", 40, 2), series("+Inf", 100, 5)])
    assert slower(found, (POD,), 1.0).by_place[POD].loads[0] == pytest.approx(3.0)


def test_a_bucket_that_says_no_number_makes_its_pod_unmeasured() -> None:
    found = gather(BUCKETS, [series("1.0", 0, float("nan")), series("2.0", 0, 9), series("+Inf", 0, 10)])
    steps = slower(found, (POD,), 1.5).by_place[POD]
    assert not any(steps.fresh)


def test_buckets_of_other_scrapes_are_looked_up_by_their_time() -> None:
    total = Steps([10.0, 15.0], [10.0, 0.0], [1, 0], 1, 1.0)
    within = Steps([9.0, 14.0], [4.0, 0.0], [1, 0], 1, 1.0)
    found = Samples({POD: total}, 1.0, by_bound={1.0: {POD: within}, inf: {POD: total}})
    assert slower(found, (POD,), 1.0).by_place[POD].loads[0] == 6.0


def test_bounds_in_milliseconds_are_read_as_seconds() -> None:
    selection = Selection.of(Question(Metric.LATENCY, "ray-serve", part=Signal.SLOW))
    name = "ray_serve_deployment_processing_latency_ms_bucket"
    found = gather(selection, [series("500", 0, 4, name=name), series("+Inf", 0, 10, name=name)])
    assert sorted(found.by_bound) == [0.5, inf]


@pytest.mark.parametrize("bound", ["", "much", "-1", "nan"])
def test_a_bucket_without_a_bound_is_none(bound: str) -> None:
    assert not gather(BUCKETS, [series(bound, 0, 4)]).by_bound


def test_the_rates_of_all_pods_add_up_and_give_the_percentile() -> None:
    found = gather(
        BUCKETS,
        [
            series(bound, 0, count, pod=pod)
            for pod in ("p0", "p1")
            for bound, count in (("1.0", 4), ("2.0", 9), ("+Inf", 10))
        ],
    )
    within = rates(found, (POD, ("chat", "p1")), 1.5)
    assert within == {1.0: 8.0, 2.0: 18.0, inf: 20.0}
    assert quantile(within, 0.5) == pytest.approx(1.2)
    assert quantile(within, 0.95) == 2.0


def test_no_requests_have_no_percentile() -> None:
    assert quantile({1.0: 0.0, inf: 0.0}, 0.95) is None
    assert quantile({}, 0.95) is None
