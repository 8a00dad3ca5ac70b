"""Who scales by latency in the benchmark? Our law, through the whole fleet, and a ratio controller as most use today.

Both see the same: what the servers export, once a second, in vLLM's buckets. The ratio controller is the
HorizontalPodAutoscaler's law on the percentile of the last minute: ready replicas times percentile over target, nothing
within a tenth of it, at most doubled or four more a sync, 300 s of stabilisation downwards, a sync every 15 s, nothing
where there is no number.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from dataclasses import dataclass, field
from math import ceil, inf
from typing import TYPE_CHECKING

from autoscaler.core.decisions.fleet import Fleet, Look
from autoscaler.core.load.observation import Samples, Steps
from autoscaler.core.load.slow import quantile
from autoscaler.core.model import Metric, Policy, Signal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from autoscaler.core.load.queries import Place
    from autoscaler.core.model import Decision
    from tests.benchmarks.queueing import Exported, Queueing

BEGIN_S = 1_000_000
_RECENT = 12
_SYNC_S, _STABILISATION_S, _TOLERANCE, _WINDOW_S = 15.0, 300.0, 0.1, 60


def policy(target_s: float, *, most: int = 0, least: int = 0) -> Policy:
    """Return the policy of a workload with the defaults and a latency target."""
    return Policy(
        metric=Metric.LATENCY,
        latency_target_ms=1000 * target_s,
        panic_window_s=min(60, max(6, round(target_s * 2 / 3))),
        min_scale=least,
        max_scale=most,
    )


@dataclass(slots=True)
class _Page:
    """The newest seconds of one replica: when, what lay in flight, and what each counter rose by."""

    times: deque[float] = field(default_factory=lambda: deque(maxlen=_RECENT))
    loads: deque[float] = field(default_factory=lambda: deque(maxlen=_RECENT))
    rises: list[deque[float]] = field(default_factory=list)
    before: tuple[float, ...] = ()


class Law:
    """The fleet with one workload; each replica is a pod."""

    def __init__(self, scaled_by: Policy, bounds_s: Sequence[float]) -> None:
        self._fleet = Fleet()
        self._fleet.follow("a", scaled_by, 1000 * BEGIN_S)
        self._by_mean, self._bounds_s = scaled_by.latency_by_mean, bounds_s
        self._pages: dict[Place, _Page] = {}
        self.unhelped_since_s: float | None = None

    @property
    def decision(self) -> Decision | None:
        """The standing decision."""
        return self._fleet.decision("a")

    def decide(self, queueing: Queueing) -> int | None:
        """Look, and decide in every second second."""
        self._read(queueing)
        if round(queueing.now_s) % 2:
            return None
        places = tuple(self._pages)
        look = Look(
            queueing.requested,
            queueing.ready,
            Samples({place: self._steps(place, page.loads) for place, page in self._pages.items()}, 1.0),
            places,
            starting=queueing.requested - queueing.ready,
            signals=self._signals(),
        )
        self._fleet.tick(round(1000 * (BEGIN_S + queueing.now_s)), {"a": look})
        decision = self.decision
        if decision is not None and decision.unhelped:
            self.unhelped_since_s = self.unhelped_since_s or queueing.now_s
        return decision.desired if decision else None

    def _signals(self) -> dict[Signal, Samples]:
        ended, seconds = (
            Samples({place: self._steps(place, page.rises[number]) for place, page in self._pages.items()}, 1.0)
            for number in (0, 1)
        )
        found = {Signal.ENDED: ended, Signal.SECONDS: seconds}
        if not self._by_mean:
            by_bound = {
                bound: {place: self._steps(place, page.rises[2 + number]) for place, page in self._pages.items()}
                for number, bound in enumerate(self._bounds_s)
            }
            found[Signal.SLOW] = Samples(by_bound[inf], 1.0, by_bound=by_bound)
        return found

    def _read(self, queueing: Queueing) -> None:
        pages = queueing.exported()
        shown = {("", str(page.number)): page for page in pages if page.number in queueing.serving}
        for place in [place for place in self._pages if place not in shown]:
            del self._pages[place]
        for place, page in shown.items():
            self._put(place, queueing, _numbers([page]), page.running + page.waiting)

    def _put(self, place: Place, queueing: Queueing, numbers: tuple[float, ...], load: float) -> None:
        page = self._pages.setdefault(place, _Page())
        if not page.rises:
            page.rises = [deque(maxlen=_RECENT) for _ in numbers]
            page.before = (0.0,) * len(numbers)
        page.times.append(BEGIN_S + queueing.now_s)
        page.loads.append(load)
        for rises, new, old in zip(page.rises, numbers, page.before, strict=True):
            rises.append(max(0.0, new - old))
        page.before = numbers

    def _steps(self, place: Place, values: deque[float]) -> Steps:
        times = list(self._pages[place].times)
        return Steps([*times, times[-1] + 5.0], [*values, 0.0], [1] * len(times) + [0], 1, 1.0)


class Ratio:
    """The HorizontalPodAutoscaler's law on a percentile of latency."""

    def __init__(self, target_s: float, bounds_s: Sequence[float], *, most: int = 0, percentile: float = 0.95) -> None:
        self._target_s, self._bounds_s, self._most, self._percentile = target_s, bounds_s, most, percentile
        self._seen: deque[tuple[float, ...]] = deque(maxlen=_WINDOW_S + 1)
        self._before: dict[int, tuple[float, ...]] = {}
        self._total = (0.0,) * (2 + len(bounds_s))
        self._next_s = 0.0
        self._recommended: deque[tuple[float, int]] = deque()

    def decide(self, queueing: Queueing) -> int | None:
        """Look every second, and decide at each sync."""
        for page in queueing.exported():
            numbers, before = _numbers([page]), self._before.get(page.number, (0.0,) * len(self._total))
            self._total = tuple(total + new - old for total, new, old in zip(self._total, numbers, before, strict=True))
            self._before[page.number] = numbers
        self._seen.append(self._total)
        if queueing.now_s < self._next_s:
            return None
        self._next_s = queueing.now_s + _SYNC_S
        rises = [new - old for new, old in zip(self._seen[-1], self._seen[0], strict=True)]
        latency_s = quantile(dict(zip(self._bounds_s, rises[2:], strict=True)), self._percentile)
        return None if latency_s is None else self._scaled(queueing, latency_s / self._target_s)

    def _scaled(self, queueing: Queueing, ratio: float) -> int:
        requested = queueing.requested
        wanted = requested if abs(ratio - 1) <= _TOLERANCE else ceil(ratio * queueing.ready)
        self._recommended.append((queueing.now_s, wanted))
        while self._recommended[0][0] <= queueing.now_s - _STABILISATION_S:
            self._recommended.popleft()
        # Downwards, the highest recommendation of the last 300 s counts.
        stable = max(each for _, each in self._recommended)
        wanted = wanted if wanted >= requested else min(requested, stable)
        wanted = min(wanted, max(2 * requested, requested + 4), self._most or wanted)
        return max(1, wanted)


def _numbers(pages: Sequence[Exported]) -> tuple[float, ...]:
    """Return ended, seconds and cumulative buckets of pages together."""
    below, cumulative = 0.0, []
    for counts in zip(*(page.buckets for page in pages), strict=True):
        below += sum(counts)
        cumulative.append(below)
    return (float(sum(page.ended for page in pages)), sum(page.sum_s for page in pages), *cumulative)


def share_within(latencies: Mapping[int, Sequence[float]], target_s: float, percentile: float = 0.95) -> float:
    """Return the share of the minutes with requests in which that share of them was within the target."""
    kept = [bisect_right(ordered, target_s) >= percentile * len(ordered) for ordered in map(sorted, latencies.values())]
    return sum(kept) / max(1, len(kept))
