"""How does the allocation grow with the demand? Curves as one SVG that needs nothing else.

The charts of `plimsoll/drawing` are over time, and that room is above this program; this one has another axis and is
a few lines.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extender.replay.inflation import Inflation

_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM = 760, 380, 48, 64, 44
_COLOURS = ("#1570ef", "#d92d20", "#12a150", "#b54708")
_POINTS = 400
_STYLE = (
    "text{fill:#667085;font:11px system-ui,sans-serif}.title{fill:#1c2430;font-size:14px;font-weight:600}"
    ".grid{stroke:#e4e7ec}.line{fill:none;stroke-width:2;stroke-linejoin:round}.key{font-weight:600}"
)


def picture(title: str, replays: Sequence[Inflation]) -> str:
    """Return the curves of several policies; the dashed line is what was asked for, up to the capacity."""
    widest = max(float(one.arrived[-1]) for one in replays)
    place = _Place(max(widest, 1.0))
    drawn = [place.grid(), f'<path class="line" stroke="#98a2b3" stroke-dasharray="4 4" d="{place.asked()}"/>']
    for number, one in enumerate(replays):
        colour = _COLOURS[number % len(_COLOURS)]
        drawn.append(f'<path class="line" stroke="{colour}" d="{place.curve(one)}"/>')
        at = f'x="{_LEFT + 170 * number}" y="44"'
        drawn.append(f'<text class="key" style="fill:{colour}" {at}>{escape(one.policy)}</text>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}"><style>{_STYLE}</style>'
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>'
        f'<text class="title" x="{_LEFT}" y="22">{escape(title)}</text>{"".join(drawn)}</svg>\n'
    )


class _Place:
    """Where a demand and an allocation, both in percent, are in the picture."""

    def __init__(self, widest: float) -> None:
        self._widest = widest

    def x(self, arrived: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - 12) * arrived / self._widest

    def y(self, allocated: float) -> float:
        return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - allocated / 100)

    def curve(self, one: Inflation) -> str:
        chosen = np.unique(np.linspace(0, len(one.arrived) - 1, _POINTS).astype(int))
        points = zip(one.arrived[chosen].tolist(), one.allocated[chosen].tolist(), strict=True)
        return "M" + "L".join(f"{self.x(arrived):.1f} {self.y(allocated):.1f}" for arrived, allocated in points)

    def asked(self) -> str:
        full = min(self._widest, 100.0)
        return f"M{self.x(0):.1f} {self.y(0):.1f}L{self.x(full):.1f} {self.y(full):.1f}H{self.x(self._widest):.1f}"

    def grid(self) -> str:
        marks = []
        for percent in range(0, 101, 20):
            y = self.y(percent)
            marks.append(f'<path class="grid" d="M{_LEFT} {y:.1f}H{_WIDTH - 12}"/>')
            marks.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{percent}</text>')
        for percent in range(0, int(self._widest) + 1, 20):
            x, y = self.x(percent), _HEIGHT - _BOTTOM + 16
            marks.append(f'<text x="{x:.1f}" y="{y}" text-anchor="middle">{percent}</text>')
        what = "GPUs allocated (percent) over GPUs asked for (percent)"
        marks.append(f'<text x="{_WIDTH / 2}" y="{_HEIGHT - 8}" text-anchor="middle">{what}</text>')
        return "".join(marks)
