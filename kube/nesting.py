"""How is JSON of the API server read that nests deeper than a decoder goes? Without what no field that we read lies in.

The API server takes JSON that nests 10,000 deep, and whoever may create a pod may write so into its managedFields: one
that cannot be read would hide what it holds. How deep a decoder goes depends on Python: 1,497 levels in 3.12, whatever
its limit of recursion is set to.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

Decoded = TypeVar("Decoded")

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding raises of JSON that breaks its type, is no UTF-8, or nests too deep where `decoded` is not asked."""

_DEEPEST = 200  # levels; in a list or a watch what is read of a pod or a workload lies less than thirty deep
_MARK = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[{]|[\]}]', re.DOTALL)


def decoded(decode: Callable[[bytes | msgspec.Raw], Decoded], text: bytes | msgspec.Raw) -> Decoded:
    """Return what `decode` makes of JSON, however deep it nests.

    Raises:
        Exception: whatever else `decode` raises.
    """
    try:
        return decode(text)
    except RecursionError:
        return decode(_shallow(bytes(text)))


def _shallow(text: bytes) -> bytes:
    """Return JSON with null in the place of what nests deeper than `_DEEPEST` levels; what is none becomes none."""
    parts: list[bytes] = []
    depth = kept = 0
    for mark in _MARK.finditer(text):
        sign = mark[0]
        if sign in b"[{":
            depth += 1
            if depth == _DEEPEST + 1:
                parts += (text[kept : mark.start()], b"null")
        elif sign in b"]}":
            if depth == _DEEPEST + 1:
                kept = mark.end()
            depth -= 1
    return b"".join((*parts, text[kept:]))
