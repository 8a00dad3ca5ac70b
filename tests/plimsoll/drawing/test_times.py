"""Marks stand at round moments, ten at most."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.drawing.times import clock, minutes, times_of_day


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (59.6, "1:00"), (83, "1:23"), (600, "10:00")])
def test_a_clock_shows_minutes_and_seconds(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_minutes_begin_at_zero() -> None:
    assert minutes(70) == [(0.0, "0:00"), (15.0, "0:15"), (30.0, "0:30"), (45.0, "0:45"), (60.0, "1:00")]


def test_times_of_day_are_round_whenever_it_begins() -> None:
    midnight = 1_800_000_000 - 1_800_000_000 % 86_400
    assert times_of_day(midnight - 2000, 4000) == [
        (200.0, "23:30"),
        (800.0, "23:40"),
        (1400.0, "23:50"),
        (2000.0, "01-15"),
        (2600.0, "00:10"),
        (3200.0, "00:20"),
        (3800.0, "00:30"),
    ]


@given(st.floats(0, 2e9), st.floats(1, 4e7))
def test_there_are_few_marks_and_all_of_them_within(begin_s: float, seconds: float) -> None:
    marks = times_of_day(begin_s, seconds)
    assert len(marks) <= 11
    assert all(-1e-3 <= at_s <= seconds + 1e-3 for at_s, _ in marks)
