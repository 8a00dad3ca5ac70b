"""Is a text a number as Go reads it? Its own sentences, "" where there is nothing to say."""

from __future__ import annotations

import re

_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
_NATURAL = re.compile(r"\d+", re.ASCII)
_LONGEST = 1000  # digits; longer is no number that anybody means, even where all but the last are zeros


def bad_integer(text: str) -> str:
    """Say why a text is no integer of 64 bits."""
    return _bad("ParseInt", _INTEGER, text, -(2**63), 2**63)


def bad_natural(text: str) -> str:
    """Say why a text is no unsigned integer of 64 bits, as versions are."""
    return _bad("ParseUint", _NATURAL, text, 0, 2**64)


def _bad(function: str, form: re.Pattern[str], text: str, least: int, above: int) -> str:
    why = ""
    if not form.fullmatch(text):
        why = "invalid syntax"
    elif len(text) > _LONGEST or not least <= int(text) < above:
        why = "value out of range"
    return f'strconv.{function}: parsing "{text}": {why}' if why else ""
