from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from plimsoll.demo.core.plot import bars, resampled

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
