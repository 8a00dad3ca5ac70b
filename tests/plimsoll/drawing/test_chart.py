from __future__ import annotations

import math
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.drawing.chart import Band, Line, _round_up, chart, picture

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


def test_a_line_is_broken_where_there_is_a_hole() -> None:
    points = ((0.0, 0.0), (5.0, math.nan), (10.0, 2.0))
    assert 'd="M38.0 148.0M752.0 8.0"' in chart("c", [Line("l", "chat", points, steps=True)], seconds=10)


@given(some=points, end_s=st.floats(0, 300))
def test_a_picture_alone_is_well_formed_and_says_what_its_lines_are(
    some: tuple[tuple[float, float], ...], end_s: float
) -> None:
    lines = [Line("asked & for", "other", some, steps=True), Line("none", "ours", ())]
    drawn = picture("a < b", lines, [(0.0, "12:00")], seconds=end_s, colours={"other": "#f00", "ours": "#00f"})
    root = ET.fromstring(drawn)  # noqa: S314  it is our own text
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")][:3] == ["a < b", "asked & for", "none"]
