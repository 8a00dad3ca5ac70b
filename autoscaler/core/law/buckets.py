"""How do many sliding windows of one length add up and average? The arithmetic of kpa-spec section 1, column by column.

The laws, with n the length in seconds, t a second, first and last the oldest and newest second written, d = t - last:

- Values of one second add up. A second without a value between two that have one is a zero; a value of a second that
  is n or more before the last is dropped; one that is n or more after it begins the window anew.
- average(t) = total / min(last - first + 1, n) where d <= 0; where 0 < d < n the d oldest seconds are left out, and
  the divisor is at most n - d; else 0. Rounded to six decimals, half away from zero.
- weighted(t) = the sum of k (1 - k)^i times the bucket i seconds before t, with k = max(1 - 0.0001^(1/n), 0.2).
- Every column does the original's additions in the original's order: the residues of a running total are the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

UNSET = -(2**50)
"""The second of what was never written: before all seconds, and a thousand times as much is still an int64."""

_BLOCK = 8192  # columns at a time: the handful of arrays in use then stay in a core's second-level cache


@dataclass(frozen=True, slots=True)
class Columns:
    """Some windows of one length n taken out: `buckets` float64[n, k], `total` float64[k], seconds int64[k]."""

    buckets: NDArray[np.float64]
    total: NDArray[np.float64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]

    @classmethod
    def unwritten(cls, length: int, count: int) -> Columns:
        """Return windows in which nothing was ever recorded."""
        unset = np.full(count, UNSET, dtype=np.int64)
        return cls(np.zeros((length, count)), np.zeros(count), unset, unset.copy())

    def resized(self, length: int, now_ms: int) -> Columns:
        """Return the same windows in another length: with their newest buckets, or with none where all were empty.

        The history that is kept counts as full, even if it was not: that is the original's law.
        """
        old = len(self.buckets)
        kept = np.flatnonzero(now_ms // 1000 - self.last <= old)
        result = Columns.unwritten(length, len(self.last))
        result.last[:] = self.last
        result.first[kept] = self.last[kept] - (old - 1)
        for back in range(min(old, length)):
            second = self.last[kept] - back
            values = self.buckets[second % old, kept]
            result.buckets[second % length, kept] = values
            result.total[kept] += values
        return result


class Buckets:
    """The windows of one length, a column each.

    Storage is time-major, so that one second of all columns is one contiguous row: `_buckets` float64[length,
    capacity], the second u in row u mod length; `_total` float64[capacity]; `_first` and `_last` int64[capacity].

    Nearly always all columns of a block have the same last second; it then stands in `_step` alone (`_last` is stale),
    and recording the next second is three operations on contiguous memory. `_youngest` is the latest `_first` of such
    a block.
    """

    def __init__(self, length: int) -> None:
        self.length = length
        self.count = 0
        self._buckets: NDArray[np.float64] = np.zeros((length, 0))
        self._total: NDArray[np.float64] = np.zeros(0)
        self._first: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self._last: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self._step: list[int | None] = []
        self._youngest: list[int] = []

    def grow(self, count: int) -> None:
        """Add unwritten columns until there are `count`."""
        if count <= self.count:
            return
        if count > len(self._total):
            more = max(count, len(self._total) * 3 // 2) - len(self._total)
            fresh = Columns.unwritten(self.length, more)
            self._buckets = np.concatenate([self._buckets, fresh.buckets], axis=1)
            self._total = np.concatenate([self._total, fresh.total])
            self._first = np.concatenate([self._first, fresh.first])
            self._last = np.concatenate([self._last, fresh.last])
        for block in range(self.count // _BLOCK, -(-count // _BLOCK)):
            if block < len(self._step):
                self._spread(block)
            else:
                self._step.append(None)
                self._youngest.append(UNSET)
        self.count = count

    def put(self, columns: NDArray[np.int64], values: Columns) -> None:
        """Write whole windows into columns."""
        for block in np.unique(columns // _BLOCK).tolist():
            self._spread(block)
        self._buckets[:, columns] = values.buckets
        self._total[columns] = values.total
        self._first[columns] = values.first
        self._last[columns] = values.last

    def take(self, columns: NDArray[np.int64]) -> Columns:
        """Return the windows in some columns, and leave nothing but zeros in them."""
        for block in np.unique(columns // _BLOCK).tolist():
            self._spread(block)
        taken = Columns(self._buckets[:, columns], self._total[columns], self._first[columns], self._last[columns])
        self._buckets[:, columns] = 0.0
        self._total[columns] = 0.0
        return taken

    def record(self, second: int, values: NDArray[np.float64]) -> None:
        """Add a value to the second of each column; NaN adds nothing to its column."""
        row = self._buckets[second % self.length]
        for block, part in enumerate(self._parts()):
            value = values[part]
            if self._step[block] == second - 1 and not np.isnan(value.min()):
                total, bucket = self._total[part], row[part]
                total -= bucket
                bucket[:] = value
                total += value
                self._step[block] = second
            else:
                self._spread(block)
                self._record_apart(part, second, value)
                self._align(block, part)

    def average(self, second: int) -> NDArray[np.float64]:
        """Return the linear average of each column at a second."""
        result = np.empty(self.count)
        for block, part in enumerate(self._parts()):
            step = self._step[block]
            if step is None:
                result[part] = self._average_apart(part, second)
                continue
            late = max(second - step, 0)
            if late >= self.length:
                result[part] = 0.0
                continue
            total = self._total[part]
            for back in range(1, late + 1):
                total = total - self._buckets[(step + back) % self.length, part]
            most = self.length - late
            if step - self._youngest[block] + 1 >= most:
                _round(total / most, out=result[part])
            else:
                _round(total / np.minimum(step - self._first[part] + 1, most), out=result[part])
        return result

    def weighted(self, second: int, columns: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the exponentially weighted average of some columns at a second."""
        n = self.length
        k = max(1.0 - (1.0 - 0.9999) ** (1.0 / n), 0.2)
        last = self._lasts()[columns]
        late = np.minimum(np.maximum(second - last, 0), n)
        weight = k * (1.0 - k) ** late
        result = np.zeros(len(columns))
        for back in range(n - int(late.min(initial=n))):
            bucket = self._buckets[(last - back) % n, columns]
            result += np.where(back < n - late, bucket * weight, 0.0)
            weight *= 1.0 - k
        return result

    def empty(self, second: int) -> NDArray[np.bool_]:
        """Return which columns have been silent for longer than their length."""
        return second - self._lasts() > self.length

    def _record_apart(self, part: slice, second: int, values: NDArray[np.float64]) -> None:
        """Record into columns that are not in step with each other."""
        total, first, last = self._total[part], self._first[part], self._last[part]
        buckets = self._buckets[:, part]
        row = buckets[second % self.length]
        ahead = second - last
        taken = ~np.isnan(values) & (ahead > -self.length)
        step = taken & (ahead == 1) & (first != UNSET)
        total -= np.where(step, row, 0.0)
        np.copyto(row, values, where=step)
        total += np.where(step, values, 0.0)
        last[step] = second

        rest = np.flatnonzero(taken & ~step)
        if len(rest) == 0:
            return
        ahead = ahead[rest]
        begins = (ahead != 0) & ((first[rest] == UNSET) | (first[rest] > second))
        first[rest[begins]] = second
        anew = rest[ahead >= self.length]
        first[anew] = second
        total[anew] = 0.0
        buckets[:, anew] = 0.0
        ahead[ahead >= self.length] = 0
        for back in range(1, int(ahead.max()) + 1):
            lapsed = rest[ahead >= back]
            bucket = (last[lapsed] + back) % self.length
            total[lapsed] -= buckets[bucket, lapsed]
            buckets[bucket, lapsed] = 0.0
        last[rest] = np.maximum(last[rest], second)
        row[rest] += values[rest]
        total[rest] += values[rest]

    def _average_apart(self, part: slice, second: int) -> NDArray[np.float64]:
        """Return the averages of columns that are not in step with each other."""
        first, last = self._first[part], self._last[part]
        buckets, total = self._buckets[:, part], self._total[part].copy()
        late = np.maximum(second - last, 0)
        alive = late < self.length
        for back in range(1, int(late.max(where=alive, initial=0)) + 1):
            lapsed = np.flatnonzero(alive & (late >= back))
            total[lapsed] -= buckets[(last[lapsed] + back) % self.length, lapsed]
        divisor = np.where(alive, np.minimum(last - first + 1, self.length - late), 1)
        return np.where(alive, _round(total / divisor, out=total), 0.0)

    def _parts(self) -> list[slice]:
        return [slice(start, min(start + _BLOCK, self.count)) for start in range(0, self.count, _BLOCK)]

    def _spread(self, block: int) -> None:
        """Write the common last second of a block into its columns."""
        step = self._step[block]
        if step is not None:
            self._last[block * _BLOCK : (block + 1) * _BLOCK][: self.count - block * _BLOCK] = step
            self._step[block] = None

    def _align(self, block: int, part: slice) -> None:
        """Keep the last second of a block once, if all its columns have the same."""
        last, first = self._last[part], self._first[part]
        if last[0] != UNSET and last.min() == last.max() and first.min() != UNSET:
            self._step[block], self._youngest[block] = int(last[0]), int(first.max())

    def _lasts(self) -> NDArray[np.int64]:
        """Return the last second of each column."""
        last = self._last[: self.count].copy()
        for step, part in zip(self._step, self._parts(), strict=True):
            if step is not None:
                last[part] = step
        return last


def _round(values: NDArray[np.float64], out: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return values to six decimals, half away from zero, exactly as Go's math.Round(x * 1e6) / 1e6.

    numpy rounds half to even, and adding a half rounds twice; the rest below the decimal point is exact.
    """
    values *= 1e6
    np.trunc(values, out=out)
    values -= out
    values += values
    np.trunc(values, out=values)
    out += values
    out /= 1e6
    return out
