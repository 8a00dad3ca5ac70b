"""What is a pod to kube-scheduler's predicates? What it counts for where it is, and what it demands of a node.

All of it are values that can be keys: pods that are alike have equal demands, and are answered once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from extender.core.predicates.node_affinity import ANY_NODE
from extender.core.predicates.selectors import NO_LABELS

if TYPE_CHECKING:
    from extender.core.predicates.node_affinity import NodeAffinity
    from extender.core.predicates.ports import HostPort
    from extender.core.predicates.selectors import Labels
    from extender.core.predicates.spread import SpreadConstraint
    from extender.core.predicates.terms import PodTerm
    from extender.core.predicates.volumes import BoundVolume
    from kube.taints import Toleration


@dataclass(frozen=True, slots=True)
class Resident:
    """What a pod counts for on the node that it is on.

    `requests`: whole numbers by resource, sorted, none of them zero; cpu in milli-CPU, all else in its own unit.
    `anti_affinity`: the required terms, by which it keeps others away too. `claims`: the names of the
    PersistentVolumeClaims that it uses. `leaving`: it is being deleted; then it counts for everything but spread.
    """

    namespace: str
    labels: Labels = NO_LABELS
    requests: tuple[tuple[str, int], ...] = ()
    ports: tuple[HostPort, ...] = ()
    anti_affinity: tuple[PodTerm, ...] = ()
    claims: frozenset[str] = frozenset()
    leaving: bool = False


Placed = tuple[Resident, int]
"""A pod, and the index of the node that it is on."""


@dataclass(frozen=True, slots=True)
class PodDemands:
    """What a pod demands of the node that it is to go to, and as what it counts there (`resident`).

    `exclusive`: those of its claims that one pod alone may use (ReadWriteOncePod). `features`: what the node must have
    declared. `unmodelled`: what kube-scheduler looks at beside all this, and nobody here answers for, in words for
    people; () = the answers here are kube-scheduler's.
    """

    resident: Resident
    node_name: str = ""
    node_affinity: NodeAffinity = ANY_NODE
    tolerations: tuple[Toleration, ...] = ()
    spread: tuple[SpreadConstraint, ...] = ()
    affinity: tuple[PodTerm, ...] = ()
    volumes: tuple[BoundVolume, ...] = ()
    exclusive: frozenset[str] = frozenset()
    features: frozenset[str] = frozenset()
    unmodelled: tuple[str, ...] = ()
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Count the hash once: whoever plans a gang looks its demands up for every member."""
        says = (self.node_name, self.node_affinity, self.tolerations, self.spread, self.affinity, self.volumes)
        object.__setattr__(self, "_hash", hash((self.resident, *says, self.exclusive, self.features)))

    def __hash__(self) -> int:
        return self._hash
