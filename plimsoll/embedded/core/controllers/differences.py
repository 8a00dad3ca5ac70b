"""Which merge patch turns one object into another? The smallest: what is equal is left out, what is gone is null."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from plimsoll.embedded.core.problem import Object


def difference(old: Object, new: Object) -> Object:
    """Return the RFC 7386 patch from `old` to `new`; empty where they are equal. Lists are replaced as a whole."""
    patch: Object = {key: None for key in old if key not in new}
    for key, value in new.items():
        before = old.get(key)
        if isinstance(value, dict) and isinstance(before, dict):
            if inner := difference(before, value):
                patch[key] = inner
        elif key not in old or before != value:
            patch[key] = value
    return patch
