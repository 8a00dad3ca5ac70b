"""For which demand are replicas there, where demand comes in bursts? By the highest demands of stable windows."""

from __future__ import annotations

from math import hypot, sqrt
from statistics import fmean
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

WINDOWS_HELD = 10
"""Stable windows for which the highest demand stays where it does not come in bursts."""

WINDOWS_LOOKED_BACK = 30
"""Stable windows over which bursts that come back are looked for; where they do, their height stays for as long."""

_BURSTS, _HIGHER_AT_MOST = 2, 1.5


def held(peaks: Sequence[float]) -> float:
    """Return the demand that replicas are there for, by the highest demands of windows, the newest last.

    The highest of the last ten stable windows. Where demand comes in bursts (twice or more in thirty windows it fell
    below a third of the highest and came back to half of it), replicas that are asked for at a burst are ready when it
    is over: what helps must be there before, for as long as bursts come back, and for one as high as bursts may be:
    their mean height and twice its standard deviation, at most half as much again as the highest.
    """
    recent, highest = max(peaks[-WINDOWS_HELD - 1 :]), max(peaks)
    heights: list[float] = []
    low = True
    for peak in peaks:
        if peak < highest / 3:
            low = True
        elif low and peak >= highest / 2:
            heights.append(peak)
            low = False
        elif not low:
            heights[-1] = max(heights[-1], peak)
    if len(heights) < _BURSTS:
        return recent
    mean = fmean(heights)
    deviation = hypot(*(height - mean for height in heights)) / sqrt(len(heights) - 1)
    return min(max(highest, mean + 2 * deviation), _HIGHER_AT_MOST * highest)
