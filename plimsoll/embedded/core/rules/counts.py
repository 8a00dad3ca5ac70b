"""What may be a count, or a share in percent of a count? A budget and the strategy of a Deployment say either."""

from __future__ import annotations

import re

NOT_NEGATIVE = "must be greater than or equal to 0"
NOT_MORE_THAN_ALL = "must not be greater than 100%"

_PERCENT = re.compile(r"[0-9]+%")
_PERCENT_RULE = (
    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for "
    "validation is '[0-9]+%')"
)


def bad_count(number: int | str) -> str:
    """Say why this is neither a count nor a percentage."""
    if isinstance(number, int):
        return "" if number >= 0 else NOT_NEGATIVE
    return "" if _PERCENT.fullmatch(number) else _PERCENT_RULE


def more_than_all(number: int | str) -> bool:
    """Tell whether this is a percentage of more than 100."""
    return isinstance(number, str) and len(number.removesuffix("%").lstrip("0")) > 2 and number.lstrip("0") != "100%"
