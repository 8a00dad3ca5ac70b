"""What was the load in each second, and how sure is that? Samples of many pods in, one value a second out.

The laws:
- A sample counts at its own time and holds until the next one.
- A pod whose newest sample is older than `staleness_s` is not measured: it is counted with its last known load.
- Where none of the ready pods is measured, the second carries the last known load of the workload and is marked
  NOTHING; where some are not, the second is marked PART and is never below the last known load.
- No data is never zero.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from autoscaler.core.model import SecondOfLoad, Seen

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_LEAST_STALENESS_S = 5.0
_INTERVALS_TO_STALE = 2.5  # one lost scrape is no news, two are


@dataclass(frozen=True, slots=True)
class Series:
    """The samples of one metric of one pod: (Unix time in seconds, value), oldest first.

    A pod's load is the sum over its series (running and waiting requests, engines, models).
    """

    namespace: str
    pod: str
    samples: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Samples:
    """What one query returned, by (namespace, pod); `interval_s` is the time between two scrapes."""

    by_pod: Mapping[tuple[str, str], tuple[Series, ...]]
    interval_s: float

    @property
    def staleness_s(self) -> float:
        """The age from which a newest sample is old news."""
        return max(_LEAST_STALENESS_S, _INTERVALS_TO_STALE * self.interval_s)


@dataclass(frozen=True, slots=True)
class LastKnown:
    """What a workload's observation remembers: the load of each pod, and of the whole workload (None: never seen)."""

    by_pod: Mapping[str, float] = field(default_factory=dict)
    load: float | None = None


NO_SAMPLES = Samples({}, 0.0)
"""What a failed query returned."""


def gather(series: Iterable[Series]) -> Samples:
    """Sort series by pod, without samples that are not numbers, and find the scrape interval: the commonest spacing."""
    by_pod: dict[tuple[str, str], list[Series]] = defaultdict(list)
    spacings: dict[float, int] = defaultdict(int)
    for one in series:
        usable = tuple((t, v) for t, v in one.samples if math.isfinite(v) and v >= 0)
        if usable:
            by_pod[one.namespace, one.pod].append(replace(one, samples=usable))
            for (earlier, _), (later, _) in pairwise(usable):
                spacings[round(later - earlier, 1)] += 1
    interval = max(spacings, key=lambda spacing: (spacings[spacing], -spacing), default=0.0)
    return Samples({pod: tuple(them) for pod, them in by_pod.items()}, interval)


def observe(
    samples: Samples, namespace: str, ready: Sequence[str], known: LastKnown, seconds: Iterable[int]
) -> tuple[LastKnown, tuple[SecondOfLoad, ...]]:
    """Return what is remembered now, and the load in each of `seconds` (Unix, ascending).

    `ready` are the names of the workload's ready pods. Nothing is returned for a workload that was never measured.
    """
    loads = {pod: known.by_pod[pod] for pod in ready if pod in known.by_pod}
    total = known.load
    result: list[SecondOfLoad] = []
    for second in seconds:
        measured = 0
        for pod in ready:
            load = _load_at(samples.by_pod.get((namespace, pod), ()), second + 1.0, samples.staleness_s)
            if load is not None:
                loads[pod] = load
                measured += 1
        if measured:
            now = sum(loads.values())
            complete = measured == len(ready)
            total = now if complete or total is None else max(now, total)
            result.append(SecondOfLoad(second, total, Seen.ALL if complete else Seen.PART))
        elif total is not None:
            result.append(SecondOfLoad(second, total, Seen.NOTHING))
    return LastKnown(loads, total), tuple(result)


def _load_at(series: Sequence[Series], end: float, staleness_s: float) -> float | None:
    """Return a pod's load just before `end`, or None if none of its series has a sample that is fresh then."""
    loads = [_newest_before(one.samples, end) for one in series]
    fresh = [value for time, value in filter(None, loads) if end - time <= staleness_s]
    return sum(fresh) if fresh else None


def _newest_before(samples: Sequence[tuple[float, float]], end: float) -> tuple[float, float] | None:
    return next((sample for sample in reversed(samples) if sample[0] < end), None)
