"""How much is allocated while more and more is asked for? Pods come in order, each is tried once, and none leaves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from extender.replay.scheduler import Cluster, milli_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from extender.core.packing.settings import Settings
    from extender.replay.trace import Trace


@dataclass(frozen=True, slots=True)
class Cost:
    """What decisions took, in microseconds."""

    decisions: int
    mean: float
    p99: float


@dataclass(frozen=True, slots=True)
class Inflation:
    """What came of a replay. `arrived` and `allocated`: percent of the capacity after each pod, float64 [pods]."""

    policy: str
    arrived: NDArray[np.float64]
    allocated: NDArray[np.float64]
    first_failure: float | None
    """The arrived percent at the first refusal; None where there was none."""
    refused: int
    refused_fitting: int
    cost: Cost

    def at(self, percent: int) -> float | None:
        """Return what was allocated, in percent, while the arrived percent rounded to this; None where it never did."""
        there = np.round(self.arrived) == percent
        return float(self.allocated[there].mean()) if there.any() else None


def inflate(  # noqa: PLR0913  what is played, how, and who is told
    trace: Trace,
    policy: str,
    settings: Settings,
    *,
    learn: bool,
    clock: Callable[[], int],
    heard: Callable[[int, float], None],
) -> Inflation:
    """Play a trace; `heard` is told the pods so far and the percent allocated, `clock` tells nanoseconds of CPU."""
    cluster = Cluster(trace, settings, clock, learn=learn)
    arrived = np.zeros(len(trace.arrivals))
    allocated = np.zeros(len(trace.arrivals))
    asked = given = 0
    first_failure: float | None = None
    scale = 100 / trace.capacity
    for number, row in enumerate(trace.arrivals):
        shape = trace.pods[row]
        placed = cluster.arrive(shape)
        asked += milli_of(shape)
        given += placed.milli if placed is not None else 0
        arrived[number], allocated[number] = asked * scale, given * scale
        if placed is None and first_failure is None:
            first_failure = asked * scale
        heard(number + 1, given * scale)
    return Inflation(
        policy,
        arrived,
        allocated,
        first_failure,
        cluster.refused,
        cluster.refused_fitting,
        cost_of(cluster.decision_ns),
    )


def cost_of(nanoseconds: list[int]) -> Cost:
    """Return what decisions took."""
    microseconds = np.array(nanoseconds) / 1000
    return Cost(len(nanoseconds), float(microseconds.mean()), float(np.percentile(microseconds, 99)))
