"""What do raw series say of each place? Counters become rates, series are added up, and what is no load is named.

The laws:
- A counter's rate between two neighbouring samples of one answer counts at the later one's time. A value below the one
  before is a restart from zero: all of it is new. Two answers are never mixed: each may come from another replica.
- A value that is no load (NaN, infinite, negative, absurd) is no sample; where the last good one is stale and the
  newest says no number, the place is not measured.
- The interval of a series is the median between its samples: a lost scrape is no longer interval. A series with one
  sample goes by the longest interval in the answer.
- Of series that differ in their replica labels alone one counts: that with the newest sample; of equals, the first by
  those labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from math import inf, isnan, nan
from operator import add, itemgetter, sub, truediv
from typing import TYPE_CHECKING

from autoscaler.core.load.observation import Samples, Steps, staleness_s
from autoscaler.core.load.presets import Kind, Term
from autoscaler.core.load.queries import OWN_QUERY, counts
from autoscaler.core.model import Signal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from autoscaler.core.load.queries import Place, Selection

RawSeries = tuple[Mapping[str, str], Sequence[tuple[float, float]]]
"""The labels of a series, its metric's as `__name__`, and its samples (Unix seconds, value), oldest first."""

_MOST_LOAD = 1e12  # no server has more requests at once: a value above is none
_MOST_COUNTED = 1e300  # a counter may count microseconds for years
_PARTS = 2**30  # sums that come and go are kept in whole parts of a request: floats would leave a rest behind
_ENDED = -1.0
_OWN_TERM = Term("")
_NEW_S = 5.0  # a series with one sample that is older than this is not new, but scraped seldom


@dataclass(slots=True)
class _Column:
    """What one series adds to its place: `values[i]` from `times[i]` on, NaN where it is no load.

    `whole` says that each value is a load and holds until the next one.
    """

    bit: int
    times: Sequence[float]
    values: Sequence[float]
    interval_s: float | None
    whole: bool


@dataclass(slots=True)
class _Scrapes:
    """The times of a series' samples, and the median of the gaps between them (None: one sample).

    `steady` says that no gap is so long that its earlier sample is stale within it.
    """

    times: Sequence[float] = ()
    interval_s: float | None = None
    steady: bool = True


@dataclass(slots=True)
class _Found:
    """What is found of one place: its columns, the terms that every place like it should show, the last scrapes."""

    columns: list[_Column]
    scrapes: _Scrapes
    terms: int = 0
    interval_s: float | None = None


def gather(selection: Selection, raw: Iterable[RawSeries]) -> Samples:
    """Return what the raw series of an answer, in any order, say of each place."""
    if selection.part is Signal.SLOW:
        return _by_bound(selection, raw)
    return _gathered(selection, raw)


def _by_bound(selection: Selection, raw: Iterable[RawSeries]) -> Samples:
    """Return what the buckets of a histogram say: how many requests end within each bound, a second."""
    series: dict[float, list[RawSeries]] = {}
    for labels, samples in raw:
        bound = _bound(labels)
        if bound is not None:
            series.setdefault(bound * selection.preset.latency.unit_s, []).append((labels, samples))
    found = {bound: _gathered(selection, of_bound) for bound, of_bound in sorted(series.items())}
    everything = found.get(inf, Samples({}))
    return replace(everything, by_bound={bound: samples.by_place for bound, samples in found.items()})


def _bound(labels: Mapping[str, str]) -> float | None:
    """Return the upper bound of a bucket, in its own unit; None where it has none."""
    try:
        bound = float(labels.get("le", ""))
    except ValueError:
        return None
    return bound if bound > 0 else None


def _gathered(selection: Selection, raw: Iterable[RawSeries]) -> Samples:
    terms = {term.metric: (1 << number, term) for number, term in enumerate(selection.terms)}
    place_of = selection.place
    found: dict[Place, _Found] = {}
    newest, oldest_alone = -inf, inf
    for labels, samples in _once(raw, selection.labels.replicas):
        bit, term = terms.get(labels.get("__name__", ""), (0, None))
        if term is None or not samples or (term.labels and not counts(term, labels)):
            continue
        place = place_of(labels)
        if place is None:
            continue
        of_place = found.get(place)
        if of_place is None:
            of_place = found[place] = _Found([], _Scrapes())
        if term.everywhere:
            of_place.terms |= bit
        column = _column(of_place, bit, term, samples)
        if column is not None:
            of_place.columns.append(column)
        last = samples[-1][0]
        newest = max(newest, last)
        if len(samples) == 1 and last < oldest_alone:
            oldest_alone = last
    usual = max((one.interval_s for one in found.values() if one.interval_s), default=None)
    steps = {place: _steps(of_place, usual) for place, of_place in found.items()}
    return Samples(steps, usual, newest - oldest_alone > _NEW_S)


def gathered_values(values: Sequence[tuple[float, float]]) -> Samples:
    """Return what the values (Unix seconds, load) of a workload's own query say, oldest first."""
    if not values:
        return Samples({})
    of_query = _Found([], _Scrapes(), terms=1)
    column = _column(of_query, 1, _OWN_TERM, values)
    of_query.columns += [column] if column else []
    return Samples({OWN_QUERY: _steps(of_query, of_query.interval_s)}, of_query.interval_s)


