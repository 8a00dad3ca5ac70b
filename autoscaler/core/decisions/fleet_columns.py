"""What is remembered of every workload beside its windows? A column a thing, a row a workload, with room to grow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from autoscaler.core.decisions.decision import SEEN_CODE
from autoscaler.core.law import kpa, panic_exit
from autoscaler.core.law.zero import Bounds
from autoscaler.core.model import Averaging, Policy, Seen

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from autoscaler.core.decisions.decision import Given, Outcome
    from autoscaler.core.model import SecondOfLoad

_NEVER_S = -(2**50)
_COUNTS = (
    "panic_window_s",
    "rate_period_s",
    "drain_period_s",
    "part_s",
    "nothing_s",
    "standing",
    "decided_ms",
    "_panic_since_ms",
    "_floor",
    "_panic_left_ms",
    "_panic_left_at",
)
_MOMENTS = {"panic_since_seconds": "_panic_since_ms", "panic_left_seconds": "_panic_left_ms"}
_REPLICAS = {"panic_floor": "_floor", "panic_left_at": "_panic_left_at", "standing": "standing"}
_CLAIMS = ("measured", "began", "initialised", "observed")
_FIRST_ROWS = 64
_NOBODY = Policy()  # of rows without a workload


class Columns:
    """Arrays of at least as many rows as there are workloads.

    int64: `panic_window_s`, `rate_period_s` and `drain_period_s` of the policy; `part_s` and `nothing_s`, the newest
    second of which a part, and of which nothing was measured; `standing`, what was decided last; `decided_ms`, when the
    law decided last (0: never).
    bool: `measured`, the load was ever; `began`, the law was ever asked; `initialised`, the initial scale was reached;
    `observed`, nothing of the last decision was carried out.
    """

    panic_window_s: NDArray[np.int64]
    rate_period_s: NDArray[np.int64]
    drain_period_s: NDArray[np.int64]
    part_s: NDArray[np.int64]
    nothing_s: NDArray[np.int64]
    standing: NDArray[np.int64]
    decided_ms: NDArray[np.int64]
    measured: NDArray[np.bool_]
    began: NDArray[np.bool_]
    initialised: NDArray[np.bool_]
    observed: NDArray[np.bool_]
    _panic_since_ms: NDArray[np.int64]
    _floor: NDArray[np.int64]
    _panic_left_ms: NDArray[np.int64]
    _panic_left_at: NDArray[np.int64]

    def __init__(self) -> None:
        self._rows = 0
        self._weighted: set[int] = set()
        self._limited: set[int] = set()
        self._policies: list[Policy] = []
        self._reach(_FIRST_ROWS)

    def begin(self, row: int, policy: Policy, *, initialised: bool) -> None:
        """Know nothing of a row but its policy."""
        if row >= self._rows:
            self._reach(2 * self._rows)
        self.follow(row, policy)
        self.initialised[row] = initialised
        self.observed[row] = False
        self.decided_ms[row] = 0
        self.forget_load(row)
        self.forget_decisions(row)

    def follow(self, row: int, policy: Policy) -> None:
        """Go by a policy from now on."""
        self._policies[row] = policy
        self.parameters.set(row, policy)
        self.bounds.set(row, policy)
        self.exits.set(row, policy)
        self.panic_window_s[row] = policy.panic_window_s
        self.rate_period_s[row], self.drain_period_s[row] = policy.rate_period_s, policy.drain_period_s
        if policy.averaging is Averaging.WEIGHTED_EXPONENTIAL:
            self._weighted.add(row)
        else:
            self._weighted.discard(row)
        if policy.limit_to_placeable:
            self._limited.add(row)
        else:
            self._limited.discard(row)

    def end(self, row: int) -> None:
        """Forget a row."""
        self._policies[row] = _NOBODY
        self._weighted.discard(row)
        self._limited.discard(row)

    def forget_load(self, row: int) -> None:
        """Know of no measurement and no panic of a row any more: its next decision is like the first."""
        self.part_s[row] = self.nothing_s[row] = _NEVER_S
        self.measured[row] = False
        self._forget_panic(row)

    def forget_decisions(self, row: int) -> None:
        """Know of no decision of a row any more, but of its load: its next decision is like the first."""
        self.standing[row] = 0
        self._forget_panic(row)

    def forget_loads(self) -> None:
        """Know of no measurement and no panic any more."""
        for row in range(self._rows):
            self.forget_load(row)

    def _forget_panic(self, row: int) -> None:
        self.began[row] = False
        self._panic_since_ms[row], self._floor[row] = kpa.NEVER, 0
        self._panic_left_ms[row], self._panic_left_at[row] = kpa.NEVER, 0

    def policies(self, count: int) -> tuple[Policy, ...]:
        """Return the policies of the first `count` rows."""
        return tuple(self._policies[:count])

    def weighted(self) -> NDArray[np.int64]:
        """Return the rows that average weighted-exponentially, in order."""
        return np.array(sorted(self._weighted), dtype=np.int64)

    def limited(self, count: int) -> NDArray[np.bool_]:
        """Return which of the first `count` rows are limited to what can be placed."""
        rows = np.zeros(self._rows, dtype=np.bool_)
        rows[list(self._limited)] = True
        return rows[:count]

    def note(self, row: int, one: SecondOfLoad) -> None:
        """Take note of a second that was not measured whole."""
        column = self.part_s if one.seen is Seen.PART else self.nothing_s
        column[row] = max(int(column[row]), one.second)

    def worst_seen(self, count: int, newest_s: int) -> NDArray[np.uint8]:
        """Return how the worst second of each panic window was measured (SEEN_CODE)."""
        before_s = newest_s - self.panic_window_s[:count]
        part = np.where(self.part_s[:count] > before_s, SEEN_CODE[Seen.PART], SEEN_CODE[Seen.ALL])
        return np.where(self.nothing_s[:count] > before_s, SEEN_CODE[Seen.NOTHING], part).astype(np.uint8)

    def begin_law(self, where: NDArray[np.bool_], state: kpa.State) -> None:
        """Give rows whose first decision this is the state to begin with."""
        count = len(where)
        fresh = where & ~self.began[:count]
        np.copyto(self._panic_since_ms[:count], state.panic_since_ms, where=fresh)
        np.copyto(self._floor[:count], state.floor, where=fresh)
        self.began[:count] |= fresh

    def state(self, count: int) -> kpa.State:
        """Return a copy of what the law remembers of the first `count` rows."""
        return kpa.State(self._panic_since_ms[:count].copy(), self._floor[:count].copy())

    def remembered(self, rows: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
        """Return what the law remembers of some rows between two ticks, float64[rows] by name; NaN for nothing.

        Moments are Unix seconds. What is told so can be taken back with `recall`.
        """
        told: dict[str, NDArray[np.float64]] = {"initialised": self.initialised[rows].astype(np.float64)}
        for name, column in _MOMENTS.items():
            moments = getattr(self, column)[rows]
            told[name] = np.where(moments == kpa.NEVER, np.nan, moments / 1000)
        for name, column in _REPLICAS.items():
            counts = getattr(self, column)[rows]
            told[name] = np.where(counts == 0, np.nan, counts)
        return told

    def recall(self, row: int, told: Mapping[str, float]) -> None:
        """Remember of a row what was told of it, all of it; what is not there was nothing."""
        self.began[row] = True
        self.initialised[row] = told.get("initialised", 0.0) > 0
        for name, column in _MOMENTS.items():
            getattr(self, column)[row] = round(1000 * told[name]) if name in told else kpa.NEVER
        for name, column in _REPLICAS.items():
            getattr(self, column)[row] = round(told.get(name, 0.0))

    def recall_lasting(self, row: int, told: Mapping[str, float]) -> None:
        """Remember of a row what still holds of what was told of it long ago: a panic of then does not."""
        self.initialised[row] |= told.get("initialised", 0.0) > 0

    def exit(self, count: int) -> panic_exit.Exit:
        """Return a copy of the last end of a panic of the first `count` rows."""
        return panic_exit.Exit(self._panic_left_ms[:count].copy(), self._panic_left_at[:count].copy())

    def remember(self, given: Given, outcome: Outcome) -> None:
        """Keep what the next tick needs of this one."""
        count = len(given.current)
        self._panic_since_ms[:count] = outcome.state.panic_since_ms
        self._floor[:count] = outcome.state.floor
        self._panic_left_ms[:count] = outcome.exit.at_ms
        self._panic_left_at[:count] = outcome.exit.replicas
        self.standing[:count] = outcome.desired
        self.decided_ms[:count][~outcome.held] = given.at_ms
        self.initialised[:count] |= self.bounds.reached(given.ready)
        self.observed[:count] = given.observed

    def _reach(self, rows: int) -> None:
        """Make room for `rows`, and keep what there is."""
        more = rows - self._rows
        none, no = np.zeros(more, dtype=np.int64), np.zeros(more, dtype=np.bool_)
        for names, fresh in ((_COUNTS, none), (_CLAIMS, no)):
            for name in names:
                setattr(self, name, np.concatenate([getattr(self, name, fresh[:0]), fresh]))
        self._rows = rows
        self._policies += [_NOBODY] * more
        self.parameters, self.bounds = kpa.Parameters.of(self._policies), Bounds.of(self._policies)
        self.exits = panic_exit.Parameters.of(self._policies)
