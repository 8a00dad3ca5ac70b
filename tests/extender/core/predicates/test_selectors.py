"""Selectors accept what Kubernetes says they accept."""

from __future__ import annotations

import pytest

from extender.core.predicates.selectors import (
    EVERYTHING,
    NO_LABELS,
    NOTHING,
    Labels,
    Operator,
    Requirement,
    Selector,
    equal_to,
)


@pytest.mark.parametrize(
    ("operator", "values", "value", "met"),
    [
        (Operator.IN, ("a", "b"), "b", True),
        (Operator.IN, ("a", "b"), "c", False),
        (Operator.IN, ("a", "b"), None, False),
        (Operator.NOT_IN, ("a",), "b", True),
        (Operator.NOT_IN, ("a",), "a", False),
        (Operator.NOT_IN, ("a",), None, True),
        (Operator.EXISTS, (), "", True),
        (Operator.EXISTS, (), None, False),
        (Operator.DOES_NOT_EXIST, (), None, True),
        (Operator.DOES_NOT_EXIST, (), "", False),
        (Operator.GREATER, ("9",), "10", True),
        (Operator.GREATER, ("9",), "9", False),
        (Operator.LESS, ("9",), "-1", True),
        (Operator.LESS, ("9",), "many", False),
        (Operator.LESS, ("9",), None, False),
        (Operator.LESS, ("9",), "1_0", False),  # which Python would read
        (Operator.GREATER, ("0",), str(2**63), False),  # beyond 64 bits: no number to Go
        (Operator.GREATER, ("some",), "1", False),
    ],
)
def test_a_requirement_is_met_as_kubernetes_reads_it(
    operator: Operator, values: tuple[str, ...], value: str | None, *, met: bool
) -> None:
    labels = {} if value is None else {"key": value}
    assert Requirement("key", operator, values).met_by(labels) is met


def test_every_requirement_must_be_met() -> None:
    selector = Selector(equal_to({"app": "web", "tier": "front"}))
    assert selector.accepts(Labels({"app": "web", "tier": "front", "more": "1"}))
    assert not selector.accepts(Labels({"app": "web"}))


def test_no_requirement_accepts_everything_and_an_absent_selector_nothing() -> None:
    assert EVERYTHING.everything
    assert not NOTHING.everything
    for labels in (NO_LABELS, Labels({"": ""}), Labels({"app": "web"})):
        assert EVERYTHING.accepts(labels)
        assert not NOTHING.accepts(labels)


def test_nothing_stays_nothing_with_more_requirements() -> None:
    assert not Selector(equal_to({"app": "web"}) + NOTHING.requirements).accepts(Labels({"app": "web"}))


def test_labels_are_one_key_whatever_their_order() -> None:
    one, other = Labels({"a": "1", "b": "2"}), Labels({"b": "2", "a": "1"})
    assert {one: "found"}[other] == "found"
    assert one != Labels({"a": "1"})
    assert repr(one) == "Labels({'a': '1', 'b': '2'})"
