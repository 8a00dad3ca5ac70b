"""What was the load over the last seconds? One value a second, in a ring.

The law: average(t) over w seconds is the sum of the seconds that were written within the last w, divided by their
number; a window that is younger than w divides by its age (kpa-spec section 1). Seconds are written without gaps: a
second in which nothing was measured carries the value of the one before, and is marked.
"""

from __future__ import annotations

import numpy as np

from autoscaler.core.model import SecondOfLoad, Seen

_CODE = {Seen.ALL: 0, Seen.PART: 1, Seen.NOTHING: 2}


class LoadWindow:
    """The last `length` seconds of one workload's load.

    Storage: `load`, float64, and `_seen`, uint8 (codes of `Seen`), both of shape [length]; the second u stands at
    u mod length. Both averages, stable and panic, read the same ring.
    """

    def __init__(self, length: int) -> None:
        self._load = np.zeros(length)
        self._seen = np.zeros(length, dtype=np.uint8)
        self._first: int | None = None
        self.last: int | None = None

    @property
    def length(self) -> int:
        """How many seconds it keeps."""
        return len(self._load)

    def record(self, value: SecondOfLoad) -> None:
        """Write the next second; one that is not newer than the last is let go, a gap begins the window anew."""
        if self.last is not None and value.second <= self.last:
            return
        if self._first is None or self.last is None or value.second != self.last + 1:
            self._first = value.second
        self.last = value.second
        self._load[value.second % self.length] = value.load
        self._seen[value.second % self.length] = _CODE[value.seen]

    def resized(self, length: int) -> LoadWindow:
        """Return a window of another length with the newest seconds of this one."""
        other = LoadWindow(length)
        if self.last is not None and self._first is not None:
            newest = min(self.last - self._first + 1, self.length, length)
            seconds = np.arange(self.last - newest + 1, self.last + 1)
            other._load[seconds % length] = self._load[seconds % self.length]
            other._seen[seconds % length] = self._seen[seconds % self.length]
            other._first, other.last = int(seconds[0]), self.last
        return other

    def average(self, over: int) -> float | None:
        """Return the average load of the last `over` seconds, or None where nothing was written yet.

        Rounded to six decimals, as the original rounds its own.
        """
        seconds = self._newest(over)
        return None if len(seconds) == 0 else round(float(self._load[seconds].mean()), 6)

    def seen(self, over: int) -> Seen:
        """Return how the worst of the last `over` seconds was measured."""
        seconds = self._newest(over)
        worst = int(self._seen[seconds].max()) if len(seconds) else _CODE[Seen.NOTHING]
        return next(seen for seen, code in _CODE.items() if code == worst)

    def _newest(self, over: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """Return the ring indices of the newest `over` seconds that were written."""
        if self.last is None or self._first is None:
            return np.zeros(0, dtype=np.int64)
        count = min(over, self.last - self._first + 1, self.length)
        return np.arange(self.last - count + 1, self.last + 1) % self.length
