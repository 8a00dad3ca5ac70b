from __future__ import annotations

import pytest

from plimsoll.explain.core.times import ago, length, utc


@pytest.mark.parametrize(
    ("length_ms", "says"),
    [
        (0, "0 s"),
        (-5_000, "0 s"),
        (59_999, "59 s"),
        (60_000, "1 min"),
        (125_000, "2 min 5 s"),
        (3_600_000, "1 h"),
        (3_605_000, "1 h"),
        (7_440_000, "2 h 4 min"),
        (86_400_000, "1 day"),
        (200_000_000, "2 days 7 h"),
    ],
)
def test_a_length_is_read_in_its_largest_units(length_ms: int, says: str) -> None:
    assert length(length_ms) == says


def test_what_just_was_or_is_to_come_by_another_clock_is_now() -> None:
    assert ago(10_000, 10_999) == "now"
    assert ago(10_000, 1_000) == "now"
    assert ago(10_000, 22_000) == "12 s ago"


def test_a_moment_is_told_in_utc() -> None:
    assert utc(1_800_000_000_999) == "2027-01-15 08:00:00 UTC"
    assert utc(253_402_300_799_999) == "9999-12-31 23:59:59 UTC"
