"""How does Go write a float64 as JSON? The shortest text that reads back to it; infinities and not-a-number as text."""

from __future__ import annotations

import math
from decimal import Decimal

_EXPONENT_FROM = 1e21


def written(value: float) -> float | int | str:
    """Return what `json.dumps` writes as the recording writes `value`."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    whole = value.is_integer() and abs(value) < _EXPONENT_FROM and repr(value) != "-0.0"
    return int(Decimal(repr(value))) if whole else value
