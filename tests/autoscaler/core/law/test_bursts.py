"""Demand that comes in bursts is held for as long as they come back; demand that does not, for ten windows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.core.law.bursts import WINDOWS_HELD, WINDOWS_LOOKED_BACK, held

QUIET = (0.0,) * (WINDOWS_LOOKED_BACK + 1)


def peaks(*newest: float) -> tuple[float, ...]:
    return (*QUIET[len(newest) :], *newest)


def test_one_burst_is_held_for_ten_windows() -> None:
    assert held(peaks(8.0, *(1.0,) * WINDOWS_HELD)) == 8.0
    assert held(peaks(8.0, *(1.0,) * (WINDOWS_HELD + 1))) == 1.0


def test_bursts_that_came_back_are_held_for_thirty_windows() -> None:
    assert held(peaks(8.0, *(1.0,) * 12, 8.0, *(1.0,) * 15)) == 8.0


def test_bursts_of_different_heights_leave_room_for_a_higher_one() -> None:
    assert held(peaks(6.0, 0.0, 8.0, 0.0)) == pytest.approx(7.0 + 2.0 * 2.0**0.5)
    assert held(peaks(5.0, 0.0, 10.0, 0.0)) == pytest.approx(7.5 + 2.0 * 12.5**0.5)


def test_a_load_that_goes_up_and_down_by_chance_is_no_bursts() -> None:
    assert held(peaks(*(5.0, 9.0, 4.0) * 10)) == 9.0
    assert held(peaks(9.0, *(4.0, 5.0) * 10)) == 5.0


@given(st.lists(st.floats(0.0, 1e6), min_size=WINDOWS_LOOKED_BACK + 1, max_size=WINDOWS_LOOKED_BACK + 1))
def test_no_less_than_the_last_windows_and_no_more_than_half_above_the_highest(seen: list[float]) -> None:
    assert max(seen[-WINDOWS_HELD - 1 :]) <= held(seen) <= 1.5 * max(seen)
