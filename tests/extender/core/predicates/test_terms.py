"""Of which pods a term speaks."""

from __future__ import annotations

from extender.core.predicates.selectors import EVERYTHING, NO_LABELS, Labels, Selector, equal_to
from extender.core.predicates.terms import PodTerm

WEB = Selector(equal_to({"app": "web"}))
A_WEB = Labels({"app": "web"})
NAMESPACES = {"a": Labels({"team": "red"}), "b": Labels({"team": "blue"})}


def test_it_speaks_of_pods_with_such_labels_in_the_namespaces_that_it_names() -> None:
    term = PodTerm("zone", WEB, frozenset({"a"}))
    assert term.speaks_of("a", A_WEB, NAMESPACES)
    assert not term.speaks_of("b", A_WEB, NAMESPACES)
    assert not term.speaks_of("a", NO_LABELS, NAMESPACES)


def test_namespaces_are_named_or_selected() -> None:
    term = PodTerm("zone", WEB, frozenset({"a"}), Selector(equal_to({"team": "blue"})))
    assert term.speaks_of("a", A_WEB, NAMESPACES)
    assert term.speaks_of("b", A_WEB, NAMESPACES)
    assert not term.speaks_of("c", A_WEB, NAMESPACES)


def test_a_selector_of_everything_means_namespaces_that_nobody_knows_too() -> None:
    assert PodTerm("zone", WEB, namespace_selector=EVERYTHING).speaks_of("c", A_WEB, NAMESPACES)
