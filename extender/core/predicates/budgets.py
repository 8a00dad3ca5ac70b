"""How many more pods may be evicted, and in which disruption budgets does one eviction count?

As the API server's eviction 1.36 decides it: a budget of another namespace counts nobody, one without a selector
neither, and one with an empty selector everybody. A pod that two budgets count cannot be evicted at all (the API server
answers 500). Budgets do not guard a pod that has not begun to run, nor one that is being deleted.
Source: kubernetes' pkg/registry/core/pod/storage/eviction.go.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extender.core.predicates.lodgers import Facts
    from extender.core.predicates.selectors import Labels, Selector


@dataclass(frozen=True, slots=True)
class Budget:
    """A PodDisruptionBudget: so many more evictions are `allowed` of the pods that `selector` accepts.

    `spares_unready`: a pod that is not ready may be evicted whatever is allowed, and does not count.
    """

    namespace: str
    name: str
    selector: Selector
    allowed: int
    spares_unready: bool = False


def selecting(budgets: Sequence[Budget], namespace: str, labels: Labels) -> tuple[int, ...]:
    """Return the budgets that select such a pod, by their places in rising order."""
    return tuple(
        place
        for place, budget in enumerate(budgets)
        if budget.namespace == namespace and budget.selector.accepts(labels)
    )


def counting(budgets: Sequence[Budget], selected: tuple[int, ...], pod: Facts) -> tuple[int, ...] | None:
    """Return those of `budgets` that its eviction counts in, at most one; None: it cannot be evicted.

    `selected`: those that select it.
    """
    if not selected or not pod.guarded:
        return ()
    if len(selected) > 1:
        return None
    return () if not pod.ready and budgets[selected[0]].spares_unready else selected
