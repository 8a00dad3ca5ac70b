"""What do the slots that pods alike need cost at least, on whichever devices they are?

Each device offers slots, one after the other, at what the cheapest cover costs more than the one before; where two
together are cheaper than one, each is taken at the half. A unit pays all the devices that it frees with the same share.
So nothing that makes room costs less than the cheapest slots of all devices together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extender.core.preemption.cover import Item, cheapest_cover

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from extender.core.preemption.ground import Class, Ground
    from extender.core.preemption.room import Room


class Slots:
    """What slots cost while some have left and others stay; remembered for each state of a node."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._known: dict[tuple[int, int, int, frozenset[int], frozenset[int]], list[int]] = {}
        rows = dict.fromkeys(ground.units, 0)
        self._units = [frozenset(units) for units in ground.of_node]
        for node, units in enumerate(ground.of_node):
            for unit in units:
                rows[unit] += len(ground.frees(unit, node)[0])
        self._share = {unit: ground.firm(unit) // max(1, count) for unit, count in rows.items()}

    def least(self, room: Room, kind: Class, staying: AbstractSet[int]) -> int | None:
        """Return what room for all of a kind costs at least besides those that have left; None: there is none."""
        wanted = len(kind.places) * kind.need.devices
        slots: list[int] = []
        for node, size in enumerate(kind.need.milli):
            if size:
                slots += self._of_node(room, node, size, len(kind.places), self._units[node] & staying)
        return sum(sorted(slots)[:wanted]) if len(slots) >= wanted else None

    def _of_node(self, room: Room, node: int, size: int, most: int, staying: frozenset[int]) -> list[int]:
        key = node, size, most, self._units[node] & room.gone, staying
        if self._ground.overlap or key not in self._known:
            items: dict[int, list[Item]] = {}
            for unit in self._ground.of_node[node]:
                if unit not in staying and not room.has_left(unit):
                    share = min(self._share[unit], room.firm(unit))
                    for device, amount in room.frees(unit, node)[0].items():
                        items.setdefault(device, []).append(Item(share, amount, unit))
            self._known[key] = [
                price
                for device, free in enumerate(room.free(node))
                for price in _one_by_one(sorted(items.get(device, [])), free, size, most)
            ]
        return self._known[key]


def _one_by_one(items: list[Item], free: int, size: int, most: int) -> list[int]:
    """Return what each slot of a device costs at least, none less than the one before."""
    prices: list[int] = []
    for count in range(1, most + 1):
        cover = cheapest_cover(items, count * size - free)
        if cover is None:
            break
        prices.append(cover.price)
    found: list[int] = []
    paid = 0
    while len(found) < len(prices):
        done = len(found)
        # The flattest way on: so many slots at once as are cheapest by slot, shares rounded down.
        each, count = min(((price - paid) // (at - done + 1), -at) for at, price in enumerate(prices) if at >= done)
        found += [each] * (1 - count - done)
        paid = prices[-count]
    return found
