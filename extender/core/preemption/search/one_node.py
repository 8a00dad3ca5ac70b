"""Who leaves one node so that one pod fits there? Exactly the cheapest, whatever else they take with them.

First each device is looked at alone: the cheapest that free enough of it, where a unit that frees several devices
counts with its share of the price. So much every choice of devices costs at least; where nobody is on two devices it is
the answer. Else the choices of devices are tried in the order of these bounds, each by taking, for what is hardest to
free, one unit after the other.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING, NamedTuple

from extender.core.preemption.search.cover import Cover, Item, cheapest_cover

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from extender.core.preemption.search.field import Need
    from extender.core.preemption.search.room import Room
    from extender.core.preemption.search.steps import Steps


class Offer(NamedTuple):
    """What room for one pod costs on a node: who leaves, and the devices that it then gets."""

    price: int
    units: tuple[int, ...]
    devices: tuple[int, ...]


def offer(room: Room, need: Need, node: int, steps: Steps) -> Offer | None:
    """Return the cheapest room for a pod on a node; None where there is none."""
    size = need.milli[node]
    free = room.free(node)
    if not size or need.devices > len(free):
        return None
    short = [(at, wanted - left) for at, (wanted, left) in enumerate(zip(need.requests, room.left(node), strict=True))]
    short = [(at, lack) for at, lack in short if lack > 0 and need.requests[at] > 0]
    if not short and sum(1 for milli in free if milli >= size) >= need.devices:
        return Offer(0, (), _tightest(free, size, need.devices))
    return _Search(room, need, node, short, steps).found()


def _tightest(free: Sequence[int], size: int, devices: int) -> tuple[int, ...]:
    """Return the devices that have the least room of those that have enough: the others are kept for larger pods."""
    enough = sorted((milli, device) for device, milli in enumerate(free) if milli >= size)
    return tuple(sorted(device for _, device in enough[:devices]))


class _Search:
    """The search of one node for one pod."""

    def __init__(self, room: Room, need: Need, node: int, short: list[tuple[int, int]], steps: Steps) -> None:
        self._room = room
        self._need = need
        self._node = node
        self._short = short
        self._steps = steps
        self._size = need.milli[node]
        self._free = room.free(node)
        # Nobody takes with it what another takes: what covers each device covers all of them.
        self._plain = not short and not room.ground.overlap
        self._best: Offer | None = None

    def found(self) -> Offer | None:
        covers = self._room.covers(self._node, self._size)
        if len(covers) < self._need.devices:
            return None
        floor = 0
        for at, lack in self._short:
            cover = cheapest_cover(self._freeing(at), lack)
            if cover is None:
                return None
            floor = max(floor, cover.price)
        for price, devices in self._choices(covers):
            if self._too_dear(max(floor, price)):
                break
            chosen = sorted({unit for device in devices for unit in covers[device].units})
            if (self._plain or not self._lacks(devices, chosen)) and self._keep(devices, chosen) == price:
                return self._best
            if self._steps.are_left:
                self._take(devices, (), frozenset())
            else:
                self._grab(devices, chosen)
                if self._best is not None:
                    break
        return self._best

    def _freeing(self, resource: int) -> list[Item]:
        units = [unit for unit in self._room.ground.of_node[self._node] if not self._room.has_left(unit)]
        frees = [(unit, self._room.frees(unit, self._node)[1][resource]) for unit in units]
        return sorted(Item(self._room.firm(unit), amount, unit) for unit, amount in frees if amount > 0)

    def _choices(self, covers: dict[int, Cover]) -> Iterator[tuple[int, tuple[int, ...]]]:
        """Yield the choices of devices and what they cost at least, the cheapest first."""
        if not self._need.devices:
            yield 0, ()
            return
        ranked = sorted(covers, key=lambda device: (covers[device].price, self._free[device], device))
        yield from _rising([(covers[device].price, device) for device in ranked], self._need.devices)

    def _too_dear(self, price: int) -> bool:
        return self._best is not None and price >= self._best.price

    def _lacks(self, devices: tuple[int, ...], units: Sequence[int]) -> list[tuple[bool, int, int]]:
        """Return what is lacking once these have left: of which device or resource, and how much."""
        freed, resources = self._freed(units)
        lacks = []
        for device in devices:
            lack = self._size - self._free[device] - freed.get(device, 0)
            if lack > 0:
                lacks.append((True, device, lack))
        for at, short in self._short:
            if short > resources[at]:
                lacks.append((False, at, short - resources[at]))
        return lacks

    def _freed(self, units: Sequence[int]) -> tuple[dict[int, int], list[int]]:
        """Return what these free together, once where two of them take the same with them."""
        if len(units) == 1:
            return self._room.frees(units[0], self._node)
        ground = self._room.ground
        members = {one for unit in units for one in ground.members(unit)}
        return ground.freed(members - self._room.gone, self._node)

    def _keep(self, devices: tuple[int, ...], units: Sequence[int]) -> int | None:
        """Take note of a choice where it is the best so far; return its price."""
        price = self._room.price_of(units)
        if price is not None and not self._too_dear(price):
            self._best = Offer(price, tuple(sorted(units)), tuple(sorted(devices)))
        return price

    def _take(self, devices: tuple[int, ...], units: tuple[int, ...], without: frozenset[int]) -> None:
        """Try all that free what is still lacking, beginning with what the fewest can free."""
        self._steps.take()
        price = self._room.price_of(units)
        if price is None or self._too_dear(price):
            return
        lacks = self._lacks(devices, units)
        if not lacks:
            self._keep(devices, units)
            return
        ways = []
        for is_device, at, lack in lacks:
            ways_of = [item for item in self._of(is_device, at) if item.unit not in without and item.unit not in units]
            if sum(item.amount for item in ways_of) < lack:
                return
            ways.append(ways_of)
        for item in min(ways, key=len):
            if not self._steps.are_left:
                return
            self._take(devices, (*units, item.unit), without)
            without |= {item.unit}

    def _grab(self, devices: tuple[int, ...], units: list[int]) -> None:
        """Take what is cheapest for what is lacking: without steps left something is better than nothing."""
        while lacks := self._lacks(devices, units):
            is_device, at, _ = lacks[0]
            ways = [
                item
                for item in self._of(is_device, at)
                if item.unit not in units and self._room.price_of([*units, item.unit]) is not None
            ]
            if not ways:
                return
            units.append(ways[0].unit)
        self._keep(devices, units)

    def _of(self, is_device: bool, at: int) -> list[Item]:  # noqa: FBT001 - the two kinds of things a unit frees
        if not is_device:
            return self._freeing(at)
        return self._room.items(self._node).get(at, [])


def _rising(ranked: list[tuple[int, int]], size: int) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Yield the sets of so many of these, the smallest sum first, each once."""
    first = tuple(range(size))
    heap = [(sum(ranked[at][0] for at in first), first)]
    seen = {first}
    while heap:
        total, chosen = heappop(heap)
        yield total, tuple(ranked[at][1] for at in chosen)
        for position, at in enumerate(chosen):
            following = chosen[position + 1] if position + 1 < size else len(ranked)
            if at + 1 < following:
                moved = (*chosen[:position], at + 1, *chosen[position + 1 :])
                if moved not in seen:
                    seen.add(moved)
                    heappush(heap, (total - ranked[at][0] + ranked[at + 1][0], moved))
