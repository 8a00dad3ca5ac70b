"""How does a person read a comparison? Two charts on one scale, a table, and what was left out of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from plimsoll.drawing.bars import bars
from plimsoll.drawing.chart import Line, picture
from plimsoll.drawing.times import times_of_day
from plimsoll.explain.core.times import length, utc
from plimsoll.observe.core.history import Standing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from plimsoll.observe.core.comparison import Comparison, Side
    from plimsoll.observe.core.history import Moment
    from plimsoll.observe.core.period import Period

_WIDTH, _HEIGHT = 72, 5
_LEFT_OUT = {
    Standing.NO_DATA: "no data of it (no autoscaler ran, or Prometheus did not scrape it)",
    Standing.SCALED: "Plimsoll scaled it by itself (mode scale)",
    Standing.LEFT: "nothing was decided (scaled to zero)",
}


@dataclass(frozen=True, slots=True)
class Observed:
    """One workload over a period, and what came of comparing."""

    name: str
    kind: str
    over: Period
    moments: Sequence[Moment]
    comparison: Comparison


def told(observed: Observed) -> str:
    """Return everything as text for a terminal."""
    over = observed.over
    head = f"{observed.name} ({observed.kind}), {utc(1000 * over.begin_s)} to {utc(1000 * over.end_s)}, in steps of "
    return "\n".join(
        (head + _length(over.step_s), "", *_charts(observed), "", *_table(observed.comparison), "", *_said(observed))
    )


def drawn(observed: Observed) -> str:
    """Return an SVG of both replica counts over time, and of the ready ones."""
    over = observed.over
    return picture(
        f"{observed.name} ({observed.kind}): replicas decided, and asked for by another",
        [
            Line("decided", "decided", _points(observed, lambda moment: moment.desired), steps=True),
            Line("asked for by another", "asked", _points(observed, lambda moment: moment.requested), steps=True),
            Line("ready", "ready", _points(observed, lambda moment: moment.ready), steps=True),
        ],
        times_of_day(over.begin_s, over.length_s),
        seconds=over.length_s,
        colours={"decided": "#2f6fde", "asked": "#c77700", "ready": "#98a2b3"},
    )


def _points(observed: Observed, replicas: Callable[[Moment], float]) -> tuple[tuple[float, float], ...]:
    over, moments = observed.over, observed.moments
    points = [(float(each.at_s - over.begin_s), _shown(each, replicas)) for each in moments]
    # The last step lasts until the end.
    return (*points, (float(over.length_s), _shown(moments[-1], replicas)))


def _shown(moment: Moment, replicas: Callable[[Moment], float]) -> float:
    return math.nan if moment.standing is Standing.NO_DATA else replicas(moment)


def _charts(observed: Observed) -> Iterator[str]:
    decided, asked = ([value for _, value in _points(observed, of)][:-1] for of in (_desired, _requested))
    top = max((value for value in (*decided, *asked) if not math.isnan(value)), default=0.0)
    begin, end = (utc(1000 * at_s)[11:16] for at_s in (observed.over.begin_s, observed.over.end_s))
    for title, values in (("decided", decided), ("asked for by another", asked)):
        most = max((value for value in values if not math.isnan(value)), default=0.0)
        yield f"{title}, at most {most:g}"
        lines = bars(values, width=_WIDTH, height=_HEIGHT, top=top)
        yield from (f"  │{line}" for line in lines)
        yield f"  └{'─' * len(lines[0])}  {begin} to {end}"


def _desired(moment: Moment) -> float:
    return moment.desired


def _requested(moment: Moment) -> float:
    return moment.requested


def _table(comparison: Comparison) -> Iterator[str]:
    rows = [("", "decided", "by another", "difference"), *_rows(comparison.decided, comparison.other)]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for name, *numbers in rows:
        cells = (cell.rjust(width) for cell, width in zip(numbers, widths[1:], strict=True))
        yield "  ".join((name.ljust(widths[0]), *cells))


def _rows(decided: Side, other: Side) -> Iterator[tuple[str, str, str, str]]:
    yield _row("replica-minutes", decided.replica_minutes, other.replica_minutes)
    if decided.gpu_minutes is None or other.gpu_minutes is None:
        yield "GPU-minutes", "unknown", "unknown", "unknown"
    else:
        yield _row("GPU-minutes", decided.gpu_minutes, other.gpu_minutes)
    yield _row("most replicas", decided.peak, other.peak)
    yield _row("changes", decided.changes, other.changes)


def _row(name: str, decided: float, other: float) -> tuple[str, str, str, str]:
    apart = _number(decided - other)
    return name, _number(decided), _number(other), apart if apart.startswith("-") or apart == "0" else f"+{apart}"


def _number(value: float) -> str:
    text = f"{value:,.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def _said(observed: Observed) -> Iterator[str]:
    comparison, whole_s = observed.comparison, observed.over.length_s
    seconds = comparison.by_standing[Standing.COMPARED]
    yield f"compared {_length(seconds)} of {_length(whole_s)}"
    for standing, why in _LEFT_OUT.items():
        if comparison.by_standing[standing]:
            yield f"left out {_length(comparison.by_standing[standing])}: {why}"
    yield (
        f"fewer than decided were asked for during {_length(comparison.asked_below_s)}, "
        f"and ready during {_length(comparison.ready_below_s)}"
    )
    if comparison.held_s:
        yield f"what was decided was held, for want of data, during {_length(comparison.held_s)}"
    if comparison.decided.gpu_minutes is None:
        yield "GPU-minutes are unknown: none of its pods was seen to hold GPUs"


def _length(seconds: int) -> str:
    return length(1000 * seconds)
