"""Which column is each of thousands of names? Answered for all of them at once, without making a text of any.

kube-scheduler sends the names of all nodes with every question, in another order each time. To make 5,000 texts and
look each up costs more than to choose among the nodes; eight bytes of every name at a time cost little.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, overload

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

_WORD = 8  # bytes that are compared at a time
_MIX = 0x9E3779B97F4A7C15
_EMPTY = -1
_ROOM = 16  # places in the table for each name, at least: the first look finds nearly all


class PackedNames(Sequence[str]):
    """Names as they stand in `text`, ASCII without zero bytes: the first from `starts[0]` to before `ends[0]`.

    Both are int64, shape [names].
    """

    def __init__(self, text: bytes, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> None:
        self._text = text
        self.starts = starts
        self.lengths: NDArray[np.int64] = ends - starts
        self._names: list[str] | None = None

    def first_bytes(self, masks: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """Return the first bytes of each name as numbers, zeros beyond its end: shape [names, words].

        `masks`, shape [lengths, words], has the bits that a name of each length has; the last counts for all longer.
        """
        longest, words = masks.shape[0] - 1, masks.shape[1]
        width = _WORD * words
        padded = self._text + bytes(width)
        every = np.ndarray((len(self._text) + 1,), dtype=f"V{width}", buffer=padded, strides=(1,))
        found = every[self.starts].view("<u8").reshape(-1, words)
        found &= masks.take(np.minimum(self.lengths, longest), axis=0)
        return found

    @property
    def names(self) -> list[str]:
        """The names as texts."""
        if self._names is None:
            text = self._text.decode("ascii")
            ends = (self.starts + self.lengths).tolist()
            self._names = [text[start:end] for start, end in zip(self.starts.tolist(), ends, strict=True)]
        return self._names

    def __len__(self) -> int:
        return len(self.starts)

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> list[str]: ...
    def __getitem__(self, place: int | slice) -> str | list[str]:
        return self.names[place]


def packed(names: Sequence[str]) -> PackedNames:
    """Return names, each of them ASCII, in one text."""
    lengths = np.fromiter(map(len, names), dtype=np.int64, count=len(names))
    ends = np.cumsum(lengths)
    return PackedNames("".join(names).encode("ascii"), ends - lengths, ends)


class NameTable:
    """Finds the columns of packed names: a table of places with open addressing, and the known names in it."""

    def __init__(self, columns: Mapping[str, int]) -> None:
        known = packed([name for name in columns if name.isascii()])
        words = int(known.lengths.max(initial=1)) // _WORD + 1  # one byte more than the longest: none goes on unseen
        self._masks = _masks(words)
        self._factors = np.array([_MIX * (2 * word + 1) % 2**64 | 1 for word in range(words)], dtype=np.uint64)
        size = 1 << max(_ROOM * len(known), _ROOM).bit_length()
        self._last = size - 1
        self._shift = np.uint64(64 - size.bit_length() + 1)
        numbers = known.first_bytes(self._masks)
        # One more than there are, as what an empty place points at: no name is empty.
        self._nothing = len(known)
        self._known = np.append(numbers, np.zeros((1, words), dtype=np.uint64), axis=0)
        self._columns = np.array([*(columns[name] for name in known.names), _EMPTY], dtype=np.int64)
        self._places = np.full(size, self._nothing, dtype=np.int32)
        left, at = np.arange(len(known)), self._hash(numbers)
        while len(left):
            free = self._places[at] == self._nothing
            self._places[at[free]] = left[free]  # of several the last stays
            missed = self._places[at] != left
            left, at = left[missed], (at[missed] + 1) & self._last

    def find(self, names: PackedNames) -> NDArray[np.int64]:
        """Return the column of each name, int64, shape [names]; -1 for unknown ones."""
        numbers = names.first_bytes(self._masks)
        at = self._hash(numbers)
        found = self._places.take(at)
        left = self._others(found, numbers)
        while len(left):
            # A place that points at nothing ends the search for a name.
            left = left[found[left] != self._nothing]
            at[left] = (at[left] + 1) & self._last
            found[left] = self._places[at[left]]
            left = left[self._others(found[left], numbers[left])]
        return self._columns.take(found)

    def _others(self, found: NDArray[np.int32], numbers: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Return where what was found is another name."""
        differ = self._known.take(found, axis=0) != numbers
        # Nearly all are equal: numpy counts a few places sooner than it looks at every short row.
        other = np.zeros(len(found), dtype=np.bool_)
        other[np.flatnonzero(differ) // numbers.shape[1]] = True
        return np.flatnonzero(other)

    def _hash(self, numbers: NDArray[np.uint64]) -> NDArray[np.int64]:
        mixed = numbers @ self._factors
        mixed ^= mixed >> np.uint64(32)
        mixed *= np.uint64(_MIX)
        return (mixed >> self._shift).astype(np.int64)


def _masks(words: int) -> NDArray[np.uint64]:
    """Return the bits that a name of each length has, shape [lengths, words]."""
    bits = [(1 << (8 * length)) - 1 for length in range(_WORD * words + 1)]
    return np.array([[each >> (64 * word) & (2**64 - 1) for word in range(words)] for each in bits], dtype=np.uint64)
