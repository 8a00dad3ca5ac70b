"""What does the scheduler read of pods and nodes? Taken from their JSON once for each version of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from plimsoll.embedded.core.scheduling.requests import Amounts, allocatable_of, requests_of, scored_requests_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from plimsoll.embedded.core.problem import Object


@dataclass(frozen=True, slots=True, eq=False)
class PodView:
    """A pod; `whole` is its JSON, without kind, apiVersion and managedFields."""

    uid: str
    namespace: str
    name: str
    scheduler: str
    priority: int
    node: str
    nominated: str
    gated: bool
    deleted: bool
    ended: bool
    preempts: bool
    repels: bool
    """Whether it keeps others away from where it runs."""
    requests: Amounts
    scored: Amounts
    """What it counts as in scores."""
    whole: Object

    @classmethod
    def of(cls, pod: Object) -> Self:
        """Read a pod."""
        meta, spec, status = pod["metadata"], pod["spec"], pod["status"]
        return cls(
            uid=meta["uid"],
            namespace=meta["namespace"],
            name=meta["name"],
            scheduler=spec.get("schedulerName", ""),
            priority=spec.get("priority") or 0,
            node=spec.get("nodeName", ""),
            nominated=status.get("nominatedNodeName", ""),
            gated=bool(spec.get("schedulingGates")),
            deleted="deletionTimestamp" in meta,
            ended=status.get("phase") in ("Succeeded", "Failed"),
            preempts=spec.get("preemptionPolicy") != "Never",
            repels=_repels(spec),
            requests=requests_of(spec),
            scored=scored_requests_of(spec),
            whole=pod,
        )

    @property
    def spec(self) -> Object:
        """Its spec."""
        spec: Object = self.whole["spec"]
        return spec

    @property
    def version(self) -> str:
        """Its resourceVersion."""
        return str(self.whole["metadata"]["resourceVersion"])

    @property
    def labels(self) -> Mapping[str, str]:
        """Its labels."""
        return self.whole["metadata"].get("labels") or {}

    @property
    def tolerations(self) -> Sequence[Mapping[str, Any]]:
        """Its tolerations."""
        return self.spec.get("tolerations") or ()


@dataclass(frozen=True, slots=True, eq=False)
class NodeView:
    """A node."""

    name: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    taints: Sequence[Mapping[str, Any]]
    unschedulable: bool
    allocatable: Amounts
    conditions: Mapping[str, str]
    """Type and status of each."""

    @classmethod
    def of(cls, node: Object) -> Self:
        """Read a node."""
        meta, spec, status = node["metadata"], node.get("spec") or {}, node.get("status") or {}
        return cls(
            name=meta["name"],
            labels=meta.get("labels") or {},
            annotations=meta.get("annotations") or {},
            taints=spec.get("taints") or (),
            unschedulable=bool(spec.get("unschedulable")),
            allocatable=allocatable_of(node),
            conditions={each.get("type", ""): each.get("status", "") for each in status.get("conditions") or ()},
        )


def _repels(spec: Mapping[str, Any]) -> bool:
    affinity = (spec.get("affinity") or {}).get("podAntiAffinity") or {}
    return bool(affinity.get("requiredDuringSchedulingIgnoredDuringExecution"))
