"""What would an answer have said in the past? Raw series of a longer time, cut to what each tick had looked back on.

The laws:
- What a tick of the past is given is what was asked for then: as far back as `observation.lookback_s` says, no further,
  and nothing newer than the tick. So rates, intervals and staleness come out as they did.
- A sample is taken to have been there at its own time; one that came late was not, and that tick may come out
  otherwise.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from operator import itemgetter
from typing import TYPE_CHECKING

from autoscaler.core.load.gathering import gather, gathered_values
from autoscaler.core.load.observation import lookback_s
from autoscaler.core.load.presets import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from autoscaler.core.load.gathering import RawSeries
    from autoscaler.core.load.observation import Samples
    from autoscaler.core.load.queries import Selection

_OWN_VALUES = 8  # as many as are remembered of an own query


@dataclass(slots=True)
class Past:
    """One question, tick by tick; `selection` is None for a workload's own query.

    `last` and `asked_s` are what the next question goes by: the last answer, and how far back it was asked.
    """

    selection: Selection | None
    last: Samples | None = None
    asked_s: int = 0
    _series: list[tuple[Mapping[str, str], Sequence[tuple[float, float]]]] = field(default_factory=list)

    def show(self, series: Sequence[RawSeries]) -> None:
        """Take the series of the time that comes next, and of the lookback before it."""
        self._series = [(labels, samples) for labels, samples in series if samples]

    def at(self, tick_s: float, since_s: float) -> Samples:
        """Return what a tick at that time was answered, `since_s` after the one before."""
        if self.selection is None:
            values = [value for _, samples in self._series for value in samples[: _after(samples, tick_s)]]
            self.last = gathered_values(tuple(values[-_OWN_VALUES:]))
            return self.last
        rates = any(term.kind is Kind.COUNTER for term in self.selection.terms)
        self.asked_s = lookback_s(self.last, self.asked_s, since_s, rates=rates)
        self.last = gather(self.selection, self._cut(tick_s - self.asked_s, tick_s))
        return self.last

    def _cut(self, from_s: float, to_s: float) -> Iterator[RawSeries]:
        for labels, samples in self._series:
            first, end = _after(samples, from_s), _after(samples, to_s)
            if first < end:
                yield labels, tuple(samples[first:end])


def _after(samples: Sequence[tuple[float, float]], moment_s: float) -> int:
    """Return the place of the first sample after a moment."""
    return bisect_right(samples, moment_s, key=itemgetter(0))
