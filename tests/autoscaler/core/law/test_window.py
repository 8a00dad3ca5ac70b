"""Rows keep their own windows, whatever rows beside them join, leave or are resized."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoscaler.core.law import buckets, places
from autoscaler.core.law.window import Windows
from tests.autoscaler.core.twin import Window

ROWS = 12
NAN = float("nan")


def test_rows_of_different_lengths_average_side_by_side() -> None:
    windows = Windows()
    windows.add([0, 2], 60)
    windows.add(1, 1)
    windows.record(100, np.array([1.0, 2.0, 3.0]))
    windows.record(101, np.array([3.0, 4.0, 5.0]))
    assert windows.average(101).tolist() == [2.0, 4.0, 4.0]


def test_a_row_without_a_window_averages_nothing_and_is_empty() -> None:
    windows = Windows()
    windows.add([0, 3], 60)
    windows.remove(0)
    windows.record(100, np.full(4, 7.0))
    assert windows.average(100).tolist() == [0.0, 0.0, 0.0, 7.0]
    assert windows.empty(100).tolist() == [True, True, True, False]


def test_not_a_number_records_nothing() -> None:
    windows = Windows()
    windows.add([0, 1], 60)
    windows.record(100, np.array([4.0, NAN]))
    windows.record(101, np.array([NAN, 6.0]))
    assert windows.average(101).tolist() == [4.0, 6.0]


def test_a_row_that_returns_has_forgotten_what_it_was() -> None:
    windows = Windows()
    windows.add([0, 1], 60)
    windows.record(100, np.array([4.0, 4.0]))
    windows.remove(1)
    windows.record(101, np.array([6.0, 1e9]))
    windows.add(1, 60)
    windows.record(102, np.array([8.0, 2.0]))
    assert windows.average(102).tolist() == [6.0, 2.0]


def test_a_changed_window_keeps_the_newest_seconds() -> None:
    windows = Windows()
    windows.add(0, 10)
    for second in range(100, 110):
        windows.record(second, np.array([float(second)]))
    windows.resize(0, 2, 109_500)
    assert windows.average(109).tolist() == [108.5]


def test_a_window_of_the_same_length_stays_as_young_as_it_is() -> None:
    windows = Windows()
    windows.add(0, 10)
    windows.record(100, np.array([6.0]))
    windows.resize(0, 10, 100_000)
    assert windows.average(100).tolist() == [6.0]


def test_the_weighted_average_is_asked_for_rows() -> None:
    windows = Windows()
    windows.add([0, 1], 60)
    windows.add(2, 30)
    windows.record(100, np.array([10.0, 20.0, 30.0]))
    assert windows.weighted(100, np.array([2, 0])) == pytest.approx([30 * (1 - 0.0001 ** (1 / 30)), 2.0])


class Play:
    """The windows and their twins, a method an operation."""

    def __init__(self) -> None:
        self.windows, self.twins, self.second = Windows(), dict[int, Window](), 1000

    def record(self, ahead: int, values: list[float]) -> None:
        self.second += ahead
        self.windows.record(self.second, np.array(values))
        for row, twin in self.twins.items():
            if not np.isnan(values[row]):
                twin.record(self.second, values[row])

    def add(self, rows: set[int], length: int) -> None:
        for row in sorted(rows - set(self.twins)):
            self.windows.add(row, length)
            self.twins[row] = Window(length)

    def remove(self, rows: set[int]) -> None:
        leaving = sorted(rows & set(self.twins))
        self.windows.remove(leaving)
        for row in leaving:
            del self.twins[row]

    def resize(self, rows: set[int], length: int, after_ms: int) -> None:
        moving, now_ms = sorted(rows & set(self.twins)), self.second * 1000 + after_ms
        self.windows.resize(moving, length, now_ms)
        for row in moving:
            self.twins[row].resize(length, now_ms)

    def compare(self, at: int) -> None:
        everyone = [self.twins.get(row, Window(1)) for row in range(self.windows.rows)]
        assert self.windows.average(at).tolist() == [twin.average(at) for twin in everyone]
        assert self.windows.empty(at).tolist() == [twin.empty(at) for twin in everyone]
        known = sorted(self.twins)
        weighted = self.windows.weighted(at, np.array(known, dtype=np.int64))
        assert weighted == pytest.approx([self.twins[row].weighted(at) for row in known], abs=1e-9)


values = st.one_of(st.just(NAN), st.integers(-8, 80).map(lambda number: number / 8))  # sums of these are exact
all_values = st.lists(values, min_size=ROWS, max_size=ROWS)
rows = st.sets(st.integers(0, ROWS - 1), min_size=1)
lengths = st.sampled_from([1, 2, 5, 6])
operations = st.one_of(
    st.builds(lambda *with_: ("record", with_), st.integers(1, 3), all_values),
    st.builds(lambda *with_: ("record", with_), st.integers(-8, 9), all_values),
    st.builds(lambda *with_: ("add", with_), rows, lengths),
    st.builds(lambda *with_: ("remove", with_), rows),
    st.builds(lambda *with_: ("resize", with_), rows, lengths, st.integers(-2000, 12_000)),
)


@settings(max_examples=200)
@given(
    st.lists(lengths, min_size=ROWS, max_size=ROWS),
    st.lists(operations, min_size=10, max_size=30),
    st.sampled_from([0, 4, 1024]),
)
def test_rows_agree_with_plain_windows_whatever_happens_beside_them(
    first: list[int], operations: list[tuple[str, tuple[Any, ...]]], spare: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(buckets, "_BLOCK", 5)
        patch.setattr(places, "_SPARE", spare)
        play = Play()
        for row, length in enumerate(first):
            play.add({row}, length)
        for operation, arguments in operations:
            getattr(play, operation)(*arguments)
            play.compare(play.second)
            play.compare(play.second + 2)
