"""Which nodes may take a pod, before any extender is asked? The filters of kube-scheduler that are done here.

In its order: NodeUnschedulable, NodeName, TaintToleration, NodeAffinity, NodeResourcesFit; a node's first filter that
says no gives the reasons. What a pod asks for that none of these does is never guessed at: `not_done` names it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from plimsoll.embedded.core.scheduling import node_affinity
from plimsoll.embedded.core.scheduling.requests import PODS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from plimsoll.embedded.core.scheduling.occupancy import Occupancy, Place
    from plimsoll.embedded.core.scheduling.views import NodeView, PodView

UNSCHEDULABLE, NAME, TAINTS, AFFINITY, RESOURCES = (
    "NodeUnschedulable", "NodeName", "TaintToleration", "NodeAffinity", "NodeResourcesFit",
)  # fmt: skip
EXTENDER, NOT_DONE = "Extender", "NotDone"

UNSCHEDULABLE_TAINT = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
_KEEPS_AWAY = ("NoSchedule", "NoExecute")
# Volumes that say nothing about nodes: all others may be bound to some of them.
_FREE_VOLUMES = {"name", "configMap", "secret", "emptyDir", "hostPath", "downwardAPI", "projected", "nfs", "image"}


@dataclass(frozen=True, slots=True)
class Misfit:
    """Why a node does not take a pod; `resolvable`: it might, if pods were evicted from it."""

    filter: str
    reasons: tuple[str, ...]
    resolvable: bool = False


@dataclass(frozen=True, slots=True)
class Fitting:
    """What the filters say of all nodes. Those that the pod's affinity left out by name are in neither."""

    nodes: tuple[str, ...]
    total: int
    """How many nodes there were."""
    misfits: dict[str, Misfit]
    filters: frozenset[str]
    """The filters that said no to any node."""
    of_all: str = ""
    """What was said before any node was looked at: then no node is in `nodes`."""
    absent: str = ""
    """What is said of the nodes that were left out by name."""

    def narrowed(self, nodes: tuple[str, ...], failed: Mapping[str, str], unresolvable: Mapping[str, str]) -> Fitting:
        """Return it as an extender's answer leaves it: the nodes it keeps, and its reasons against others."""
        misfits = {name: Misfit(EXTENDER, (reason,)) for name, reason in unresolvable.items()}
        for name, reason in failed.items():
            misfits.setdefault(name, Misfit(EXTENDER, (reason,), resolvable=True))
        filters = self.filters if len(nodes) == len(self.nodes) else self.filters | {EXTENDER}
        return replace(self, nodes=nodes, misfits={**self.misfits, **misfits}, filters=filters)


def fit(pod: PodView, occupancy: Occupancy, ignored: Collection[str], only: str = "") -> Fitting:
    """Filter all nodes, or the one named `only`; `ignored` resources are left to an extender."""
    names: Sequence[str] = occupancy.names()
    filters: set[str] = set()
    absent = ""
    wanted = node_affinity.names_wanted(pod.spec)
    if wanted is not None:
        filters.add(AFFINITY)
        if not wanted:
            return Fitting((), len(occupancy), {}, frozenset(filters), of_all="pod affinity terms conflict")
        names = [name for name in names if name in wanted]
        absent = f"node(s) didn't satisfy plugin(s) [{AFFINITY}]"
    if only:
        names = [only] if occupancy.node(only) else []
    fitting, misfits = [], {}
    for name in names:
        misfit = misfit_on(pod, name, occupancy, ignored)
        if misfit is None:
            fitting.append(name)
        else:
            misfits[name] = misfit
            filters.add(misfit.filter)
    return Fitting(tuple(fitting), len(occupancy), misfits, frozenset(filters), absent=absent)


def misfit_on(pod: PodView, name: str, occupancy: Occupancy, ignored: Collection[str]) -> Misfit | None:
    """Return why a node does not take a pod; what the node is promised to others counts as taken, too."""
    place = occupancy.place(name)
    assert place is not None  # noqa: S101  asked of nodes that there are
    promised = occupancy.promised(name, pod)
    if promised and (misfit := misfit_at(pod, place.joined(promised), ignored)):
        return misfit
    return misfit_at(pod, place, ignored)


