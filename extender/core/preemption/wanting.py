"""Why would no set of victims make enough room? In words, for people."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from msgspec.structs import replace

from extender.core.preemption.search.cheapest import cheapest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from extender.core.preemption.clearing import Clearing
    from extender.core.preemption.search.field import Choice, Field, Need

_TOLD = 5


def why_none(needs: Sequence[Need], field: Field, clearing: Clearing) -> str:
    """Return why no set of victims would do."""
    may = sum(not one.reservation for one in field.candidates)
    told = counted(clearing.candidates.spared)
    spared = f"; of the other train pods {told}" if told else ""
    if not may:
        return f"no train pod may leave for it{spared}"
    pods = "1 train pod" if may == 1 else f"{may} train pods"
    unbudgeted = replace(field, budgets=tuple(len(field.candidates) for _ in field.budgets))
    if field.budgets and (choice := cheapest(needs, unbudgeted)) is not None:
        return f"{_closed(choice, field, clearing)} of those that would have to leave{spared}"
    if field.borrowed_only and cheapest(needs, replace(field, borrowed_only=False)) is not None:
        return f"other projects hold too little beyond their quotas (preemption-scope: borrowed){spared}"
    return f"no room could be made for it if all {pods} left that may{spared}"


def counted(spared: Mapping[str, int]) -> str:
    """Return how many train pods are spared for which reasons; "" where none is."""
    return ", ".join(f"{count} {why}" for why, count in sorted(spared.items()) if count)


def _closed(choice: Choice, field: Field, clearing: Clearing) -> str:
    """Return which disruption budgets let too few pods go for a choice that asks none of them."""
    counted = Counter(budget for one in choice.victims for budget in field.candidates[one].budgets)
    short = [one for at, one in enumerate(clearing.room.checks.budgets) if counted[at] > one.allowed]
    told = [f"{one.namespace}/{one.name} lets {one.allowed} go" for one in short]
    more = f" and {len(told) - _TOLD} more" if len(told) > _TOLD else ""
    return f"PodDisruptionBudgets keep too many ({', '.join(told[:_TOLD])}{more})"
