"""How does Go write a duration? `1h2m3.5s`, `500ms`, `0`; a bare `60` is none. Source: time.ParseDuration."""

from __future__ import annotations

import re
from fractions import Fraction

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
_PART = re.compile(rf"([0-9]+\.?[0-9]*|\.[0-9]+)({'|'.join(sorted(_NANOSECONDS, key=len, reverse=True))})")
_LARGEST = 2**63 - 1


def nanoseconds(text: str) -> int | None:
    """Return a Go duration in nanoseconds, or None where `text` is none."""
    sign = -1 if text.startswith("-") else 1
    rest = text[1:] if text[:1] in ("-", "+") else text
    if rest == "0":
        return 0
    if not re.fullmatch(f"(?:{_PART.pattern})+", rest):
        return None
    total = sum(int(Fraction(number.rstrip(".")) * _NANOSECONDS[unit]) for number, unit in _PART.findall(rest))
    return sign * total if total <= _LARGEST else None
