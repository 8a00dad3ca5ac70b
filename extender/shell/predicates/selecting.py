"""What do selectors, affinity and spread constraints of Kubernetes say, in the words of the predicates?

kube-scheduler passes over a term of node affinity that it cannot read, as if it met no node. A label selector that it
cannot read it refuses as a whole; the API server lets none of either kind in today.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from extender.core.predicates.node_affinity import NAME_FIELD, NodeAffinity, NodeTerm
from extender.core.predicates.selectors import NOTHING, Operator, Requirement, Selector, equal_to
from extender.core.predicates.spread import SpreadConstraint
from extender.core.predicates.terms import PodTerm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from kube.constraints import ConstrainedSpec, LabelSelector, PodAffinity, TopologySpreadConstraint
    from kube.objects import NodeSelector, NodeSelectorRequirement, NodeSelectorTerm

_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?")
_INTEGER = re.compile(r"[+-]?[0-9]+")
_OF_LABELS = (Operator.IN, Operator.NOT_IN, Operator.EXISTS, Operator.DOES_NOT_EXIST)
_WITH_VALUES = (Operator.IN, Operator.NOT_IN)
_WITH_A_NUMBER = (Operator.GREATER, Operator.LESS)


class UnreadableSelectorError(Exception):
    """A label selector that says something that kube-scheduler 1.36 does not know."""


def selector_of(selector: LabelSelector | None) -> Selector:
    """Return a label selector; an absent one means nothing.

    Raises:
        UnreadableSelectorError: it has an operator that label selectors do not have.
    """
    if selector is None:
        return NOTHING
    expressions = tuple(_expression(one) for one in selector.match_expressions or ())
    return Selector(equal_to(selector.match_labels or {}) + expressions)


def node_affinity_of(spec: ConstrainedSpec) -> NodeAffinity:
    """Return which nodes a pod wants."""
    affinity = spec.affinity.node_affinity if spec.affinity else None
    required = affinity.required if affinity else None
    return NodeAffinity(Selector(equal_to(spec.node_selector or {})), node_terms(required))


def node_terms(required: NodeSelector | None) -> tuple[NodeTerm, ...] | None:
    """Return the terms of required node affinity that can be met; None where there is no such affinity."""
    if required is None:
        return None
    terms = (_node_term(term) for term in required.node_selector_terms or ())
    return tuple(term for term in terms if term is not None)


def pod_terms(affinity: PodAffinity | None, namespace: str) -> tuple[PodTerm, ...]:
    """Return the required terms of a pod of `namespace`, which is meant where a term names none and selects none.

    Raises:
        UnreadableSelectorError: as `selector_of`.
    """
    found = []
    for term in (affinity.required if affinity else None) or ():
        own = not term.namespaces and term.namespace_selector is None
        namespaces = frozenset({namespace} if own else term.namespaces or ())
        selector, among = selector_of(term.label_selector), selector_of(term.namespace_selector)
        found.append(PodTerm(term.topology_key, selector, namespaces, among))
    return tuple(found)


def spread_of(spec: ConstrainedSpec, labels: Mapping[str, str]) -> tuple[SpreadConstraint, ...]:
    """Return the constraints that keep a pod with such labels off nodes.

    Raises:
        UnreadableSelectorError: as `selector_of`.
    """
    constraints = spec.topology_spread_constraints or ()
    return tuple(_spread(one, labels) for one in constraints if one.when_unsatisfiable == "DoNotSchedule")


def _spread(one: TopologySpreadConstraint, labels: Mapping[str, str]) -> SpreadConstraint:
    selector = selector_of(one.label_selector)
    if selector != NOTHING:
        own = {key: labels[key] for key in one.match_label_keys or () if key in labels}
        # The API server has written them into the selector already, where it is one of 1.34 or later.
        selector = Selector(tuple(dict.fromkeys(equal_to(own) + selector.requirements)))
    return SpreadConstraint(
        one.topology_key,
        one.max_skew,
        selector,
        min_domains=1 if one.min_domains is None else one.min_domains,
        honors_affinity=one.node_affinity_policy in (None, "Honor"),
        honors_taints=one.node_taints_policy == "Honor",
    )


def _expression(one: NodeSelectorRequirement) -> Requirement:
    operator = _operator(one)
    if operator not in _OF_LABELS:
        raise UnreadableSelectorError(f"operator {one.operator!r} of label {one.key}")
    return Requirement(one.key, operator, tuple(one.values or ()))


def _node_term(term: NodeSelectorTerm) -> NodeTerm | None:
    """Return a term; None where no node can meet it, as it says nothing or something that cannot be read."""
    expressions = _requirements(term.match_expressions or (), _readable_expression)
    fields = _requirements(term.match_fields or (), _readable_field)
    if expressions is None or fields is None or not (expressions or fields):
        return None
    return NodeTerm(expressions, fields)


def _requirements(
    these: Iterable[NodeSelectorRequirement], readable: Callable[[Operator, NodeSelectorRequirement], bool]
) -> tuple[Requirement, ...] | None:
    found = []
    for one in these:
        operator = _operator(one)
        if operator is None or not readable(operator, one):
            return None
        found.append(Requirement(one.key, operator, tuple(one.values or ())))
    return tuple(found)


def _operator(one: NodeSelectorRequirement) -> Operator | None:
    return next((operator for operator in Operator if operator.value == one.operator), None)


def _readable_expression(operator: Operator, one: NodeSelectorRequirement) -> bool:
    values = one.values or ()
    if not all(_LABEL_VALUE.fullmatch(value) for value in values):
        return False
    if operator in _WITH_VALUES:
        return bool(values)
    if operator in _WITH_A_NUMBER:
        return len(values) == 1 and _INTEGER.fullmatch(values[0]) is not None
    return not values


def _readable_field(operator: Operator, one: NodeSelectorRequirement) -> bool:
    return one.key == NAME_FIELD and operator in _WITH_VALUES and len(one.values or ()) == 1
