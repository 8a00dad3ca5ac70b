"""What is remembered of all workloads between two ticks? Rows of arrays, changed by one call a tick.

A tick: `rows` numbers the looks, `measurements` and `lately` say what was, `decision.decide` decides for all rows at
once, and `standing` answers for what was decided. Nothing here reads a clock: a tick is told its time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from autoscaler.core.decisions.decision import Counted, Given, decidable, decide
from autoscaler.core.decisions.figures import Figures
from autoscaler.core.decisions.fleet_columns import Columns
from autoscaler.core.decisions.lately import Lately
from autoscaler.core.decisions.latencies import Latencies
from autoscaler.core.decisions.look import Looked
from autoscaler.core.decisions.measurements import Measurements
from autoscaler.core.decisions.rows import Row, Rows
from autoscaler.core.decisions.standing import Standing
from autoscaler.core.law import kpa
from autoscaler.core.model import SECOND_NS, Metric

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from autoscaler.core.decisions.by_latency import LatencySeen
    from autoscaler.core.decisions.decision import Outcome
    from autoscaler.core.decisions.look import Look
    from autoscaler.core.load.queries import Place
    from autoscaler.core.model import Decision, Policy


class Fleet:
    """The workloads that are decided on, by UID; a row each in every array."""

    def __init__(self) -> None:
        self._rows = Rows()
        self._columns = Columns()
        self._measurements = Measurements(self._columns)
        self._lately = Lately()
        self._latencies = Latencies()
        self._changed: set[int] = set()  # rows whose policy may ask for windows or delays of another length
        self._standing: Standing | None = None

    def __contains__(self, uid: object) -> bool:
        return isinstance(uid, str) and self._rows.number(uid) is not None

    def __iter__(self) -> Iterator[str]:
        return self._rows.uids()

    # --- who is there ---

    def follow(self, uid: str, policy: Policy, now_ms: int, *, query: str = "", created_s: int = 0) -> None:
        """Decide by `policy` from now on; what was measured of a known workload stays.

        What was measured by another metric, or by another `query` of its own, is in another unit: it is forgotten, and
        the decision is held until something is measured anew.

        `created_s` is Unix time: one that is new to us and older than its time to become ready is taken to have
        reached its initial scale before we began, so that our restart raises nothing.
        """
        number = self._rows.number(uid)
        if number is None:
            age_ns = now_ms * 1_000_000 - created_s * SECOND_NS
            self._begin(Row(uid, policy, query), initialised=age_ns > policy.progress_deadline_ns)
            return
        row = self._rows[number]
        if row.policy == policy and row.query == query:
            return
        if row.policy.metric is policy.metric and row.query == query:
            self._changed.add(number)
        else:
            self._measurements.forget(number, policy)
            self._latencies.drop(number)
        if row.policy.scale_down_delay_s != policy.scale_down_delay_s:
            self._changed.add(number)
        if row.policy.rate_period_s != policy.rate_period_s:
            self._lately.change_period(number, policy.rate_period_s)
        row.policy, row.query = policy, query
        self._columns.follow(number, policy)
        self._measurements.follow(number, policy, now_ms)
        self._latencies.follow(number, policy)

    def forget(self, uid: str) -> None:
        """Forget a workload that is gone."""
        number = self._rows.remove(uid)
        if number is None:
            return
        self._changed.discard(number)
        self._columns.end(number)
        self._measurements.end(number)
        self._lately.end(number)
        self._latencies.drop(number)

    def recall(self, uid: str, told: Mapping[str, float]) -> None:
        """Remember of a workload what an autoscaler told after a tick (`Figures.remembered`)."""
        number = self._rows.number(uid)
        assert number is not None, "recalled before it is followed"  # noqa: S101  who is there is ours to know
        self._columns.recall(number, told)
        self._latencies.recall(number, told)

    def recall_lasting(self, uid: str, told: Mapping[str, float]) -> None:
        """Remember of a workload what still holds of what an autoscaler told longer ago than windows remember.

        What was learned of latency, and that the initial scale was reached; a panic, a standing decision and what was
        observed are of then.
        """
        number = self._rows.number(uid)
        assert number is not None, "recalled before it is followed"  # noqa: S101  who is there is ours to know
        self._columns.recall_lasting(number, told)
        self._latencies.recall_lasting(number, told)

    # --- a tick ---

    def tick(self, at_ms: int, looks: Mapping[str, Look]) -> list[str]:
        """Decide for every workload in `looks`; return those that are to get other replicas than they ask for.

        One that is only observed is not among them. Once it no longer is, it is decided on as if we had just begun,
        though with its load known: what was decided meanwhile was not carried out, and must not make its replicas jump.
        """
        newest_s = at_ms // 1000 - 1  # the last second that is over
        if self._measurements.ahead_of(newest_s):
            # The clock was set back: what is remembered lies in the future, and is not to be waited for.
            self._begin_anew()
        self._resize(at_ms)
        by_row = self._rows.by_row(looks)
        self._end_observing(by_row)
        self._record(by_row, newest_s)
        given = self._given(at_ms, by_row, newest_s)
        outcome = decide(given)
        self._remember(given, outcome)
        self._rows.remember(by_row)
        self._standing = Standing(self._rows, self._columns, given, outcome)
        return self._standing.changes()

    # --- what stands decided: nothing before the first tick ---

    def observed_changes(self) -> list[str]:
        """Return the observed workloads of which the last tick decided otherwise than the one before."""
        return self._standing.observed_changes() if self._standing else []

    def held(self) -> list[str]:
        """Return the workloads whose standing decision is held, but for those that are left to somebody else."""
        return self._standing.held() if self._standing else []

    def rising(self) -> dict[str, int]:
        """Return which workloads ask for a place for more replicas, and for how many (`Standing.rising`)."""
        return self._standing.rising() if self._standing else {}

    def unplaced(self) -> list[str]:
        """Return the workloads that are known to get fewer replicas because no more can be placed."""
        return self._standing.unplaced() if self._standing else []

    def unhelped(self) -> list[str]:
        """Return the workloads whose latency target more replicas do not bring back."""
        return self._standing.unhelped() if self._standing else []

    def in_flight(self, uid: str) -> Mapping[Place, float]:
        """Return what each place of a workload has in flight; nothing unless all of it is known."""
        number = self._rows.number(uid)
        if number is None or self._standing is None:
            return {}
        if self._rows[number].policy.metric is Metric.RPS:
            return self._measurements.in_flight(number)
        return self._measurements.by_place(number) if self._standing.whole(number) else {}

    def decided(self) -> Iterator[str]:
        """Yield the workloads that have a standing decision."""
        return (uid for uid, _ in self._rows.decided())

    def decision(self, uid: str) -> Decision | None:
        """Return the standing decision of a workload, None before its first."""
        return self._standing.decision(uid) if self._standing else None

    def figures(self) -> Figures | None:
        """Return the numbers of all standing decisions, None before the first tick."""
        return Figures.of(self._standing, self._latencies) if self._standing else None

    # --- inside ---

    def _begin(self, row: Row, *, initialised: bool) -> None:
        number = self._rows.add(row)
        self._columns.begin(number, row.policy, initialised=initialised)
        self._measurements.begin(number, row.policy)
        self._lately.begin(number, row.policy)
        self._latencies.follow(number, row.policy)

    def _begin_anew(self) -> None:
        policies, count = self._rows.policies(), len(self._rows)
        self._measurements.begin_anew(policies, count)
        self._lately = Lately(count)
        for number, policy in policies.items():
            self._lately.begin(number, policy)
        self._latencies.begin_anew()

    def _resize(self, now_ms: int) -> None:
        """Give windows and delays the lengths of changed policies."""
        policies = {number: self._rows[number].policy for number in sorted(self._changed)}
        self._changed.clear()
        self._measurements.resize(policies, now_ms)
        self._lately.change_delays(policies)

    def _end_observing(self, looks: Mapping[int, Look]) -> None:
        for number in np.flatnonzero(self._columns.observed).tolist():
            look = looks.get(number)
            if look is not None and not look.observed:
                self._columns.forget_decisions(number)
                self._latencies.begin_anew([number])
                self._lately.end(number)
                self._lately.begin(number, self._rows[number].policy)

    def _record(self, looks: Mapping[int, Look], newest_s: int) -> None:
        self._measurements.record(looks, newest_s, len(self._rows))

    def _given(self, at_ms: int, looks: Mapping[int, Look], newest_s: int) -> Given:
        """Return what the tick decides on."""
        columns, count = self._columns, len(self._rows)
        policies = columns.policies(count)
        seen = Looked.of(looks, policies)
        stable, panic = self._measurements.averages(newest_s, count)
        worst_seen = columns.worst_seen(count, newest_s)
        first = decidable(stable, worst_seen, current=seen.current, held=seen.held, left=seen.left)
        first[list(self._latencies.rows())] = False
        # The replicas that are still starting count here too: after a restart in a surge they are most of all.
        columns.begin_law(first, kpa.first(np.maximum(seen.ready, seen.current), at_ms))
        standing = columns.standing[:count].copy()
        as_if = np.where(seen.observed, standing, 0)
        counted = Counted.of(seen.current, seen.ready, seen.ready + seen.starting, as_if)
        fewest, most = self._lately.bases(at_ms, np.maximum(counted.base, 1))
        periodic = columns.rate_period_s[:count] > 0
        offered_stable, offered_panic = self._measurements.offered(stable, panic, newest_s)
        return Given(
            at_ms=at_ms,
            policies=policies,
            parameters=columns.parameters,
            bounds=columns.bounds,
            exits=columns.exits,
            state=columns.state(count),
            exit=columns.exit(count),
            current=seen.current,
            ready=seen.ready,
            starting=seen.starting,
            fewest=np.where(periodic, fewest, 0),
            most=np.where(periodic, most, 0),
            offered_stable=offered_stable,
            offered_panic=offered_panic,
            stable=stable,
            panic=panic,
            seen=worst_seen,
            held=seen.held,
            left=seen.left,
            delayed=np.where(self._reachable(count), self._lately.most_wanted(at_ms), 0),
            standing=standing,
            initialised=columns.initialised[:count].copy(),
            observed=seen.observed,
            placeable=seen.placeable,
            latencies=self._by_latency(at_ms, looks, counted, panic, newest_s) if self._latencies else {},
        )

    def _by_latency(
        self, at_ms: int, looks: Mapping[int, Look], counted: Counted, panic: NDArray[np.float64], newest_s: int
    ) -> dict[int, LatencySeen]:
        """Return what the rows rest on that are scaled by latency."""
        result = {}
        looked = ((number, looks[number]) for number in self._latencies.rows() if number in looks)
        for number, flows, newest in self._measurements.flows(looked, panic, newest_s):
            self._latencies.note(number, newest, at_ms / 1000)
            requested, ready = int(counted.asked_for[number]), int(counted.ready[number])
            result[number] = self._latencies.seen(number, flows, at_ms, ready=ready, current=requested)
        return result

    def _reachable(self, count: int) -> NDArray[np.bool_]:
        return self._columns.parameters.reachable[:count] > 0

    def _remember(self, given: Given, outcome: Outcome) -> None:
        where = outcome.decided & self._reachable(len(given.current))
        self._lately.want(given.at_ms, outcome.wanted.replicas, where)
        self._columns.remember(given, outcome)
        for number, decided in outcome.by_latency.items():
            self._latencies.remember(number, decided.memory)
