"""A period is what the flags say, in whole steps, or a sentence that names the flag, its value and its rule."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.observe.core.period import Asked, Period, period
from plimsoll.observe.problem import ObserveError

NOW_S = 1_800_000_000.0  # 2027-01-15 08:00:00 UTC


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (Asked(), Period(1_799_978_400, 30, 720)),
        (Asked(since="1h", step="1m"), Period(1_799_996_400, 60, 60)),
        (Asked(since="1m"), Period(1_799_999_940, 15, 4)),
        (Asked(begin="2027-01-15T07:00", step="30s"), Period(1_799_996_400, 30, 120)),
        (Asked(begin="2027-01-15T08:00+01:00", end="2027-01-15T07:30:00Z", step="10m"), Period(1_799_996_400, 600, 3)),
        (Asked(since="30m", end="2027-01-15T07:30"), Period(1_799_996_400, 15, 120)),
        (Asked(begin="2027-01-15", end="2030-01-01", step="1h"), Period(1_799_971_200, 3600, 8)),
        (Asked(since="100s", step="30s"), Period(1_799_999_900, 30, 3)),
    ],
)
def test_a_period_is_what_the_flags_say(asked: Asked, expected: Period) -> None:
    assert period(asked, NOW_S) == expected


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        (Asked(since="7d"), '--since "7d" must be a Go duration of at least 60s in whole seconds, such as "6h" (seven'),
        (Asked(since="59s"), '--since "59s" must be a Go duration of at least 60s'),
        (Asked(since="90.5s"), '--since "90.5s" must be a Go duration'),
        (Asked(since="1h", begin="2027-01-15"), "--since and --from both say when it begins: give one of them"),
        (Asked(begin="yesterday"), '--from "yesterday" must be a date, or a date and a time, such as'),
        (Asked(end="08:00"), '--to "08:00" must be a date'),
        (Asked(begin="2027-01-15T09:00"), '--from "2027-01-15T09:00" lies in the future'),
        (Asked(begin="2027-01-15T07:00", end="2027-01-15T07:00"), "the period is empty: --to must be at least a min"),
        (Asked(begin="2027-01-15T07:00", end="2027-01-14"), "the period is empty"),
        (Asked(step="0s"), '--step "0s" must be a Go duration of at least 1s'),
        (Asked(since="1h", step="2h"), '--step "2h" is longer than the whole period'),
        (Asked(since="168h", step="1s"), '--step "1s" is too fine: it would make more than 100000 of the period'),
    ],
)
def test_what_is_no_period_is_one_sentence(asked: Asked, complaint: str) -> None:
    with pytest.raises(ObserveError) as error:
        period(asked, NOW_S)
    assert str(error.value).startswith(complaint)


def test_it_is_as_long_as_was_asked_for_whatever_the_fraction_of_a_second() -> None:
    assert period(Asked(since="1m", step="1s"), NOW_S + 0.7) == Period(1_799_999_940, 1, 60)


@given(st.integers(60, 10**8))
def test_without_a_step_there_are_at_most_some_hundreds(seconds: int) -> None:
    found = period(Asked(since=f"{seconds}s"), NOW_S)
    assert 1 <= found.steps <= 720
    assert found.end_s <= NOW_S
    assert NOW_S - found.end_s < found.step_s
