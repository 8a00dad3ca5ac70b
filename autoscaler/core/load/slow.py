"""How many requests were slower than a target? The buckets of histograms in, one rate a second of each place out.

The laws:
- Within a bucket requests are taken to be spread evenly, as histogram_quantile does.
- Of requests beyond the last finite bound nothing more is known. A histogram that ends below the target cannot tell
  which of them were slow: `ends_s` says where it ends, and nothing is decided by it.
- Only what a scrape shows together is subtracted from each other.
"""

from __future__ import annotations

from bisect import bisect_right
from math import inf
from typing import TYPE_CHECKING

from autoscaler.core.load.observation import Samples, Steps

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from autoscaler.core.load.queries import Place


def slower(samples: Samples, places: Sequence[Place], target_s: float) -> Samples:
    """Return the requests a second that end at each place after more than `target_s`."""
    by_bound, bounds = samples.by_bound, sorted(samples.by_bound)
    steps = {}
    for place in places:
        total = samples.by_place.get(place)
        if total is not None:
            steps[place] = _slower(total, [(bound, by_bound[bound].get(place)) for bound in bounds], target_s)
    return Samples(steps, samples.interval_s, samples.cut)


def rates(samples: Samples, places: Sequence[Place], moment_s: float) -> dict[float, float]:
    """Return how many requests end within each bound, a second, of all places together at a moment."""
    return {bound: sum(_at(by_place.get(place), moment_s) for place in places)
            for bound, by_place in sorted(samples.by_bound.items())}  # fmt: skip


def quantile(within: Mapping[float, float], share: float) -> float | None:
    """Return the duration within which that share of the requests ended, None where there were none.

    `within`: the requests within each bound; where the answer lies beyond the last finite one, that one is returned.
    """
    total = within.get(inf, 0.0)
    if total <= 0:
        return None
    below, before = 0.0, 0.0
    for bound, count in sorted(within.items()):
        if count >= share * total and bound < inf:
            inside = count - before
            return below + (bound - below) * ((share * total - before) / inside if inside > 0 else 1.0)
        if bound < inf:
            below, before = bound, max(before, count)
    return below


def ends_s(samples: Samples, places: Sequence[Place]) -> float | None:
    """Return the last finite bound of the histogram that ends first, 0 for one without; None where none is shown."""
    shown = [place for place in places if place in samples.by_place]
    finite = [(bound, by_place) for bound, by_place in samples.by_bound.items() if bound < inf]
    return min((max((bound for bound, by_place in finite if place in by_place), default=0.0) for place in shown),
               default=None)  # fmt: skip


def _slower(total: Steps, buckets: Sequence[tuple[float, Steps | None]], target_s: float) -> Steps:
    here = [(bound, steps) for bound, steps in buckets if steps is not None and bound < inf]
    low = max(((bound, steps) for bound, steps in here if bound <= target_s), key=_bound_of, default=(0.0, None))
    high = min(((bound, steps) for bound, steps in here if bound > target_s), key=_bound_of, default=None)
    share = 0.0 if high is None else (target_s - low[0]) / (high[0] - low[0])
    below, fresh_below = _along(low[1], total)
    above, fresh_above = _along(high[1], total) if high else (below, fresh_below)
    loads = [
        max(0.0, every - first - share * max(0.0, last - first))
        for every, first, last in zip(total.loads, below, above, strict=False)
    ]
    fresh = [
        known if first and last else 0
        for known, first, last in zip(total.fresh, fresh_below, fresh_above, strict=False)
    ]
    return Steps(total.times, loads, fresh, total.terms, total.interval_s)


def _bound_of(bucket: tuple[float, Steps | None]) -> float:
    return bucket[0]


def _along(steps: Steps | None, total: Steps) -> tuple[Sequence[float], Sequence[int]]:
    """Return the loads and the freshness of a bucket at the times of all requests."""
    if steps is None:
        return [0.0] * len(total.times), [1] * len(total.times)
    if steps.times == total.times:  # of one scrape, as nearly always
        return steps.loads, steps.fresh
    places = [bisect_right(steps.times, moment_s) - 1 for moment_s in total.times]
    known = [place if 0 <= place < len(steps.loads) else None for place in places]
    return (
        [0.0 if place is None else steps.loads[place] for place in known],
        [0 if place is None else steps.fresh[place] for place in known],
    )


def _at(steps: Steps | None, moment_s: float) -> float:
    """Return a rate at a moment, 0 where it is not known."""
    if steps is None:
        return 0.0
    number = bisect_right(steps.times, moment_s) - 1
    known = 0 <= number < len(steps.fresh) and steps.fresh[number]
    return steps.loads[number] if known else 0.0
