"""Selectors, affinity and spread constraints, read as kube-scheduler reads them."""

from __future__ import annotations

from typing import Any

import pytest

from extender.core.predicates.node_affinity import NodeTerm
from extender.core.predicates.selectors import EVERYTHING, NOTHING, Operator, Requirement, Selector, equal_to
from extender.core.predicates.spread import SpreadConstraint
from extender.core.predicates.terms import PodTerm
from extender.shell.predicates.selecting import (
    UnreadableSelectorError,
    node_affinity_of,
    pod_terms,
    selector_of,
    spread_of,
)
from kube.constraints import LabelSelector
from kube.objects import NodeSelectorRequirement
from tests.extender.shell.predicates.written import NAMESPACE, pod

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
WEB = {"matchLabels": {"app": "web"}}
IN_WEB = Selector(equal_to({"app": "web"}))


def terms_of(*terms: dict[str, Any]) -> tuple[NodeTerm, ...] | None:
    affinity = {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": list(terms)}}}
    return node_affinity_of(pod({"affinity": affinity}).spec).terms


def expression(operator: str, *values: str, key: str = "size") -> dict[str, Any]:
    return {"key": key, "operator": operator} | ({"values": list(values)} if values else {})


def test_an_absent_selector_means_nothing_and_an_empty_one_everything() -> None:
    assert selector_of(None) == NOTHING
    assert selector_of(LabelSelector()) == EVERYTHING


def test_labels_and_expressions_must_both_be_met() -> None:
    selector = LabelSelector({"b": "2", "a": "1"}, [NodeSelectorRequirement("c", "NotIn", ["3"])])
    assert selector_of(selector) == Selector(
        (*equal_to({"a": "1", "b": "2"}), Requirement("c", Operator.NOT_IN, ("3",)))
    )


@pytest.mark.parametrize("operator", ["Gt", "Similar"])
def test_an_operator_that_label_selectors_do_not_have_is_an_error(operator: str) -> None:
    with pytest.raises(UnreadableSelectorError, match=f"operator '{operator}' of label c"):
        selector_of(LabelSelector(None, [NodeSelectorRequirement("c", operator, ["3"])]))


def test_node_selector_and_terms_are_read() -> None:
    affinity = node_affinity_of(pod({"nodeSelector": {"disk": "ssd"}}).spec)
    assert affinity.selector == Selector(equal_to({"disk": "ssd"}))
    assert affinity.terms is None
    names = {"key": "metadata.name", "operator": "In", "values": ["n1"]}
    assert terms_of({"matchExpressions": [expression("Gt", "5")], "matchFields": [names]}) == (
        NodeTerm(
            (Requirement("size", Operator.GREATER, ("5",)),), (Requirement("metadata.name", Operator.IN, ("n1",)),)
        ),
    )


@pytest.mark.parametrize(
    "term",
    [
        {},
        {"matchExpressions": []},
        {"matchExpressions": [expression("Gt", "some")]},
        {"matchExpressions": [expression("Gt", "1", "2")]},
        {"matchExpressions": [expression("In")]},
        {"matchExpressions": [expression("Exists", "1")]},
        {"matchExpressions": [expression("Similar", "1")]},
        {"matchExpressions": [expression("In", "no label value")]},
        {"matchFields": [expression("In", "a", "b", key="metadata.name")]},
        {"matchFields": [expression("Exists", key="metadata.name")]},
        {"matchFields": [expression("In", "a", key="metadata.uid")]},
    ],
)
def test_a_term_that_says_nothing_or_cannot_be_read_is_as_none(term: dict[str, Any]) -> None:
    assert terms_of(term) == ()
    other = {"matchExpressions": [expression("Exists")]}
    assert terms_of(term, other) == (NodeTerm((Requirement("size", Operator.EXISTS),)),)


def test_a_term_means_the_pods_own_namespace_unless_it_says_otherwise() -> None:
    among: dict[str, Any]
    for among, namespaces, selector in (
        ({}, {NAMESPACE}, NOTHING),
        ({"namespaces": ["other"]}, {"other"}, NOTHING),
        ({"namespaceSelector": {}}, set(), EVERYTHING),
        ({"namespaces": ["other"], "namespaceSelector": WEB}, {"other"}, IN_WEB),
    ):
        term = {"topologyKey": "zone", "labelSelector": WEB} | among
        affinity = pod({"affinity": {"podAffinity": {REQUIRED: [term]}}}).spec.affinity
        assert affinity is not None
        assert pod_terms(affinity.pod_affinity, NAMESPACE) == (
            PodTerm("zone", IN_WEB, frozenset(namespaces), selector),
        )


def test_no_affinity_has_no_terms() -> None:
    assert pod_terms(None, NAMESPACE) == ()


def test_what_is_only_preferred_is_no_constraint() -> None:
    constraint = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}
    assert spread_of(pod({"topologySpreadConstraints": [constraint]}).spec, {}) == ()


def test_a_constraint_has_its_defaults() -> None:
    constraint = {"maxSkew": 2, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}
    assert spread_of(pod({"topologySpreadConstraints": [constraint]}).spec, {}) == (
        SpreadConstraint("zone", 2, NOTHING, min_domains=1, honors_affinity=True, honors_taints=False),
    )


def test_the_pods_own_labels_are_added_to_what_a_constraint_selects() -> None:
    constraint = {
        "maxSkew": 1,
        "topologyKey": "zone",
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": WEB,
        "matchLabelKeys": ["version", "absent"],
        "minDomains": 3,
        "nodeAffinityPolicy": "Ignore",
        "nodeTaintsPolicy": "Honor",
    }
    spec = pod({"topologySpreadConstraints": [constraint]}).spec
    selector = Selector(equal_to({"version": "7"}) + IN_WEB.requirements)
    assert spread_of(spec, {"version": "7"}) == (
        SpreadConstraint("zone", 1, selector, min_domains=3, honors_affinity=False, honors_taints=True),
    )
    # As the API server has written it: once is enough.
    merged = constraint | {"labelSelector": WEB | {"matchExpressions": [expression("In", "7", key="version")]}}
    (one,) = spread_of(pod({"topologySpreadConstraints": [merged]}).spec, {"version": "7"})
    assert set(one.selector.requirements) == set(selector.requirements)
    assert len(one.selector.requirements) == 2


def test_an_absent_selector_stays_nothing_whatever_labels_are_added() -> None:
    constraint = {"topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "matchLabelKeys": ["version"]}
    (one,) = spread_of(pod({"topologySpreadConstraints": [constraint]}).spec, {"version": "7"})
    assert one.selector == NOTHING
