"""Every annotation has its rule, and every problem is told at once, under the spelling that was used."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.config import Defaults
from autoscaler.config.workload import CAMEL, RULES, read_annotations

A = "autoscaling.knative.dev/"
P = "plimsoll.dev/"
KPA, HPA = "kpa.autoscaling.knative.dev", "hpa.autoscaling.knative.dev"
DEADLINE = "serving.knative.dev/progress-deadline"


def broken(annotations: dict[str, str], base: Defaults | None = None) -> list[str]:
    return [problem.key for problem in read_annotations(base or Defaults(), annotations).problems]


@pytest.mark.parametrize(
    ("key", "accepted", "refused"),
    [
        (
            f"{A}class",
            [KPA, HPA, "", "mine", "example.com", "knative.dev"],
            ["x.autoscaling.knative.dev", ".knative.dev"],
        ),
        (f"{A}metric", ["concurrency", "rps"], ["", "cpu", "RPS", " rps"]),
        (f"{A}metric-aggregation-algorithm", ["", "linear", "bogus"], []),
        (f"{A}target", ["0.01", "1_000", "0x1p4"], ["0.009", "0", "-1", "", "inf", "NaN", "1e400"]),
        (f"{A}target-utilization-percentage", ["1", "100", "70.5"], ["0.99", "100.1", "inf", "nan"]),
        (f"{A}target-burst-capacity", ["0", "-1", "0.7"], ["-0.5", "-2", "", "+Inf"]),
        (f"{A}window", ["6s", "1h", "60000ms"], ["5s", "3601s", "6001ms", "0", "60"]),
        (f"{A}panic-window-percentage", ["1", "100"], ["0.99", "100.1"]),
        (f"{A}panic-threshold-percentage", ["110", "1000"], ["109.9", "1000.1"]),
        (f"{A}min-scale", ["0", "+3", "2147483647"], ["-1", "2147483648", "1.0", "1_0", "0x5"]),
        (f"{A}max-scale", ["0", "007", "2147483647"], ["-1", "2147483648", ""]),
        (f"{A}initial-scale", ["1", "2147483648"], ["0", "-0", "-1", "9223372036854775808", " 4"]),
        (f"{A}activation-scale", ["2", "2147483647"], ["1", "0", "-5", "2147483648", "abc"]),
        (f"{A}scale-down-delay", ["0s", "1h"], ["-1s", "3601s", "1.5s", "60"]),
        (f"{A}scale-to-zero-pod-retention-period", ["0", "1h", "500ms"], ["-1ns", "3601s", ""]),
        (DEADLINE, ["", "0s", "99h"], ["-1s", "1.5s", "60"]),
        (f"{P}container-concurrency", ["0", "8"], ["-1", "1.5", "2147483648"]),
        (f"{P}metrics-preset", ["vllm", "tf-serving"], ["", "vLLM"]),
        (f"{P}mode", ["scale", "observe"], ["", "Observe", "off"]),
        (f"{P}metric", [], ["latency", "", "rps", "Latency"]),
        (f"{P}latency-target-ms", [], ["250", "0", "-1", "3600001", "2s", "NaN"]),
        (f"{P}latency-percentile", [], ["95", "49", "100", "p95"]),
        (f"{P}metrics-key", ["chat", "a b"], ["", " "]),
        (f"{P}query", [], ["", "up", "x" * 2001]),
        (f"{P}count-starting-replicas", ["true", "F"], ["yes", ""]),
        (f"{P}start-deadline", ["0s", "20m"], ["-1s", "1.5s", "60"]),
        (f"{P}load-estimate", ["auto", "backlog", "offered"], ["", "Offered", "latency"]),
        (f"{P}drain-period", ["1s", "1h"], ["0s", "3601s", "1.5s", "60"]),
        (f"{P}panic-exit-hold", ["0s", "1h"], ["-1s", "3601s", "1.5s", "60"]),
        (f"{P}rate-period", ["0s", "15s"], ["-1s", "3601s", "1.5s", "60"]),
        (f"{P}drain-aware-scale-down", ["true", "False", "0"], ["", "yes", " true"]),
        (f"{P}limit-to-placeable", ["true", "False", "0"], ["", "yes", " true"]),
    ],
)
def test_an_annotation_has_its_rule(key: str, accepted: list[str], refused: list[str]) -> None:
    assert [text for text in accepted if broken({key: text})] == []
    assert [text for text in refused if broken({key: text}) != [key]] == []


@pytest.mark.parametrize(
    ("said", "keys"),
    [
        ({"latency-target-ms": "1"}, []),
        ({"latency-target-ms": "3600000", "latency-percentile": "99.9"}, []),
        ({"latency-target-ms": "250.5", "latency-percentile": "50"}, []),
        ({}, ["metric"]),
        ({"latency-target-ms": "0.5"}, ["latency-target-ms"]),
        ({"latency-target-ms": "2s"}, ["latency-target-ms"]),
        ({"latency-target-ms": "250", "latency-percentile": "99.95"}, ["latency-percentile"]),
    ],
)
def test_latency_needs_a_target_that_can_be_kept(said: dict[str, str], keys: list[str]) -> None:
    annotations = {f"{P}metric": "latency"} | {f"{P}{key}": text for key, text in said.items()}
    assert broken(annotations) == [f"{P}{key}" for key in keys]


def test_what_is_missing_beside_latency_is_told_with_the_key() -> None:
    (problem,) = read_annotations(Defaults(), {f"{P}metric": "latency"}).problems
    assert str(problem) == (
        'plimsoll.dev/metric: "latency" must be beside a plimsoll.dev/latency-target-ms, which is absent'
    )


def test_every_annotation_has_been_asked_about() -> None:
    mark = test_an_annotation_has_its_rule.pytestmark[0]  # type: ignore[attr-defined]
    assert {case[0] for case in mark.args[1]} == set(RULES)


@pytest.mark.parametrize(
    ("annotations", "base", "keys"),
    [
        # the class decides which metrics and algorithms there are
        ({"class": HPA, "metric": "cpu"}, {}, []),
        ({"class": HPA, "metric": ""}, {}, ["metric"]),
        ({"class": "mine", "metric": ""}, {}, []),
        ({"metric": "memory"}, {"pod_autoscaler_class": HPA}, []),
        ({"class": KPA, "metric": "memory"}, {"pod_autoscaler_class": HPA}, ["metric"]),
        ({"class": KPA, "metric-aggregation-algorithm": "bogus"}, {}, ["metric-aggregation-algorithm"]),
        ({"class": KPA, "metricAggregationAlgorithm": "bogus"}, {}, ["metricAggregationAlgorithm"]),
        ({"class": KPA, "metric-aggregation-algorithm": ""}, {}, []),
        # bounds
        ({"min-scale": "3", "max-scale": "2"}, {}, ["max-scale"]),
        ({"min-scale": "3", "max-scale": "0"}, {}, []),
        ({"min-scale": "3"}, {"max_scale": 2}, []),
        ({"min-scale": "x", "max-scale": "2"}, {}, ["min-scale"]),
        ({"max-scale": "10"}, {"max_scale": 5, "max_scale_limit": 10}, []),
        ({"max-scale": "11"}, {"max_scale": 5, "max_scale_limit": 10}, ["max-scale"]),
        ({"max-scale": "0"}, {"max_scale": 5, "max_scale_limit": 10}, ["max-scale"]),
        ({}, {"max_scale": 5, "max_scale_limit": 10}, []),
        ({"activation-scale": "3", "min-scale": "4"}, {}, ["activation-scale"]),
        ({"activation-scale": "3", "max-scale": "2"}, {}, ["activation-scale"]),
        ({"activation-scale": "3", "min-scale": "3", "max-scale": "3"}, {}, []),
        ({"activation-scale": "3"}, {"min_scale": 4, "max_scale": 2}, []),
        ({"initial-scale": "0"}, {"allow_zero_initial_scale": True}, []),
    ],
)
def test_annotations_must_go_together(annotations: dict[str, str], base: dict[str, object], keys: list[str]) -> None:
    cluster = Defaults(**base)  # type: ignore[arg-type]
    assert broken({A + key: text for key, text in annotations.items()}, cluster) == [A + key for key in keys]


def test_all_problems_are_told_at_once() -> None:
    keys = [f"{A}target", f"{A}window", f"{A}minScale", f"{A}max-scale", f"{P}metrics-key"]
    assert broken(dict.fromkeys(keys, "")) == keys


@pytest.mark.parametrize("key", sorted(CAMEL))
def test_the_kebab_spelling_wins_even_when_it_breaks_its_rule(key: str) -> None:
    camel = CAMEL[key]
    good = "30s" if "delay" in key or "period" in key else "linear" if "algorithm" in key else "110"
    good = "50" if "window" in key or "utilization" in key else good
    bad = "bogus"
    cluster = {f"{A}class": KPA}
    assert broken(cluster | {camel: good}) == []
    assert broken(cluster | {camel: bad}) == [camel]
    assert broken(cluster | {key: good, camel: bad}) == []
    assert broken(cluster | {key: bad, camel: good}) == [key]


def test_promql_of_ones_own_needs_the_clusters_leave() -> None:
    told = read_annotations(Defaults(), {f"{P}query": "up"}).problems
    assert str(told[0]) == (
        'plimsoll.dev/query: "up" must be absent while the cluster\'s allow-custom-queries is false'
    )
    assert broken({f"{P}query": "up"}, Defaults(allow_custom_queries=True)) == []
    assert broken({f"{P}query": ""}, Defaults(allow_custom_queries=True)) == [f"{P}query"]


@given(
    st.dictionaries(
        st.sampled_from(sorted({*RULES, *CAMEL.values()})),
        st.text("0123456789._eE+-smhx \u0661") | st.sampled_from([KPA, HPA, "rps", "nan", "inf", "-1", "0", "1e400"]),
    )
)
def test_any_annotations_are_read_or_their_problems_are_told(annotations: dict[str, str]) -> None:
    assert set(broken(annotations)) <= set(annotations)
