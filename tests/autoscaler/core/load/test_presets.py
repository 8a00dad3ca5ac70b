"""The table of presets says of each server what counts, once, and what was not checked."""

import re
from pathlib import Path

import pytest

from autoscaler.core.load.presets import PRESETS, Kind, Preset
from autoscaler.core.model import Metric


def test_every_server_of_the_field_has_a_preset() -> None:
    servers = "envoy istio knative kserve nginx-ingress ray-serve sglang tf-serving tgi torchserve triton vllm"
    assert sorted(PRESETS) == servers.split()


def test_what_was_not_checked_says_so_to_people() -> None:
    unverified = {"torchserve", "tf-serving", "kserve", "knative", "istio", "nginx-ingress", "envoy"}
    assert {name for name, preset in PRESETS.items() if not preset.verified} == unverified
    assert all("not checked" in preset.doubt for preset in PRESETS.values() if not preset.verified)


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_a_rate_of_requests_is_one_counter_of_requests(preset: Preset) -> None:
    (term,) = preset.terms(Metric.RPS)
    assert (term.kind, term.factor) == (Kind.COUNTER, 1.0)


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
@pytest.mark.parametrize("metric", Metric)
def test_terms_add_up_and_each_metric_stands_in_one(preset: Preset, metric: Metric) -> None:
    terms = preset.terms(metric)
    assert len({term.metric for term in terms}) == len(terms) > 0
    assert all(term.factor > 0 for term in terms)
    assert any(term.everywhere for term in terms)


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_a_counter_of_time_is_turned_into_seconds(preset: Preset) -> None:
    unit = {"us": 1e-6, "microseconds": 1e-6, "latency_sum": 1e-6, "milliseconds_sum": 1e-3, "seconds_sum": 1.0}
    for term in preset.concurrency:
        if term.kind is Kind.COUNTER:
            assert term.factor in {factor for end, factor in unit.items() if term.metric.endswith(f"_{end}")}
        else:
            assert term.factor == 1.0


def test_the_wait_of_a_request_is_counted_once() -> None:
    """These span a wait that another term, or the same one, shows already, or do not fall when traffic ends."""
    twice = {"nv_inference_request_duration_us", "ts_queue_latency_microseconds", "kn_serving_queue_depth"}
    assert not twice & {term.metric for preset in PRESETS.values() for term in preset.concurrency}


def test_which_servers_tell_what_each_pod_has_in_flight_is_known() -> None:
    assert {name for name, preset in PRESETS.items() if preset.in_flight} == {"vllm", "sglang", "tgi", "ray-serve"}


def test_series_that_know_no_pods_name_their_workload() -> None:
    assert {name for name, preset in PRESETS.items() if preset.by_key} == {"istio", "nginx-ingress", "envoy"}


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_latency_is_told_by_counters_of_the_same_requests(preset: Preset) -> None:
    latency = preset.latency
    terms = [latency.ended, latency.seconds, *([latency.buckets] if latency.buckets else [])]
    assert all(term.kind is Kind.COUNTER and term.labels == latency.ended.labels for term in terms)
    if latency.buckets:
        name = latency.buckets.metric.removesuffix("_bucket")
        assert [term.metric for term in terms] == [f"{name}_count", f"{name}_sum", f"{name}_bucket"]
        assert latency.seconds.factor == latency.unit_s


def test_servers_without_a_histogram_are_known() -> None:
    assert {name for name, preset in PRESETS.items() if preset.latency.buckets is None} == {"triton", "torchserve"}


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_the_document_says_how_latency_is_read(preset: Preset) -> None:
    document = Path(__file__).parents[4] / "docs" / "presets.md"
    rows = [line for line in document.read_text().splitlines() if line.startswith(f"| `{preset.name}` | ")]
    cell = rows[1].split("|")[2]
    latency = preset.latency
    if latency.buckets:
        assert re.findall("`(.+?)`", cell) == [latency.buckets.metric.removesuffix("_bucket")]
    else:
        assert re.findall("`(.+?)`", cell) == [latency.seconds.metric, latency.ended.metric]


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_the_document_says_what_is_read_and_whether_it_was_checked(preset: Preset) -> None:
    document = Path(__file__).parents[4] / "docs" / "presets.md"
    row = next(line for line in document.read_text().splitlines() if line.startswith(f"| `{preset.name}` | "))
    _, _, checked, *cells = (cell.strip() for cell in row.split("|"))
    assert checked == ("yes" if preset.verified else "no")
    for metric, cell in zip((Metric.CONCURRENCY, Metric.RPS), cells, strict=False):
        assert re.findall("`(.+?)`", cell) == [term.metric for term in preset.terms(metric)]
