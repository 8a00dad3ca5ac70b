"""How does a row of numbers look in a few lines of text?"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_EIGHTHS = " ▁▂▃▄▅▆▇█"


def resampled(values: Sequence[float], width: int) -> tuple[float, ...]:
    """Return at most `width` values: each the largest of its stretch, so that no peak is lost."""
    if len(values) <= width:
        return tuple(values)
    edges = [index * len(values) // width for index in range(width + 1)]
    return tuple(max(values[begin:end]) for begin, end in itertools.pairwise(edges))


def bars(values: Sequence[float], *, width: int, height: int, top: float) -> tuple[str, ...]:
    """Return `height` lines, the highest first, of vertical bars; a bar of `top` fills all lines."""
    scaled = [round(8 * height * min(value, top) / top) if top > 0 else 0 for value in resampled(values, width)]
    return tuple(
        "".join(_EIGHTHS[min(8, max(0, eighths - 8 * line))] for eighths in scaled) for line in reversed(range(height))
    )
