"""Which part of a time can Go not read? The sentence of time.Parse, after its layouts."""

from __future__ import annotations

import re

_CLOCK = (
    ("2006", r"\d{4}"), ("-", "-"), ("01", r"\d{2}"), ("-", "-"), ("02", r"\d{2}"), ("T", "T"), ("15", r"\d{2}"),
    (":", ":"), ("04", r"\d{2}"), (":", ":"),
)  # fmt: skip
_ZONE = (("Z07:00", r"Z|[+-]\d{2}:\d{2}"),)
_TO_THE_SECOND = (*_CLOCK, ("05", r"\d{2}(?:[.,]\d+)?"), *_ZONE)
_TO_THE_MICROSECOND = (*_CLOCK, ("05", r"\d{2}"), (".000000", r"\.\d{6}(?!\d)"), *_ZONE)


def unread(text: str, *, micro: bool) -> str:
    """Return the end of Go's sentence about a time that it cannot read; `micro`: the layout has microseconds."""
    rest = text
    for element, pattern in _TO_THE_MICROSECOND if micro else _TO_THE_SECOND:
        found = re.match(pattern, rest)
        if found is None:
            return f': cannot parse "{rest}" as "{element}"'
        rest = rest[found.end() :]
    return f': extra text: "{rest}"' if rest else f": {_out_of_range(text)} out of range"


def _out_of_range(text: str) -> str:
    if not 1 <= int(text[5:7]) <= 12:
        return "month"
    for word, begin, limit in (("hour", 11, 24), ("minute", 14, 60), ("second", 17, 60)):
        if int(text[begin : begin + 2]) >= limit:
            return word
    return "day"
