"""What does a trace file say? Comma-separated, one request a line, columns found by their names in the first line."""

from __future__ import annotations

import csv
import math
from typing import TYPE_CHECKING

from plimsoll.demo.core.arrivals import Arrival, spread

if TYPE_CHECKING:
    from collections.abc import Iterable

_COLUMNS = ("t_s", "in_tokens", "out_tokens")
_MOST_TOKENS = 10_000_000


class TraceError(Exception):
    """A trace file cannot be used; the message names the file, the place, the value and the rule."""


def parsed(name: str, lines: Iterable[str]) -> tuple[Arrival, ...]:
    """Return the requests in `lines`, in the order of their times; `name` stands in errors.

    Raises:
        TraceError: a column is missing, a value breaks its rule, or fewer than two different times are given.
    """
    rows = csv.DictReader(lines)
    missing = [column for column in _COLUMNS if column not in (rows.fieldnames or ())]
    if missing:
        raise TraceError(
            f"trace {name}, line 1: no column {', '.join(missing)}; "
            f"the first line must name the columns {', '.join(_COLUMNS)}, and it is {','.join(rows.fieldnames or ())!r}"
        )
    arrivals = []
    for row in rows:
        where = f"trace {name}, line {rows.line_num}"
        at_s = _number(where, "t_s", row["t_s"])
        tokens = (_tokens(where, column, row[column]) for column in ("in_tokens", "out_tokens"))
        arrivals.append(Arrival(at_s, *tokens))
    arrivals.sort(key=lambda arrival: arrival.at_s)
    if not arrivals or arrivals[0].at_s == arrivals[-1].at_s:
        raise TraceError(f"trace {name} has no two requests at different times: there must be, to replay it")
    return spread(arrivals)


def _number(where: str, column: str, text: str | None) -> float:
    try:
        value = float(text or "")
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        raise TraceError(f"{where}, column {column}: {text or ''!r} must be a number of seconds, 0 or more")
    return value


def _tokens(where: str, column: str, text: str | None) -> int:
    try:
        value = int(text or "")
    except ValueError:
        value = -1
    if not 0 <= value <= _MOST_TOKENS:
        raise TraceError(f"{where}, column {column}: {text or ''!r} must be a whole number from 0 to {_MOST_TOKENS}")
    return value