def _once(raw: Iterable[RawSeries], replicas: tuple[str, ...]) -> Iterable[RawSeries]:
    """Return the series, each once, whichever replica of Prometheus saw it."""
    if not replicas:
        return raw
    best: dict[frozenset[tuple[str, str]], tuple[tuple[float, list[str]], RawSeries]] = {}
    for labels, samples in raw:
        if not samples:
            continue
        identity = frozenset(item for item in labels.items() if item[0] not in replicas)
        rank = (-samples[-1][0], [labels.get(name, "") for name in replicas])
        known = best.get(identity)
        if known is None or rank < known[0]:
            best[identity] = (rank, (labels, samples))
    return [series for _, series in best.values()]


def _column(of_place: _Found, bit: int, term: Term, samples: Sequence[tuple[float, float]]) -> _Column | None:
    """Return what a series adds, None where it says nothing yet; note when its place is scraped."""
    times: Sequence[float]
    values: Sequence[float]
    times, values = zip(*samples, strict=True)
    if times != of_place.scrapes.times:  # those of one scrape are alike
        scrapes = _scrapes(times)
        if scrapes is None:
            # No Prometheus answers so; of two values at one time the first stays.
            return _column(of_place, bit, term, sorted(dict(reversed(samples)).items()))
        of_place.scrapes = scrapes
        if scrapes.interval_s is not None:
            of_place.interval_s = max(of_place.interval_s or 0.0, scrapes.interval_s)
    scrapes = of_place.scrapes
    good = True
    if term.kind is Kind.COUNTER:
        good = min(values) >= 0 and sum(values) <= _MOST_COUNTED  # false with a NaN too
        if not good:
            counted = [(at, value) for at, value in samples if 0 <= value <= _MOST_COUNTED]
            times, values = [at for at, _ in counted], [value for _, value in counted]
        times, values = times[1:], _rates(times, values)
        if not times:
            return None
    if term.factor != 1.0:
        values = [value * term.factor for value in values]
    if not (min(values) >= 0 and sum(values) <= _MOST_LOAD):
        good, values = False, [value if 0 <= value <= _MOST_LOAD else nan for value in values]
    return _Column(bit, times, values, scrapes.interval_s, good and scrapes.steady)


def _scrapes(times: Sequence[float]) -> _Scrapes | None:
    """Return what times tell, None where they do not ascend."""
    if len(times) == 1:
        return _Scrapes(times)
    gaps = sorted(map(sub, times[1:], times))
    if gaps[0] <= 0:
        return None
    interval_s = gaps[len(gaps) // 2]
    return _Scrapes(times, interval_s, gaps[-1] <= staleness_s(interval_s))


def _rates(times: Sequence[float], values: Sequence[float]) -> list[float]:
    """Return the rates per second between neighbouring values of a counter."""
    increases = list(map(sub, values[1:], values))
    if increases and min(increases) < 0:
        increases = [new if new >= 0 else value for new, value in zip(increases, values[1:], strict=True)]
    return list(map(truediv, increases, map(sub, times[1:], times)))


def _steps(of_place: _Found, usual_interval_s: float | None) -> Steps:
    """Return the sum of a place's columns."""
    columns, terms, interval_s = of_place.columns, of_place.terms, of_place.interval_s
    if not columns:
        return Steps((), (), (), terms, interval_s)
    first = columns[0]
    loads: Sequence[float] = ()
    fresh = 0
    for column in columns:
        if not column.whole or column.times != first.times:
            return Steps(*_swept(columns, usual_interval_s), terms, interval_s)
        loads, fresh = list(map(add, loads, column.values)) if loads else column.values, fresh | column.bit
    end = first.times[-1] + staleness_s(first.interval_s or usual_interval_s)
    return Steps([*first.times, end], [*loads, 0.0], [fresh] * len(loads) + [0], terms, interval_s)


def _swept(columns: Sequence[_Column], usual_interval_s: float | None) -> tuple[list[float], list[float], list[int]]:
    """Return times, sums and fresh terms of columns that change at times of their own: one pass over all changes."""
    changes = [
        (at, number, value)
        for number, column in enumerate(columns)
        for at, value in _changes(column, staleness_s(column.interval_s or usual_interval_s))
    ]
    changes.sort(key=itemgetter(0))  # stable: a column's own changes keep their order
    values = [_ENDED] * len(columns)
    total, broken = 0, 0
    fresh_columns = dict.fromkeys({column.bit for column in columns}, 0)
    times: list[float] = []
    loads: list[float] = []
    fresh: list[int] = []
    for at, together in groupby(changes, itemgetter(0)):
        for _, number, value in together:
            bit, before = columns[number].bit, values[number]
            values[number] = value
            if isnan(before):
                broken -= 1
            elif before != _ENDED:
                total -= int(before * _PARTS)
                fresh_columns[bit] -= 1
            if isnan(value):
                broken += 1
            elif value != _ENDED:
                total += int(value * _PARTS)
                fresh_columns[bit] += 1
        times.append(at)
        loads.append(total / _PARTS)
        fresh.append(0 if broken else sum(bit for bit, number in fresh_columns.items() if number))
    return times, loads, fresh


def _changes(column: _Column, staleness_s: float) -> Iterator[tuple[float, float]]:
    """Yield when a column's value changes, and to what: a load, NaN for broken, `_ENDED` when it is stale."""
    good_until = -inf
    for at, following, value in zip(column.times, (*column.times[1:], inf), column.values, strict=True):
        if not isnan(value):
            yield at, value
            good_until = at + staleness_s
        elif good_until <= at:
            yield at, nan
        elif good_until < following:
            yield good_until, nan
        if at + staleness_s < following:
            yield at + staleness_s, _ENDED
