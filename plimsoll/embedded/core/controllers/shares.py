"""How many is a number or a share of some? `3`, or `"25%"` of them, rounded up or down (Kubernetes' IntOrString)."""

from __future__ import annotations


def scaled(value: int | str, whole: int, *, up: bool) -> int:
    """Return the number that `value` means out of `whole`.

    Raises:
        ValueError: it is neither a number nor a percentage.
    """
    if isinstance(value, int):
        return value
    digits = value.removesuffix("%")
    if digits == value or not digits.removeprefix("-").isdecimal():
        raise ValueError("invalid value for IntOrString: invalid type: string is not a percentage")
    product = int(digits) * whole
    return -(-product // 100) if up else product // 100
