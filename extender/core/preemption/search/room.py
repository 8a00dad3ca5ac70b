"""The room as a search has changed it so far: who has left, what their leaving costs, and who has been placed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extender.core.preemption.search.cover import Cover, Item, cheapest_cover
from extender.core.preemption.search.field import Choice
from extender.core.preemption.search.torn import Torn

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from extender.core.preemption.search.field import Need
    from extender.core.preemption.search.ground import Ground

Place = tuple[int, tuple[int, ...]]


class Room:
    """A changing copy of the ground. `gone`: the candidates that have left; `price`: what that costs."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.gone: set[int] = set()
        self.price = 0
        self.places: dict[int, Place] = {}
        self._on: dict[int, list[tuple[Need, tuple[int, ...]]]] = {}
        self._free: dict[int, list[int]] = {}
        self._left: dict[int, list[int]] = {}
        self._counted = [0] * len(ground.budgets)
        self._covers: dict[int, dict[int, dict[int, Cover | None]]] = {}
        self._torn = {project: Torn(ground.prices.over[project]) for project in sorted(ground.prices.torn)}
        self._spent: set[str] = set()

    def free(self, node: int) -> list[int]:
        """Return the milli-GPU that are free on each device of a node."""
        return self._free[node] if node in self._free else self.ground.free[node]

    def left(self, node: int) -> list[int]:
        """Return what is left of each resource of a node."""
        return self._left[node] if node in self._left else self.ground.left[node]

    def has_left(self, unit: int) -> bool:
        """Tell whether a unit has left: whoever took the one that names it took all that leave with it."""
        return unit in self.gone

    def firm(self, unit: int) -> int:
        """Return what a unit costs at least from here on."""
        if self._is_partly_gone(unit):
            return 0
        return self.ground.firm(unit)

    def frees(self, unit: int, node: int) -> tuple[dict[int, int], list[int]]:
        """Return what a unit still frees of a node: milli-GPU by device, and resources."""
        if not self._is_partly_gone(unit):
            return self.ground.frees(unit, node)
        return self.ground.freed([one for one in self.ground.members(unit) if one not in self.gone], node)

    def items(self, node: int) -> dict[int, list[Item]]:
        """Return what units still free of each device of a node, at their shares of the price, the cheapest first."""
        items = self.ground.items(node)
        if node in self._free and self.gone:
            items = self._items_left(node, items)
        if self._spent:
            items = {device: sorted(map(self._as_of_now, some)) for device, some in items.items()}
        return items

    def covers(self, node: int, size: int) -> dict[int, Cover]:
        """Return what each device of a node costs at least to have so much free, and by whom; none that cannot."""
        covers = self._covers.setdefault(node, {}).setdefault(size, {})
        if self.ground.overlap:
            covers.clear()
        free = self.free(node)
        if len(covers) < len(free):
            items = self.items(node)
            for device, milli in enumerate(free):
                if device not in covers:
                    covers[device] = cheapest_cover(items.get(device, ()), size - milli)
        return {device: cover for device, cover in covers.items() if cover is not None}

    def _items_left(self, node: int, items: dict[int, list[Item]]) -> dict[int, list[Item]]:
        if not self.ground.overlap:
            return {device: [item for item in some if item.unit not in self.gone] for device, some in items.items()}
        found: dict[int, list[Item]] = {}
        for unit in self.ground.of_node[node]:
            if not self.has_left(unit):
                devices, _ = self.frees(unit, node)
                share = self.firm(unit) // max(1, len(devices))
                for device, amount in devices.items():
                    found.setdefault(device, []).append(Item(share, amount, unit))
        return {device: sorted(some) for device, some in found.items()}

    def _as_of_now(self, item: Item) -> Item:
        """Return an item at its price once all that its project had borrowed is taken."""
        if len(self.ground.members(item.unit)) > 1:
            return item
        width = max(1, len(self.ground.candidates[item.unit].held))
        return item._replace(price=item.price + self.ground.prices.dearer(item.unit, self._spent) // width)

    def is_as_before(self, node: int) -> bool:
        """Tell whether nothing has changed on a node."""
        return node not in self._free

    def price_of(self, units: Iterable[int]) -> int | None:
        """Return what it costs that these leave too; None: they may not."""
        new = self._new(units)
        if self._counted and not self._within_budgets(new):
            return None
        prices = self.ground.prices
        price = sum(map(prices.least.__getitem__, new))
        for project, lost in prices.by_torn(new).items():
            extra = self._torn[project].beyond(lost)
            if extra and prices.borrowed_only:
                return None
            price += extra - self._torn[project].beyond()
        return price

    def let_go(self, units: Iterable[int]) -> set[int]:
        """Let these leave; return the nodes on which that makes room."""
        new = self._new(units)
        for one in new:
            self._move(one, 1)
        self.gone |= new
        self.price += sum(map(self.ground.prices.least.__getitem__, new))
        for project, lost in self.ground.prices.by_torn(new).items():
            torn = self._torn[project]
            self.price -= torn.beyond()
            torn.add(lost)
            self.price += torn.beyond()
            if project not in self._spent and torn.is_spent():
                self._spent.add(project)
                self._covers.clear()
        return {self.ground.candidates[one].node for one in new}

    def take_back(self, unit: int) -> None:
        """Let all of a unit stay: nobody may be placed where they are."""
        members = set(self.ground.members(unit))
        for one in members:
            self._move(one, -1)
        self.gone -= members
        self.price -= sum(map(self.ground.prices.least.__getitem__, members))
        for project, lost in self.ground.prices.by_torn(members).items():
            torn = self._torn[project]
            self.price -= torn.beyond()
            torn.remove(lost)
            self.price += torn.beyond()

    def place(self, at: int, need: Need, node: int, devices: tuple[int, ...]) -> None:
        """Put a need on devices of a node."""
        self._change(node)
        for device in devices:
            self._free[node][device] -= need.milli[node]
            self._forget(node, device)
        for resource, amount in enumerate(need.requests):
            self._left[node][resource] -= amount
        self.places[at] = node, devices
        self._on.setdefault(node, []).append((need, devices))

    def on(self, node: int) -> Sequence[tuple[Need, tuple[int, ...]]]:
        """Return who has been placed on a node, and on which devices."""
        return self._on.get(node, ())

    def choice(self) -> Choice:
        """Return who has left and where everybody goes, in the words of the field."""
        order = self.ground.order
        return Choice(
            tuple(sorted(order[one] for one in self.gone)), tuple(self.places[at] for at in range(len(self.places)))
        )

    def _is_partly_gone(self, unit: int) -> bool:
        """Tell whether some of a unit have left with another: it takes more with it than that one did."""
        members = self.ground.members(unit)
        return len(members) > 1 and not self.gone.isdisjoint(members)

    def _new(self, units: Iterable[int]) -> set[int]:
        if not self.ground.takers:
            return {unit for unit in units if unit not in self.gone}
        new: set[int] = set()
        for unit in units:
            new.update(self.ground.members(unit))
        return new - self.gone

    def _within_budgets(self, new: set[int]) -> bool:
        counted = list(self._counted)
        for one in new:
            for budget in self.ground.candidates[one].budgets:
                counted[budget] += 1
        return all(count <= most for count, most in zip(counted, self.ground.budgets, strict=True))

    def _forget(self, node: int, device: int) -> None:
        for covers in self._covers.get(node, {}).values():
            covers.pop(device, None)

    def _move(self, one: int, sign: int) -> None:
        """Add what a candidate holds to what is free, or take it away again."""
        each = self.ground.candidates[one]
        self._change(each.node)
        free = self._free[each.node]
        for device, milli in each.held:
            free[device] += sign * milli
            self._forget(each.node, device)
        left = self._left[each.node]
        for at, amount in enumerate(each.requests):
            left[at] += sign * amount
        for budget in each.budgets:
            self._counted[budget] += sign

    def _change(self, node: int) -> None:
        if node not in self._free:
            self._free[node] = list(self.ground.free[node])
            self._left[node] = list(self.ground.left[node])
