"""What the autoscaler says of itself can be read by Prometheus, and says what was decided."""

from __future__ import annotations

import json
from dataclasses import replace

from prometheus_client.parser import text_string_to_metric_families

from autoscaler.core.decision import decide_again
from autoscaler.core.model import Decision, Inputs, Metric, Policy, Seen, WorkloadKey
from autoscaler.shell.telemetry import Telemetry

KEY = WorkloadKey("uid", "ns", "chat")
LABELS = {"namespace": "ns", "workload": "chat", "kind": "Deployment"}
INPUTS = Inputs(
    at_ms=50_000,
    policy=Policy(target=10.0, metric=Metric.RPS),
    current=4,
    ready=3,
    stable=40.0,
    panic=42.5,
    seen=Seen.ALL,
    standing=4,
)


def telemetry(decision: Decision, decided_at_ms: int | None = 49_000) -> Telemetry:
    return Telemetry(
        {KEY: decision}, lambda _: decided_at_ms, lambda: {"deployments.apps": 2}, lambda: {"x.example.com": "no right"}
    )


def samples(of: Telemetry) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name.removeprefix("plimsoll_autoscaler_"), frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(of.exposition().decode())
        for sample in family.samples
    }


def value(of: Telemetry, name: str, **labels: str) -> float | None:
    return samples(of).get((name, frozenset((LABELS | labels).items())))


def test_each_part_of_a_decision_is_a_metric() -> None:
    told = telemetry(decide_again(INPUTS))
    assert value(told, "desired_replicas") == 4
    assert value(told, "requested_replicas") == 4
    assert value(told, "ready_replicas") == 3
    assert value(told, "load", window="stable", metric="rps") == 40.0
    assert value(told, "load", window="panic", metric="rps") == 42.5
    assert value(told, "target_load", metric="rps") == 10.0
    assert value(told, "excess_burst_capacity") == decide_again(INPUTS).excess_burst_capacity
    assert [value(told, "mode", mode=mode) for mode in ("stable", "panic", "held")] == [1, 0, 0]
    assert value(told, "decided_timestamp_seconds") == 49.0


def test_what_was_not_measured_has_no_metric() -> None:
    told = telemetry(decide_again(replace(INPUTS, stable=None, panic=None)), None)
    assert not [
        name for name, _ in samples(told) if name in ("load", "excess_burst_capacity", "decided_timestamp_seconds")
    ]
    assert value(told, "mode", mode="held") == 1


def test_kinds_are_counted_and_those_that_cannot_be_followed_are_named() -> None:
    told = samples(telemetry(decide_again(INPUTS)))
    assert told["workloads", frozenset({("kind", "deployments.apps")})] == 2
    assert told["kind_refused", frozenset({("kind", "x.example.com")})] == 1


def test_every_metric_is_ours_by_name_and_has_words_for_it() -> None:
    told = telemetry(decide_again(INPUTS))
    told.query_errors.labels("vllm", "rps").inc()
    told.writes.labels("written").inc()
    told.problems.labels("Deployment ns/chat").set(2)
    families = list(text_string_to_metric_families(told.exposition().decode()))
    assert all(family.name.startswith("plimsoll_autoscaler_") and family.documentation for family in families)


def test_the_page_of_decisions_has_the_standing_ones_in_order() -> None:
    other = WorkloadKey("b", "ns", "aaa", kind="StatefulSet")
    both = Telemetry({KEY: decide_again(INPUTS), other: decide_again(INPUTS)}, lambda _: None, dict, dict).decisions()
    found = json.loads(both)["workloads"]
    assert [(one["name"], one["kind"], one["desired"], one["metric"]) for one in found] == [
        ("aaa", "StatefulSet", 4, "rps"),
        ("chat", "Deployment", 4, "rps"),
    ]
    assert found[0]["decided_at"] == 50.0
