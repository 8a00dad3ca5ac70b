"""How does a row of numbers look in a few lines of text? What is no number is a hole: it is shown, and is no zero."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_EIGHTHS = " ▁▂▃▄▅▆▇█"
_HOLE = "·"


def resampled(values: Sequence[float], width: int) -> tuple[float, ...]:
    """Return at most `width` values: each the largest of its stretch, so that no peak is lost; NaN where all are."""
    if len(values) <= width:
        return tuple(values)
    edges = [index * len(values) // width for index in range(width + 1)]
    return tuple(_largest(values[begin:end]) for begin, end in itertools.pairwise(edges))


def bars(values: Sequence[float], *, width: int, height: int, top: float) -> tuple[str, ...]:
    """Return `height` lines, the highest first, of vertical bars: one of `top` fills all lines, NaN is a dot below."""
    scaled = [_eighths(value, height, top) for value in resampled(values, width)]
    return tuple(
        "".join(_HOLE if eighths is None and line == 0 else _part(eighths or 0, line) for eighths in scaled)
        for line in reversed(range(height))
    )


def _largest(values: Sequence[float]) -> float:
    return max((value for value in values if not math.isnan(value)), default=math.nan)


def _eighths(value: float, height: int, top: float) -> int | None:
    if math.isnan(value):
        return None
    return round(8 * height * min(value, top) / top) if top > 0 else 0


def _part(eighths: int, line: int) -> str:
    return _EIGHTHS[min(8, max(0, eighths - 8 * line))]
