"""What was measured of every workload? Windows of its load, the last known values, and the signals beside it.

What was measured becomes one value for every second since the last tick, and the windows average. Nothing here reads
a clock: it is told the newest second that is over.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from autoscaler.core.decisions.latencies import Flows, Newest
from autoscaler.core.decisions.signals import Signals
from autoscaler.core.law.offered import Flow, offered, service_time_s
from autoscaler.core.law.window import Windows
from autoscaler.core.load.observation import LastKnown, observe
from autoscaler.core.load.slow import ends_s, rates
from autoscaler.core.model import Seen, Signal, signals

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from numpy.typing import NDArray

    from autoscaler.core.decisions.fleet_columns import Columns
    from autoscaler.core.decisions.look import Look
    from autoscaler.core.load.queries import Place
    from autoscaler.core.model import Policy

_LONGEST_CATCH_UP_S = 600  # seconds written at one tick after a long stop of the program
_CLOCK_STEP_S = 5  # a clock that is corrected by less stands still for us, no more


class Measurements:
    """What was measured of rows; whether it ever was, and the holes in it, stand in `columns`."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._stable, self._panic = Windows(), Windows()
        self._known: dict[int, LastKnown] = {}
        self._signals = Signals()
        self._newest_s: int | None = None

    # --- whose ---

    def begin(self, row: int, policy: Policy) -> None:
        """Know nothing of a row but its policy."""
        self._known[row] = LastKnown()
        self._open_windows(row, policy)
        self._signals.follow(row, signals(policy), policy, 0)

    def follow(self, row: int, policy: Policy, now_ms: int) -> None:
        """Measure what a policy asks for beside the load; windows of another length wait for `resize`."""
        self._signals.follow(row, signals(policy), policy, now_ms)

    def forget(self, row: int, policy: Policy) -> None:
        """Know of no measurement of a row any more, and go by this policy."""
        self.end(row)
        self.begin(row, policy)
        self._columns.forget_load(row)

    def end(self, row: int) -> None:
        """Know nothing of a row any more."""
        del self._known[row]
        self._stable.remove(row)
        self._panic.remove(row)
        self._signals.drop(row)

    def resize(self, policies: Mapping[int, Policy], now_ms: int) -> None:
        """Give the windows of rows other lengths: of all at once, as an edit may change thousands."""
        stable: dict[int, list[int]] = defaultdict(list)
        panic: dict[int, list[int]] = defaultdict(list)
        for row, policy in policies.items():
            stable[policy.stable_window_s].append(row)
            panic[policy.panic_window_s].append(row)
        for windows, rows_of in ((self._stable, stable), (self._panic, panic)):
            for length_s, rows in rows_of.items():
                windows.resize(rows, length_s, now_ms)

    def ahead_of(self, newest_s: int) -> bool:
        """Tell whether what is remembered lies in the future."""
        return self._newest_s is not None and newest_s < self._newest_s - _CLOCK_STEP_S

    def begin_anew(self, policies: Mapping[int, Policy], rows: int) -> None:
        """Know of no second any more, of all `rows`; the last known values stay."""
        self._stable, self._panic = Windows(rows), Windows(rows)
        self._newest_s = None
        for row, policy in policies.items():
            self._open_windows(row, policy)
        self._columns.forget_loads()
        self._signals.forget()

    def _open_windows(self, row: int, policy: Policy) -> None:
        self._stable.add(row, policy.stable_window_s)
        self._panic.add(row, policy.panic_window_s)

    # --- a tick ---

    def record(self, looks: Mapping[int, Look], newest_s: int, rows: int) -> None:
        """Give the windows of all `rows` one value for every second since the last."""
        columns, last_s = self._columns, self._newest_s
        first_s = newest_s if last_s is None else max(last_s + 1, newest_s - _LONGEST_CATCH_UP_S + 1)
        span, only_newest = range(first_s, newest_s + 1), range(newest_s, newest_s + 1)
        loads = np.full((len(span), rows), np.nan)
        measured = columns.measured
        for row, look in looks.items():
            seconds = span if measured[row] else only_newest if span else span
            self._known[row], seen = observe(look.samples, look.places, self._known[row], seconds)
            for one in seen:
                loads[one.second - first_s, row] = one.load
                if one.seen is not Seen.ALL:
                    columns.note(row, one)
            if seen:
                measured[row] = True
        for second, values in zip(span, loads, strict=True):
            self._stable.record(second, values)
            self._panic.record(second, values)
        self._signals.record(((row, look.signals, look.places) for row, look in looks.items()), span, loads)
        self._newest_s = newest_s if last_s is None else max(last_s, newest_s)

    def by_place(self, row: int) -> Mapping[Place, float]:
        """Return what each place of a row was last known to carry."""
        return self._known[row].by_place

    def in_flight(self, row: int) -> Mapping[Place, float]:
        """Return what each place of a row has in flight, where that is measured beside the load; nothing in part."""
        whole = self._newest_s is not None and self._signals.whole(Signal.IN_FLIGHT, row, self._newest_s)
        return self._signals.by_place(Signal.IN_FLIGHT, row) if whole else {}

    def averages(self, newest_s: int, rows: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the averages of both windows, float64[rows]; NaN where nothing was measured yet."""
        measured = self._columns.measured[:rows]
        stable, panic = (
            np.where(measured, self._averages(each, newest_s), np.nan) for each in (self._stable, self._panic)
        )
        return stable, panic

    def offered(
        self, stable: NDArray[np.float64], panic: NDArray[np.float64], newest_s: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the offered loads of both windows, of which these are the averages; NaN where the averages decide."""
        count = len(stable)
        waiting, ended, grown = (
            self._signals.averages(signal, newest_s, count) for signal in (Signal.WAITING, Signal.ENDED, Signal.GROWTH)
        )
        over_stable = Flow(stable, waiting.stable, ended.stable, grown.stable)
        over_panic = Flow(panic, waiting.panic, ended.panic, grown.panic)
        service_s, drain_s = (
            service_time_s(over_stable, self._columns.parameters.stable_window_ms[:count] / 1000),
            self._columns.drain_period_s[:count],
        )
        by_stable, by_panic = (offered(flow, service_s, drain_s) for flow in (over_stable, over_panic))
        return by_stable, by_panic

    def flows(
        self, looks: Iterable[tuple[int, Look]], panic: NDArray[np.float64], newest_s: int
    ) -> Iterator[tuple[int, Flows, Newest]]:
        """Yield what a latency target is kept by, of the rows that are looked at.

        `panic`: the averages of the load over the panic windows, float64[rows].
        """
        ended, grown, seconds, slow = (
            self._signals.averages(signal, newest_s, len(panic))
            for signal in (Signal.ENDED, Signal.GROWTH, Signal.SECONDS, Signal.SLOW)
        )
        columns = (ended.stable, ended.panic, grown.stable, grown.panic, seconds.stable, slow.stable, panic)
        for row, look in looks:
            buckets = look.signals.get(Signal.SLOW)
            newest = Newest(
                ended=self._signals.by_place(Signal.ENDED, row),
                slow=self._signals.by_place(Signal.SLOW, row),
                within=rates(buckets, look.places, newest_s + 1) if buckets else {},
                ends_s=ends_s(buckets, look.places) if buckets else None,
            )
            yield row, Flows(*(float(column[row]) for column in columns)), newest

    def _averages(self, windows: Windows, second: int) -> NDArray[np.float64]:
        averages = windows.average(second)
        weighted = self._columns.weighted()
        if len(weighted):
            averages[weighted] = windows.weighted(second, weighted)
        return averages
