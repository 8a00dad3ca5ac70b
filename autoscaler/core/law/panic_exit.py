"""How far may replicas fall when a panic has ended? Not below the down rate of what was asked for then, for a while.

Not the original's: there the down rate goes by ready replicas alone, so that of 1,000 asked for, 40 of them ready, 20
are left at the first decision after a panic (kpa-spec section 8, row 2). With `panic-exit-hold` at least
1/`max-scale-down-rate` of the 1,000 stay for so long; a panic that begins meanwhile ends the hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from autoscaler.core.law.kpa import NEVER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from autoscaler.core.model import Policy


@dataclass(frozen=True, slots=True)
class Exit:
    """The last end of a panic, int64[rows] each: when (NEVER: none that is held), and the replicas asked for then."""

    at_ms: NDArray[np.int64]
    replicas: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Parameters:
    """How long a row holds (int64[rows], 0: not at all), and what it may fall to in one step (float64[rows])."""

    hold_ms: NDArray[np.int64]
    max_scale_down_rate: NDArray[np.float64]

    @classmethod
    def of(cls, policies: Sequence[Policy]) -> Parameters:
        """Return the parameters of a policy a row."""
        result = cls(np.zeros(len(policies), dtype=np.int64), np.ones(len(policies)))
        for row, policy in enumerate(policies):
            result.set(row, policy)
        return result

    def set(self, row: int, policy: Policy) -> None:
        """Follow a policy from now on."""
        self.hold_ms[row] = 1000 * policy.panic_exit_hold_s
        self.max_scale_down_rate[row] = policy.max_scale_down_rate


@dataclass(frozen=True, slots=True)
class Turn:
    """One decision: whether a panic was before it, and is after it, bool[rows]; the replicas asked for, int64[rows]."""

    panicked: NDArray[np.bool_]
    panics: NDArray[np.bool_]
    current: NDArray[np.int64]


def left(before: Exit, parameters: Parameters, turn: Turn, now_ms: int) -> Exit:
    """Return the last end of a panic as of now; there may be fewer rows than parameters."""
    hold_ms = parameters.hold_ms[: len(turn.current)]
    ends = turn.panicked & ~turn.panics & (hold_ms > 0)
    over = turn.panics | (before.at_ms + hold_ms <= now_ms)
    at_ms = np.where(ends, now_ms, np.where(over, NEVER, before.at_ms))
    return Exit(at_ms, np.where(ends, turn.current, np.where(over, 0, before.replicas)))


def least(last: Exit, parameters: Parameters) -> NDArray[np.int64]:
    """Return the fewest replicas of each row, 0 where nothing is held."""
    rates = parameters.max_scale_down_rate[: len(last.replicas)]
    return np.floor(last.replicas / rates).astype(np.int64)
