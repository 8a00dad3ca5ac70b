"""What is a node to kube-scheduler's predicates?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from extender.core.predicates.selectors import NO_LABELS

if TYPE_CHECKING:
    from extender.core.predicates.selectors import Labels
    from kube.taints import Taint


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """What a node says of itself; `allocatable` in whole numbers as in `Resident.requests`, `pods` among them.

    `features`: what its kubelet has declared that it can do.
    """

    name: str
    labels: Labels = NO_LABELS
    allocatable: tuple[tuple[str, int], ...] = ()
    taints: tuple[Taint, ...] = ()
    cordoned: bool = False
    features: frozenset[str] = frozenset()
