"""Refusals are those of a Kubernetes 1.36 API server."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.embedded.core.notation.selectors import FieldSelector, LabelSelector
from plimsoll.embedded.core.problem import Object, Problem

_OPERATORS = "in, notin, =, ==, !=, gt, lt"


@pytest.mark.parametrize(
    ("text", "selected", "not_selected"),
    [
        ("", [{}, {"a": "b"}], []),
        ("  ", [{}], []),
        ("a", [{"a": ""}, {"a": "b"}], [{}, {"b": "a"}]),
        ("!a", [{}, {"b": "a"}], [{"a": ""}]),
        ("a=b", [{"a": "b"}], [{}, {"a": "c"}]),
        ("a==b", [{"a": "b"}], [{}, {"a": "c"}]),
        ("a=", [{"a": ""}], [{}, {"a": "c"}]),
        ("a!=b", [{}, {"a": "c"}], [{"a": "b"}]),
        ("a in (b,c)", [{"a": "b"}, {"a": "c"}], [{}, {"a": "d"}]),
        ("a in (,b)", [{"a": ""}, {"a": "b"}], [{}, {"a": "c"}]),
        ("a in ()", [{"a": ""}], [{}, {"a": "c"}]),
        ("a notin (b, c)", [{}, {"a": "d"}], [{"a": "b"}, {"a": "c"}]),
        (" a = b , c ", [{"a": "b", "c": ""}], [{"a": "b"}, {"c": ""}]),
        ("a!=b,a!=c", [{}, {"a": "d"}], [{"a": "b"}, {"a": "c"}]),
        ("a>5,a<10", [{"a": "7"}], [{"a": "5"}, {"a": "10"}, {"a": "x"}, {}]),
        ("in in (in)", [{"in": "in"}], [{"in": "a"}]),
        ("notin", [{"notin": ""}], [{}]),
        ("x.io/a=b", [{"x.io/a": "b"}], [{"a": "b"}]),
    ],
)
def test_labels_are_selected(text: str, selected: list[dict[str, str]], not_selected: list[dict[str, str]]) -> None:
    selector = LabelSelector.parse(text)
    assert all(selector.matches(labels) for labels in selected)
    assert not any(selector.matches(labels) for labels in not_selected)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a in (b", "unable to parse requirement: found '', expected: ',' or ')'"),
        ("a in (b c)", "unable to parse requirement: found 'c', expected: ',' or ')'"),
        ("a in", "unable to parse requirement: found '' expected: '('"),
        ("a in b", "unable to parse requirement: found 'b' expected: '('"),
        ("a in (b))", "found ')', expected: ',' or 'end of string'"),
        ("=b", "found '=', expected: !, identifier, or 'end of string'"),
        (",", "found ',', expected: !, identifier, or 'end of string'"),
        ("(a)", "found '(', expected: !, identifier, or 'end of string'"),
        ("a,", "found '', expected: identifier after ','"),
        ("a,,b", "found ',', expected: identifier after ','"),
        ("a b", f"unable to parse requirement: found 'b', expected: {_OPERATORS}"),
        ("a!b", f"unable to parse requirement: found '!', expected: {_OPERATORS}"),
        ("a gt 5", f"unable to parse requirement: found 'gt', expected: {_OPERATORS}"),
        ("a=b=c", "found '=', expected: ',' or 'end of string'"),
        ("!a=b", "found '=', expected: ',' or 'end of string'"),
        ("a = !b", "unable to parse requirement: found '!', expected: identifier"),
        ("!", "unable to parse requirement: found '', expected: identifier"),
        (
            "a<b",
            (
                "unable to parse requirement: values[0]: Invalid value: \"b\": for 'Gt', 'Lt' operators, the value "
                "must be an integer"
            ),
        ),
        (
            "/a",
            'unable to parse requirement: <nil>: Invalid value: "/a": prefix part must be non-empty',
        ),
        (
            "a=" + "b" * 64,
            f'unable to parse requirement: values[0][a]: Invalid value: "{"b" * 64}": must be no more than 63 bytes',
        ),
    ],
)
def test_a_malformed_label_selector_is_refused_in_the_real_ones_words(text: str, sentence: str) -> None:
    with pytest.raises(Problem) as refused:
        LabelSelector.parse(text)
    assert (refused.value.status, refused.value.message) == (400, sentence)


@pytest.mark.parametrize(
    ("selector", "written"),
    [
        ({"matchLabels": {"b": "2", "a": "1"}}, "a=1,b=2"),
        ({}, ""),
        (
            {
                "matchLabels": {"z": ""},
                "matchExpressions": [
                    {"key": "c", "operator": "In", "values": ["y", "x"]},
                    {"key": "d", "operator": "NotIn", "values": ["x"]},
                    {"key": "e", "operator": "Exists"},
                    {"key": "f", "operator": "DoesNotExist"},
                ],
            },
            "c in (x,y),d notin (x),e,!f,z=",
        ),
    ],
)
def test_an_objects_selector_is_written_as_kubernetes_writes_it(selector: Object, written: str) -> None:
    found = LabelSelector.of(selector)
    assert str(found) == written
    assert str(LabelSelector.parse(written)) == written


def test_no_selector_selects_nothing_and_an_empty_one_everything() -> None:
    assert not LabelSelector.of(None).matches({})
    assert LabelSelector.of({}).matches(None)
    assert LabelSelector.of({}).matches({"a": "b"})


def test_an_operator_that_there_is_not_is_refused() -> None:
    with pytest.raises(Problem, match=r'"Is" is not a valid label selector operator'):
        LabelSelector.of({"matchExpressions": [{"key": "a", "operator": "Is"}]})


@given(st.text("ab=!(),<> in", max_size=12))
def test_a_label_selector_is_read_or_refused_and_reads_itself(text: str) -> None:
    try:
        selector = LabelSelector.parse(text)
    except Problem as problem:
        refused = problem.status
    else:
        refused = 400
        assert LabelSelector.parse(str(selector)) == selector
    assert refused == 400


FIELDS = ("metadata.name", "metadata.namespace", "spec.nodeName", "spec.unschedulable")
POD: Object = {"metadata": {"name": "a", "namespace": "n"}, "spec": {"nodeName": "x,y", "unschedulable": True}}


@pytest.mark.parametrize(
    ("text", "selected"),
    [
        ("", True),
        ("metadata.name=a", True),
        ("metadata.name==a", True),
        ("metadata.name!=a", False),
        ("metadata.name=b", False),
        ("metadata.name=", False),
        ("metadata.name=a,metadata.namespace=n", True),
        ("metadata.name=a,metadata.namespace!=n", False),
        (",metadata.name=a,", True),
        ("spec.nodeName=x\\,y", True),
        ("spec.unschedulable=true", True),
    ],
)
def test_fields_are_selected(text: str, selected: bool) -> None:  # noqa: FBT001  the expected answer
    assert FieldSelector.parse(text, FIELDS).matches(POD) is selected


def test_a_field_that_is_not_there_is_empty() -> None:
    assert FieldSelector.parse("spec.nodeName=", FIELDS).matches({"metadata": {}})
    assert FieldSelector.parse("spec.nodeName!=x", FIELDS).matches({})


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("metadata.name", "invalid selector: 'metadata.name'; can't understand 'metadata.name'"),
        ("b,a", "invalid selector: 'b,a'; can't understand 'a'"),
        ("foo=bar", "field label not supported: foo"),
        ("=b", "field label not supported: "),
        ("metadata.name=a=b", "invalid field selector: unescaped character in value: 61"),
        ("metadata.name=a\\b", "invalid field selector: invalid escape sequence: \\b"),
    ],
)
def test_a_malformed_field_selector_is_refused_in_the_real_ones_words(text: str, sentence: str) -> None:
    with pytest.raises(Problem) as refused:
        FieldSelector.parse(text, FIELDS)
    assert (refused.value.status, refused.value.message) == (400, sentence)


def test_a_kind_with_no_fields_of_its_own_names_those_of_every_kind() -> None:
    with pytest.raises(Problem, match=r'^"data" is not a known field selector: only "metadata.name", "metadata.names'):
        FieldSelector.parse("data=1", FIELDS[:2])
