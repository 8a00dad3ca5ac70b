"""When is it, and when was that? The core's own clock never jumps, and knows no dates; the API server writes dates."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

_TO_THE_SECOND = len("2026-01-01T00:00:00")


class Moment(NamedTuple):
    """When it is: `now` in seconds of the core's clock, `unix` in seconds since 1970."""

    now: float
    unix: float


@lru_cache(65_536)
def unix_of(written: str) -> float:
    """Return a moment as the API server writes it, in UTC, in seconds since 1970; 0 where it cannot be read."""
    try:
        return float(np.datetime64(written[:_TO_THE_SECOND], "s").astype(np.int64)) if written else 0.0
    except ValueError:
        return 0.0
