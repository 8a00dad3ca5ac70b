"""How much is allocated while pods come and go? Poisson arrivals, exponential lifetimes, one percentage offered.

The trace's own lifetimes span nine orders of magnitude: a handful of pods that run for months would decide the figure.
So a lifetime is drawn, with a mean of an hour, independent of the pod's shape; pods come in the trace's order, again
and again. The offered load is what would be allocated if no pod were refused. Each pod is tried once.

The cluster is filled to the offered load first; then an hour passes that is not measured.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from itertools import cycle
from random import Random
from typing import TYPE_CHECKING

from extender.replay.inflation import Cost, cost_of
from extender.replay.scheduler import Cluster, Placed, milli_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from extender.core.packing.settings import Settings
    from extender.replay.trace import Trace

WARM_UP_H = 1.0
_SAMPLE_H = 0.01


@dataclass(frozen=True, slots=True)
class Load:
    """What is offered: `percent` of the capacity, for `hours` that are measured; `seed` draws times and lifetimes."""

    percent: int
    hours: float
    seed: int


@dataclass(frozen=True, slots=True)
class Churn:
    """What came of it: percent `allocated` over time, GPU-hours `stranded`: free, and of no use to the typical pods."""

    policy: str
    load: Load
    allocated: float
    stranded: float
    refused_percent: float
    """Of the milli-GPU that were asked for in the measured time."""
    refused_fitting: int
    cost: Cost


def churn(  # noqa: PLR0913  what is played, how, and who is told
    trace: Trace,
    policy: str,
    settings: Settings,
    load: Load,
    *,
    learn: bool,
    clock: Callable[[], int],
    heard: Callable[[float, float], None],
) -> Churn:
    """Play a trace with lifetimes; `heard` is told the share of the time that is over, and the percent allocated."""
    cluster = Cluster(trace, settings, clock, learn=learn)
    random = Random(load.seed)  # noqa: S311  a replay, not a secret
    rows = cycle(trace.arrivals)
    offered = trace.capacity * load.percent / 100
    pods_an_hour = offered * len(trace.arrivals) / sum(milli_of(trace.pods[row]) for row in trace.arrivals)
    running: list[tuple[float, int, Placed]] = []
    held = filled = 0
    while filled < offered:
        shape = trace.pods[next(rows)]
        filled += milli_of(shape)
        lifetime = random.expovariate(1.0)  # drawn in any case: every policy then sees the same pods
        placed = cluster.arrive(shape)
        if placed is not None:
            held += placed.milli
            heapq.heappush(running, (lifetime, len(cluster.decision_ns), placed))
    seen = _Seen(WARM_UP_H, trace.capacity)
    end = WARM_UP_H + load.hours
    now, arrives = 0.0, random.expovariate(pods_an_hour)
    while now < end:
        leaves = running[0][0] if running else end
        later = min(arrives, leaves, end)
        seen.pass_time(now, later, held, cluster)
        now = later
        if now == end:
            break
        if leaves <= arrives:
            _, _, placed = heapq.heappop(running)
            held -= placed.milli
            cluster.leave(placed)
            continue
        shape = trace.pods[next(rows)]
        arrived = cluster.arrive(shape)
        arrives = now + random.expovariate(pods_an_hour)
        lifetime = random.expovariate(1.0)
        seen.asked(now, milli_of(shape), refused=arrived is None)
        if arrived is not None:
            held += arrived.milli
            heapq.heappush(running, (now + lifetime, len(cluster.decision_ns), arrived))
        heard(now / end, 100 * held / trace.capacity)
    return Churn(
        policy,
        load,
        seen.held / (trace.capacity * load.hours) * 100,
        seen.stranded / 1000,
        seen.refused_percent,
        cluster.refused_fitting,
        cost_of(cluster.decision_ns),
    )


class _Seen:
    """What is added up over the measured time: milli-GPU-hours, and milli-GPU asked for."""

    def __init__(self, since_h: float, capacity: int) -> None:
        self._since_h = since_h
        self._sampled_h = since_h
        self._stranded_now = 0
        self._capacity = capacity
        self._asked = self._refused = 0
        self.held = 0.0
        self.stranded = 0.0

    @property
    def refused_percent(self) -> float:
        return 100 * self._refused / self._asked if self._asked else 0.0

    def pass_time(self, start_h: float, end_h: float, held: int, cluster: Cluster) -> None:
        """Note that nothing changed from `start_h` to `end_h`, with `held` milli-GPU allocated."""
        measured = end_h - max(start_h, self._since_h)
        if measured <= 0:
            return
        self.held += held * measured
        if start_h >= self._sampled_h or not self._stranded_now:
            self._stranded_now = cluster.packer.fragmentation()
            self._sampled_h = start_h + _SAMPLE_H
        self.stranded += self._stranded_now * measured

    def asked(self, at_h: float, milli: int, *, refused: bool) -> None:
        """Note what a pod asked for."""
        if at_h >= self._since_h:
            self._asked += milli
            self._refused += milli * refused
