"""Which workload has which row? A row that is free again is given to the next that comes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from autoscaler.core.model import Policy

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from autoscaler.core.decisions.look import Look


@dataclass(slots=True)
class Row:
    """What is remembered of one workload beside the arrays; `look` is what it was decided on last, None before."""

    uid: str
    policy: Policy
    query: str = ""
    look: Look | None = None


_NOBODY = Row("", Policy())


class Rows:
    """The rows of the workloads that are there; its length counts the free ones too."""

    def __init__(self) -> None:
        self._number_of: dict[str, int] = {}
        self._rows: list[Row] = []
        self._free: list[int] = []

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, number: int) -> Row:
        return self._rows[number]

    def uids(self) -> Iterator[str]:
        """Yield the workloads that are there."""
        return iter(self._number_of)

    def number(self, uid: str) -> int | None:
        """Return the row of a workload, None where it is not there."""
        return self._number_of.get(uid)

    def add(self, row: Row) -> int:
        """Give a workload a row; return its number."""
        number = self._free.pop() if self._free else len(self._rows)
        if number == len(self._rows):
            self._rows.append(_NOBODY)
        self._rows[number] = row
        self._number_of[row.uid] = number
        return number

    def remove(self, uid: str) -> int | None:
        """Take the row of a workload away; return its number, None where it had none."""
        number = self._number_of.pop(uid, None)
        if number is not None:
            self._rows[number] = _NOBODY
            self._free.append(number)
        return number

    def by_row(self, looks: Mapping[str, Look]) -> dict[int, Look]:
        """Return looks at workloads that are there, by row."""
        return {self._number_of[uid]: look for uid, look in looks.items()}

    def remember(self, looks: Mapping[int, Look]) -> None:
        """Keep the looks at rows that were decided on."""
        for number, look in looks.items():
            self._rows[number].look = look

    def policies(self) -> dict[int, Policy]:
        """Return the policies of the workloads that are there, by row."""
        return {number: self._rows[number].policy for number in self._number_of.values()}

    def where(self, marked: NDArray[np.bool_]) -> Iterator[tuple[int, Row]]:
        """Yield the marked rows of which the workload is still there, with their numbers."""
        for number in np.flatnonzero(marked).tolist():
            row = self._rows[number]
            if row.uid in self._number_of:
                yield number, row

    def decided(self) -> Iterator[tuple[str, int]]:
        """Yield the workloads that were decided on, with their rows."""
        return ((uid, number) for uid, number in self._number_of.items() if self._rows[number].look is not None)
