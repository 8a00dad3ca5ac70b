"""What is remembered of all workloads between two ticks? Rows of arrays, changed by one call a tick.

A tick: what was measured becomes one value for every second since the last, the windows average, and
`decision.decide` decides for all rows at once. Nothing here reads a clock: a tick is told its time.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from autoscaler.core.decisions.decision import (
    ASKING,
    NO_BOUND,
    SEEN_CODE,
    Counted,
    Given,
    Outcome,
    Told,
    decidable,
    decide,
    decision_at,
    placeable,
)
from autoscaler.core.decisions.fleet_columns import Columns
from autoscaler.core.decisions.latencies import TOLD, Flows, Latencies, Newest
from autoscaler.core.decisions.signals import Signals
from autoscaler.core.law import kpa
from autoscaler.core.law.delay import Delays
from autoscaler.core.law.offered import Flow, offered, service_time_s
from autoscaler.core.law.window import Windows
from autoscaler.core.load.observation import LastKnown, observe
from autoscaler.core.load.slow import rates
from autoscaler.core.model import SECOND_NS, Policy, Seen, Signal, signals

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from autoscaler.core.decisions.by_latency import LatencySeen
    from autoscaler.core.load.observation import Samples
    from autoscaler.core.load.queries import Place
    from autoscaler.core.model import Decision, Placement

_LONGEST_CATCH_UP_S = 600  # seconds written at one tick after a long stop of the program
_CLOCK_STEP_S = 5  # a clock that is corrected by less stands still for us, no more


@dataclass(frozen=True, slots=True)
class Look:
    """What one tick sees of one workload.

    `current` replicas asked for, `ready` ones and those that are `starting`; `samples` is the answer to its question
    (`NO_SAMPLES`: there was none) and `places` where its load is counted in it; `signals` are the answers about what is
    measured beside it (`model.signals`); `hold`, `leave` and `observed` as in `model.Inputs`; `placement` what is known
    of places for it, None where its policy has no use for that.
    """

    current: int
    ready: int
    samples: Samples
    places: Sequence[Place]
    hold: str = ""
    leave: str = ""
    observed: str = ""
    starting: int = 0
    signals: Mapping[Signal, Samples] = field(default_factory=dict)
    placement: Placement | None = None


@dataclass(slots=True)
class _Row:
    """What is remembered of one workload beside the arrays."""

    uid: str
    policy: Policy
    query: str = ""
    known: LastKnown = field(default_factory=LastKnown)
    look: Look | None = None


_NOBODY = _Row("", Policy())


@dataclass(frozen=True, slots=True)
class Figures:
    """The numbers of every standing decision, a place a workload in each column.

    int64: `current`, `ready`, `desired`, `excess_burst_capacity` (without meaning where it was not `asked`) and
    `decided_ms`, when the law decided last (0: never). float64: `stable` and `panic`, NaN where nothing was measured
    yet; `placeable`, NaN where no bound is known. uint8: `mode`, in the order of `Mode`. bool: `asked`, the law was;
    `left`, the count is somebody else's; `observed`, nothing is carried out. `remembered` is what a restart needs, as
    `Columns.remembered` tells it; `at_ms` is when all of it was decided. `latency` (float64, seconds; NaN where there
    is none to tell), and whether more replicas do not bring it to its target (`unhelped`, bool).
    """

    at_ms: int

    uids: Sequence[str]
    policies: Sequence[Policy]
    current: NDArray[np.int64]
    ready: NDArray[np.int64]
    desired: NDArray[np.int64]
    excess_burst_capacity: NDArray[np.int64]
    decided_ms: NDArray[np.int64]
    stable: NDArray[np.float64]
    panic: NDArray[np.float64]
    placeable: NDArray[np.float64]
    mode: NDArray[np.uint8]
    asked: NDArray[np.bool_]
    left: NDArray[np.bool_]
    observed: NDArray[np.bool_]
    remembered: Mapping[str, NDArray[np.float64]]
    latency: NDArray[np.float64]
    unhelped: NDArray[np.bool_]


class Fleet:
    """The workloads that are decided on, by UID; a row each in every array."""

    def __init__(self) -> None:
        self._row_of: dict[str, int] = {}
        self._rows: list[_Row] = []
        self._free: list[int] = []
        self._columns = Columns()
        self._stable, self._panic = Windows(), Windows()
        self._delays = Delays()
        self._fewest, self._most = Delays(), Delays()  # of the rate period; fewest as the highest of negative counts
        self._signals = Signals()
        self._latencies = Latencies()
        self._changed: set[int] = set()  # rows whose policy may ask for windows or delays of another length
        self._newest_s: int | None = None
        self._given: Given | None = None
        self._outcome: Outcome | None = None

    def __contains__(self, uid: object) -> bool:
        return uid in self._row_of

    def __iter__(self) -> Iterator[str]:
        return iter(self._row_of)

    # --- who is there ---

    def follow(self, uid: str, policy: Policy, now_ms: int, *, query: str = "", created_s: int = 0) -> None:
        """Decide by `policy` from now on; what was measured of a known workload stays.

        What was measured by another metric, or by another `query` of its own, is in another unit: it is forgotten, and
        the decision is held until something is measured anew.

        `created_s` is Unix time: one that is new to us and older than its time to become ready is taken to have
        reached its initial scale before we began, so that our restart raises nothing.
        """
        number = self._row_of.get(uid)
        if number is None:
            age_ns = now_ms * 1_000_000 - created_s * SECOND_NS
            self._add(_Row(uid, policy, query), initialised=age_ns > policy.progress_deadline_ns)
            return
        row = self._rows[number]
        if row.policy == policy and row.query == query:
            return
        if row.policy.metric is policy.metric and row.query == query:
            self._changed.add(number)
        else:
            row.known = LastKnown()
            self._close_windows(number)
            self._open_windows(number, policy)
            self._columns.forget_load(number)
            self._signals.drop(number)
            self._latencies.drop(number)
        if row.policy.scale_down_delay_s != policy.scale_down_delay_s:
            self._changed.add(number)
        if row.policy.rate_period_s != policy.rate_period_s:
            for bases in (self._fewest, self._most):
                bases.rebuild(number, policy.rate_period_s)
        row.policy, row.query = policy, query
        self._columns.follow(number, policy)
        self._signals.follow(number, signals(policy), policy, now_ms)
        self._latencies.follow(number, policy)

    def forget(self, uid: str) -> None:
        """Forget a workload that is gone."""
        number = self._row_of.pop(uid, None)
        if number is None:
            return
        self._rows[number] = _NOBODY
        self._free.append(number)
        self._changed.discard(number)
        self._columns.end(number)
        self._close_windows(number)
        self._remove_delays(number)
        self._signals.drop(number)
        self._latencies.drop(number)

    # --- a tick ---

    def tick(self, at_ms: int, looks: Mapping[str, Look]) -> list[str]:
        """Decide for every workload in `looks`; return those that are to get other replicas than they ask for.

        One that is only observed is not among them. Once it no longer is, it is decided on as if we had just begun,
        though with its load known: what was decided meanwhile was not carried out, and must not make its replicas jump.
        """
        newest_s = at_ms // 1000 - 1  # the last second that is over
        if self._newest_s is not None and newest_s < self._newest_s - _CLOCK_STEP_S:
            # The clock was set back: what is remembered lies in the future, and is not to be waited for.
            self._begin_anew()
        self._resize(at_ms)
        self._end_observing(looks)
        self._record(looks, newest_s)
        given = self._seen(at_ms, looks, newest_s)
        outcome = decide(given)
        self._remember(given, outcome)
        self._given, self._outcome = given, outcome
        other = np.flatnonzero((outcome.desired != given.current) & ~given.observed)
        return [self._rows[number].uid for number in other.tolist()]

    def observed_changes(self) -> list[str]:
        """Return the observed workloads of which the last tick decided otherwise than the one before."""
        if self._given is None or self._outcome is None:
            return []
        given = self._given
        other = given.observed & (given.standing > 0) & (self._outcome.desired != given.standing)
        rows = (self._rows[number] for number in np.flatnonzero(other).tolist())
        return [row.uid for row in rows if row.uid in self._row_of]

    def held(self) -> list[str]:
        """Return the workloads whose standing decision is held, but for those that are left to somebody else."""
        if self._given is None or self._outcome is None:
            return []
        held = np.flatnonzero(self._outcome.held & ~self._given.left).tolist()
        return [row.uid for row in (self._rows[number] for number in held) if row.uid in self._row_of]

    def rising(self) -> dict[str, int]:
        """Return which workloads ask for a place for more replicas than they have and are promised, and for how many.

        Only those that are limited to what can be placed.
        """
        given, outcome = self._given, self._outcome
        if given is None or outcome is None:
            return {}
        more = self._columns.limited(len(given.current)) & ~outcome.left & (outcome.bounded > outcome.promised)
        found = [(self._rows[number].uid, int(outcome.bounded[number])) for number in np.flatnonzero(more).tolist()]
        return {uid: wanted for uid, wanted in found if uid in self._row_of}

    def unplaced(self) -> list[str]:
        """Return the workloads that are known to get fewer replicas because no more can be placed.

        Those that are only observed get none in any case.
        """
        given, outcome = self._given, self._outcome
        if given is None or outcome is None:
            return []
        fewer = np.flatnonzero(~outcome.left & ~given.observed & (outcome.desired < outcome.bounded)).tolist()
        rows = (self._rows[number] for number in fewer)
        return [
            row.uid
            for row in rows
            if row.uid in self._row_of and row.look and row.look.placement and row.look.placement.fits is not None
        ]

    def loads(self, uid: str) -> Mapping[Place, float]:
        """Return what each place of a workload carries; nothing unless its standing decision knows all of it."""
        number = self._row_of.get(uid)
        if number is None or self._given is None or number >= len(self._given.seen):
            return {}
        row = self._rows[number]
        measured = row.look is not None and self._given.seen[number] == SEEN_CODE[Seen.ALL]
        return row.known.by_place if measured else {}

    def decided(self) -> Iterator[str]:
        """Yield the workloads that have a standing decision."""
        return (uid for uid, number in self._row_of.items() if self._rows[number].look is not None)

    def figures(self) -> Figures | None:
        """Return the numbers of all standing decisions, None before the first tick: cheap, whatever their number."""
        given, outcome = self._given, self._outcome
        if given is None or outcome is None:
            return None
        uids = list(self.decided())
        rows = np.array([self._row_of[uid] for uid in uids], dtype=np.int64)
        latency, unhelped = self._latency_figures(rows)
        return Figures(
            at_ms=given.at_ms,
            uids=uids,
            policies=[given.policies[number] for number in rows.tolist()],
            current=given.current[rows],
            ready=given.ready[rows],
            desired=outcome.desired[rows],
            excess_burst_capacity=outcome.wanted.excess_burst_capacity[rows],
            decided_ms=self._columns.decided_ms[rows],
            stable=given.stable[rows],
            panic=given.panic[rows],
            placeable=np.where(np.isin(given.placeable, (NO_BOUND, ASKING)), np.nan, given.placeable)[rows],
            mode=outcome.mode[rows],
            asked=outcome.decided[rows] & ~np.isin(rows, list(given.latencies)),
            left=outcome.left[rows],
            observed=given.observed[rows],
            remembered=self._columns.remembered(rows)
            | {"starting": given.starting[rows].astype(np.float64)}
            | self._learned(rows.tolist()),
            latency=latency,
            unhelped=unhelped,
        )

    def unhelped(self) -> list[str]:
        """Return the workloads whose latency target more replicas do not bring back."""
        if self._outcome is None:
            return []
        rows = (self._rows[row] for row, decided in self._outcome.by_latency.items() if decided.unhelped)
        return [row.uid for row in rows if row.uid in self._row_of]

    def _latency_figures(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return the latency in seconds (NaN: none), and whether more replicas do not help."""
        latency, unhelped = np.full(len(rows), np.nan), np.zeros(len(rows), dtype=np.bool_)
        if self._given is None or self._outcome is None or not self._given.latencies:
            return latency, unhelped
        for place, row in enumerate(rows.tolist()):
            if row in self._given.latencies:
                latency[place] = self._given.latencies[row].percentile_s
            if row in self._outcome.by_latency:
                unhelped[place] = self._outcome.by_latency[row].unhelped
        return latency, unhelped

    def _learned(self, rows: Sequence[int]) -> dict[str, NDArray[np.float64]]:
        """Return what the law of latency remembers of rows, by name; NaN for nothing."""
        if not self._latencies:
            return {}
        told = [self._latencies.told(row) for row in rows]
        return {name: np.array([each.get(name, np.nan) for each in told]) for name in TOLD}

    def recall(self, uid: str, told: Mapping[str, float]) -> None:
        """Remember of a workload what an autoscaler told after a tick (`Figures.remembered`)."""
        self._columns.recall(self._row_of[uid], told)
        self._latencies.recall(self._row_of[uid], told)

    def decision(self, uid: str) -> Decision | None:
        """Return the standing decision of a workload, None before its first."""
        number = self._row_of.get(uid)
        if self._given is None or self._outcome is None or number is None or number >= len(self._given.current):
            return None
        row = self._rows[number]
        if row.look is None:
            return None
        look = row.look
        told = Told(look.hold, look.leave, look.placement, look.observed)
        return decision_at(self._given, self._outcome, number, told)

    # --- inside ---

    def _add(self, row: _Row, *, initialised: bool) -> None:
        number = self._free.pop() if self._free else len(self._rows)
        if number == len(self._rows):
            self._rows.append(_NOBODY)
        self._rows[number] = row
        self._row_of[row.uid] = number
        self._columns.begin(number, row.policy, initialised=initialised)
        self._open_windows(number, row.policy)
        self._add_delays(number, row.policy)
        self._signals.follow(number, signals(row.policy), row.policy, 0)
        self._latencies.follow(number, row.policy)

    def _add_delays(self, number: int, policy: Policy) -> None:
        self._delays.add(number, policy.scale_down_delay_s)
        self._fewest.add(number, policy.rate_period_s)
        self._most.add(number, policy.rate_period_s)

    def _remove_delays(self, number: int) -> None:
        for delays in (self._delays, self._fewest, self._most):
            delays.remove(number)

    def _open_windows(self, number: int, policy: Policy) -> None:
        self._stable.add(number, policy.stable_window_s)
        self._panic.add(number, policy.panic_window_s)

    def _close_windows(self, number: int) -> None:
        self._stable.remove(number)
        self._panic.remove(number)

    def _resize(self, now_ms: int) -> None:
        """Give windows and delays the lengths of changed policies: of all at once, as an edit may change thousands."""
        stable: dict[int, list[int]] = defaultdict(list)
        panic: dict[int, list[int]] = defaultdict(list)
        delays: dict[int, list[int]] = defaultdict(list)
        for number in sorted(self._changed):
            policy = self._rows[number].policy
            stable[policy.stable_window_s].append(number)
            panic[policy.panic_window_s].append(number)
            delays[policy.scale_down_delay_s].append(number)
        self._changed.clear()
        for windows, by_length in ((self._stable, stable), (self._panic, panic)):
            for length_s, numbers in by_length.items():
                windows.resize(numbers, length_s, now_ms)
        for delay_s, numbers in delays.items():
            self._delays.rebuild(numbers, delay_s)

    def _end_observing(self, looks: Mapping[str, Look]) -> None:
        for number in np.flatnonzero(self._columns.observed).tolist():
            row = self._rows[number]
            look = looks.get(row.uid)
            if look is not None and not look.observed:
                self._columns.forget_decisions(number)
                self._latencies.forget([number])
                self._remove_delays(number)
                self._add_delays(number, row.policy)

    def _begin_anew(self) -> None:
        count = len(self._rows)  # some may be free, the last one too
        self._stable, self._panic = Windows(count), Windows(count)
        self._delays, self._fewest, self._most = Delays(count), Delays(count), Delays(count)
        self._newest_s = None
        for number in self._row_of.values():
            policy = self._rows[number].policy
            self._open_windows(number, policy)
            self._add_delays(number, policy)
        self._columns.forget_loads()
        self._signals.forget()
        self._latencies.forget()

    def _record(self, looks: Mapping[str, Look], newest_s: int) -> None:
        """Give the windows one value for every second since the last."""
        columns, last_s = self._columns, self._newest_s
        first_s = newest_s if last_s is None else max(last_s + 1, newest_s - _LONGEST_CATCH_UP_S + 1)
        span, only_newest = range(first_s, newest_s + 1), range(newest_s, newest_s + 1)
        loads = np.full((len(span), len(self._rows)), np.nan)
        measured = columns.measured
        for uid, look in looks.items():
            number = self._row_of[uid]
            row = self._rows[number]
            row.look = look
            seconds = span if measured[number] else only_newest if span else span
            row.known, seen = observe(look.samples, look.places, row.known, seconds)
            for one in seen:
                loads[one.second - first_s, number] = one.load
                if one.seen is not Seen.ALL:
                    columns.note(number, one)
            if seen:
                measured[number] = True
        for second, values in zip(span, loads, strict=True):
            self._stable.record(second, values)
            self._panic.record(second, values)
        asked = ((self._row_of[uid], look.signals, look.places) for uid, look in looks.items())
        self._signals.record(asked, span, loads)
        self._newest_s = newest_s if last_s is None else max(last_s, newest_s)

    def _seen(self, at_ms: int, looks: Mapping[str, Look], newest_s: int) -> Given:
        columns, count = self._columns, len(self._rows)
        current, ready, starting = (np.zeros(count, dtype=np.int64) for _ in range(3))
        held, observed, left = (*np.zeros((2, count), dtype=np.bool_), np.ones(count, dtype=np.bool_))
        places = np.full(count, NO_BOUND)
        for uid, look in looks.items():
            number = self._row_of[uid]
            current[number], ready[number] = look.current, look.ready
            if self._rows[number].policy.count_starting_replicas:
                starting[number] = look.starting
            held[number], left[number], observed[number] = bool(look.hold), bool(look.leave), bool(look.observed)
            if look.placement is not None:
                places[number] = placeable(look.placement)
        measured = columns.measured[:count]
        stable, panic = (
            np.where(measured, self._averages(each, newest_s), np.nan) for each in (self._stable, self._panic)
        )
        seen = columns.worst_seen(count, newest_s)
        # The replicas that are still starting count here too: after a restart in a surge they are most of all.
        first = decidable(stable, seen, current=current, held=held, left=left)
        first[list(self._latencies.rows())] = False
        columns.begin_law(
            first,
            kpa.first(np.maximum(ready, current), at_ms),
        )
        standing = columns.standing[:count].copy()
        counted = Counted.of(current, ready, ready + starting, np.where(observed, standing, 0))
        base = np.maximum(counted.base, 1)
        offered_stable, offered_panic = self._offered(stable, panic, newest_s)
        return Given(
            at_ms=at_ms,
            policies=columns.policies(count),
            parameters=columns.parameters,
            bounds=columns.bounds,
            exits=columns.exits,
            state=columns.state(count),
            exit=columns.exit(count),
            current=current,
            ready=ready,
            starting=starting,
            fewest=np.where(columns.rate_period_s[:count] > 0, -self._fewest.record(at_ms, -base), 0),
            most=np.where(columns.rate_period_s[:count] > 0, self._most.record(at_ms, base), 0),
            offered_stable=offered_stable,
            offered_panic=offered_panic,
            stable=stable,
            panic=panic,
            seen=seen,
            held=held,
            left=left,
            delayed=np.where(self._reachable(count), self._delays.highest(at_ms), 0),
            standing=standing,
            initialised=columns.initialised[:count].copy(),
            observed=observed,
            placeable=places,
            latencies=self._by_latency(at_ms, looks, counted, panic, newest_s) if self._latencies else {},
        )

    def _offered(
        self, stable: NDArray[np.float64], panic: NDArray[np.float64], newest_s: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the offered loads of both windows; NaN where the averages decide."""
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

    def _by_latency(
        self, at_ms: int, looks: Mapping[str, Look], counted: Counted, panic: NDArray[np.float64], newest_s: int
    ) -> dict[int, LatencySeen]:
        """Return what the rows rest on that are scaled by latency."""
        count = len(panic)
        ended, grown, seconds, slow = (
            self._signals.averages(signal, newest_s, count)
            for signal in (Signal.ENDED, Signal.GROWTH, Signal.SECONDS, Signal.SLOW)
        )
        result = {}
        for number in self._latencies.rows():
            row = self._rows[number]
            look = looks.get(row.uid)
            if look is None:
                continue
            buckets = look.signals.get(Signal.SLOW)
            newest = Newest(
                ended=self._signals.by_place(Signal.ENDED, number),
                slow=self._signals.by_place(Signal.SLOW, number),
                within=rates(buckets, look.places, newest_s + 1) if buckets else {},
            )
            self._latencies.note(number, newest, at_ms / 1000)
            values = (ended.stable, ended.panic, grown.stable, grown.panic, seconds.stable, slow.stable, panic)
            flows = Flows(*(float(each[number]) for each in values))
            requested, ready = int(counted.asked_for[number]), int(counted.ready[number])
            result[number] = self._latencies.seen(number, flows, at_ms, ready=ready, current=requested)
        return result

    def _reachable(self, count: int) -> NDArray[np.bool_]:
        return self._columns.parameters.reachable[:count] > 0

    def _averages(self, windows: Windows, second: int) -> NDArray[np.float64]:
        averages = windows.average(second)
        weighted = self._columns.weighted()
        if len(weighted):
            averages[weighted] = windows.weighted(second, weighted)
        return averages

    def _remember(self, given: Given, outcome: Outcome) -> None:
        where = outcome.decided & self._reachable(len(given.current))
        self._delays.record(given.at_ms, outcome.wanted.replicas, where)
        self._columns.remember(given, outcome)
        for number, decided in outcome.by_latency.items():
            self._latencies.remember(number, decided.memory)
