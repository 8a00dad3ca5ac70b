"""What stands decided since the last tick, and for whom? Whoever is gone since then is not named."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from autoscaler.core.decisions.decision import SEEN_CODE, Told, decision_at
from autoscaler.core.model import Seen

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from autoscaler.core.decisions.decision import Given, Outcome
    from autoscaler.core.decisions.fleet_columns import Columns
    from autoscaler.core.decisions.rows import Rows
    from autoscaler.core.model import Decision


@dataclass(frozen=True, slots=True)
class Standing:
    """What one tick decided, and on what; `rows` and `columns` go on changing after it."""

    rows: Rows
    columns: Columns
    given: Given
    outcome: Outcome

    def changes(self) -> list[str]:
        """Return the workloads that are to get other replicas than they ask for, but for those only observed."""
        return self._uids((self.outcome.desired != self.given.current) & ~self.given.observed)

    def observed_changes(self) -> list[str]:
        """Return the observed workloads of which this tick decided otherwise than the one before."""
        given = self.given
        return self._uids(given.observed & (given.standing > 0) & (self.outcome.desired != given.standing))

    def held(self) -> list[str]:
        """Return the workloads whose decision is held, but for those that are left to somebody else."""
        return self._uids(self.outcome.held & ~self.given.left)

    def rising(self) -> dict[str, int]:
        """Return which workloads ask for a place for more replicas than they have and are promised, and for how many.

        Only those that are limited to what can be placed.
        """
        outcome = self.outcome
        limited = self.columns.limited(len(self.given.current))
        more = limited & ~outcome.left & (outcome.bounded > outcome.promised)
        return {row.uid: int(outcome.bounded[number]) for number, row in self.rows.where(more)}

    def unplaced(self) -> list[str]:
        """Return the workloads that are known to get fewer replicas because no more can be placed.

        Those that are only observed get none in any case.
        """
        fewer = ~self.outcome.left & ~self.given.observed & (self.outcome.desired < self.outcome.bounded)
        return [
            row.uid
            for _, row in self.rows.where(fewer)
            if row.look and row.look.placement and row.look.placement.fits is not None
        ]

    def unhelped(self) -> list[str]:
        """Return the workloads whose latency target more replicas do not bring back."""
        unhelped = np.zeros(len(self.given.current), dtype=np.bool_)
        unhelped[[number for number, decided in self.outcome.by_latency.items() if decided.unhelped]] = True
        return self._uids(unhelped)

    def whole(self, number: int) -> bool:
        """Tell whether the decision of a row knew all of its load."""
        return (
            number < len(self.given.seen)
            and self.rows[number].look is not None
            and bool(self.given.seen[number] == SEEN_CODE[Seen.ALL])
        )

    def decision(self, uid: str) -> Decision | None:
        """Return the decision of a workload, None where there is none."""
        number = self.rows.number(uid)
        if number is None or number >= len(self.given.current):
            return None
        look = self.rows[number].look
        if look is None:
            return None
        told = Told(look.hold, look.leave, look.placement, look.observed)
        return decision_at(self.given, self.outcome, number, told)

    def _uids(self, marked: NDArray[np.bool_]) -> list[str]:
        return [row.uid for _, row in self.rows.where(marked)]
