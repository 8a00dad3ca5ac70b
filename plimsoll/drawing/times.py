"""Which moments stand below a chart, and how are they written? Minutes from the beginning, or times of day in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

Mark = tuple[float, str]
"""Seconds from the beginning, and what stands there."""

_STEPS_S = (5, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400)
_DAY_S = 86_400
_MOST_MARKS = 10
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def clock(seconds: float) -> str:
    """Return seconds as minutes and seconds: 83 is 1:23."""
    whole = round(seconds)
    return f"{whole // 60}:{whole % 60:02}"


def minutes(seconds: float) -> list[Mark]:
    """Return marks from the beginning on, as minutes and seconds."""
    return [(float(at_s), clock(at_s)) for at_s in range(0, int(seconds) + 1, _step_s(seconds))]


def times_of_day(begin_s: float, seconds: float) -> list[Mark]:
    """Return marks at round times from `begin_s` (Unix) on: hours and minutes, and the date where a day begins."""
    step_s = _step_s(seconds)
    first_s = int(-(-begin_s // step_s) * step_s)
    return [
        (at_s - begin_s, f"{_EPOCH + timedelta(seconds=at_s):{'%m-%d' if at_s % _DAY_S == 0 else '%H:%M'}}")
        for at_s in range(first_s, int(begin_s + seconds) + 1, step_s)
    ]


def _step_s(seconds: float) -> int:
    """Return the distance of marks: a round one that leaves ten at most."""
    days = -(-int(seconds) // (_MOST_MARKS * _DAY_S))
    return next((step for step in _STEPS_S if seconds / step <= _MOST_MARKS), days * _DAY_S)
