"""Which workloads are there, and which pods are theirs? Deployments, replica sets and pods, joined by owner."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from autoscaler.core.workload import Sight

if TYPE_CHECKING:
    from collections.abc import Mapping

    from autoscaler.core.model import WorkloadKey


@dataclass(frozen=True, slots=True)
class Target:
    """Something that is autoscaled: its requested replicas and its annotations."""

    key: WorkloadKey
    replicas: int
    annotations: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class OwnedPod:
    """A pod with an owner. `ready`: it runs, is ready, and is not on its way out."""

    uid: str
    owner: str
    name: str
    ready: bool


@dataclass(slots=True)
class Inventory:
    """What the cluster showed last. All keys are UIDs."""

    targets: dict[str, Target] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    """Replica set to what controls it."""
    pods: dict[str, OwnedPod] = field(default_factory=dict)

    def sights(self) -> dict[str, Sight]:
        """Return each target as the law looks at it, with the names of its ready pods in order."""
        ready: dict[str, list[str]] = {uid: [] for uid in self.targets}
        for pod in self.pods.values():
            owner = self.owners.get(pod.owner, pod.owner)
            if pod.ready and owner in ready:
                ready[owner].append(pod.name)
        return {
            uid: Sight(target.key.namespace, target.replicas, tuple(sorted(ready[uid])))
            for uid, target in self.targets.items()
        }
