"""What was the most that was wanted within the scale-down delay? A sliding maximum a row (kpa-spec section 1).

The law: time falls into absolute buckets of 2 s; a delay of d seconds is n = ceil(d / 2) buckets; the answer is the
largest value of the last n buckets, the present one included. A value is forgotten once its bucket is n behind, no
matter how many of the buckets in between have none.

How that takes O(1) operations a tick: buckets form absolute blocks of n. Those of the present block stand as they came
in, those that are left of the block before are its maxima from there to its end. The last n buckets are all of the
present block so far and the end of the block before: the larger of two numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from autoscaler.core.law.places import Places, ascending, grown, merged

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from autoscaler.core.law.places import Rows

_BUCKET_MS = 2000
_NOTHING = int(np.iinfo(np.int64).min)


class Delays:
    """The scale-down delays of rows; a row without one is given back what it records.

    `rows` is one more than the highest row ever added, and at least what it was to begin with. A clock that is set back
    stands still here: what is remembered keeps its age.
    """

    def __init__(self, rows: int = 0) -> None:
        self.rows = rows
        self._pools: dict[int, tuple[Places, _Maxima]] = {}  # by number of buckets
        self._buckets: NDArray[np.int64] = np.zeros(rows, dtype=np.int64)  # by row; 0: it has no delay
        self._column: NDArray[np.int64] = np.zeros(rows, dtype=np.int64)  # by row: where in the pool of its number

    def add(self, rows: Rows, delay_s: int) -> None:
        """Let rows remember for so long from now on; 0: nothing."""
        added = ascending(rows)
        self.rows = max(self.rows, int(added[-1]) + 1)
        self._buckets = grown(self._buckets, self.rows, fill=0)
        self._column = grown(self._column, self.rows, fill=0)
        assert not self._buckets[added].any(), "added twice"  # noqa: S101  rows are ours to number
        if delay_s:
            self._enter(added, _in_buckets(delay_s))

    def remove(self, rows: Rows) -> None:
        """Let rows forget."""
        for _, removed in self._by_buckets(ascending(rows)):
            self._leave(removed)

    def rebuild(self, rows: Rows, delay_s: int) -> None:
        """Let rows remember for another time, with what they remember now (kpa-spec section 9)."""
        changed = ascending(rows)
        count = _in_buckets(delay_s)
        for old, moved in self._by_buckets(changed):
            if old != count:
                index, history = self._leave(moved)
                if count:
                    self._enter(moved, count).put(self._column[moved], history, index)
        absent = changed[self._buckets[changed] == 0]
        if count and len(absent):
            self._enter(absent, count)

    def record(
        self, now_ms: int, values: NDArray[np.int64], where: NDArray[np.bool_] | None = None
    ) -> NDArray[np.int64]:
        """Remember what is wanted now, int64[rows], and return the most of all that is remembered.

        A row that is not `where` remembers nothing new, and is given back its value.
        """
        answers = []
        for places, maxima in self._pools.values():
            maxima.advance(now_ms // _BUCKET_MS)
            shown = values if where is None else np.where(where, values, _NOTHING)
            answers.append((places, maxima.record(places.gathered(shown, _NOTHING))))
        if not answers:
            return values.copy()
        result = merged(answers, rows=len(values), absent=values)
        if where is not None:
            np.copyto(result, values, where=~where)
        return result

    def highest(self, now_ms: int) -> NDArray[np.int64]:
        """Return the most that is remembered at a time, int64[rows]; 0 where nothing is."""
        answers = []
        for places, maxima in self._pools.values():
            maxima.advance(now_ms // _BUCKET_MS)
            highest = maxima.highest()
            answers.append((places, np.where(highest == _NOTHING, 0, highest)))
        return merged(answers, rows=self.rows, absent=np.zeros(1, dtype=np.int64))

    def _by_buckets(self, rows: NDArray[np.int64]) -> list[tuple[int, NDArray[np.int64]]]:
        """Return the rows that have a delay, by its number of buckets."""
        counts = self._buckets[rows]
        return [(count, rows[counts == count]) for count in np.unique(counts).tolist() if count]

    def _enter(self, rows: NDArray[np.int64], count: int) -> _Maxima:
        places, maxima = self._pools.setdefault(count, (Places(), _Maxima(count)))
        self._buckets[rows], self._column[rows] = count, places.enter(rows)
        maxima.grow(places.count)
        return maxima

    def _leave(self, rows: NDArray[np.int64]) -> tuple[int, NDArray[np.int64]]:
        """Take rows of one number of buckets out of their pool; return its newest bucket and what they remember."""
        count = int(self._buckets[rows[0]])
        (places, maxima), columns = self._pools[count], self._column[rows]
        history = maxima.take(columns)
        places.leave(columns)
        if places.live == 0:
            del self._pools[count]
        self._buckets[rows] = 0
        return maxima.index, history


class _Maxima:
    """The sliding maxima over `length` buckets, a column each.

    `_values` int64[length, capacity], the bucket u in row u mod length; `_present` int64[capacity]: the maximum of the
    present block so far. `index` is the newest bucket of all columns.
    """

    def __init__(self, length: int) -> None:
        self.length = length
        self.index = 0
        self._count = 0
        self._values: NDArray[np.int64] = np.zeros((length, 0), dtype=np.int64)
        self._present: NDArray[np.int64] = np.zeros(0, dtype=np.int64)

    def grow(self, count: int) -> None:
        """Add columns that remember nothing until there are `count`."""
        if count > len(self._present):
            more = max(count, len(self._present) * 3 // 2) - len(self._present)
            fresh = np.full((self.length, more), _NOTHING, dtype=np.int64)
            self._values = np.concatenate([self._values, fresh], axis=1)
            self._present = np.concatenate([self._present, fresh[0]])
        self._count = max(self._count, count)

    def advance(self, index: int) -> None:
        """Let the newest bucket be `index`."""
        if index < self.index:
            # Maxima of blocks do not lie as others would after another index: put them there anew.
            everything = np.arange(self._count)
            history = self.take(everything)
            self.index = index
            self.put(everything, history, index)
        elif index - self.index >= self.length:
            self._values[:] = _NOTHING
            self._present[:] = _NOTHING
        else:
            for bucket in range(self.index + 1, index + 1):
                at = bucket % self.length
                if at == 0:
                    for earlier in range(self.length - 2, 0, -1):
                        np.maximum(self._values[earlier], self._values[earlier + 1], out=self._values[earlier])
                    self._present[:] = _NOTHING
                self._values[at] = _NOTHING
        self.index = index

    def record(self, values: NDArray[np.int64]) -> NDArray[np.int64]:
        """Add values to the newest bucket; return the maxima with them."""
        bucket, present = self._values[self.index % self.length, : self._count], self._present[: self._count]
        np.maximum(bucket, values, out=bucket)
        np.maximum(present, values, out=present)
        return self.highest()

    def highest(self) -> NDArray[np.int64]:
        """Return the maxima."""
        present, after = self._present[: self._count], self.index % self.length + 1
        return present.copy() if after == self.length else np.maximum(present, self._values[after, : self._count])

    def take(self, columns: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return what columns remember, int64[length, k], the newest bucket last, and let them forget it.

        Where a bucket is left of the block before, the maximum from there on stands for its value: every later answer
        that asks for this bucket asks for those after it too.
        """
        after = self.index % self.length + 1
        history = np.concatenate([self._values[after:, columns], self._values[:after, columns]])
        self._values[:, columns] = _NOTHING
        self._present[columns] = _NOTHING
        return history

    def put(self, columns: NDArray[np.int64], history: NDArray[np.int64], index: int) -> None:
        """Let columns that remember nothing remember what others did when their newest bucket was `index`."""
        if index > self.index:
            self.advance(index)
        lost = self.index - index
        newest = np.full((self.length, len(columns)), _NOTHING, dtype=np.int64)
        kept = min(len(history), self.length - lost)
        if kept > 0:
            newest[self.length - lost - kept : self.length - lost] = history[-kept:]
        after = self.index % self.length + 1
        before, present = newest[: self.length - after], newest[self.length - after :]
        self._values[after:, columns] = np.maximum.accumulate(before[::-1])[::-1]
        self._values[:after, columns] = present
        self._present[columns] = present.max(axis=0)


def _in_buckets(delay_s: int) -> int:
    return -(-delay_s * 1000 // _BUCKET_MS)
