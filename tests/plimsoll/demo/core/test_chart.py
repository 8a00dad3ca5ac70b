from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.demo.core.chart import Band, Line, _round_up, chart

points = st.lists(st.tuples(st.floats(0, 300), st.floats(0, 1e6)), max_size=40).map(lambda each: tuple(sorted(each)))


@pytest.mark.parametrize("steps", [False, True])
@given(some=points, end_s=st.floats(0, 300))
def test_a_chart_is_well_formed_whatever_it_shows(
    some: tuple[tuple[float, float], ...], end_s: float, *, steps: bool
) -> None:
    line = Line("l & l", "chat", some, steps)
    drawn = chart("a < b", [line], seconds=end_s, bands=[Band(0, end_s, "panic")])
    ET.fromstring(drawn)  # noqa: S314  it is our own text


def test_steps_keep_a_value_until_the_next() -> None:
    drawn = chart("c", [Line("l", "chat", ((0.0, 0.0), (10.0, 2.0)), steps=True)], seconds=10)
    assert 'd="M38.0 148.0L752.0 148.0L752.0 8.0"' in drawn


@given(st.floats(0, 1e6))
def test_the_scale_ends_little_above_the_largest_value(value: float) -> None:
    assert value <= _round_up(value) <= max(2.0, 1.7 * value)


@pytest.mark.parametrize(("value", "top"), [(0, 2), (1.5, 2), (9, 10), (11, 12), (13, 16), (22, 30), (100, 100)])
def test_the_scale_ends_at_a_round_number(value: float, top: float) -> None:
    assert _round_up(value) == top
