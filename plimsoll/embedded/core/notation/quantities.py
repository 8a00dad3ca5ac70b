"""How much is "500m" or "1Gi", and how does Kubernetes write it? Exactly, after apimachinery's resource.Quantity."""

from __future__ import annotations

import re
from fractions import Fraction
from functools import cache

_SUFFIXES = {
    "n": Fraction(1, 10**9), "u": Fraction(1, 10**6), "m": Fraction(1, 1000), "": Fraction(1), "k": Fraction(10**3),
    "M": Fraction(10**6), "G": Fraction(10**9), "T": Fraction(10**12), "P": Fraction(10**15), "E": Fraction(10**18),
    "Ki": Fraction(2**10), "Mi": Fraction(2**20), "Gi": Fraction(2**30), "Ti": Fraction(2**40), "Pi": Fraction(2**50),
    "Ei": Fraction(2**60),
}  # fmt: skip
_WRITTEN = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:[eE]([+-]?\d+)|([numkMGTPE]|[KMGTPE]i)?)")
_BINARY = ("Ei", "Pi", "Ti", "Gi", "Mi", "Ki")
_DECIMAL = ("E", "P", "T", "G", "M", "k", "", "m", "u", "n")


@cache
def amount(text: str) -> Fraction:
    """Return the amount that a quantity stands for.

    Raises:
        ValueError: it is no quantity.
    """
    found = _WRITTEN.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no quantity")
    number, exponent, suffix = found.groups()
    if exponent is not None:
        return Fraction(number) * Fraction(10) ** int(exponent)
    return Fraction(number) * _SUFFIXES[suffix or ""]


@cache
def canonical(text: str) -> str:
    """Return a quantity as the API server writes it: the largest suffix that leaves an integer.

    Raises:
        ValueError: it is no quantity.
    """
    value = amount(text)
    found = _WRITTEN.fullmatch(text)
    if found is None or found.group(2) is not None:  # an exponent is kept as it came
        return text
    binary = text.endswith("i") and abs(value) >= 1024
    for suffix in _BINARY if binary else _DECIMAL:
        scaled = value / _SUFFIXES[suffix]
        if scaled.denominator == 1 and (scaled or suffix == ""):
            return f"{scaled.numerator}{suffix}"
    # Finer than a billionth: rounded up. A binary quantity with a fraction is written in the decimal way.
    return canonical(str(value)) if binary and value.denominator == 1 else f"{-(-value // _SUFFIXES['n'])}n"
