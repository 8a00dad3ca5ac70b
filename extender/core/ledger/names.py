"""Which column is each of thousands of names? Answered for all of them at once, without making a text of any.

kube-scheduler sends the names of all nodes with every question, in another order each time. To make 5,000 texts and
look each up costs more than to choose among the nodes; eight bytes of every name at a time cost little.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from functools import cached_property
from hashlib import blake2b
from itertools import repeat
from typing import TYPE_CHECKING, overload

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

_WORD = 8  # bytes that are compared at a time
_NUMBER = np.dtype("<u8")
# As arrays: numpy would make one of a number anew in every operation.
_MIX_ONCE_MORE, _HALF = np.array(0x9E3779B97F4A7C15, dtype=np.uint64), np.array(32, dtype=np.uint64)
_FURTHEST = 1024  # places that a group is moved on, less than; a dozen do
_TRIES = 16  # to give all names a place: the first one does, but for one table in hundreds
_UNKNOWN = -1
_ROOM = 4  # places in the table for each name, at least: few share one


class PackedNames(Sequence[str]):
    """`count` names as they stand in `text`, ASCII without zero bytes."""

    def __init__(self, text: bytes, count: int) -> None:
        self.text = text
        self._count = count
        self._names: list[str] | None = None

    @property
    @abstractmethod
    def places(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Where names start in `text`, and before where they end; each int64, shape [names]."""

    @abstractmethod
    def first_bytes(self, masks: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """Return the first bytes of each name as numbers, zeros beyond its end: shape [words, names].

        `masks`, shape [words, lengths], has the bits that a name of each length has; the last counts for all longer.
        """

    @property
    def names(self) -> list[str]:
        """The names as texts."""
        if self._names is None:
            text = self.text.decode("ascii")
            starts, ends = self.places
            self._names = [text[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
        return self._names

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> list[str]: ...
    def __getitem__(self, place: int | slice) -> str | list[str]:
        if isinstance(place, int) and self._names is None:
            starts, ends = self.places
            return self.text[int(starts[place]) : int(ends[place])].decode("ascii")
        return self.names[place]


class UnevenNames(PackedNames):
    """Packed names of any lengths: the first from `starts[0]` to before `ends[0]`."""

    def __init__(self, text: bytes, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> None:
        super().__init__(text, len(starts))
        self._places = starts, ends

    @property
    def places(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """As `PackedNames` says."""
        return self._places

    def first_bytes(self, masks: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """Return what `PackedNames` says."""
        words, longest = masks.shape[0], masks.shape[1] - 1
        width = _WORD * words
        padded = self.text + bytes(width)
        every = np.ndarray((len(self.text) + 1,), dtype=f"V{width}", buffer=padded, strides=(1,))
        starts, ends = self._places
        found = every[starts].view(_NUMBER).reshape(-1, words)
        kept = masks.take(np.minimum(ends - starts, longest), axis=1)
        numbers: NDArray[np.uint64] = np.bitwise_and(found.T, kept, order="C")
        return numbers


class EvenNames(PackedNames):
    """Packed names of one length, the first from `first` on, each begins `stride` bytes after the one before it.

    Nodes mostly have names of one length, and then nothing is looked up to find their bytes.
    """

    def __init__(self, text: bytes, count: int, *, first: int, length: int, stride: int) -> None:
        super().__init__(text, count)
        self._first, self._length, self._stride = first, length, stride

    @cached_property
    def places(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """As `PackedNames` says; only where a name is told or refused does anybody ask."""
        starts = np.arange(self._count, dtype=np.int64) * self._stride + self._first
        return starts, starts + self._length

    def first_bytes(self, masks: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """Return what `PackedNames` says."""
        words, longest = masks.shape[0], masks.shape[1] - 1
        padded = self.text + bytes(_WORD * words)
        found = np.ndarray((words, self._count), _NUMBER, padded, self._first, strides=(_WORD, self._stride))
        length = min(self._length, longest)
        numbers: NDArray[np.uint64] = np.bitwise_and(found, masks[:, length : length + 1], order="C")
        return numbers


def packed(names: Sequence[str]) -> UnevenNames:
    """Return names, each of them ASCII, in one text."""
    lengths = np.fromiter(map(len, names), dtype=np.int64, count=len(names))
    ends = np.cumsum(lengths)
    return UnevenNames("".join(names).encode("ascii"), ends - lengths, ends)


class NameTable:
    """Finds the columns of packed names: a table in which every known name has a place of its own.

    A name's number gives it a place and a group. Names that share a place are few, and their groups are moved on
    together until each of them stands alone, so one look finds a name, or shows that it is unknown.
    """

    def __init__(self, columns: Mapping[str, int]) -> None:
        known = packed([name for name in columns if name.isascii()])
        starts, ends = known.places
        words = int((ends - starts).max(initial=1)) // _WORD + 1  # one byte more than the longest: none goes on unseen
        self._masks = _masks(words)
        self._known = np.array([columns[name] for name in known.names], dtype=np.int64)
        # By column, so that a place says the column itself; those of no known name are never looked at.
        self._numbers = np.zeros((words, int(self._known.max(initial=-1)) + 1), dtype=np.uint64)
        self._numbers[:, self._known] = numbers = known.first_bytes(self._masks)
        # Nodes' names begin alike: the words before the first in which any two differ tell nothing of which it is.
        self._telling = int((numbers != numbers[:, :1]).any(axis=1).argmax())
        size = 1 << max(_ROOM * len(known), _ROOM).bit_length()
        self._last = np.array(size - 1, dtype=np.uint64)
        self._shift = np.array(64 - size.bit_length() + 1, dtype=np.uint64)
        # Small numbers: a table that is looked up at random is quick as long as it stays in the processor's cache.
        # An empty place points at the first name, from which an unknown one differs too.
        first = self._known[0] if len(known) else 0
        self._places = np.full(size, first, dtype=np.min_scalar_type(self._numbers.shape[1]))
        self._group = np.array(size // 4 - 1, dtype=np.uint64)
        self._moved = np.zeros(size // 4, dtype=np.uint64)
        self._plain = None if any(map(self._placed, range(_TRIES))) else columns

    def find(self, names: PackedNames) -> NDArray[np.int64]:
        """Return the column of each name, int64, shape [names]; -1 for unknown ones."""
        if self._plain is not None:
            return np.fromiter(map(self._plain.get, names, repeat(_UNKNOWN)), dtype=np.int64, count=len(names))
        if len(self._known) == 0:
            return np.full(len(names), _UNKNOWN)
        numbers = names.first_bytes(self._masks)
        columns = self._places.take(self._place(self._mixed(numbers))).astype(np.int64)
        differ = self._numbers.take(columns, axis=1) != numbers
        if np.count_nonzero(differ):  # half the time of `any`
            columns[differ.any(axis=0)] = _UNKNOWN
        return columns

    def _placed(self, attempt: int) -> bool:
        """Give every known name a place; tell whether that could be done with the factors of this attempt."""
        self._factors = _factors(attempt, self._numbers.shape[0] - self._telling)
        self._moved[:] = 0
        mixed = self._mixed(self._numbers[:, self._known])
        at = self._place(mixed)
        groups = mixed & self._group
        crowded = np.bincount(at, minlength=len(self._places)).take(at) > 1
        moving = np.isin(groups, np.unique(groups[crowded]))
        taken = np.zeros(len(self._places), dtype=np.bool_)
        taken[at[~moving]] = True
        together: dict[int, list[int]] = {}
        for group, place in zip(groups[moving].tolist(), at[moving].tolist(), strict=True):
            together.setdefault(group, []).append(place)
        for group, places in together.items():
            if len(set(places)) < len(places):
                return False
            steps = (np.array(places) + step & int(self._last) for step in range(_FURTHEST))
            step, free = next(((step, moved) for step, moved in enumerate(steps) if not taken[moved].any()), (0, None))
            if free is None:
                return False
            self._moved[group] = step
            taken[free] = True
        self._places[self._place(mixed)] = self._known
        return True

    def _place(self, mixed: NDArray[np.uint64]) -> NDArray[np.int64]:
        at = mixed >> self._shift
        at += self._moved.take((mixed & self._group).view(np.int64))
        at &= self._last
        return at.view(np.int64)

    def _mixed(self, numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
        telling = numbers[self._telling :]
        # Multiplying carries upwards alone: first what is above is brought down, or ends of words would hardly count.
        lowered = telling >> _HALF
        lowered ^= telling
        mixed: NDArray[np.uint64] = lowered[0] * self._factors[0]
        for word in range(1, len(lowered)):
            mixed += lowered[word] * self._factors[word]
        mixed ^= mixed >> _HALF
        mixed *= _MIX_ONCE_MORE
        return mixed


def _factors(attempt: int, words: int) -> tuple[NDArray[np.uint64], ...]:
    """Return an odd factor for each word, independent of the others: no two words make up for each other."""
    texts = (f"{attempt} {word}".encode() for word in range(words))
    odd = (int.from_bytes(blake2b(text, digest_size=8).digest()) | 1 for text in texts)
    return tuple(np.array(factor, dtype=np.uint64) for factor in odd)


def _masks(words: int) -> NDArray[np.uint64]:
    """Return the bits that a name of each length has, shape [words, lengths]."""
    bits = [(1 << (8 * length)) - 1 for length in range(_WORD * words + 1)]
    return np.array([[each >> (64 * word) & (2**64 - 1) for each in bits] for word in range(words)], dtype=np.uint64)
