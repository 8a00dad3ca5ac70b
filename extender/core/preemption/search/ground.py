"""What stays the same during a search: who leaves together, what that costs and frees, and the room before anyone left.

Candidates are told apart by their rank among all UIDs, so that the order in which they were given decides nothing.
Those that leave together are a `unit`, named by the first candidate that takes exactly these with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from extender.core.preemption.search.cost import Prices, closed
from extender.core.preemption.search.cover import Item

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from extender.core.preemption.search.field import Candidate, Field, Need


@dataclass(frozen=True, slots=True)
class Class:
    """Needs that are alike, by their places among all."""

    need: Need
    places: tuple[int, ...]


class Ground:
    """The field as a search looks at it.

    `order`: the place of each candidate in the field. `of_node`: the units that free something of a node and may
    leave, in rising order. `members`: who leaves with a unit. `firm`: what a unit costs at least, whoever else leaves.
    `free`, `left`: the room of every node while all stay.
    """

    def __init__(self, field: Field) -> None:
        given = field.candidates
        uids = [each.uid for each in given]
        self.order = sorted(range(len(given)), key=uids.__getitem__)
        self.candidates: list[Candidate] = [given[at] for at in self.order]
        self.budgets = field.budgets
        self.prices = Prices(self.candidates, field.over or {}, borrowed_only=field.borrowed_only)
        self._units(field)
        self._all_free = field.devices
        self._rooms(field)
        self._items: dict[int, dict[int, list[Item]]] = {}
        self._frees: dict[tuple[int, int], tuple[dict[int, int], list[int]]] = {}

    def frees(self, unit: int, node: int) -> tuple[dict[int, int], list[int]]:
        """Return what a unit frees of a node: milli-GPU by device, and resources."""
        found = self._frees.get((unit, node))
        if found is None:
            if unit in self._taken or self.candidates[unit].node != node:
                found = self.freed(self.members(unit), node)
            else:
                found = dict(self.candidates[unit].held), list(self.candidates[unit].requests)
            self._frees[unit, node] = found
        return found

    def freed(self, some: Iterable[int], node: int) -> tuple[dict[int, int], list[int]]:
        """Return what candidates free of a node."""
        devices: dict[int, int] = {}
        resources = [0] * len(self.left[node])
        for one in some:
            each = self.candidates[one]
            if each.node == node:
                for device, milli in each.held:
                    devices[device] = devices.get(device, 0) + milli
                for at, amount in enumerate(each.requests):
                    resources[at] += amount
        return devices, resources

    def members(self, unit: int) -> tuple[int, ...]:
        """Return who leaves with a unit, in rising order."""
        return self._taken.get(unit) or (unit,)

    def firm(self, unit: int) -> int:
        """Return what a unit costs at least, whoever else has left before."""
        return self._firm[unit] if unit in self._firm else self.prices.least[unit]

    def nodes(self, unit: int) -> set[int]:
        """Return the nodes of which a unit frees something."""
        return {self.candidates[one].node for one in self.members(unit)}

    @property
    def takers(self) -> Iterable[int]:
        """Return the units of more than one candidate."""
        return self._taken

    def devices(self, node: int) -> tuple[int, ...]:
        """Return the milli-GPU of each device of a node if all had left."""
        return self._all_free[node]

    def _units(self, field: Field) -> None:
        """Find who leaves together, and who never may."""
        barred = set(self.prices.kept)
        if field.budgets:
            barred.update(one for one, each in enumerate(self.candidates) if each.budgets and not self._may_go((one,)))
        alone = [one for one, each in enumerate(self.candidates) if len(each.takes) <= 1]
        self._taken: dict[int, tuple[int, ...]] = {}
        of_many: dict[int, int] = {}
        if len(alone) < len(self.candidates):
            self._taken = self._together(field, set(alone))
            for members in self._taken.values():
                for member in members:
                    of_many[member] = of_many.get(member, 0) + 1
        self.units = alone if not barred else [one for one in alone if one not in barred]
        self.units += [unit for unit, each in self._taken.items() if barred.isdisjoint(each) and self._may_go(each)]
        self.units.sort()
        # What several units take is nobody's alone: a bound may add the others up, and no more.
        self._firm = {
            unit: sum(self.prices.least[one] for one in members if of_many[one] == 1 and self._is_named(one, unit))
            for unit, members in self._taken.items()
        }
        self._firm.update((one, 0) for one in of_many if len(self.candidates[one].takes) == 1)
        self.overlap = any(count > 1 or not self._is_named(one, -1) for one, count in of_many.items())
        self.may_leave = self.units
        if self._taken:
            self.may_leave = sorted({one for unit in self.units for one in self.members(unit)})
        self.of_node: list[list[int]] = [[] for _ in field.devices]
        if not self._taken:
            for unit in self.units:
                self.of_node[self.candidates[unit].node].append(unit)
        else:
            for unit in self.units:
                for node in self.nodes(unit):
                    self.of_node[node].append(unit)

    def _together(self, field: Field, alone: set[int]) -> dict[int, tuple[int, ...]]:
        """Return who leaves with others, by the first that takes exactly these."""
        rank = dict(zip(self.order, range(len(self.order)), strict=True))
        found: dict[tuple[int, ...], int] = {}
        for one, each in enumerate(self.candidates):
            if one not in alone:
                members = tuple(sorted(map(rank.__getitem__, closed(field.candidates, each.takes))))
                found.setdefault(members, one)
        return {one: members for members, one in found.items()}

    def _is_named(self, one: int, unit: int) -> bool:
        """Tell whether a candidate that a unit takes leaves with no other."""
        return one == unit or len(self.candidates[one].takes) > 1

    def items(self, node: int) -> dict[int, list[Item]]:
        """Return what units free of each device of a node, at their shares of the price, the cheapest first."""
        found = self._items.get(node)
        if found is None:
            found = self._items[node] = {}
            for unit in self.of_node[node]:
                devices, _ = self.frees(unit, node)
                share = self.firm(unit) // max(1, len(devices))
                for device, amount in devices.items():
                    found.setdefault(device, []).append(Item(share, amount, unit))
            for items in found.values():
                items.sort()
        return found

    def _may_go(self, members: Sequence[int]) -> bool:
        """Tell whether the budgets let these go, were they the only ones."""
        counted = list(chain.from_iterable(self.candidates[one].budgets for one in members))
        return all(counted.count(budget) <= self.budgets[budget] for budget in set(counted))

    def _rooms(self, field: Field) -> None:
        """Count the room while all stay."""
        some = self.candidates
        self.width = max(map(len, field.devices), default=0)
        widths = [len(each.held) for each in some]
        self.nodes_of = np.fromiter((each.node for each in some), np.int64, len(some))
        pairs = np.fromiter(
            chain.from_iterable(chain.from_iterable([each.held for each in some])), np.int64, 2 * sum(widths)
        ).reshape(-1, 2)
        self.holder = np.repeat(np.arange(len(some)), widths)
        self.device = self.nodes_of[self.holder] * self.width + pairs[:, 0]
        self.amount = pairs[:, 1]
        size = len(field.devices) * self.width
        held = np.bincount(self.device, self.amount, size).astype(np.int64).reshape(-1, self.width or 1).tolist()
        self.free = [
            [milli - taken for milli, taken in zip(devices, there, strict=False)]
            for devices, there in zip(field.devices, held, strict=False)
        ] or [[] for _ in field.devices]
        resources = max(map(len, field.left), default=0)
        requests = np.fromiter(chain.from_iterable([each.requests for each in some]), np.int64).reshape(
            -1, resources or 1
        )
        taken = [
            np.bincount(self.nodes_of, requests[:, at], len(field.left)).astype(np.int64).tolist()
            for at in range(resources)
        ]
        self.left = [[there - taken[at][node] for at, there in enumerate(left)] for node, left in enumerate(field.left)]


def classes(needs: Sequence[Need]) -> list[Class]:
    """Return the needs by kind, those first that are hardest to place."""
    by_value: dict[tuple[int, tuple[int, ...], tuple[int, ...]], list[int]] = {}
    seen: dict[tuple[int, int, tuple[int, ...]], list[int]] = {}
    for at, need in enumerate(needs):
        same = seen.get((need.devices, id(need.milli), need.requests))
        if same is None:
            same = by_value.setdefault((need.devices, need.milli, need.requests), [])
            seen[need.devices, id(need.milli), need.requests] = same
        same.append(at)
    kinds = [Class(needs[places[0]], tuple(places)) for places in by_value.values()]
    return sorted(
        kinds,
        key=lambda kind: (
            -kind.need.devices * max(kind.need.milli, default=0),
            -kind.need.devices,
            tuple(-request for request in kind.need.requests),
            kind.places,
        ),
    )
