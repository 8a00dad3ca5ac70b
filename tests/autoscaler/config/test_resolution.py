"""A workload's parameters are its annotations' where they say something, else the cluster's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.config import Defaults, DeploymentDefaults, Resolved, resolve
from autoscaler.core.model import (
    SECOND_NS,
    Averaging,
    Estimate,
    Metric,
    Policy,
    Question,
    Reading,
    Signal,
    signals,
)

A = "autoscaling.knative.dev/"
P = "plimsoll.dev/"
HPA = "hpa.autoscaling.knative.dev"


def resolved(annotations: dict[str, str], **base: Any) -> Resolved:
    reachable = base.pop("reachable", True)
    result, problems = resolve(Defaults(**base), DeploymentDefaults(), annotations, name="chat", reachable=reachable)
    assert problems == ()
    return result


def test_who_says_nothing_gets_the_laws_defaults() -> None:
    assert resolved({}) == Resolved(Policy(), Reading(Question(), key="chat"))
    assert resolved({}).ours


def test_annotations_override_the_cluster() -> None:
    said = {
        "metric": "rps",
        "metric-aggregation-algorithm": "weightedExponential",
        "target": "10",
        "target-utilization-percentage": "80",
        "target-burst-capacity": "-1",
        "window": "30s",
        "panic-window-percentage": "20",
        "panic-threshold-percentage": "150",
        "min-scale": "1",
        "max-scale": "8",
        "initial-scale": "2",
        "activation-scale": "3",
        "scale-down-delay": "15s",
        "scale-to-zero-pod-retention-period": "500ms",
    }
    annotations = {A + key: text for key, text in said.items()}
    annotations["serving.knative.dev/progress-deadline"] = "2m"
    assert resolved(annotations).policy == Policy(
        metric=Metric.RPS,
        averaging=Averaging.WEIGHTED_EXPONENTIAL,
        target=8.0,
        total=10.0,
        target_burst_capacity=-1.0,
        panic_threshold=1.5,
        stable_window_s=30,
        panic_window_s=6,
        scale_down_delay_s=15,
        activation_scale=3,
        initial_scale=2,
        min_scale=1,
        max_scale=8,
        scale_to_zero_pod_retention_period_ns=500_000_000,
        progress_deadline_ns=120 * SECOND_NS,
        start_deadline_s=120,
    )


def test_annotations_switch_on_what_is_not_the_originals() -> None:
    said = {
        "count-starting-replicas": "true",
        "start-deadline": "5m",
        "load-estimate": "backlog",
        "drain-period": "30s",
        "panic-exit-hold": "2m",
        "rate-period": "15s",
    }
    policy = resolved({P + key: text for key, text in said.items()}).policy
    assert policy == Policy(
        count_starting_replicas=True,
        start_deadline_s=300,
        load_estimate=Estimate.BACKLOG,
        drain_period_s=30,
        panic_exit_hold_s=120,
        rate_period_s=15,
    )


@pytest.mark.parametrize(
    ("said", "estimate"),
    [
        ({}, Estimate.BACKLOG),
        ({"count-starting-replicas": "true"}, Estimate.OFFERED),
        ({"count-starting-replicas": "true", "load-estimate": "backlog"}, Estimate.BACKLOG),
        ({"load-estimate": "offered"}, Estimate.OFFERED),
        ({"load-estimate": "auto"}, Estimate.BACKLOG),
        # what does not tell who waits, or counts in another unit, has no offered load
        ({"load-estimate": "offered", "metrics-preset": "kserve"}, Estimate.BACKLOG),
        ({"load-estimate": "offered", "query": "up"}, Estimate.BACKLOG),
    ],
)
def test_the_load_is_offered_where_that_is_wanted_and_can_be_known(said: dict[str, str], estimate: Estimate) -> None:
    annotations = {P + key: text for key, text in said.items()}
    assert resolved(annotations, allow_custom_queries=True).policy.load_estimate is estimate


def test_the_offered_load_is_in_concurrency_alone() -> None:
    policy = resolved({f"{A}metric": "rps", f"{P}load-estimate": "offered"}).policy
    assert policy.load_estimate is Estimate.BACKLOG


def test_the_cluster_sets_what_annotations_do_not() -> None:
    base = Defaults(
        enable_scale_to_zero=False,
        max_scale_up_rate=20.0,
        max_scale_down_rate=1.1,
        container_concurrency_target_fraction=0.5,
        container_concurrency_target_default=8.0,
        target_burst_capacity=0.0,
        activator_capacity=7.0,
        stable_window_ns=180 * SECOND_NS,
        panic_window_percentage=13.0,
        panic_threshold_percentage=300.0,
        scale_down_delay_ns=60 * SECOND_NS,
        scale_to_zero_grace_period_ns=1,
        scale_to_zero_pod_retention_period_ns=2,
        initial_scale=3,
        min_scale=2,
        max_scale=9,
        metrics_preset="tgi",
        count_starting_replicas=True,
        start_deadline_ns=7 * SECOND_NS,
        drain_period_ns=8 * SECOND_NS,
        panic_exit_hold_ns=9 * SECOND_NS,
        rate_period_ns=10 * SECOND_NS,
    )
    result, problems = resolve(base, DeploymentDefaults(5 * SECOND_NS), {}, name="chat")
    assert problems == ()
    assert result.reading.question.preset == "tgi"
    assert result.policy == Policy(
        target=4.0,
        total=8.0,
        target_burst_capacity=0.0,
        panic_threshold=3.0,
        stable_window_s=180,
        panic_window_s=23,
        max_scale_up_rate=20.0,
        max_scale_down_rate=1.1,
        scale_down_delay_s=60,
        initial_scale=3,
        min_scale=2,
        max_scale=9,
        enable_scale_to_zero=False,
        scale_to_zero_grace_period_ns=1,
        scale_to_zero_pod_retention_period_ns=2,
        progress_deadline_ns=5 * SECOND_NS,
        start_deadline_s=7,
        load_estimate=Estimate.OFFERED,
        count_starting_replicas=True,
        drain_period_s=8,
        panic_exit_hold_s=9,
        rate_period_s=10,
        activator_capacity=7.0,
    )


@pytest.mark.parametrize(
    ("annotations", "target", "total"),
    [
        ({}, 70.0, 100.0),
        ({f"{P}container-concurrency": "10"}, 7.0, 10.0),
        ({f"{P}container-concurrency": "0"}, 70.0, 100.0),
        ({f"{A}target": "10"}, 7.0, 10.0),
        ({f"{A}target": "150", f"{P}container-concurrency": "10"}, 7.0, 10.0),
        ({f"{A}target": "5", f"{P}container-concurrency": "10"}, 3.5, 5.0),
        ({f"{A}target": "0.01", f"{A}target-utilization-percentage": "1"}, 0.01, 0.01),
        ({f"{A}metric": "rps"}, 140.0, 200.0),
        ({f"{A}metric": "rps", f"{A}target": "150", f"{P}container-concurrency": "10"}, 105.0, 150.0),
        ({f"{A}metric": "rps", f"{A}target-utilization-percentage": "50"}, 100.0, 200.0),
        # Metrics of other classes are not bounded by what a container takes at once.
        ({f"{A}class": HPA, f"{A}target": "150", f"{P}container-concurrency": "10"}, 105.0, 150.0),
    ],
)
def test_the_target_is_what_a_replica_should_carry(annotations: dict[str, str], target: float, total: float) -> None:
    policy = resolved(annotations).policy
    assert policy.target == pytest.approx(target)
    assert policy.total == total


def test_the_percentage_of_the_map_is_for_concurrency_alone() -> None:
    assert resolved({f"{A}metric": "rps"}, container_concurrency_target_fraction=0.1).policy.target == 140.0


@pytest.mark.parametrize(
    ("window", "percentage", "panic_s"), [("60s", "10", 6), ("6s", "1", 1), ("25s", "10", 3), ("125s", "10", 13)]
)
def test_the_panic_window_is_a_rounded_share_of_the_stable_one(window: str, percentage: str, panic_s: int) -> None:
    assert resolved({f"{A}window": window, f"{A}panic-window-percentage": percentage}).policy.panic_window_s == panic_s


def test_what_nothing_is_routed_to_keeps_no_least_number() -> None:
    policy = resolved({f"{A}min-scale": "3", f"{A}max-scale": "5"}, min_scale=2, reachable=False).policy
    assert policy == replace(Policy(), max_scale=5, reachable=False)


def test_a_class_of_others_is_not_ours() -> None:
    assert resolved({f"{A}class": HPA}).autoscaler_class == HPA
    assert not resolved({f"{A}class": ""}).ours
    assert not resolved({}, pod_autoscaler_class=HPA).ours
    assert resolved({f"{A}class": "kpa.autoscaling.knative.dev"}, pod_autoscaler_class=HPA).ours


def test_the_reading_is_the_presets_or_the_workloads_own_query() -> None:
    said = {f"{A}metric": "rps", f"{P}metrics-preset": "istio", f"{P}metrics-key": "chat-svc"}
    assert resolved(said).reading == Reading(Question(Metric.RPS, "istio"), key="chat-svc")
    query = 'sum(rate(x{namespace="$namespace"}[1m]))'
    reading = resolved({f"{P}query": query}, allow_custom_queries=True).reading
    assert reading == Reading(Question(query=query), key="chat")


@pytest.mark.parametrize(
    ("annotations", "field", "value"),
    [
        ({f"{A}window": "60"}, "stable_window_s", 180),
        ({f"{A}target-burst-capacity": "1e400"}, "target_burst_capacity", 211.0),
        ({f"{A}panic-threshold-percentage": "x"}, "panic_threshold", 2.0),
        ({f"{A}min-scale": "0x5", f"{A}minScale": "7"}, "min_scale", 2),
        ({f"{A}max-scale": "2147483648"}, "max_scale", 20),
        ({f"{A}initial-scale": "abc"}, "initial_scale", 3),
        ({f"{A}initial-scale": "0"}, "initial_scale", 3),
        ({f"{A}activation-scale": "99999999999"}, "activation_scale", 0),
        ({f"{A}scale-down-delay": "60"}, "scale_down_delay_s", 30),
        ({"serving.knative.dev/progress-deadline": "60"}, "progress_deadline_ns", 600 * SECOND_NS),
        # What can be read is taken, though it breaks its rule.
        ({f"{A}window": "5s"}, "stable_window_s", 5),
        ({f"{A}min-scale": "-1"}, "min_scale", -1),
        ({f"{A}activation-scale": "1"}, "activation_scale", 1),
        ({f"{A}panic-threshold-percentage": "70"}, "panic_threshold", 0.7),
        ({f"{A}panic-window-percentage": "inf"}, "panic_window_s", 1),
        ({f"{A}panic-window-percentage": "-50"}, "panic_window_s", 1),
    ],
)
def test_an_unreadable_annotation_gives_way_to_the_cluster_and_is_a_problem(
    annotations: dict[str, str], field: str, value: Any
) -> None:
    base = Defaults(
        stable_window_ns=180 * SECOND_NS, min_scale=2, max_scale=20, initial_scale=3, scale_down_delay_ns=30 * SECOND_NS
    )
    result, problems = resolve(base, DeploymentDefaults(), annotations, name="chat")
    assert len(problems) == 1
    assert getattr(result.policy, field) == value


def test_a_preset_that_is_none_is_a_problem_and_gives_way_to_the_clusters() -> None:
    annotations = {f"{P}metrics-preset": "vlm", f"{P}load-estimate": "offered"}
    found, problems = resolve(Defaults(metrics_preset="sglang"), DeploymentDefaults(), annotations, name="chat")
    assert [problem.key for problem in problems] == [f"{P}metrics-preset"]
    assert found.reading.question.preset == "sglang"


def test_an_initial_scale_beyond_int32_passes_and_does_nothing_as_in_the_original() -> None:
    assert resolved({f"{A}initial-scale": "2147483648"}, initial_scale=3).policy.initial_scale == 3


NUMBERS = st.sampled_from(["1", "2", "6s", "50", "110", "0.5", "1h", "rps", "linear", "x", "nan", "-1"])
KEYS = st.sampled_from(
    ["window", "target", "panic-window-percentage", "min-scale", "max-scale", "metric", "scale-down-delay"]
)


@given(st.dictionaries(KEYS, NUMBERS))
def test_what_has_no_problem_is_what_the_law_can_bear(said: dict[str, str]) -> None:
    result, problems = resolve(
        Defaults(), DeploymentDefaults(), {A + key: text for key, text in said.items()}, name="chat"
    )
    policy = result.policy
    if not problems:
        assert 6 <= policy.stable_window_s <= 3600
        assert 1 <= policy.panic_window_s <= policy.stable_window_s
        assert policy.target >= 0.01
        assert policy.max_scale == 0 or policy.min_scale <= policy.max_scale


@pytest.mark.parametrize(
    ("said", "target"),
    [
        ({}, 70.0),
        ({"target": "80"}, 70.0),  # per cent of a CPU: the metric of that class where it names none
        ({"metric": "memory", "target": "500", "target-utilization-percentage": "100"}, 70.0),
        ({"metric": "concurrency", "target": "10", "target-utilization-percentage": "100"}, 10.0),
        ({"metric": "rps", "target": "50"}, 35.0),
    ],
)
def test_a_workload_of_another_class_is_observed_by_its_target_only_where_that_is_in_our_unit(
    said: dict[str, str], target: float
) -> None:
    annotations = {A + key: text for key, text in said.items()} | {A + "class": HPA, P + "mode": "observe"}
    found = resolved(annotations)
    assert found.policy.target == pytest.approx(target)
    assert (found.observes, found.ours) == (True, False)


def test_what_is_not_observed_resolves_as_it_always_did() -> None:
    assert resolved({A + "class": HPA, A + "target": "80"}).policy.target == pytest.approx(56.0)


def test_a_latency_target_scales_by_requests_in_flight_and_asks_for_their_latency() -> None:
    said = {f"{P}metric": "latency", f"{P}latency-target-ms": "2500", f"{P}latency-percentile": "99"}
    found = resolved(said)
    assert found.policy == Policy(metric=Metric.LATENCY, latency_target_ms=2500.0, latency_percentile=99.0)
    assert found.reading == Reading(Question(Metric.CONCURRENCY, "vllm"), key="chat")
    assert set(signals(found.policy)) == {Signal.ENDED, Signal.GROWTH, Signal.SECONDS, Signal.SLOW}


@pytest.mark.parametrize(
    ("target_ms", "window", "panic_window_s"),
    [("2500", "60s", 6), ("30000", "60s", 20), ("600000", "60s", 60), ("30000", "6s", 6)],
    ids=["the panic window's", "two thirds of the target", "the stable window at most", "a short stable window"],
)
def test_a_burst_that_can_wait_within_the_target_is_no_burst(target_ms: str, window: str, panic_window_s: int) -> None:
    said = {f"{P}metric": "latency", f"{P}latency-target-ms": target_ms, f"{A}window": window}
    assert resolved(said).policy.panic_window_s == panic_window_s


@pytest.mark.parametrize("preset", ["triton", "torchserve"])
def test_where_there_is_no_histogram_the_mean_is_kept(preset: str) -> None:
    said = {f"{P}metric": "latency", f"{P}latency-target-ms": "2500", f"{P}metrics-preset": preset}
    policy = resolved(said).policy
    assert policy.latency_by_mean
    assert Signal.SLOW not in signals(policy)


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ({f"{P}metrics-preset": "vllm"}, ""),
        ({f"{P}metrics-preset": "vllm", f"{A}metric": "rps"}, ""),
        ({f"{P}metrics-preset": "triton"}, "the preset triton counts requests when they end"),
        ({f"{P}metrics-preset": "triton", f"{A}metric": "rps"}, "the preset triton counts requests when they end"),
        ({f"{P}metrics-preset": "torchserve"}, "the preset torchserve counts requests when they end"),
        ({f"{P}metrics-preset": "envoy"}, "the preset envoy does not tell replicas apart"),
        ({f"{P}query": "sum(x)"}, "a query of its own does not tell"),
    ],
)
def test_replicas_go_by_what_is_in_flight_or_the_key_has_no_effect(keys: dict[str, str], why: str) -> None:
    base = Defaults(allow_custom_queries=True, drain_aware_scale_down=True)
    found, problems = resolve(base, DeploymentDefaults(), keys, name="chat")
    assert not problems
    assert found.policy.drain_aware_scale_down is not bool(why)
    assert found.without_effect.get(f"{P}drain-aware-scale-down", "").startswith(why)
    assert bool(found.without_effect) is bool(why)
    by_rate = {Signal.IN_FLIGHT} if "rps" in keys.values() and not why else set()
    assert set(signals(found.policy)) == by_rate
    without, _ = resolve(Defaults(allow_custom_queries=True), DeploymentDefaults(), keys, name="chat")
    assert not without.without_effect
    assert not signals(without.policy)


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        (
            {"metrics-preset": "triton", "latency-percentile": "99"},
            {"latency-percentile": "the preset triton tells the"},
        ),
        ({"metrics-preset": "triton"}, {}),
        ({"latency-percentile": "99"}, {}),
        ({"count-starting-replicas": "true"}, {"count-starting-replicas": "with the metric latency"}),
        ({"start-deadline": "5m"}, {"start-deadline": "with the metric latency"}),
        ({"rate-period": "15s"}, {"rate-period": "with the metric latency"}),
        ({"load-estimate": "offered"}, {"load-estimate": "with the metric latency"}),
        ({"container-concurrency": "4"}, {"container-concurrency": "with the metric latency"}),
        ({"count-starting-replicas": "false", "rate-period": "0s", "load-estimate": "auto"}, {}),
    ],
)
def test_keys_that_do_nothing_beside_a_latency_target_are_known(keys: dict[str, str], why: dict[str, str]) -> None:
    latency = {f"{P}metric": "latency", f"{P}latency-target-ms": "2500"}
    told = resolved(latency | {P + key: text for key, text in keys.items()}).without_effect
    assert told.keys() == {P + key for key in why}
    assert all(told[P + key].startswith(text) for key, text in why.items())


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ({f"{A}metric": "rps"}, "the metric is rps"),
        ({f"{P}metrics-preset": "kserve"}, "the preset kserve does not tell who waits"),
        ({f"{P}query": "sum(x)"}, "a query of its own"),
        ({f"{P}metrics-preset": "triton"}, ""),
    ],
)
def test_where_the_offered_load_is_not_known_asking_for_it_does_nothing(keys: dict[str, str], why: str) -> None:
    base = Defaults(allow_custom_queries=True)
    found, _ = resolve(base, DeploymentDefaults(), {**keys, f"{P}load-estimate": "offered"}, name="chat")
    assert (found.policy.load_estimate is Estimate.BACKLOG) == bool(why)
    assert found.without_effect.get(f"{P}load-estimate", "").startswith(why)
    assert bool(found.without_effect) is bool(why)
    of_the_cluster, _ = resolve(replace(base, load_estimate="offered"), DeploymentDefaults(), keys, name="chat")
    assert not of_the_cluster.without_effect, "what holds for all need not be meant for each"


def test_knatives_metric_and_the_load_estimate_give_way_to_latency() -> None:
    said = {
        f"{P}metric": "latency",
        f"{P}latency-target-ms": "2500",
        f"{A}metric": "rps",
        f"{P}load-estimate": "offered",
    }
    found = resolved(said)
    assert found.policy.metric is Metric.LATENCY
    assert found.reading.question.metric is Metric.CONCURRENCY
    assert found.policy.load_estimate is Estimate.BACKLOG
