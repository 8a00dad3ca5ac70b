"""What was wanted within the scale-down delay, and how many replicas were there within the rate period?"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from autoscaler.core.law.delay import Delays

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from autoscaler.core.model import Policy


class Lately:
    """Three maxima a row, each over a time of its policy; it begins with room for `rows`."""

    def __init__(self, rows: int = 0) -> None:
        self._wanted = Delays(rows)
        self._fewest, self._most = Delays(rows), Delays(rows)  # fewest as the highest of negative counts

    def begin(self, row: int, policy: Policy) -> None:
        """Know nothing of a row but its policy."""
        self._wanted.add(row, policy.scale_down_delay_s)
        self._fewest.add(row, policy.rate_period_s)
        self._most.add(row, policy.rate_period_s)

    def end(self, row: int) -> None:
        """Know nothing of a row any more."""
        for delays in (self._wanted, self._fewest, self._most):
            delays.remove(row)

    def change_delays(self, policies: Mapping[int, Policy]) -> None:
        """Go by the scale-down delays of rows: of all at once, as an edit may change thousands."""
        rows_of: dict[int, list[int]] = defaultdict(list)
        for row, policy in policies.items():
            rows_of[policy.scale_down_delay_s].append(row)
        for delay_s, rows in rows_of.items():
            self._wanted.rebuild(rows, delay_s)

    def change_period(self, row: int, period_s: int) -> None:
        """Go by another rate period of a row."""
        for bases in (self._fewest, self._most):
            bases.rebuild(row, period_s)

    def most_wanted(self, at_ms: int) -> NDArray[np.int64]:
        """Return the most that was wanted within each delay, int64[rows]; 0 where nothing is remembered."""
        return self._wanted.highest(at_ms)

    def want(self, at_ms: int, replicas: NDArray[np.int64], where: NDArray[np.bool_]) -> None:
        """Remember what is wanted of some rows."""
        self._wanted.record(at_ms, replicas, where)

    def bases(self, at_ms: int, base: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Remember how many replicas there are; return the fewest and the most within each rate period."""
        return -self._fewest.record(at_ms, -base), self._most.record(at_ms, base)
