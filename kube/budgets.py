"""Which fields of a PodDisruptionBudget say how many pods may be evicted?"""

from __future__ import annotations

import msgspec

from kube.constraints import LabelSelector
from kube.objects import Bare, BareMeta, Object


class BudgetMeta(BareMeta):
    """metadata of a PodDisruptionBudget: also how often its spec changed."""

    generation: int = 0


class BudgetSpec(Object):
    """spec of a PodDisruptionBudget; how many pods it wants there, its status has counted."""

    selector: LabelSelector | None = None
    unhealthy_pod_eviction_policy: str | None = None


class BudgetStatus(Object):
    """status of a PodDisruptionBudget, as it was counted for the generation that was observed."""

    disruptions_allowed: int = 0
    current_healthy: int = 0
    desired_healthy: int = 0
    observed_generation: int = 0


class PodDisruptionBudget(Bare):
    """policy/v1 PodDisruptionBudget."""

    metadata: BudgetMeta
    spec: BudgetSpec = msgspec.field(default_factory=BudgetSpec)
    status: BudgetStatus = msgspec.field(default_factory=BudgetStatus)
