"""What do the slots that pods alike need cost at least, on whichever devices they are?

Each device offers slots, one after the other, at what the cheapest cover costs more than the one before; where two
together are cheaper than one, each is taken at the half. A unit pays all the devices that it frees with the same share.
So nothing that makes room costs less than the cheapest slots of all devices together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from extender.core.preemption.search.cover import Item, cheapest_cover

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

    from extender.core.preemption.search.ground import Class, Ground
    from extender.core.preemption.search.room import Room


class Demand(NamedTuple):
    """So many slots are wanted, on each node of a size (0: it does not suit), at most so many on one device."""

    sizes: tuple[int, ...]
    slots: int
    most: int


def demands(kinds: Sequence[Class]) -> list[Demand]:
    """Return what each kind wants, and what all together want at least in slots of the smallest kind on each node."""
    found = [Demand(kind.need.milli, len(kind.places) * kind.need.devices, len(kind.places)) for kind in kinds]
    wide = [kind for kind in kinds if kind.need.devices and any(kind.need.milli)]
    if len(wide) > 1:
        sizes = tuple(
            min(filter(None, each), default=0) for each in zip(*(kind.need.milli for kind in wide), strict=True)
        )
        # A pod of 700 takes two slots of 300, and leaves 100 that nobody counts.
        worth = [
            min(size // sizes[node] for node, size in enumerate(kind.need.milli) if size) * len(kind.places)
            for kind in wide
        ]
        slots = sum(each * kind.need.devices for each, kind in zip(worth, wide, strict=True))
        found.append(Demand(sizes, slots, slots))
    return found


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

    def least(self, room: Room, demand: Demand, staying: AbstractSet[int]) -> int | None:
        """Return what slots cost at least besides those that have left; None: there are not so many."""
        slots: list[int] = []
        for node, size in enumerate(demand.sizes):
            if size:
                slots += self._of_node(room, node, size, demand.most, self._units[node] & staying)
        return sum(sorted(slots)[: demand.slots]) if len(slots) >= demand.slots else None

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
