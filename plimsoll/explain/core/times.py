"""How does a person read a moment? In UTC, and how long ago it was."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

_SECOND_MS = 1000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS = (("day", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def utc(moment_ms: int) -> str:
    """Return a moment to the second."""
    return f"{_EPOCH + timedelta(milliseconds=moment_ms):%Y-%m-%d %H:%M:%S} UTC"


def ago(moment_ms: int, now_ms: int) -> str:
    """Return how long ago a moment was."""
    return "now" if now_ms - moment_ms < _SECOND_MS else f"{length(now_ms - moment_ms)} ago"


def length(length_ms: int) -> str:
    """Return a length in its largest unit and the next."""
    left = max(0, length_ms) // _SECOND_MS
    for (unit, seconds), (smaller, part) in pairwise(_UNITS):
        count, rest = divmod(left, seconds)
        if count:
            more = f" {rest // part} {smaller}" if rest >= part else ""
            return f"{count} {unit}{'s' if unit == 'day' and count > 1 else ''}{more}"
    return f"{left} s"
