"""Which of these together free enough of one thing, at the least price?"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence


class Item(NamedTuple):
    """What one unit frees of the thing, at its price or its share of it."""

    price: int
    amount: int
    unit: int


class Cover(NamedTuple):
    """Units that free enough, and their prices' sum."""

    price: int
    units: tuple[int, ...]


NOTHING = Cover(0, ())


def cheapest_cover(items: Sequence[Item], lack: int) -> Cover | None:
    """Return the cheapest units that free at least what is lacking; None where all together do not.

    `items`: the cheapest first. By amounts freed so far, each kept at its least price: exact, and quick as shares of a
    device are few.
    """
    if lack <= 0:
        return NOTHING
    if sum(item.amount for item in items) < lack:
        return None
    amount = items[0].amount
    if all(item.amount == amount for item in items):
        taken = items[: -(-lack // amount)]
        return Cover(sum(item.price for item in taken), tuple(item.unit for item in taken))
    best: dict[int, Cover] = {0: NOTHING}
    for price, amount, unit in items:
        for freed, cover in list(best.items()):
            if freed < lack:
                together = min(lack, freed + amount)
                new = Cover(cover.price + price, (*cover.units, unit))
                if together not in best or new < best[together]:
                    best[together] = new
    return best[lack]
