"""How does a number over time look as SVG? One small chart: lines, shaded stretches, a scale; colours by CSS class."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from plimsoll.demo.core.summary import clock

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_WIDTH, _HEIGHT = 760, 170
_LEFT, _RIGHT, _TOP, _BOTTOM = 38, 8, 8, 22


@dataclass(frozen=True, slots=True)
class Line:
    """Points (seconds, value) in order of time; `style` holds the CSS classes."""

    name: str
    style: str
    points: tuple[tuple[float, float], ...]
    steps: bool = False


@dataclass(frozen=True, slots=True)
class Band:
    """A shaded stretch of time."""

    start_s: float
    end_s: float
    style: str


def chart(title: str, lines: Sequence[Line], *, seconds: float, bands: Iterable[Band] = ()) -> str:
    """Return a figure: heading, legend and SVG, `seconds` wide, from zero to a round number over the largest value."""
    top = _round_up(max((value for line in lines for _, value in line.points), default=0))
    place = _Place(seconds=max(seconds, 1.0), top=top)
    legend = "".join(f'<span class="key {line.style}">{escape(line.name)}</span>' for line in lines)
    shaded = "".join(place.band(band) for band in bands)
    drawn = "".join(f'<path class="line {line.style}" d="{place.path(line)}"/>' for line in lines)
    return (
        f"<figure><figcaption><b>{escape(title)}</b>{legend}</figcaption>"
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}">'
        f"{shaded}{place.grid()}{drawn}</svg></figure>"
    )


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a second and a value are in the picture."""

    seconds: float
    top: float

    def x(self, at_s: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * min(at_s, self.seconds) / self.seconds

    def y(self, value: float) -> float:
        return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - value / self.top)

    def path(self, line: Line) -> str:
        points = [(self.x(at_s), self.y(value)) for at_s, value in line.points]
        if line.steps:
            pairs = itertools.pairwise(points)
            points = points[:1] + [corner for before, after in pairs for corner in ((after[0], before[1]), after)]
        return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points) if points else ""

    def band(self, band: Band) -> str:
        start, end = self.x(band.start_s), self.x(band.end_s)
        height = _HEIGHT - _TOP - _BOTTOM
        return f'<rect class="{band.style}" x="{start:.1f}" y="{_TOP}" width="{end - start:.1f}" height="{height}"/>'

    def grid(self) -> str:
        marks = []
        for share in (0, 0.5, 1):
            y = self.y(share * self.top)
            marks.append(f'<path class="grid" d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}"/>')
            marks.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{share * self.top:g}</text>')
        marks += [
            f'<text x="{self.x(at_s):.1f}" y="{_HEIGHT - 4}" text-anchor="middle">{clock(at_s)}</text>'
            for at_s in range(0, int(self.seconds) + 1, _tick_s(self.seconds))
        ]
        return "".join(marks)


def _round_up(value: float) -> float:
    """Return the next number from a list of those with a good half, times a power of ten."""
    if value <= 2:
        return 2.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 1.2, 1.6, 2, 3, 4, 5, 6, 8, 10) if step * power >= value)


def _tick_s(seconds: float) -> int:
    """Return the distance of the marks below: a round one that leaves ten at most."""
    return next((step for step in (5, 15, 30, 60, 120, 300) if seconds / step <= 10), 600)
