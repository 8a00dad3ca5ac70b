"""What was the load in each second, and how sure is that? Samples of many pods in, one value a second out.

The laws:
- A sample counts at its own time and holds until the next one.
- A series whose newest sample is older than two and a half of its scrape intervals (five seconds at least) is stale; a
  pod with stale series only is not measured, and counts with its last known load.
- Where none of the ready pods is measured, the second carries the last known load of the workload and is marked
  NOTHING; where some are not, the second is marked PART and is never below the last load that was measured whole.
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
_MOST_LOAD = 1e12  # no server has more requests at once: a value above is none
_INTERVALS_TO_STALE = 2.5  # one lost scrape is no news, two are


@dataclass(frozen=True, slots=True)
class Series:
    """The samples of one metric of one pod: (Unix time in seconds, value), oldest first.

    A pod's load is the sum over its series (running and waiting requests, engines, models). `interval_s` is the time
    between two of its scrapes, None where its samples do not tell.
    """

    namespace: str
    pod: str
    samples: tuple[tuple[float, float], ...]
    interval_s: float | None = None


@dataclass(frozen=True, slots=True)
class Samples:
    """What one query returned, by (namespace, pod); `interval_s` is the longest scrape interval, None if not seen."""

    by_pod: Mapping[tuple[str, str], tuple[Series, ...]]
    interval_s: float | None = None


@dataclass(frozen=True, slots=True)
class LastKnown:
    """What a workload's observation remembers.

    `by_pod`: the load of each ready pod; `load`: that of the whole workload; `whole`: the same when every pod was
    measured. None: never seen.
    """

    by_pod: Mapping[str, float] = field(default_factory=dict)
    load: float | None = None
    whole: float | None = None


NO_SAMPLES = Samples({})
"""What a failed query returned."""

_SHORTEST_LOOKBACK_S, _LONGEST_LOOKBACK_S = 40, 300


def lookback_s(interval_s: float | None) -> int:
    """Return how far back to ask for samples so that two of them are seen at that scrape interval; None: any."""
    if interval_s is None:
        return _LONGEST_LOOKBACK_S
    return min(max(math.ceil(_INTERVALS_TO_STALE * interval_s) + 10, _SHORTEST_LOOKBACK_S), _LONGEST_LOOKBACK_S)


def gather(series: Iterable[Series]) -> Samples:
    """Sort series by pod, without samples that are not numbers, and find their scrape intervals."""
    by_pod: dict[tuple[str, str], list[Series]] = defaultdict(list)
    intervals: list[float] = []
    for one in series:
        usable = tuple((t, v) for t, v in one.samples if 0 <= v <= _MOST_LOAD)  # NaN is not
        if usable:
            gaps = sorted(later - earlier for (earlier, _), (later, _) in pairwise(usable))
            interval = gaps[len(gaps) // 2] if gaps else None  # the median: a lost scrape is no longer interval
            by_pod[one.namespace, one.pod].append(replace(one, samples=usable, interval_s=interval))
            intervals.extend(() if interval is None else (interval,))
    return Samples({pod: tuple(them) for pod, them in by_pod.items()}, max(intervals, default=None))


def observe(
    samples: Samples, namespace: str, ready: Sequence[str], known: LastKnown, seconds: Iterable[int]
) -> tuple[LastKnown, tuple[SecondOfLoad, ...]]:
    """Return what is remembered now, and the load in each of `seconds` (Unix, ascending).

    `ready` are the names of the workload's ready pods. Nothing is returned for a workload that was never measured.
    """
    loads = {pod: known.by_pod[pod] for pod in ready if pod in known.by_pod}
    total, whole = known.load, known.whole
    result: list[SecondOfLoad] = []
    for second in seconds:
        measured = 0
        for pod in ready:
            load = _load_at(samples.by_pod.get((namespace, pod), ()), second + 1.0, samples.interval_s)
            if load is not None:
                loads[pod] = load
                measured += 1
        if measured:
            total = sum(loads.values())
            if measured == len(ready):
                whole = total
                result.append(SecondOfLoad(second, total, Seen.ALL))
            else:
                total = max(total, whole or 0.0)
                result.append(SecondOfLoad(second, total, Seen.PART))
        elif total is not None:
            result.append(SecondOfLoad(second, total, Seen.NOTHING))
    return LastKnown(loads, total, whole), tuple(result)


def _load_at(series: Sequence[Series], end: float, usual_interval_s: float | None) -> float | None:
    """Return a pod's load just before `end`, or None if none of its series has a sample that is fresh then."""
    fresh = []
    for one in series:
        newest = next((sample for sample in reversed(one.samples) if sample[0] < end), None)
        interval_s = one.interval_s or usual_interval_s or 0.0
        if newest and end - newest[0] <= max(_LEAST_STALENESS_S, _INTERVALS_TO_STALE * interval_s):
            fresh.append(newest[1])
    return sum(fresh) if fresh else None
