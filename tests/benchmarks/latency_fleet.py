"""How does the whole fleet scale by latency on the queueing model? Each replica a pod, with all that it exports.

What stands between the law and the servers is there: samples once a second, counters that go with their replica,
buckets, windows, holds, bounds and delays.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING

from autoscaler.core.decisions.fleet import Fleet
from autoscaler.core.decisions.look import Look
from autoscaler.core.load.observation import Samples, Steps
from autoscaler.core.model import Metric, Policy, Signal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from autoscaler.core.decisions.figures import Figures
    from autoscaler.core.load.queries import Place
    from autoscaler.core.model import Decision
    from tests.benchmarks.queueing import Exported, Queueing

BEGIN_S = 1_000_000
_RECENT = 12
_REMEMBERED = 60  # ticks: two of the longest windows


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
        self._looks: deque[tuple[int, Look]] = deque(maxlen=_REMEMBERED)
        self.unhelped_since_s: float | None = None

    @property
    def decision(self) -> Decision | None:
        """The standing decision."""
        return self._fleet.decision("a")

    def figures(self) -> Figures | None:
        """What stands on the metrics page."""
        return self._fleet.figures()

    def take_over(self, other: Law) -> None:
        """Go on from what another told after its last tick, and from the samples of the past.

        Those of the last windows are played again, as a restart does from Prometheus, with what was told in the end.
        """
        self._pages, figures = other._pages, other._fleet.figures()
        assert figures is not None
        self._looks = other._looks
        for at_ms, look in other._looks:
            self._fleet.tick(at_ms, {"a": look})
        told = {name: float(values[0]) for name, values in figures.remembered.items() if values[0] > 0}
        self._fleet.recall("a", told | {"standing": float(figures.desired[0])})

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
        at_ms = round(1000 * (BEGIN_S + queueing.now_s))
        self._looks.append((at_ms, look))
        self._fleet.tick(at_ms, {"a": look})
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


def _numbers(pages: Sequence[Exported]) -> tuple[float, ...]:
    """Return ended, seconds and cumulative buckets of pages together."""
    below, cumulative = 0.0, []
    for counts in zip(*(page.buckets for page in pages), strict=True):
        below += sum(counts)
        cumulative.append(below)
    return (float(sum(page.ended for page in pages)), sum(page.sum_s for page in pages), *cumulative)
