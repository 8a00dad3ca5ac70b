"""What are the numbers of all standing decisions? Columns, cheap whatever their number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from autoscaler.core.decisions.decision import ASKING, NO_BOUND, SEEN_CODE
from autoscaler.core.model import Seen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from autoscaler.core.decisions.latencies import Latencies
    from autoscaler.core.decisions.standing import Standing
    from autoscaler.core.model import Policy


@dataclass(frozen=True, slots=True)
class Figures:
    """The numbers of every standing decision, a place a workload in each column.

    int64: `current`, `ready`, `desired`, `excess_burst_capacity` (without meaning where it was not `asked`) and
    `decided_ms`, when the law decided last (0: never). float64: `stable` and `panic`, NaN where nothing was measured
    yet; `wanted`, what is asked for before any bound, NaN where nothing was decided; `placeable`, NaN where no bound is
    known. uint8: `mode`, in the order of `Mode`. bool: `asked`, the law was; `left`, the count is somebody else's;
    `partly`, some ready pods sent no samples; `observed`, nothing is carried out. `remembered` is what a restart needs,
    as `Columns.remembered`, `Latencies.told` and `Look.remembered` tell it; `at_ms` is when all of it was decided.
    `latency` (float64, seconds; NaN where there is none to tell), and whether more replicas do not bring it to its
    target (`unhelped`, bool).
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
    wanted: NDArray[np.float64]
    placeable: NDArray[np.float64]
    mode: NDArray[np.uint8]
    asked: NDArray[np.bool_]
    left: NDArray[np.bool_]
    partly: NDArray[np.bool_]
    observed: NDArray[np.bool_]
    remembered: Mapping[str, NDArray[np.float64]]
    latency: NDArray[np.float64]
    unhelped: NDArray[np.bool_]

    @classmethod
    def of(cls, standing: Standing, latencies: Latencies) -> Figures:
        """Return the numbers of what stands decided, with what is remembered by now."""
        given, outcome, columns = standing.given, standing.outcome, standing.columns
        decided = list(standing.rows.decided())
        rows = np.array([row for _, row in decided], dtype=np.int64)
        latency, unhelped = _by_latency(standing, rows)
        return cls(
            at_ms=given.at_ms,
            uids=[uid for uid, _ in decided],
            policies=[given.policies[row] for row in rows.tolist()],
            current=given.current[rows],
            ready=given.ready[rows],
            desired=outcome.desired[rows],
            excess_burst_capacity=outcome.wanted.excess_burst_capacity[rows],
            decided_ms=columns.decided_ms[rows],
            stable=given.stable[rows],
            panic=given.panic[rows],
            wanted=np.where(outcome.decided, outcome.replicas, np.nan)[rows],
            placeable=np.where(np.isin(given.placeable, (NO_BOUND, ASKING)), np.nan, given.placeable)[rows],
            mode=outcome.mode[rows],
            asked=outcome.decided[rows] & ~np.isin(rows, list(given.latencies)),
            left=outcome.left[rows],
            partly=(given.seen == SEEN_CODE[Seen.PART])[rows],
            observed=given.observed[rows],
            remembered=columns.remembered(rows)
            | {"starting": given.starting[rows].astype(np.float64)}
            | _learned(latencies, rows.tolist())
            | _besides(standing, rows.tolist()),
            latency=latency,
            unhelped=unhelped,
        )


def _by_latency(standing: Standing, rows: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the latency of rows in seconds (NaN: none), and whether more replicas do not help."""
    latencies, by_latency = standing.given.latencies, standing.outcome.by_latency
    latency, unhelped = np.full(len(rows), np.nan), np.zeros(len(rows), dtype=np.bool_)
    if not latencies:
        return latency, unhelped
    for place, row in enumerate(rows.tolist()):
        if row in latencies:
            latency[place] = latencies[row].percentile_s
        if row in by_latency:
            unhelped[place] = by_latency[row].unhelped
    return latency, unhelped


def _learned(latencies: Latencies, rows: Sequence[int]) -> dict[str, NDArray[np.float64]]:
    """Return what the law of latency remembers of rows, by name."""
    return _as_columns([latencies.told(row) for row in rows]) if latencies else {}


def _besides(standing: Standing, rows: Sequence[int]) -> dict[str, NDArray[np.float64]]:
    """Return what the looks at rows tell for a restart, by name."""
    looks = (standing.rows[row].look for row in rows)
    return _as_columns([look.remembered if look else {} for look in looks])


def _as_columns(told: Sequence[Mapping[str, float]]) -> dict[str, NDArray[np.float64]]:
    """Return numbers by name of each row as one array a name; NaN for nothing."""
    names = sorted({name for each in told for name in each})
    return {name: np.array([each.get(name, np.nan) for each in told]) for name in names}
