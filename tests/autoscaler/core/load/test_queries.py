"""A question becomes one query for all workloads, in which nothing that is put in can mean anything else."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.core.load.presets import PRESETS, Term
from autoscaler.core.load.queries import (
    OWN_QUERY,
    Place,
    Selection,
    TargetLabels,
    counts,
    matcher,
    pattern,
    places,
    quoted,
    substituted,
)
from autoscaler.core.model import Metric, Question, Reading


def query(preset: str, metric: Metric = Metric.CONCURRENCY, labels: TargetLabels | None = None) -> str:
    return Selection.of(Question(metric, preset), labels).query(12)


def test_the_series_of_pods_are_asked_for_with_one_range_selector() -> None:
    assert query("vllm") == (
        '{__name__=~"vllm:num_requests_running|vllm:num_requests_waiting",namespace!="",pod!=""}[12s]'
    )
    assert query("tf-serving", Metric.RPS) == (
        '{__name__=":tensorflow:serving:request_count",namespace!="",pod!=""}[12s]'
    )


def test_the_labels_of_targets_are_the_operators() -> None:
    assert query("tgi", Metric.RPS, TargetLabels("kubernetes_namespace", "kubernetes_pod_name")) == (
        '{__name__="tgi_request_count",kubernetes_namespace!="",kubernetes_pod_name!=""}[12s]'
    )


def test_of_labels_that_stand_for_each_other_none_is_required() -> None:
    assert query("nginx-ingress", Metric.RPS) == '{__name__="nginx_ingress_controller_requests",ingress!=""}[12s]'
    assert 'destination_workload_namespace!="",destination_workload!=""' in query("istio")


def test_series_that_no_term_counts_are_not_even_asked_for() -> None:
    assert 'tp_rank=~"0|"' in query("sglang")
    assert 'reporter="destination"' in query("istio")


@pytest.mark.parametrize(
    ("preset", "labels", "place"),
    [
        ("vllm", {"namespace": "ns", "pod": "p"}, ("ns", "p")),
        ("vllm", {"namespace": "ns", "pod": ""}, None),
        ("vllm", {"pod": "p"}, None),
        ("istio", {"destination_workload_namespace": "ns", "destination_workload": "w", "namespace": "x", "pod": "y"},
         ("ns", "w")),
        ("nginx-ingress", {"exported_namespace": "ns", "namespace": "ingress-nginx", "ingress": "i"}, ("ns", "i")),
        ("nginx-ingress", {"namespace": "ns", "ingress": "i"}, ("ns", "i")),
        ("nginx-ingress", {"ingress": "i"}, None),
        ("envoy", {"envoy_cluster_name": "c", "namespace": "x"}, ("", "c")),
        ("envoy", {"envoy_cluster_name": ""}, None),
    ],
)  # fmt: skip
def test_a_series_belongs_to_a_pod_or_to_a_key(preset: str, labels: dict[str, str], place: Place | None) -> None:
    assert Selection.of(Question(preset=preset)).place(labels) == place


@pytest.mark.parametrize(
    ("reading", "expected"),
    [
        (Reading(Question(preset="vllm")), (("ns", "a"), ("ns", "b"))),
        (Reading(Question(preset="istio"), "w"), (("ns", "w"),)),
        (Reading(Question(preset="envoy"), "c"), (("", "c"),)),
        (Reading(Question(query="sum(x)")), (OWN_QUERY,)),
    ],
)
def test_a_workload_is_looked_for_where_its_series_are_put(reading: Reading, expected: tuple[Place, ...]) -> None:
    assert places(reading, "ns", ["a", "b"]) == expected


@pytest.mark.parametrize(("labels", "belongs"), [({"tp_rank": "0"}, True), ({}, True), ({"tp_rank": "1"}, False),
                                                 ({"tp_rank": "0", "pp_rank": "1"}, False)])  # fmt: skip
def test_one_rank_of_an_engine_counts(labels: dict[str, str], belongs: bool) -> None:  # noqa: FBT001  a table's column
    assert all(counts(term, labels) is belongs for term in PRESETS["sglang"].concurrency)


def test_a_term_without_conditions_takes_every_series() -> None:
    assert counts(Term("x"), {"a": "b"})


@pytest.mark.parametrize(
    ("text", "string"),
    [("plain-1.x", '"plain-1.x"'), ('a"}', r'"a\x22}"'), ("\\", r'"\\"'), ("\n\0", r'"\x0a\x00"'),
     ("'`", r'"\x27\x60"'), ("ä", '"ä"')],
)  # fmt: skip
def test_texts_stand_as_quoted_strings(text: str, string: str) -> None:
    assert quoted(text) == string


@given(st.text())
def test_no_text_ends_the_string_it_stands_in(text: str) -> None:
    inside = quoted(text)[1:-1]
    assert not re.search(r"[\"'`\x00-\x1f]", inside)
    assert re.sub(r"\\(\\|x..)", lambda found: "\\" if found[1] == "\\" else chr(int(found[1][1:], 16)), inside) == text


@given(st.text(), st.text())
def test_a_pattern_matches_its_own_text_alone(text: str, other: str) -> None:
    assert re.fullmatch(pattern(text), text)
    assert bool(re.fullmatch(pattern(text), other)) == (text == other)


def test_a_label_of_several_values_is_matched_by_a_pattern() -> None:
    assert matcher("a", ["b"]) == 'a="b"'
    assert matcher("a", ["b.c", ""]) == r'a=~"b\\.c|"'


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ('sum(x{namespace="$namespace",app="$name"})', 'sum(x{namespace="ns",app="a.b"})'),
        ('x{app=~"$name-.*"}', 'x{app=~"a.b-.*"}'),
        ('x{a="$names",b="$1"}', 'x{a="$names",b="$1"}'),
        ("sum(x)", "sum(x)"),
    ],
)
def test_placeholders_of_an_own_query_are_replaced(text: str, result: str) -> None:
    assert substituted(text, "ns", "a.b") == result


def test_hostile_names_stay_within_their_string() -> None:
    assert substituted('x{a="$name"}', "ns", 'b"} or up{c="$namespace') == r'x{a="b\x22} or up{c=\x22$namespace"}'