def misfit_at(pod: PodView, place: Place, ignored: Collection[str]) -> Misfit | None:
    """Return why a node does not take a pod."""
    node = place.node
    assert node is not None  # noqa: S101  as above
    if node.unschedulable and not tolerates(pod, UNSCHEDULABLE_TAINT):
        return Misfit(UNSCHEDULABLE, ("node(s) were unschedulable",))
    if pod.node and pod.node != node.name:
        return Misfit(NAME, ("node(s) didn't match the requested node name",))
    if node.taints and untolerated(pod, node):
        return Misfit(TAINTS, ("node(s) had untolerated taint(s)",))
    if not node_affinity.matches(pod.spec, node.name, node.labels):
        return Misfit(AFFINITY, ("node(s) didn't match Pod's node affinity/selector",))
    short = list(_short(pod, place, node, ignored))
    if short:
        return Misfit(RESOURCES, tuple(reason for reason, _ in short), all(resolvable for _, resolvable in short))
    return None


def is_room(pod: PodView, node: NodeView) -> bool:
    """Tell whether a pod fits a node's resources when nothing else is there (kube-scheduler ignores none here)."""
    return node.allocatable.get(PODS, 0) >= 1 and all(
        count <= node.allocatable.get(resource, 0) for resource, count in pod.requests.items()
    )


def tolerates(pod: PodView, taint: Mapping[str, Any]) -> bool:
    """Tell whether a pod tolerates a taint."""
    return any(_tolerates(each, taint) for each in pod.tolerations)


def untolerated(pod: PodView, node: NodeView) -> bool:
    """Tell whether a node has a taint that keeps a pod away."""
    return any(taint["effect"] in _KEEPS_AWAY and not tolerates(pod, taint) for taint in node.taints)


def not_done(pod: PodView, occupancy: Occupancy) -> str:
    """Return what a pod asks for that only the real kube-scheduler does; "" for nothing."""
    if asked := next(_not_done(pod.spec, repels=pod.repels), ""):
        return asked
    return "the anti-affinity of pods that run already" if occupancy.repelling else ""


def _short(pod: PodView, place: Place, node: NodeView, ignored: Collection[str]) -> Iterator[tuple[str, bool]]:
    """Yield each resource that is short as a sentence, and whether an eviction could help."""
    if len(place.pods) + 1 > node.allocatable.get(PODS, 0):
        yield "Too many pods", True
    taken = place.taken
    for resource, count in pod.requests.items():
        there = node.allocatable.get(resource, 0)
        if count > there - taken.get(resource, 0) and resource not in ignored:
            yield f"Insufficient {resource}", count <= there


def _tolerates(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    if toleration.get("effect") and toleration["effect"] != taint["effect"]:
        return False
    if toleration.get("key") and toleration["key"] != taint["key"]:
        return False
    operator = toleration.get("operator") or "Equal"
    if operator == "Exists":
        return True
    return operator == "Equal" and toleration.get("value", "") == taint.get("value", "")


def _not_done(spec: Mapping[str, Any], *, repels: bool) -> Iterator[str]:
    affinity = (spec.get("affinity") or {}).get("podAffinity") or {}
    if affinity.get("requiredDuringSchedulingIgnoredDuringExecution"):
        yield "pod affinity"
    if repels:
        yield "pod anti-affinity"
    if any(each.get("whenUnsatisfiable") == "DoNotSchedule" for each in spec.get("topologySpreadConstraints") or ()):
        yield "topology spread constraints with DoNotSchedule"
    if spec.get("resourceClaims"):
        yield "resource claims"
    for volume in spec.get("volumes") or ():
        if odd := sorted(volume.keys() - _FREE_VOLUMES):
            yield f"volumes of type {odd[0]}"
    for container in (*(spec.get("containers") or ()), *(spec.get("initContainers") or ())):
        if any(port.get("hostPort") for port in container.get("ports") or ()):
            yield "host ports"
    if any(each.get("operator") in ("Gt", "Lt") for each in spec.get("tolerations") or ()):
        yield "tolerations with Gt and Lt"
