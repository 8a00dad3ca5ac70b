"""How much is "500m" or "1Gi" in the whole numbers that we count in? Rounded up, as kube-scheduler does it; MiB down.

The API server lets no quantity in that breaks its grammar. What is none all the same counts as nothing.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal
from functools import lru_cache

from kubernetes.utils.quantity import parse_quantity

MIB = 2**20

_REMEMBERED = 4096  # texts: ten thousand pods write a few dozen
_MOST = Decimal(2**62)


@lru_cache(_REMEMBERED)
def count(text: str) -> int:
    """Return a quantity in ones."""
    return _up(_amount(text))


@lru_cache(_REMEMBERED)
def milli(text: str) -> int:
    """Return a quantity in thousandths: milli-CPU."""
    return _up(_amount(text) * 1000)


@lru_cache(_REMEMBERED)
def mebibytes(text: str) -> int:
    """Return how many whole MiB a quantity of bytes has: for what there is, not for what is asked."""
    return int(_amount(text) // MIB)


def _amount(text: str) -> Decimal:
    try:
        amount: Decimal = parse_quantity(text)
    except ValueError:
        return Decimal(0)
    # Also NaN, which compares as false with everything; and what is too large for the API server, which caps at 2^63.
    return min(amount, _MOST) if amount.is_finite() and amount > 0 else Decimal(0)


def _up(amount: Decimal) -> int:
    return int(amount.to_integral_value(ROUND_CEILING))
