from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from plimsoll.drawing.bars import bars, resampled

numbers = st.lists(st.floats(0, 100), max_size=200)


def test_bars_grow_from_the_bottom_by_eighths() -> None:
    assert bars([0, 1, 2, 4], width=10, height=2, top=4) == ("   █", " ▄██")


@given(numbers, st.integers(1, 80))
def test_resampling_loses_no_peak_and_is_never_too_wide(values: list[float], width: int) -> None:
    fewer = resampled(values, width)
    assert len(fewer) == min(width, len(values))
    assert max(fewer, default=0) == max(values, default=0)


@given(numbers, st.integers(1, 80), st.integers(1, 6), st.floats(0, 100))
def test_a_plot_has_its_height_and_lines_of_one_length(
    values: list[float], width: int, height: int, top: float
) -> None:
    lines = bars(values, width=width, height=height, top=top)
    assert len(lines) == height
    assert {len(line) for line in lines} == {min(width, len(values))}


def test_a_hole_is_shown_and_is_no_zero() -> None:
    assert bars([2, math.nan, 0], width=10, height=2, top=2) == ("█  ", "█· ")
    assert bars([math.nan] * 4, width=2, height=1, top=0) == ("··",)


def test_a_stretch_with_a_hole_in_it_is_as_high_as_the_rest_of_it() -> None:
    assert resampled([math.nan, 3.0, 1.0, math.nan], 2) == (3.0, 1.0)
