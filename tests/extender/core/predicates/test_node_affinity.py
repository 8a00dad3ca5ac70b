"""Terms of node affinity are alternatives; one that says nothing admits no node."""

from __future__ import annotations

from extender.core.predicates.node_affinity import ANY_NODE, NAME_FIELD, NodeAffinity, NodeTerm
from extender.core.predicates.selectors import EVERYTHING, NO_LABELS, Labels, Operator, Requirement, Selector, equal_to

IN_ZONE = NodeTerm(equal_to({"zone": "z1"}))
BY_NAME = NodeTerm(fields=(Requirement(NAME_FIELD, Operator.IN, ("n1",)),))
ZONE = Labels({"zone": "z1"})


def test_no_affinity_admits_every_node() -> None:
    assert ANY_NODE.admits("n1", NO_LABELS)


def test_one_of_the_terms_must_admit_a_node() -> None:
    affinity = NodeAffinity(EVERYTHING, (IN_ZONE, BY_NAME))
    assert affinity.admits("n2", ZONE)
    assert affinity.admits("n1", NO_LABELS)
    assert not affinity.admits("n2", NO_LABELS)


def test_labels_and_name_of_one_term_must_both_suit() -> None:
    term = NodeTerm(IN_ZONE.expressions, BY_NAME.fields)
    assert term.admits("n1", ZONE)
    assert not term.admits("n2", ZONE)
    assert not term.admits("n1", NO_LABELS)


def test_terms_that_say_nothing_admit_no_node() -> None:
    assert not NodeAffinity(EVERYTHING, (NodeTerm(),)).admits("n1", ZONE)
    assert not NodeAffinity(EVERYTHING, ()).admits("n1", ZONE)
    assert not NodeTerm().admits_labels(ZONE)


def test_the_node_selector_must_accept_a_node_besides() -> None:
    affinity = NodeAffinity(Selector(equal_to({"disk": "ssd"})), (IN_ZONE,))
    assert not affinity.admits("n1", ZONE)
    assert affinity.admits("n1", Labels({"zone": "z1", "disk": "ssd"}))


def test_by_labels_alone_a_name_is_passed_over() -> None:
    assert BY_NAME.admits_labels(NO_LABELS)
