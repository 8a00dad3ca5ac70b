"""What does a PodDisruptionBudget allow? As the API server's eviction 1.36 reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extender.core.predicates.budgets import Budget
from extender.shell.predicates.selecting import UnreadableSelectorError, selector_of

if TYPE_CHECKING:
    from kube.budgets import PodDisruptionBudget


def budget_of(budget: PodDisruptionBudget) -> Budget | None:
    """Return a budget; None where its selector cannot be read.

    The API server passes over such a one when a pod is evicted: it selects nobody, and whoever obeyed it would let
    nobody of its namespace go for a typing error. A status of before the last change of its spec allows nothing.
    """
    metadata, spec, status = budget.metadata, budget.spec, budget.status
    try:
        selector = selector_of(spec.selector)
    except UnreadableSelectorError:
        return None
    allowed = 0 if status.observed_generation < metadata.generation else max(0, status.disruptions_allowed)
    spares = spec.unhealthy_pod_eviction_policy == "AlwaysAllow" or 0 < status.desired_healthy <= status.current_healthy
    return Budget(metadata.namespace, metadata.name, selector, allowed, spares)
