"""Rows stand in the column of their number where they can, and are always found again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.core.law import places
from autoscaler.core.law.places import Places, ascending, merged


def entered(*rows: int) -> Places:
    made = Places()
    for row in rows:
        made.enter(np.array([row]))
    return made


def test_rows_that_come_in_order_stand_in_their_own_columns() -> None:
    assert entered(0, 1, 2).rows.tolist() == [0, 1, 2]
    assert entered(0, 1, 2).aligned(3)


def test_a_row_keeps_its_number_over_a_gap() -> None:
    made = entered(1, 4)
    assert made.rows.tolist() == [-1, 1, -1, -1, 4]
    assert (made.count, made.live, made.aligned(5)) == (5, 2, True)


def test_a_row_far_beyond_the_others_takes_the_first_free_column() -> None:
    made = entered(1, 1_000_000)
    assert made.rows.tolist() == [1_000_000, 1]
    assert not made.aligned(1_000_001)


def test_a_row_that_returns_finds_its_own_column() -> None:
    made = entered(0, 1, 2)
    made.leave(np.array([1]))
    assert made.rows.tolist() == [0, -1, 2]
    assert made.enter(np.array([1])).tolist() == [1]
    assert made.aligned(3)


def test_columns_beyond_all_rows_are_not_aligned() -> None:
    assert not entered(0, 1, 2).aligned(2)


def test_what_stands_empty_is_absent() -> None:
    made = entered(0, 2)
    assert made.gathered(np.array([1.0, 2.0, 3.0]), 0.0).tolist() == [1.0, 0.0, 3.0]


def test_rows_in_no_part_have_what_is_said_of_them() -> None:
    parts = [(entered(2), np.array([8.0, 8.0, 9.0])), (entered(0), np.array([7.0]))]
    assert merged(parts, rows=4, absent=np.array([-1.0])).tolist() == [7.0, -1.0, 9.0, -1.0]
    assert merged(parts, rows=4, absent=np.arange(4.0)).tolist() == [7.0, 1.0, 9.0, 3.0]


def test_rows_are_put_in_order_and_named_once() -> None:
    assert ascending([3, 1, 3]).tolist() == [1, 3]
    assert ascending(5).tolist() == [5]


@given(
    st.lists(st.tuples(st.booleans(), st.sets(st.integers(0, 15), min_size=1)), max_size=30), st.sampled_from([0, 3])
)
def test_every_row_has_one_column_and_is_found_there(steps: list[tuple[bool, set[int]]], spare: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(places, "_SPARE", spare)
        made, columns = Places(), dict[int, int]()
        for joining, rows in steps:
            chosen = sorted(rows - set(columns) if joining else rows & set(columns))
            if chosen and joining:
                columns.update(zip(chosen, made.enter(np.array(chosen)).tolist(), strict=True))
            elif chosen:
                made.leave(np.array([columns.pop(row) for row in chosen]))
            assert {row: column for column, row in enumerate(made.rows.tolist()) if row >= 0} == columns
            assert made.live == len(columns)
            values = np.arange(16.0)
            seen = merged([(made, made.gathered(values, 0.0))], rows=16, absent=np.array([-1.0]))
            assert seen.tolist() == [float(row) if row in columns else -1.0 for row in range(16)]
