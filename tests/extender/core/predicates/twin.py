"""A dumb twin of the predicates: one pod and one node at a time, every pod looked at again, as kube-scheduler does it.

Written after the source of kube-scheduler's plugins, with its dictionaries by topology key and value.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from extender.core.predicates.selectors import NO_LABELS
from kube.taints import CORDONED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from extender.core.predicates.demands import PodDemands, Resident
    from extender.core.predicates.nodes import NodeFacts
    from extender.core.predicates.selectors import Labels
    from extender.core.predicates.spread import SpreadConstraint
    from extender.core.predicates.terms import PodTerm
    from kube.taints import Taint

    Placed = Sequence[tuple[Resident, NodeFacts]]


def suits(
    demands: PodDemands,
    node: NodeFacts,
    nodes: Sequence[NodeFacts],
    placed: Placed,
    namespaces: Mapping[str, Labels],
) -> bool:
    """Tell whether one node suits one pod."""
    here = [pod for pod, where in placed if where is node]
    return (
        _by_itself(demands, node)
        and _room(demands, node, here)
        and _ports(demands, here)
        and not any(pod.namespace == demands.resident.namespace and pod.claims & demands.exclusive for pod, _ in placed)
        and _spread(demands, node, nodes, placed)
        and _together(demands, node, placed, namespaces)
        and _apart(demands, node, placed, namespaces)
        and _kept_apart(demands, node, placed, namespaces)
    )


def _by_itself(demands: PodDemands, node: NodeFacts) -> bool:
    return (
        demands.node_name in ("", node.name)
        and (not node.cordoned or _tolerates(demands, CORDONED))
        and _tolerated(demands, node)
        and _wanted(demands, node)
        and all(volume.reachable(node.labels) and volume.in_zone(node.labels) for volume in demands.volumes)
        and demands.features <= node.features
    )


def _tolerates(demands: PodDemands, taint: Taint) -> bool:
    return any(one.bears(taint) for one in demands.tolerations)


def _tolerated(demands: PodDemands, node: NodeFacts) -> bool:
    return all(_tolerates(demands, taint) for taint in node.taints if taint.effect in ("NoSchedule", "NoExecute"))


def _wanted(demands: PodDemands, node: NodeFacts) -> bool:
    return demands.node_affinity.admits(node.name, node.labels)


def _room(demands: PodDemands, node: NodeFacts, here: Sequence[Resident]) -> bool:
    free = Counter(dict(node.allocatable))
    for pod in here:
        free.subtract(dict(pod.requests) | {"pods": 1})
    return free["pods"] >= 1 and all(amount <= free[name] for name, amount in demands.resident.requests)


def _ports(demands: PodDemands, here: Sequence[Resident]) -> bool:
    taken = [port for pod in here for port in pod.ports]
    return not any(port.collides(other) for port in demands.resident.ports for other in taken)


def _spread(demands: PodDemands, node: NodeFacts, nodes: Sequence[NodeFacts], placed: Placed) -> bool:
    pod = demands.resident
    for constraint in demands.spread:
        if constraint.topology_key not in node.labels.values:
            return False
        matching: dict[str, int] = {}
        for other in nodes:
            if _counts(demands, constraint, other):
                here = [resident for resident, where in placed if where is other]
                value = other.labels.values[constraint.topology_key]
                matching[value] = matching.get(value, 0) + sum(_meant(constraint, pod, one) for one in here)
        least = min(matching.values()) if len(matching) >= constraint.min_domains else 0
        found = matching.get(node.labels.values[constraint.topology_key], 0)
        if found + constraint.selector.accepts(pod.labels) - least > constraint.max_skew:
            return False
    return True


def _counts(demands: PodDemands, constraint: SpreadConstraint, node: NodeFacts) -> bool:
    return (
        all(one.topology_key in node.labels.values for one in demands.spread)
        and (not constraint.honors_affinity or _wanted(demands, node))
        and (not constraint.honors_taints or _tolerated(demands, node))
    )


def _meant(constraint: SpreadConstraint, pod: Resident, other: Resident) -> bool:
    if constraint.selector.everything or other.leaving:
        return False
    return other.namespace == pod.namespace and constraint.selector.accepts(other.labels)


def _speaks(term: PodTerm, pod: Resident, namespaces: Mapping[str, Labels]) -> bool:
    within = pod.namespace in term.namespaces
    within = within or term.namespace_selector.accepts(namespaces.get(pod.namespace, NO_LABELS))
    return within and term.selector.accepts(pod.labels)


def _together(demands: PodDemands, node: NodeFacts, placed: Placed, namespaces: Mapping[str, Labels]) -> bool:
    pairs = Counter(
        (term.topology_key, where.labels.values[term.topology_key])
        for pod, where in placed
        if all(_speaks(term, pod, namespaces) for term in demands.affinity)
        for term in demands.affinity
        if term.topology_key in where.labels.values
    )
    values = node.labels.values
    if any(term.topology_key not in values for term in demands.affinity):
        return False
    if all(pairs[term.topology_key, values[term.topology_key]] for term in demands.affinity):
        return True
    return not pairs and all(_speaks(term, demands.resident, namespaces) for term in demands.affinity)


def _apart(demands: PodDemands, node: NodeFacts, placed: Placed, namespaces: Mapping[str, Labels]) -> bool:
    return not any(
        _speaks(term, pod, namespaces) and _same(term, node, where)
        for term in demands.resident.anti_affinity
        for pod, where in placed
    )


def _kept_apart(demands: PodDemands, node: NodeFacts, placed: Placed, namespaces: Mapping[str, Labels]) -> bool:
    return not any(
        _speaks(term, demands.resident, namespaces) and _same(term, node, where)
        for pod, where in placed
        for term in pod.anti_affinity
    )


def _same(term: PodTerm, one: NodeFacts, other: NodeFacts) -> bool:
    value = one.labels.values.get(term.topology_key)
    return value is not None and value == other.labels.values.get(term.topology_key)
