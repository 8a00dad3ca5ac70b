"""What was wanted within the scale-down delay holds, exactly as a plain list of it says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoscaler.core.law.delay import Delays
from tests.autoscaler.core.twin import Maximum

ROWS = 5


def kept(delay_s: int, *values: tuple[float, int]) -> list[int]:
    """Return the answers to (second, value) pairs."""
    delays = Delays()
    delays.add(0, delay_s)
    return [int(delays.record(int(second * 1000), np.array([value]))[0]) for second, value in values]


@pytest.mark.parametrize(
    ("delay_s", "values", "answers"),
    [
        pytest.param(10, [(100, 7), (102, 3), (108, 2), (110, 1)], [7, 7, 7, 3], id="the highest holds for the delay"),
        pytest.param(10, [(100, 3), (102, 7), (104, 9)], [3, 7, 9], id="a rise holds nothing back"),
        pytest.param(1, [(100, 7), (101.9, 3), (102, 2)], [7, 7, 2], id="one second is the present bucket of two"),
        pytest.param(2, [(100, 7), (101.9, 3), (102, 2)], [7, 7, 2], id="two seconds are too"),
        pytest.param(3, [(100, 7), (102, 3), (104, 2)], [7, 7, 3], id="three seconds are two buckets"),
        pytest.param(10, [(101, 7), (110, 1)], [7, 1], id="buckets are absolute: it holds for delay - 2s to delay"),
        pytest.param(10, [(100, 7), (1000, 1)], [7, 1], id="a long pause forgets"),
        pytest.param(10, [(100, 7), (108, 1)], [7, 7], id="a pause within the delay does not"),
        pytest.param(0, [(100, 7), (102, 1)], [7, 1], id="no delay holds nothing"),
        pytest.param(
            10,
            [(100, 7), (102, 1), (104, 1), (91, 0), (94, 0), (96, 0)],
            [7, 7, 7, 7, 7, 1],
            id="a clock set back stands still",
        ),
    ],
)
def test_the_highest_within_the_delay(delay_s: int, values: list[tuple[float, int]], answers: list[int]) -> None:
    assert kept(delay_s, *values) == answers


def test_a_row_that_is_left_out_remembers_nothing_new() -> None:
    delays = Delays()
    delays.add([0, 1], 10)
    delays.record(100_000, np.array([7, 7]))
    assert delays.record(102_000, np.array([9, 9]), np.array([True, False])).tolist() == [9, 9]
    assert delays.record(104_000, np.array([1, 1])).tolist() == [9, 7]


def test_what_is_remembered_can_be_asked_for_before_recording() -> None:
    delays = Delays()
    delays.add([0, 1], 10)
    delays.add(2, 0)
    delays.record(100_000, np.array([7, 3, 5]), np.array([True, False, True]))
    assert delays.highest(108_000).tolist() == [7, 0, 0]
    assert delays.highest(110_000).tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("delay_s", "answers"),
    [
        pytest.param(4, [4, 1], id="a shorter delay forgets what is older"),
        pytest.param(20, [9, 9], id="a longer one keeps what there is"),
        pytest.param(0, [1, 1], id="none keeps nothing"),
    ],
)
def test_a_changed_delay_keeps_its_history(delay_s: int, answers: list[int]) -> None:
    delays = Delays()
    delays.add(0, 10)
    for second, value in ((100, 9), (102, 4), (104, 4)):
        delays.record(second * 1000, np.array([value]))
    delays.rebuild(0, delay_s)
    assert [int(delays.record(second * 1000, np.array([1]))[0]) for second in (106, 108)] == answers


def test_a_delay_that_is_new_begins_empty() -> None:
    delays = Delays()
    delays.add(0, 0)
    delays.record(100_000, np.array([9]))
    delays.rebuild(0, 10)
    assert [int(delays.record(second * 1000, np.array([value]))[0]) for second, value in ((102, 4), (104, 1))] == [4, 4]


class Play:
    """The delays and their twins, a method an operation."""

    def __init__(self) -> None:
        self.delays, self.twins, self.now_ms = Delays(), dict[int, Maximum](), 1_000_000
        self.delays.add(range(ROWS), 0)

    def record(self, after_ms: int, values: list[int], where: list[bool] | None) -> None:
        self.now_ms += after_ms
        before = [self.twins[row].highest(self.now_ms) if row in self.twins else 0 for row in range(ROWS)]
        assert self.delays.highest(self.now_ms).tolist() == before
        told = self.delays.record(self.now_ms, np.array(values), None if where is None else np.array(where))
        for row, value in enumerate(values):
            remembers = row in self.twins and self.twins[row].delay_s and (where is None or where[row])
            assert told[row] == (self.twins[row].record(self.now_ms, value) if remembers else value)

    def add(self, rows: set[int], delay_s: int) -> None:
        for row in sorted(rows - set(self.twins)):
            self.delays.add(row, delay_s)
            self.twins[row] = Maximum(delay_s)

    def remove(self, rows: set[int]) -> None:
        self.delays.remove(sorted(rows))
        for row in rows & set(self.twins):
            del self.twins[row]

    def rebuild(self, rows: set[int], delay_s: int) -> None:
        """Longer than before is another story: what was older than the delay is not known any more."""
        for row in sorted(rows & set(self.twins)):
            if delay_s <= self.twins[row].delay_s:
                self.delays.rebuild(row, delay_s)
                self.twins[row] = Maximum(delay_s, self.twins[row].entries if delay_s else [])
                assert self.delays.highest(self.now_ms)[row] == self.twins[row].highest(self.now_ms)


rows = st.sets(st.integers(0, ROWS - 1), min_size=1)
lengths = st.sampled_from([0, 1, 3, 4, 7, 12])
pauses = st.sampled_from([0, 500, 1000, 2000, 2000, 2000, 5000, 11_000, 40_000])
wanted = st.lists(st.integers(0, 20), min_size=ROWS, max_size=ROWS)
chosen = st.one_of(st.none(), st.lists(st.booleans(), min_size=ROWS, max_size=ROWS))
operations = st.one_of(
    st.builds(lambda *with_: ("record", with_), pauses, wanted, chosen),
    st.builds(lambda *with_: ("record", with_), pauses, wanted, chosen),
    st.builds(lambda *with_: ("add", with_), rows, lengths),
    st.builds(lambda *with_: ("remove", with_), rows),
    st.builds(lambda *with_: ("rebuild", with_), rows, lengths),
)


@settings(max_examples=200)
@given(st.lists(lengths, min_size=ROWS, max_size=ROWS), st.lists(operations, min_size=10, max_size=40))
def test_rows_agree_with_plain_lists_whatever_happens_beside_them(
    first: list[int], operations: list[tuple[str, tuple[Any, ...]]]
) -> None:
    play = Play()
    for row, delay_s in enumerate(first):
        play.add({row}, delay_s)
    for operation, arguments in operations:
        getattr(play, operation)(*arguments)
