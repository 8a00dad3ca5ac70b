"""How evenly does a pod want its like to be spread? What it merely prefers (ScheduleAnyway) is no predicate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from extender.core.predicates.selectors import Selector


@dataclass(frozen=True, slots=True)
class SpreadConstraint:
    """One constraint of `DoNotSchedule`; matchLabelKeys are in `selector`.

    `honors_affinity`, `honors_taints`: nodes that the pod's node affinity or its tolerations keep it from do not count.
    """

    topology_key: str
    max_skew: int
    selector: Selector
    min_domains: int = 1
    honors_affinity: bool = True
    honors_taints: bool = False
