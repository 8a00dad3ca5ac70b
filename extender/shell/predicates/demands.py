"""What does a pod demand of a node, and what does one that is there count for? Read from what the API server says.

What kube-scheduler 1.36 looks at, and the predicates do not, is named in the demands (`unmodelled`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extender.core.predicates.demands import PodDemands, Resident
from extender.core.predicates.nodes import NodeFacts
from extender.core.predicates.ports import ANY_ADDRESS, HostPort
from extender.core.predicates.selectors import Labels
from extender.shell.predicates.requests import allocatable, requested
from extender.shell.predicates.selecting import UnreadableSelectorError, node_affinity_of, pod_terms, spread_of
from extender.shell.predicates.volumes import NO_STORAGE, Storage, claims_of, volumes_of
from kube.constraints import ConstrainedAffinity
from kube.resources import SIDECAR

if TYPE_CHECKING:
    from collections.abc import Iterable

    from extender.core.predicates.spread import SpreadConstraint
    from extender.core.predicates.terms import PodTerm
    from kube.constraints import ConstrainedPod, ConstrainedSpec, DeviceClass
    from kube.objects import Node

_BY_CLASS = "deviceclass.resource.kubernetes.io/"
_ENDED = ("Succeeded", "Failed")


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


def resident_of(pod: ConstrainedPod) -> Resident:
    """Return what a pod counts for on its node.

    A label selector in its anti-affinity that cannot be read: kube-scheduler takes the pod for one without.
    """
    affinity, namespace = pod.spec.affinity or ConstrainedAffinity(), pod.metadata.namespace
    try:
        anti_affinity = pod_terms(affinity.pod_anti_affinity, namespace)
    except UnreadableSelectorError:
        anti_affinity = ()
    return Resident(
        namespace,
        Labels(pod.metadata.labels),
        requested(pod),
        _ports(pod.spec),
        anti_affinity,
        frozenset(claims_of(pod)),
        leaving=pod.metadata.deletion_timestamp is not None,
    )


def counts(pod: ConstrainedPod) -> bool:
    """Tell whether a pod is on a node and has not ended: kube-scheduler sees no other."""
    return bool(pod.spec.node_name) and pod.status.phase not in _ENDED


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


def _ports(spec: ConstrainedSpec) -> tuple[HostPort, ...]:
    sidecars = [one for one in spec.init_containers or () if one.restart_policy == SIDECAR]
    return tuple(
        HostPort(port.host_port, port.protocol or "TCP", port.host_ip or ANY_ADDRESS)
        for container in (*sidecars, *spec.containers)
        for port in container.ports or ()
        if port.host_port > 0
    )


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
