"""What does a pod demand of a node, and what does a node say of itself? Read from what the API server says.

What kube-scheduler 1.36 looks at, and the predicates do not, is named in the demands (`unmodelled`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extender.core.predicates.demands import PodDemands
from extender.core.predicates.nodes import NodeFacts
from extender.core.predicates.selectors import Labels
from extender.shell.predicates.requests import allocatable
from extender.shell.predicates.residents import resident_of
from extender.shell.predicates.selecting import UnreadableSelectorError, node_affinity_of, pod_terms, spread_of
from extender.shell.predicates.volumes import NO_STORAGE, Storage, volumes_of
from kube.constraints import ConstrainedAffinity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from extender.core.predicates.demands import Resident
    from extender.core.predicates.spread import SpreadConstraint
    from extender.core.predicates.terms import PodTerm
    from kube.constraints import ConstrainedPod, ConstrainedSpec, DeviceClass
    from kube.objects import Node

_BY_CLASS = "deviceclass.resource.kubernetes.io/"


def demands_of(
    pod: ConstrainedPod, storage: Storage = NO_STORAGE, by_class: frozenset[str] = frozenset()
) -> PodDemands:
    """Return what a pod demands of the node that it is to go to.

    `by_class`: the resources that a DeviceClass provides too (`resources_by_class`).
    """
    spec, namespace, resident = pod.spec, pod.metadata.namespace, resident_of(pod)
    unmodelled = [*_beyond(pod, resident, by_class)]
    to_pods = spec.affinity or ConstrainedAffinity()
    affinity: tuple[PodTerm, ...] = ()
    spread: tuple[SpreadConstraint, ...] = ()
    try:
        pod_terms(to_pods.pod_anti_affinity, namespace)  # `resident_of` has passed over what cannot be read
        affinity = pod_terms(to_pods.pod_affinity, namespace)
        spread = spread_of(spec, resident.labels.values)
    except UnreadableSelectorError as error:
        unmodelled.append(f"a label selector: {error}")
    volumes = volumes_of(pod, storage)
    return PodDemands(
        resident,
        node_name=spec.node_name,
        node_affinity=node_affinity_of(spec),
        tolerations=tuple(spec.tolerations or ()),
        spread=spread,
        affinity=affinity,
        volumes=volumes.bound,
        exclusive=volumes.exclusive,
        features=_features(spec),
        unmodelled=(*unmodelled, *volumes.unmodelled),
    )


def node_of(node: Node) -> NodeFacts:
    """Return what a node says of itself."""
    return NodeFacts(
        node.metadata.name,
        Labels(node.metadata.labels),
        allocatable(node.status.allocatable),
        tuple(node.spec.taints or ()),
        node.spec.unschedulable,
        frozenset(node.status.declared_features or ()),
    )


def resources_by_class(classes: Iterable[DeviceClass]) -> frozenset[str]:
    """Return the extended resources that devices of these classes are had by."""
    return frozenset(one.spec.extended_resource_name for one in classes if one.spec.extended_resource_name)


def _features(spec: ConstrainedSpec) -> frozenset[str]:
    """Return what a node must have declared that it can do. Source: component-helpers' nodedeclaredfeatures."""
    found = set()
    every = (*spec.containers, *(spec.init_containers or ()))
    if any(rule.action == "RestartAllContainers" for one in every for rule in one.restart_policy_rules or ()):
        found.add("RestartAllContainersOnContainerExits")
    if spec.host_network and spec.host_users is False:
        found.add("UserNamespacesHostNetworkSupport")
    return frozenset(found)


def _beyond(pod: ConstrainedPod, resident: Resident, by_class: frozenset[str]) -> Iterable[str]:
    if pod.spec.scheduling_group is not None:
        yield "spec.schedulingGroup"
    for claim in pod.spec.resource_claims or ():
        yield f"ResourceClaim {claim.name}"
    for name, _ in resident.requests:
        if name in by_class or name.startswith(_BY_CLASS):
            yield f"resource {name}, which a DeviceClass provides"
