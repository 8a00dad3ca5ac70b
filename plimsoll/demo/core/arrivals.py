"""When does which request arrive, and how long does it take to serve?

A request is known by its tokens. Its service time on an otherwise idle replica is the one that our benchmarks use for
traces with tokens; a workload multiplies it by a factor of its own, so that the peak of any trace fits the cluster.
"""

from __future__ import annotations

import bisect
import random
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_COARSEST_S = 3.0

PEAK_S = 10.0
"""A peak is the busiest stretch of this length, in seconds: the autoscaler can follow nothing much shorter."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One question of a user."""

    at_s: float
    in_tokens: int
    out_tokens: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of a generated load: so many arrivals a second for so many seconds.

    `dispersion` is the squared coefficient of variation of the gaps: 1 is a Poisson stream, LLM traffic has more.
    """

    seconds: float
    rate: float
    dispersion: float


def service_s(in_tokens: int, out_tokens: int) -> float:
    """Return the seconds that one request takes on a replica: a fixed part, reading the prompt, writing the answer."""
    return 0.2 + in_tokens / 10_000 + 0.025 * out_tokens


def generated(stretches: Iterable[Stretch], seed: int) -> tuple[Arrival, ...]:
    """Return bursty arrivals: gamma renewals along `stretches`, log-normal prompts and answers, one seed."""
    dice = random.Random(seed)  # noqa: S311  a load must be repeatable, not secret
    arrivals: list[Arrival] = []
    start = 0.0
    for stretch in stretches:
        end = start + stretch.seconds
        now = start
        while (now := now + dice.gammavariate(1 / stretch.dispersion, stretch.dispersion / stretch.rate)) < end:
            in_tokens = min(8000, int(dice.lognormvariate(6.3, 0.9)))
            out_tokens = min(500, 1 + int(dice.lognormvariate(4.6, 0.6)))
            arrivals.append(Arrival(now, in_tokens, out_tokens))
        start = end
    return tuple(arrivals)


def spread(arrivals: Sequence[Arrival]) -> tuple[Arrival, ...]:
    """Spread arrivals that bear the same stamp evenly until the next one: it was a clock of coarse steps that met them.

    `arrivals` in the order of their times. A step is three seconds at most, that of the coarsest trace known.
    """
    result: list[Arrival] = []
    for at_s, group in groupby(arrivals, key=lambda arrival: arrival.at_s):
        batch = list(group)
        following = len(result) + len(batch)
        step = min(_COARSEST_S, arrivals[following].at_s - at_s) if following < len(arrivals) else 0.0
        result.extend(replace(one, at_s=at_s + step * place / len(batch)) for place, one in enumerate(batch))
    return tuple(result)


def compressed(trace: Sequence[Arrival], factor: float, length_s: float) -> tuple[Arrival, ...]:
    """Return the first `length_s` seconds of `trace` when it runs `factor` times as fast, beginning at zero."""
    first = trace[0].at_s
    faster = (replace(arrival, at_s=(arrival.at_s - first) / factor) for arrival in trace)
    return tuple(arrival for arrival in faster if arrival.at_s < length_s)


def thinned(arrivals: Sequence[Arrival], most_per_s: float, seed: int) -> tuple[Arrival, ...]:
    """Drop a random share of `arrivals`, evenly over time, so that their peak stays near `most_per_s`."""
    busiest = peak(arrivals, lambda _: 1.0)
    if busiest <= most_per_s:
        return tuple(arrivals)
    dice = random.Random(seed)  # noqa: S311  a load must be repeatable, not secret
    return tuple(arrival for arrival in arrivals if dice.random() < most_per_s / busiest)


def peak(arrivals: Sequence[Arrival], weight: Callable[[Arrival], float]) -> float:
    """Return the largest weight per second over any `PEAK_S` seconds; 0 without arrivals.

    With service times as weights that is the number of requests in service at the peak.
    """
    times = [arrival.at_s for arrival in arrivals]
    sums = [0.0]
    for arrival in arrivals:
        sums.append(sums[-1] + weight(arrival))
    ends = (bisect.bisect_left(times, start + PEAK_S) for start in times)
    return max((sums[end] - sums[begin] for begin, end in enumerate(ends)), default=0.0) / PEAK_S
