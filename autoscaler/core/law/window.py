"""What was the load over the last seconds, of every workload at once? A sliding window a row, each with its length.

Windows of one length stand side by side in `Buckets`, whose arithmetic is the law.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from autoscaler.core.law.buckets import Buckets, Columns
from autoscaler.core.law.places import Places, ascending, grown, merged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from autoscaler.core.law.places import Rows


class Windows:
    """One sliding window of one-second buckets for each row.

    `rows` is one more than the highest row ever added: what goes in and comes out has that shape. A row that was never
    added, or was removed, averages 0 and is empty; its values are passed over. It begins with `rows` of these.
    """

    def __init__(self, rows: int = 0) -> None:
        self.rows = rows
        self._pools: dict[int, tuple[Places, Buckets]] = {}  # by length in seconds
        self._length: NDArray[np.int64] = np.zeros(rows, dtype=np.int64)  # by row; 0: it has no window
        self._column: NDArray[np.int64] = np.zeros(rows, dtype=np.int64)  # by row: where in the pool of its length

    def add(self, rows: Rows, length_s: int) -> None:
        """Give rows unwritten windows."""
        added = ascending(rows)
        self.rows = max(self.rows, int(added[-1]) + 1)
        self._length = grown(self._length, self.rows, fill=0)
        self._column = grown(self._column, self.rows, fill=0)
        assert not self._length[added].any(), "added twice"  # noqa: S101  rows are ours to number
        self._put(added, length_s, Columns.unwritten(length_s, len(added)))

    def remove(self, rows: Rows) -> None:
        """Take the windows of rows away."""
        for _, removed in self._by_length(ascending(rows)):
            self._take(removed)

    def resize(self, rows: Rows, length_s: int, now_ms: int) -> None:
        """Give rows windows of another length, with their newest seconds; `now_ms` is the wall clock."""
        for length, moved in self._by_length(ascending(rows)):
            if length != length_s:
                self._put(moved, length_s, self._take(moved).resized(length_s, now_ms))

    def record(self, second: int, values: NDArray[np.float64]) -> None:
        """Add a value to the second of each row, float64[rows]; NaN adds nothing to its row.

        Finite values only: an infinite one would stay in the running total.
        """
        for places, buckets in self._pools.values():
            buckets.record(second, places.gathered(values, 0.0))

    def average(self, second: int) -> NDArray[np.float64]:
        """Return the linear averages at a second, float64[rows], rounded to six decimals."""
        averages = ((places, buckets.average(second)) for places, buckets in self._pools.values())
        return merged(averages, rows=self.rows, absent=np.zeros(1))

    def weighted(self, second: int, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the exponentially weighted averages of some rows at a second, float64[len(rows)], not rounded."""
        result = np.zeros(len(rows))
        for length, (_, buckets) in self._pools.items():
            mine = np.flatnonzero(self._length[rows] == length)
            if len(mine):
                result[mine] = buckets.weighted(second, self._column[rows[mine]])
        return result

    def empty(self, second: int) -> NDArray[np.bool_]:
        """Return which rows were silent for longer than their window, bool[rows]."""
        silent = ((places, buckets.empty(second)) for places, buckets in self._pools.values())
        return merged(silent, rows=self.rows, absent=np.ones(1, dtype=np.bool_))

    def _by_length(self, rows: NDArray[np.int64]) -> Iterator[tuple[int, NDArray[np.int64]]]:
        lengths = self._length[rows]
        assert lengths.all(), "never added"  # noqa: S101  as above
        for length in np.unique(lengths).tolist():
            yield length, rows[lengths == length]

    def _put(self, rows: NDArray[np.int64], length_s: int, windows: Columns) -> None:
        places, buckets = self._pools.setdefault(length_s, (Places(), Buckets(length_s)))
        columns = places.enter(rows)
        buckets.grow(places.count)
        buckets.put(columns, windows)
        self._length[rows], self._column[rows] = length_s, columns

    def _take(self, rows: NDArray[np.int64]) -> Columns:
        """Take windows of one length out of their pool."""
        length = int(self._length[rows[0]])
        (places, buckets), columns = self._pools[length], self._column[rows]
        windows = buckets.take(columns)
        places.leave(columns)
        if places.live == 0:
            del self._pools[length]
        self._length[rows] = 0
        return windows
