"""What do a project's victims cost beyond the least, some of them borrowed and the others within its quota?

Kept in the order in which they count, with sums from the front and from the back: what one more costs is found without
counting all anew.
"""

from __future__ import annotations

from bisect import bisect, insort
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Lost(NamedTuple):
    """A pod that its project loses: its rank in the order in which they count, its charge, what it costs more."""

    rank: int
    charge: int
    dearer: int


class Torn:
    """The victims of one project so far; `over`: what it holds beyond its quota, in milli-GPU."""

    def __init__(self, over: int) -> None:
        self._over = over
        self._lost: list[Lost] = []
        self._before: list[int] = [0]
        self._after: list[int] = [0]
        self._is_summed = True

    def is_spent(self) -> bool:
        """Tell whether all that was borrowed has been taken."""
        self._sum_up()
        return self._before[-1] >= self._over

    def beyond(self, more: Sequence[Lost] = ()) -> int:
        """Return what these and `more`, in rising order, cost beyond the least."""
        self._sum_up()
        low, high = 0, len(self._lost)
        while low < high:
            middle = (low + high) // 2
            between = sum(one.charge for one in more if one < self._lost[middle])
            if self._before[middle] + between >= self._over:
                high = middle
            else:
                low = middle + 1
        extra = self._after[low]
        charge = 0
        for one in more:
            if self._before[bisect(self._lost, one)] + charge >= self._over:
                extra += one.dearer
            charge += one.charge
        return extra

    def add(self, more: Iterable[Lost]) -> None:
        """Take note that these leave too."""
        for one in more:
            insort(self._lost, one)
        self._is_summed = False

    def remove(self, some: Iterable[Lost]) -> None:
        """Take note that these stay after all."""
        for one in some:
            del self._lost[bisect(self._lost, one) - 1]
        self._is_summed = False

    def _sum_up(self) -> None:
        if not self._is_summed:
            self._before = list(accumulate([one[1] for one in self._lost], initial=0))
            self._after = list(accumulate([one[2] for one in reversed(self._lost)], initial=0))[::-1]
            self._is_summed = True
