"""The averages are those of the plain definition, and holes are remembered as long as they are in the window."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.core.model import SecondOfLoad, Seen
from autoscaler.core.window import LoadWindow


def filled(length: int, loads: list[float], start: int = 1000) -> LoadWindow:
    window = LoadWindow(length)
    for offset, load in enumerate(loads):
        window.record(SecondOfLoad(start + offset, load, Seen.ALL))
    return window


def test_an_unwritten_window_has_no_average() -> None:
    assert LoadWindow(60).average(60) is None
    assert LoadWindow(60).seen(60) is Seen.NOTHING


def test_a_young_window_divides_by_its_age() -> None:
    assert filled(60, [10.0, 20.0]).average(60) == 15.0


def test_the_panic_window_reads_the_newest_seconds() -> None:
    assert filled(60, [0.0] * 54 + [60.0] * 6).average(6) == 60.0
    assert filled(60, [0.0] * 54 + [60.0] * 6).average(60) == 6.0


def test_a_second_is_written_once() -> None:
    window = filled(60, [10.0, 20.0])
    window.record(SecondOfLoad(1001, 99.0, Seen.ALL))
    assert window.average(60) == 15.0


def test_a_gap_begins_the_window_anew() -> None:
    window = filled(60, [10.0] * 60)
    window.record(SecondOfLoad(5000, 30.0, Seen.ALL))
    assert window.average(60) == 30.0


@pytest.mark.parametrize("seen", [Seen.PART, Seen.NOTHING])
def test_a_hole_is_seen_until_it_has_left_the_window(seen: Seen) -> None:
    window = filled(60, [1.0] * 10)
    window.record(SecondOfLoad(1010, 1.0, seen))
    for second in range(1011, 1016):
        window.record(SecondOfLoad(second, 1.0, Seen.ALL))
    assert window.seen(6) is seen
    window.record(SecondOfLoad(1016, 1.0, Seen.ALL))
    assert window.seen(6) is Seen.ALL
    assert window.seen(60) is seen


@given(st.integers(1, 20), st.lists(st.floats(0, 1e6), min_size=1, max_size=80), st.integers(1, 20))
def test_any_average_is_that_of_the_newest_values(length: int, loads: list[float], over: int) -> None:
    newest = loads[-min(length, over) :]
    assert filled(length, loads).average(over) == pytest.approx(sum(newest) / len(newest), abs=1e-6)


@given(st.integers(1, 20), st.integers(1, 20), st.lists(st.floats(0, 1e6), min_size=1, max_size=60), st.integers(1, 20))
def test_a_resized_window_keeps_its_newest_seconds(old: int, new: int, loads: list[float], over: int) -> None:
    resized = filled(old, loads).resized(new)
    newest = loads[-min(old, new, over) :]
    assert resized.average(over) == pytest.approx(sum(newest) / len(newest), abs=1e-6)
