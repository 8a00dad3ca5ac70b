"""How does Go write a duration? `1h2m3.5s`, `500ms`, `0`; a bare `60` is none. Source: time.ParseDuration."""

from __future__ import annotations

import re

_MICRO = 10**3
_NANOSECONDS = {
    "ns": 1,
    "us": _MICRO,
    "\u00b5s": _MICRO,  # the micro sign
    "\u03bcs": _MICRO,  # the Greek letter mu
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
# What follows a number up to the next digit or point is its unit, known or not.
_PART = re.compile(r"([0-9]*)(?:\.([0-9]*))?([^.0-9]+)")
_TOO_MUCH = 2**63
_LONGEST = 1000  # characters; longer is no duration that anybody means


def nanoseconds(text: str) -> int | None:
    """Return a Go duration in nanoseconds, or None where `text` is none or lasts longer than Go can count."""
    negative = text.startswith("-")
    rest = text[1:] if text[:1] in ("-", "+") else text
    if rest == "0":
        return 0
    if not rest or len(rest) > _LONGEST:
        return None
    total, at = 0, 0
    while at < len(rest):
        part = _PART.match(rest, at)
        if part is None or not (part[1] or part[2]) or part[3] not in _NANOSECONDS:
            return None
        unit = _NANOSECONDS[part[3]]
        length = int(part[1] or 0) * unit
        if length > _TOO_MUCH:
            return None
        length += _fraction(part[2] or "", unit)
        total += length
        if length > _TOO_MUCH or total > _TOO_MUCH:
            return None
        at = part.end()
    # The most negative duration has no positive twin.
    if negative:
        return -total
    return total if total < _TOO_MUCH else None


def _fraction(digits: str, unit: int) -> int:
    """Return what stands behind the point in nanoseconds, with Go's rounding: doubles, digits past int64 ignored."""
    value, scale = 0, 1.0
    for digit in digits:
        if value > (_TOO_MUCH - 1) // 10:
            break
        grown = value * 10 + int(digit)
        if grown > _TOO_MUCH:
            break
        value, scale = grown, scale * 10
    return int(float(value) * (float(unit) / scale))
