"""What was the load in each second, and how sure is that? The steps of many places in, one value a second out.

The laws:
- A sample counts at its own time and holds until the next one.
- A series whose newest sample is older than two and a half of its scrape intervals (five seconds at least) is stale.
- A place is measured where every term that it, or another place of the workload, shows in the answer is fresh, and no
  series says NaN; a term that no place of the workload shows is one that this version of the server does not have.
- A place that is not measured counts with its last known load. Where none of a workload's places is measured, the
  second carries the last known load of the workload and is marked NOTHING; where some are not, the second is marked
  PART and is never below the last load that was measured whole.
- No data is never zero.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from autoscaler.core.model import SecondOfLoad, Seen

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from autoscaler.core.load.queries import Place

_LEAST_STALENESS_S = 5.0
_INTERVALS_TO_STALE = 2.5  # one lost scrape is no news, two are
_FIRST_LOOKBACK_S, _LONGEST_LOOKBACK_S = 10, 300  # a long first look at many pods would never be answered in time
_LATE_S = 2.0  # how long after its own time a sample may turn up in an answer
_LONGEST_STALL_S = 30.0  # of our program; the seconds of a longer one are a hole


@dataclass(slots=True)
class Steps:
    """The load of one place as a function of time, by steps; not changed once it is made.

    From after `times[i]` (Unix seconds, ascending) on, up to and with `times[i + 1]`, the load is `loads[i]`, and
    `fresh[i]` has the bits of the terms that are fresh: 0 where a series of the place is broken or all are stale.
    `terms` has the bits of those terms that every place like it should show; `interval_s` is the longest time between
    two samples of a series, None where the answer does not tell.
    """

    times: Sequence[float]
    loads: Sequence[float]
    fresh: Sequence[int]
    terms: int
    interval_s: float | None = None


@dataclass(frozen=True, slots=True)
class Samples:
    """What one answer said.

    `interval_s` is the longest scrape interval in it, None if it shows none. `cut` says that there are series of which
    only one sample was asked for: their interval may be too long for the question. `by_bound`: of a histogram, by each
    upper bound (seconds), the requests within it; `by_place` are then all requests.
    """

    by_place: Mapping[Place, Steps]
    interval_s: float | None = None
    cut: bool = False
    by_bound: Mapping[float, Mapping[Place, Steps]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LastKnown:
    """What a workload's observation remembers.

    `by_place`: the load of each of its places; `load`: that of the whole workload; `whole`: the same when every place
    was measured. None: never seen.
    """

    by_place: Mapping[Place, float] = field(default_factory=dict)
    load: float | None = None
    whole: float | None = None


NO_SAMPLES = Samples({})
"""What a failed query returned."""


def staleness_s(interval_s: float | None) -> float:
    """Return how old the newest sample of a series may be, scraped at that interval; None: unknown."""
    return max(_LEAST_STALENESS_S, _INTERVALS_TO_STALE * (interval_s or 0.0))


def lookback_s(last: Samples | None, asked_s: int, since_s: float, *, rates: bool) -> int:
    """Return how far back to ask so that each second since the last answer finds its samples, and not further.

    `last` is the last answer (None: none yet), to a question that looked `asked_s` back, `since_s` ago. `rates` says
    that a value needs two samples. Where intervals may be longer than the question was, the next looks twice as far.
    """
    if last is None:
        return _FIRST_LOOKBACK_S
    if last.interval_s is None:
        return min(max(2 * asked_s, _FIRST_LOOKBACK_S), _LONGEST_LOOKBACK_S)
    # A rate's earlier sample may be late by a lost scrape.
    earlier = 2 * last.interval_s if rates else 0.0
    needed = math.ceil(staleness_s(last.interval_s) + earlier + min(since_s, _LONGEST_STALL_S) + _LATE_S)
    return min(max(needed, 2 * asked_s) if last.cut else needed, _LONGEST_LOOKBACK_S)


def scraped_every_s(samples: Samples, places: Iterable[Place]) -> float | None:
    """Return the longest scrape interval of a workload's places; None where no answer tells one."""
    shown = (samples.by_place.get(place) for place in places)
    return max((one.interval_s for one in shown if one and one.interval_s), default=None)


def observe(
    samples: Samples, places: Sequence[Place], known: LastKnown, seconds: Iterable[int]
) -> tuple[LastKnown, tuple[SecondOfLoad, ...]]:
    """Return what is remembered now, and the load in each of `seconds` (Unix, ascending).

    `places` are those of the workload's ready pods, or of its key (`queries.places`). Nothing is returned for a
    workload that was never measured.
    """
    shown = [(place, samples.by_place[place]) for place in places if place in samples.by_place]
    required = 0
    for _, steps in shown:
        required |= steps.terms
    before = known.by_place
    loads = {place: before[place] for place in places if place in before}
    total, whole = known.load, known.whole
    result: list[SecondOfLoad] = []
    for second in seconds:
        measured = 0
        for place, steps in shown:
            newest = bisect_left(steps.times, second + 1) - 1
            if newest >= 0 and (fresh := steps.fresh[newest]) and not required & ~fresh:
                loads[place] = steps.loads[newest]
                measured += 1
        if measured:
            total = sum(loads.values())
            if measured == len(places):
                whole = total
                result.append(SecondOfLoad(second, total, Seen.ALL))
            else:
                total = max(total, whole or 0.0)
                result.append(SecondOfLoad(second, total, Seen.PART))
        elif total is not None:
            result.append(SecondOfLoad(second, total, Seen.NOTHING))
    return LastKnown(loads, total, whole), tuple(result)
