"""Which known key was an unknown one meant to be?"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_LIKE_ENOUGH = 0.8


def meant(key: str, known: Iterable[str]) -> str | None:
    """Return the known key that `key` looks like, None where it looks like none.

    Case, hyphens and underscores count least; of equally like ones the first of the alphabet is taken.
    """
    by_letters = {_letters(each): each for each in sorted(known, reverse=True)}
    like = difflib.get_close_matches(_letters(key), sorted(by_letters), n=1, cutoff=_LIKE_ENOUGH)
    return by_letters[like[0]] if like else None


def _letters(key: str) -> str:
    return "".join(each for each in key.casefold() if each not in "-_.")
