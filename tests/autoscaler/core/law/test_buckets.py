"""Each column adds up and averages as the plain window does, in step with its neighbours or not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.core.law import buckets
from autoscaler.core.law.buckets import Buckets, Columns
from tests.autoscaler.core.twin import Window, rounded

NAN = float("nan")


def recorded(length: int, *values: tuple[int, float]) -> Buckets:
    """One column with (second, value) pairs."""
    made = Buckets(length)
    made.grow(1)
    for second, value in values:
        made.record(second, np.array([value]))
    return made


@pytest.mark.parametrize(
    ("length", "values", "at", "average"),
    [
        pytest.param(60, [], 100, 0.0, id="nothing was ever recorded"),
        pytest.param(60, [(100, 4.0), (101, 8.0)], 101, 6.0, id="a young window divides by its age"),
        pytest.param(60, [(100, 4.0), (100, 8.0)], 100, 12.0, id="values of one second add up"),
        pytest.param(60, [(100, 4.0), (103, 8.0)], 103, 3.0, id="a gap between two seconds is zeros"),
        pytest.param(5, [(100, 4.0), (101, 8.0)], 103, 6.0, id="silence at the end is no part of the average"),
        pytest.param(3, [(100, 4.0), (101, 8.0), (102, 6.0)], 104, 6.0, id="silence takes the oldest seconds away"),
        pytest.param(3, [(100, 4.0)], 102, 4.0, id="one second before its end a window still counts"),
        pytest.param(3, [(100, 4.0)], 103, 0.0, id="after its length a window averages nothing"),
        pytest.param(3, [(100, 4.0), (103, 6.0)], 103, 6.0, id="a gap of the whole length begins anew"),
        pytest.param(3, [(100, 4.0), (102, 6.0)], 102, 10 / 3, id="a shorter one does not"),
        pytest.param(5, [(100, 4.0), (99, 6.0)], 100, 5.0, id="a late value counts in its own second"),
        pytest.param(5, [(105, 4.0), (100, 6.0)], 105, 4.0, id="a value that is too late is dropped"),
        pytest.param(5, [(110, 4.0)], 100, 4.0, id="a value from the future counts now"),
        pytest.param(1, [(100, 4.0), (101, 6.0)], 101, 6.0, id="a window of one second knows this second"),
    ],
)
def test_the_average_of_a_second(length: int, values: list[tuple[int, float]], at: int, average: float) -> None:
    assert recorded(length, *values).average(at)[0] == rounded(average)


@pytest.mark.parametrize(
    "value", [0.0000005, 0.0000015, -0.0000035, 4.999999999999999e-07, 4503599627.370497, 1e12 / 3, -2.5e-6]
)
def test_averages_are_rounded_half_away_from_zero(value: float) -> None:
    assert recorded(60, (100, value)).average(100)[0] == rounded(value)


def test_a_running_total_has_the_residue_of_the_originals_order() -> None:
    """(0.1 + 0.2) + 0.3 - 0.1 is not 0.2 + 0.3: what is left over shows where rounding does not hide it."""
    made = recorded(2, (100, 1e15), (101, 0.3), (102, 0.3))
    assert made.average(102)[0] == rounded((((1e15 + 0.3) - 1e15) + 0.3) / 2)
    assert made.average(102)[0] != 0.3


def test_emptiness_begins_one_second_after_the_length() -> None:
    made = recorded(6, (100, 1.0))
    assert [bool(made.empty(second)[0]) for second in (100, 106, 107)] == [False, False, True]


def test_the_weighted_average_is_not_corrected_for_youth() -> None:
    made = recorded(60, (100, 10.0))
    assert made.weighted(100, np.array([0]))[0] == pytest.approx(2.0)
    assert made.weighted(101, np.array([0]))[0] == pytest.approx(1.6)


def test_a_resized_history_counts_as_full() -> None:
    grown = recorded(3, (100, 9.0)).take(np.array([0])).resized(6, 101_000)
    assert (grown.first[0], grown.last[0], grown.total[0]) == (98, 100, 9.0)


@pytest.mark.parametrize(("now_ms", "total"), [(103_999, 9.0), (104_000, 0.0)])
def test_a_history_older_than_the_old_window_is_forgotten_by_the_wall_clock(now_ms: int, total: float) -> None:
    assert recorded(3, (100, 9.0)).take(np.array([0])).resized(6, now_ms).total[0] == total


def test_a_window_that_was_forgotten_knows_no_first_second_until_the_next_one() -> None:
    """Its last second is kept: what is recorded in it again counts for the whole window, as in the original."""
    made = Buckets(6)
    made.grow(1)
    made.put(np.array([0]), recorded(3, (100, 9.0)).take(np.array([0])).resized(6, 104_000))
    made.record(100, np.array([6.0]))
    assert made.average(100)[0] == 1.0
    made.record(101, np.array([6.0]))
    assert made.average(101)[0] == 12.0


eighths = st.integers(-80, 800).map(lambda number: number / 8)  # sums of these are exact
moves = st.one_of(
    st.tuples(st.just(1), st.just(None)),
    st.tuples(st.integers(-12, 14), st.lists(st.booleans(), min_size=7, max_size=7)),
)


@given(
    st.integers(1, 9),
    st.lists(st.tuples(moves, st.lists(eighths, min_size=7, max_size=7)), min_size=5, max_size=30),
    st.data(),
)
def test_columns_agree_with_plain_windows(
    length: int, records: list[tuple[tuple[int, list[bool] | None], list[float]]], data: st.DataObject
) -> None:
    """Seven columns in blocks of three: some seconds for all of them, some for a few, in any order."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(buckets, "_BLOCK", 3)
        made, twins, second = Buckets(length), [Window(length) for _ in range(7)], 1000
        made.grow(7)
        for (ahead, silent), values in records:
            second += ahead
            spoken = [silent is None or not mute for mute in silent or [False] * 7]
            made.record(second, np.where(spoken, values, NAN))
            for twin, value, speaks in zip(twins, values, spoken, strict=True):
                if speaks:
                    twin.record(second, value)
            at = second + data.draw(st.integers(-3, 11))
            assert made.average(at).tolist() == [twin.average(at) for twin in twins]
            assert made.empty(at).tolist() == [twin.empty(at) for twin in twins]
            assert made.weighted(at, np.arange(7)) == pytest.approx([twin.weighted(at) for twin in twins], abs=1e-9)


def test_what_is_taken_out_leaves_zeros() -> None:
    made = recorded(3, (100, 9.0))
    taken = made.take(np.array([0]))
    assert (taken.total[0], made.average(100)[0]) == (9.0, 0.0)
    made.put(np.array([0]), Columns.unwritten(3, 1))
    assert made.empty(100)[0]
