"""What is measured of some workloads beside the load that decides? Windows a signal, for the rows that need it.

The laws:
- A row that needs nothing costs nothing.
- A signal is observed as the load is: a sample counts at its own time, and no data is never zero.
- What was not measured whole within the panic window says nothing: its averages are NaN, and whoever wanted it goes on
  without.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from autoscaler.core.law.window import Windows
from autoscaler.core.load.observation import NO_SAMPLES, LastKnown, observe
from autoscaler.core.load.slow import slower
from autoscaler.core.model import Seen, Signal

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from autoscaler.core.load.observation import Samples
    from autoscaler.core.load.queries import Place
    from autoscaler.core.model import Policy

_NEVER_S = -(2**50)


@dataclass(frozen=True, slots=True)
class Averages:
    """The averages of one signal over both windows, float64[rows]; NaN where it says nothing."""

    stable: NDArray[np.float64]
    panic: NDArray[np.float64]


@dataclass(slots=True)
class _Row:
    """What is remembered of one signal of one row; `hole_s` is the newest second that was not measured whole.

    `target_s` is the latency target.
    """

    panic_window_s: int
    stable_window_s: int
    target_s: float = 0.0
    known: LastKnown = field(default_factory=LastKnown)
    measured: bool = False
    hole_s: int = _NEVER_S
    last_load: float = np.nan


@dataclass(slots=True)
class _Table:
    """One signal of all rows that need it."""

    stable: Windows = field(default_factory=Windows)
    panic: Windows = field(default_factory=Windows)
    rows: dict[int, _Row] = field(default_factory=dict)


class Signals:
    """The signals of rows; times are Unix seconds unless a name says otherwise."""

    def __init__(self) -> None:
        self._tables: defaultdict[Signal, _Table] = defaultdict(_Table)

    def follow(self, row: int, needed: Collection[Signal], policy: Policy, now_ms: int) -> None:
        """Keep these signals of a row, over the windows of its policy; what was measured of them stays."""
        for signal in [signal for signal, table in self._tables.items() if row in table.rows and signal not in needed]:
            self._drop(signal, row)
        for signal in needed:
            table = self._tables[signal]
            known = table.rows.get(row)
            if known is None:
                table.rows[row] = _Row(policy.panic_window_s, policy.stable_window_s, policy.latency_target_ms / 1000)
                table.stable.add(row, policy.stable_window_s)
                table.panic.add(row, policy.panic_window_s)
                continue
            if known.stable_window_s != policy.stable_window_s:
                table.stable.resize(row, policy.stable_window_s, now_ms)
            if known.panic_window_s != policy.panic_window_s:
                table.panic.resize(row, policy.panic_window_s, now_ms)
            known.stable_window_s, known.panic_window_s = policy.stable_window_s, policy.panic_window_s
            known.target_s = policy.latency_target_ms / 1000

    def drop(self, row: int) -> None:
        """Keep nothing of a row any more."""
        for signal in [signal for signal, table in self._tables.items() if row in table.rows]:
            self._drop(signal, row)

    def forget(self) -> None:
        """Know of no measurement of any row any more."""
        for table in self._tables.values():
            table.stable, table.panic = Windows(), Windows()
            for row, known in table.rows.items():
                table.rows[row] = _Row(known.panic_window_s, known.stable_window_s, known.target_s)
                table.stable.add(row, known.stable_window_s)
                table.panic.add(row, known.panic_window_s)

    def record(
        self,
        looks: Iterable[tuple[int, Mapping[Signal, Samples], Sequence[Place]]],
        span: Sequence[int],
        loads: NDArray[np.float64],
    ) -> None:
        """Give the windows one value for every second of `span`.

        `looks` are rows, what was answered for each of their signals, and the places where it is counted; `loads`
        float64[seconds, rows] are the loads of the same seconds, NaN where there is none.
        """
        if not self._tables:
            return
        asked = [(row, by_signal, places) for row, by_signal, places in looks if self._needs(row)]
        for signal, table in self._tables.items():
            values = np.full(loads.shape, np.nan)
            for row, by_signal, places in asked:
                known = table.rows.get(row)
                if known is None:
                    continue
                if signal is Signal.GROWTH and span:
                    values[:, row] = self._grown(known, loads[:, row])
                elif signal is not Signal.GROWTH:
                    # Also where no second is new: a place that is gone is not to be remembered.
                    samples = by_signal.get(signal, NO_SAMPLES)
                    if signal is Signal.SLOW:
                        samples = slower(samples, places, known.target_s)
                    self._observe(known, samples, places, span, values[:, row])
            for second, of_second in zip(span, values, strict=True):
                table.stable.record(second, of_second)
                table.panic.record(second, of_second)

    def averages(self, signal: Signal, second: int, rows: int) -> Averages:
        """Return the averages at a second, of `rows` rows."""
        stable, panic = np.full(rows, np.nan), np.full(rows, np.nan)
        table = self._tables.get(signal)
        if table is None or not table.rows:
            return Averages(stable, panic)
        told = np.array(
            sorted(
                row
                for row, known in table.rows.items()
                if known.measured and known.hole_s <= second - known.panic_window_s
            ),
            dtype=np.int64,
        )
        if len(told):
            stable[told], panic[told] = table.stable.average(second)[told], table.panic.average(second)[told]
        return Averages(stable, panic)

    def by_place(self, signal: Signal, row: int) -> Mapping[Place, float]:
        """Return the newest value of a signal at each place of a row."""
        known = self._tables[signal].rows.get(row) if signal in self._tables else None
        return known.known.by_place if known else {}

    def whole(self, signal: Signal, row: int, second: int) -> bool:
        """Tell whether a signal of a row was measured whole within the panic window that ends with a second."""
        known = self._tables[signal].rows.get(row) if signal in self._tables else None
        return known is not None and known.measured and known.hole_s <= second - known.panic_window_s

    def _needs(self, row: int) -> bool:
        return any(row in table.rows for table in self._tables.values())

    @staticmethod
    def _grown(known: _Row, loads: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how much a row's load grew in each second; its holes are marked with the load itself."""
        grown = np.diff(loads, prepend=known.last_load)
        known.measured = known.measured or not np.isnan(grown).all()
        known.last_load = float(loads[-1])
        return grown

    @staticmethod
    def _observe(
        known: _Row, samples: Samples, places: Sequence[Place], span: Sequence[int], values: NDArray[np.float64]
    ) -> None:
        known.known, seconds = observe(samples, places, known.known, span if known.measured else span[-1:])
        for one in seconds:
            values[one.second - span[0]] = one.load
            if one.seen is not Seen.ALL:
                known.hole_s = one.second
        known.measured = known.measured or bool(seconds)

    def _drop(self, signal: Signal, row: int) -> None:
        table = self._tables[signal]
        del table.rows[row]
        table.stable.remove(row)
        table.panic.remove(row)
        if not table.rows:
            del self._tables[signal]
