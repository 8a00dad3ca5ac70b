"""Do all of these fit at once where nobody else has to leave?

Pods that are alike are counted: a node takes `t` of them where its devices offer `t * devices` slots, no device more
than one to the same pod. Pods of several kinds are tried one after the other, the last kind counted; nodes and devices
that are in the same state are tried once.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from extender.core.preemption.search.field import Need
    from extender.core.preemption.search.ground import Class
    from extender.core.preemption.search.room import Place
    from extender.core.preemption.search.steps import Steps

# Beyond, pods of several kinds are not tried in all orders.
MOST_TRIED = 40


def capacity(need: Need, node: int, free: Sequence[int], left: Sequence[int], most: int) -> int:
    """Return how many pods like this fit on a node at once, at most `most`."""
    size = need.milli[node]
    if not size:
        return 0
    for wanted, there in zip(need.requests, left, strict=True):
        if wanted > 0:
            most = min(most, there // wanted)
    if most <= 0:
        return 0
    if need.devices == 0:
        return most
    slots = [milli // size for milli in free if milli >= size]
    if need.devices == 1:
        return min(most, sum(slots))
    while most and sum(min(most, slot) for slot in slots) < most * need.devices:
        most -= 1
    return most


def place_all(
    kinds: Sequence[Class], free: Sequence[list[int]], left: Sequence[list[int]], steps: Steps
) -> dict[int, Place] | None:
    """Return where all of these go; None where they do not fit, or none was found within the steps."""
    for kind in kinds:
        lacking = len(kind.places)
        for node in range(len(free)):
            lacking -= capacity(kind.need, node, free[node], left[node], lacking)
            if not lacking:
                break
        if lacking:
            return None
    if sum(len(kind.places) for kind in kinds[:-1]) > MOST_TRIED:
        return None
    packing = _Packing(kinds, [list(each) for each in free], [list(each) for each in left], steps)
    return packing.places if packing.place(0, 0, 0) else None


class _Packing:
    """The search for places, kind by kind."""

    def __init__(
        self, kinds: Sequence[Class], free: Sequence[list[int]], left: Sequence[list[int]], steps: Steps
    ) -> None:
        self._kinds = kinds
        self._free = free
        self._left = left
        self._steps = steps
        self._vain: set[tuple[int, int, int, tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]]] = set()
        self.places: dict[int, Place] = {}

    def place(self, kind: int, at: int, first: int) -> bool:
        """Place what is left of the kinds from one on, its pods from one on, on nodes from one on."""
        while kind < len(self._kinds) and at == len(self._kinds[kind].places):
            kind, at, first = kind + 1, 0, 0
        if kind == len(self._kinds):
            return True
        if kind == len(self._kinds) - 1:
            return self._count(self._kinds[kind], at, first)
        room = tuple((tuple(sorted(free)), tuple(left)) for free, left in zip(self._free, self._left, strict=True))
        if (kind, at, first, room) in self._vain:
            return False
        if self._try(kind, at, first):
            return True
        self._vain.add((kind, at, first, room))
        return False

    def _try(self, kind: int, at: int, first: int) -> bool:
        """Try all places for one pod, and then for those after it."""
        need = self._kinds[kind].need
        tried = set()
        for node in range(first, len(self._free)):
            state = (tuple(sorted(self._free[node])), tuple(self._left[node]), self._sizes(node, kind))
            if state in tried:
                continue
            tried.add(state)
            for devices in self._ways(need, node):
                if not self._steps.are_left:
                    return False
                self._steps.take()
                self._move(need, node, devices, -1)
                self.places[self._kinds[kind].places[at]] = node, devices
                if self.place(kind, at + 1, node):
                    return True
                self._move(need, node, devices, 1)
        return False

    def _sizes(self, node: int, kind: int) -> tuple[int, ...]:
        return tuple(each.need.milli[node] for each in self._kinds[kind:])

    def _ways(self, need: Need, node: int) -> Iterator[tuple[int, ...]]:
        """Yield the choices of devices on a node, the tightest first."""
        free = self._free[node]
        size = need.milli[node]
        if not size or any(
            wanted > max(0, left) for wanted, left in zip(need.requests, self._left[node], strict=True) if wanted > 0
        ):
            return
        enough = sorted((milli, device) for device, milli in enumerate(free) if milli >= size)
        tried = set()
        for chosen in combinations(enough, need.devices):
            state = tuple(milli for milli, _ in chosen)
            if state not in tried:
                tried.add(state)
                yield tuple(sorted(device for _, device in chosen))

    def _move(self, need: Need, node: int, devices: tuple[int, ...], sign: int) -> None:
        for device in devices:
            self._free[node][device] += sign * need.milli[node]
        for resource, amount in enumerate(need.requests):
            self._left[node][resource] += sign * amount

    def _count(self, kind: Class, at: int, first: int) -> bool:
        """Place the last kind, as many on each node as fit; change nothing where they do not."""
        waiting = list(kind.places[at:])
        found: dict[int, Place] = {}
        for node in range(first, len(self._free)):
            count = capacity(kind.need, node, self._free[node], self._left[node], len(waiting))
            for devices in together(kind.need, node, self._free[node], count):
                found[waiting.pop()] = node, devices
            if not waiting:
                self.places.update(found)
                return True
        return False


def together(need: Need, node: int, free: Sequence[int], count: int) -> list[tuple[int, ...]]:
    """Return the devices of so many pods on one node: each takes those that have most slots left, so that all fit."""
    if not count:
        return []
    size = need.milli[node]
    slots = [min(count, milli // size) for milli in free]
    found = []
    for _ in range(count):
        ranked = sorted(range(len(slots)), key=lambda device: (-slots[device], free[device], device))
        devices = tuple(sorted(ranked[: need.devices]))
        for device in devices:
            slots[device] -= 1
        found.append(devices)
    return found
