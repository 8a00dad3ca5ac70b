"""Which values of a node's label does a pod accept? What its node selector and its required node affinity say of it.

Only kube-scheduler decides on which nodes a pod may run. Here it is asked what a pod could ever want, so what is not
plain (any operator but In, a term that says nothing of the label) means any value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kube.objects import BarePodSpec, NodeSelectorTerm

ANY: tuple[str, ...] = ()


def accepted(spec: BarePodSpec, label: str) -> tuple[str, ...]:
    """Return the values of `label` that a pod accepts, sorted; () = any.

    Where selector and affinity contradict each other, no node will do, and the selector's value is returned.
    """
    selected = (spec.node_selector or {}).get(label)
    if selected is not None:
        return (selected,)
    return tuple(sorted(_by_affinity(spec, label)))


def _by_affinity(spec: BarePodSpec, label: str) -> frozenset[str]:
    """Return the values that any of the required terms accepts; empty = any."""
    node_affinity = spec.affinity.node_affinity if spec.affinity else None
    required = node_affinity.required if node_affinity else None
    accepted: frozenset[str] = frozenset()
    for term in (required.node_selector_terms or ()) if required else ():
        if not term.match_expressions and not term.match_fields:
            continue  # such a term matches no node
        values = _by_term(term, label)
        if values is None:
            return frozenset()
        accepted |= values
    return accepted


def _by_term(term: NodeSelectorTerm, label: str) -> frozenset[str] | None:
    """Return the values that all of a term's expressions In accept; None where there is none of them."""
    accepted: frozenset[str] | None = None
    for expression in term.match_expressions or ():
        if expression.key == label and expression.operator == "In":
            values = frozenset(expression.values or ())
            accepted = values if accepted is None else accepted & values
    return accepted
