"""How does Go read a number or a truth value from text? Each reader returns None where Go answers an error.

Sources: strconv.ParseFloat, ParseInt, Atoi and ParseBool; durations stand in kube.durations. No blanks, no other
alphabet's digits; not-a-number and infinity are read here, and refused by the rules.
"""

from __future__ import annotations

import math
import re

_DECIMAL = re.compile(r"[+-]?(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9][0-9_]*)?")
_HEXADECIMAL = re.compile(
    r"[+-]?0[xX]_?(?:[0-9a-fA-F][0-9a-fA-F_]*\.?[0-9a-fA-F_]*|\.[0-9a-fA-F][0-9a-fA-F_]*)[pP][+-]?[0-9][0-9_]*"
)
_UNBOUNDED = re.compile(r"(?:[+-]?inf(?:inity)?|nan)", re.IGNORECASE | re.ASCII)
_WHOLE = re.compile(r"[+-]?[0-9]+")
_DIGIT = {True: "[0-9a-fA-F]", False: "[0-9]"}

_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})

# Go's unicode.IsSpace; Python's own idea of blanks holds some more.
_BLANKS = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
_LONGEST = 1000  # characters; longer is no number that anybody means, and Python stops at 4300 digits


def floating(text: str) -> float | None:
    """Read a float64; too large is an error, too small is zero."""
    if len(text) > _LONGEST:
        return None
    if _UNBOUNDED.fullmatch(text):
        return float(text)
    hexadecimal = _HEXADECIMAL.fullmatch(text) is not None
    if not hexadecimal and not _DECIMAL.fullmatch(text):
        return None
    if "_" in text:
        if not _underscores_separate(text, hexadecimal=hexadecimal):
            return None
        text = text.replace("_", "")
    try:
        value = float.fromhex(text) if hexadecimal else float(text)
    except OverflowError:
        return None
    return value if math.isfinite(value) else None


def int32(text: str) -> int | None:
    """Read a decimal int32."""
    return _whole(text, 2**31)


def int64(text: str) -> int | None:
    """Read a decimal int64, which is Go's int."""
    return _whole(text, 2**63)


def boolean(text: str) -> bool | None:
    """Read a truth value."""
    if text in _TRUE:
        return True
    return False if text in _FALSE else None


def string(text: str) -> str:
    """Read a string: the blanks around it do not count."""
    return text.strip(_BLANKS)


def _whole(text: str, limit: int) -> int | None:
    value = int(text) if len(text) <= _LONGEST and _WHOLE.fullmatch(text) else limit
    return value if -limit <= value < limit else None


def _underscores_separate(text: str, *, hexadecimal: bool) -> bool:
    """Tell whether every underscore stands between two digits, or between the base prefix and a digit."""
    digit = _DIGIT[hexadecimal]
    number = text.lstrip("+-")[2:] if hexadecimal else text
    number = f"0{number}" if hexadecimal else number
    return not re.search(rf"(?<!{digit})_|_(?!{digit})", number)
