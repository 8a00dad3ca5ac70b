"""Where do rows stand among those that are kept together? Each row in a column, in that of its own number if it can.

A row is a workload, and all tables of one caller use the same row numbers. A table keeps what has the same shape (the
windows of one length) side by side in columns. As long as rows stand in the column of their number, nothing has to be
gathered or scattered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

Rows: TypeAlias = "int | Sequence[int] | NDArray[np.int64]"

_NOBODY = -1
_SPARE = 1024  # columns that may stand empty, besides as many as are used, so that rows keep their numbers


class Places:
    """Which row stands in which column; `count` columns are in use or stand empty between, `live` are in use."""

    def __init__(self) -> None:
        self.count = 0
        self.live = 0
        self._rows: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self._misplaced = 0

    @property
    def rows(self) -> NDArray[np.int64]:
        """Return the row of each column, below zero where there is none."""
        return self._rows[: self.count]

    def aligned(self, rows: int) -> bool:
        """Tell whether every row has the column of its number, and no column is beyond `rows`."""
        return self._misplaced == 0 and self.count <= rows

    def enter(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return columns for new rows, ascending: their own where these are free, otherwise the first free ones."""
        near = rows[rows < 2 * (self.live + len(rows)) + _SPARE]
        self._reach(int(near.max(initial=-1)) + 1)
        columns = np.full(len(rows), _NOBODY)
        own = np.flatnonzero(self._rows[near] == _NOBODY)  # `near` are the first of `rows`
        columns[own] = near[own]
        self._rows[near[own]] = near[own]
        homeless = np.flatnonzero(columns == _NOBODY)
        if len(homeless):
            self._reach(self.live + len(rows))
            columns[homeless] = np.flatnonzero(self.rows == _NOBODY)[: len(homeless)]
            self._rows[columns[homeless]] = rows[homeless]
        self.live += len(rows)
        self._misplaced += len(homeless)
        return columns

    def leave(self, columns: NDArray[np.int64]) -> None:
        """Free columns."""
        self._misplaced -= int(np.count_nonzero(self._rows[columns] != columns))
        self._rows[columns] = _NOBODY
        self.live -= len(columns)

    def gathered(self, values: NDArray[Any], absent: float) -> NDArray[Any]:
        """Return values by row as values by column, `absent` in columns that stand empty."""
        by_column = values[: self.count] if self.aligned(len(values)) else values[self.rows]
        return by_column if self.live == self.count else np.where(self.rows == _NOBODY, absent, by_column)

    def scattered(self, by_column: NDArray[Any], result: NDArray[Any]) -> None:
        """Write values by column into those by row."""
        used = self.rows != _NOBODY
        if self.aligned(len(result)):
            np.copyto(result[: self.count], by_column, where=used)
        else:
            result[self.rows[used]] = by_column[used]

    def _reach(self, count: int) -> None:
        self._rows = grown(self._rows, count, fill=_NOBODY)
        self.count = max(self.count, count)


def ascending(rows: Rows) -> NDArray[np.int64]:
    """Return rows in order, each once."""
    return np.unique(np.atleast_1d(np.asarray(rows, dtype=np.int64)))


def merged(parts: Iterable[tuple[Places, NDArray[Any]]], *, rows: int, absent: NDArray[Any]) -> NDArray[Any]:
    """Return what stands by column in each part as one array by row.

    `absent` says what a row has that is in no part: its one entry, or an entry a row. A part in which every row stands
    in its own column is returned as it is.
    """
    ordered = sorted(parts, key=lambda part: part[0].live)
    if ordered and ordered[-1][0].aligned(rows) and ordered[-1][0].live == rows:
        return ordered[-1][1]
    result = np.empty(rows, dtype=absent.dtype)
    result[:] = absent
    for places, by_column in ordered:
        places.scattered(by_column, result)
    return result


def grown(array: NDArray[np.int64], count: int, fill: int) -> NDArray[np.int64]:
    """Return an array that holds `count` entries, with room to spare so that growing one by one is cheap."""
    if count <= len(array):
        return array
    more = max(count, len(array) * 3 // 2) - len(array)
    return np.concatenate([array, np.full(more, fill, dtype=np.int64)])
