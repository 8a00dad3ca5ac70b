"""How does a number over time look as SVG? One small chart: lines, shaded stretches, a scale; colours by CSS class.

A point whose value is no number is a hole: the line is broken there, and nothing is drawn between its neighbours.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from plimsoll.drawing.times import minutes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from plimsoll.drawing.times import Mark

_WIDTH, _HEIGHT = 760, 170
_LEFT, _RIGHT, _TOP, _BOTTOM = 38, 8, 8, 22
_HEAD, _KEY = 48, 180
_STYLE = (
    "text{fill:#667085;font:11px system-ui,sans-serif}.title{fill:#1c2430;font-size:14px;font-weight:600}"
    ".grid{stroke:#e4e7ec}.line{fill:none;stroke-width:2;stroke-linejoin:round}.key{stroke:none;font-weight:600}"
)


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
    legend = "".join(f'<span class="key {line.style}">{escape(line.name)}</span>' for line in lines)
    drawn = _drawn(lines, minutes(seconds), seconds=seconds, bands=bands)
    return (
        f"<figure><figcaption><b>{escape(title)}</b>{legend}</figcaption>"
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}">{drawn}</svg></figure>'
    )


def picture(
    title: str, lines: Sequence[Line], marks: Iterable[Mark], *, seconds: float, colours: Mapping[str, str]
) -> str:
    """Return an SVG that needs nothing else: title, legend, and the same chart; `colours` by CSS class of the lines."""
    legend = "".join(
        f'<text class="key {line.style}" x="{_LEFT + number * _KEY}" y="40">{escape(line.name)}</text>'
        for number, line in enumerate(lines)
    )
    styles = "".join(f".{style}{{stroke:{colour}}}.key.{style}{{fill:{colour}}}" for style, colour in colours.items())
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT + _HEAD}">'
        f"<style>{_STYLE}{styles}</style>"
        f'<rect width="{_WIDTH}" height="{_HEIGHT + _HEAD}" fill="#fff"/>'
        f'<text class="title" x="{_LEFT}" y="20">{escape(title)}</text>{legend}'
        f'<g transform="translate(0 {_HEAD})">{_drawn(lines, marks, seconds=seconds)}</g></svg>\n'
    )


def _drawn(lines: Sequence[Line], marks: Iterable[Mark], *, seconds: float, bands: Iterable[Band] = ()) -> str:
    values = (value for line in lines for _, value in line.points if not math.isnan(value))
    place = _Place(seconds=max(seconds, 1.0), top=_round_up(max(values, default=0)))
    shaded = "".join(place.band(band) for band in bands)
    drawn = "".join(f'<path class="line {line.style}" d="{place.path(line)}"/>' for line in lines)
    return f"{shaded}{place.grid(marks)}{drawn}"


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
        return "".join(self._stretch(stretch, steps=line.steps) for stretch in _stretches(line.points))

    def _stretch(self, stretch: Sequence[tuple[float, float]], *, steps: bool) -> str:
        points = [(self.x(at_s), self.y(value)) for at_s, value in stretch]
        if steps:
            pairs = itertools.pairwise(points)
            points = points[:1] + [corner for before, after in pairs for corner in ((after[0], before[1]), after)]
        return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)

    def band(self, band: Band) -> str:
        start, end = self.x(band.start_s), self.x(band.end_s)
        height = _HEIGHT - _TOP - _BOTTOM
        return f'<rect class="{band.style}" x="{start:.1f}" y="{_TOP}" width="{end - start:.1f}" height="{height}"/>'

    def grid(self, times: Iterable[Mark]) -> str:
        marks = []
        for share in (0, 0.5, 1):
            y = self.y(share * self.top)
            marks.append(f'<path class="grid" d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}"/>')
            marks.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{share * self.top:g}</text>')
        marks += [
            f'<text x="{self.x(at_s):.1f}" y="{_HEIGHT - 4}" text-anchor="middle">{text}</text>' for at_s, text in times
        ]
        return "".join(marks)


def _round_up(value: float) -> float:
    """Return the next number from a list of those with a good half, times a power of ten."""
    if value <= 2:
        return 2.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 1.2, 1.6, 2, 3, 4, 5, 6, 8, 10) if step * power >= value)


def _stretches(points: Iterable[tuple[float, float]]) -> Iterable[list[tuple[float, float]]]:
    """Yield what lies between the holes."""
    for hole, stretch in itertools.groupby(points, key=lambda point: math.isnan(point[1])):
        if not hole:
            yield list(stretch)
