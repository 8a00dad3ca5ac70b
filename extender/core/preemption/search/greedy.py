"""Who leaves if each pod in turn goes where it costs least? Good, quick, and often the best.

Offers of nodes lie in a heap. An offer is made anew where its node has changed since; where it only costs more than
before, as a quota or a budget was used up elsewhere, it goes back into the heap.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

from extender.core.preemption.search.field import Need
from extender.core.preemption.search.one_node import Offer, offer
from extender.core.preemption.search.placing import capacity, together

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from extender.core.preemption.search.bounds import Bounds
    from extender.core.preemption.search.ground import Class, Ground
    from extender.core.preemption.search.room import Room
    from extender.core.preemption.search.steps import Steps

# Prices are compared by pod: 720,720 is divided by all numbers up to 16 without a remainder.
_POD = 720_720
# On more nodes only offers for one pod are compared by pod.
_MOST_BUNDLED = 64


def by_need(room: Room, kinds: Sequence[Class], bounds: Bounds, steps: Steps, *, bundled: bool = False) -> bool:
    """Place all needs, and let those leave that are in their way; tell whether all have found room.

    `bundled`: of the offers of a node the one counts whose price is lowest for each pod that it makes room for.
    """
    return all(_place(room, kind, bounds, steps, bundled=bundled) for kind in kinds)


def is_shared(ground: Ground, kinds: Sequence[Class]) -> bool:
    """Tell whether one that leaves may make room for several: else there is nothing to bundle."""
    return (
        bool(ground.takers)
        or len(ground.amount) > len(ground.candidates)
        or any(
            kind.need.requests and max(kind.need.requests) > 0 and len(ground.free) <= _MOST_BUNDLED for kind in kinds
        )
        or any(
            0 < 2 * size <= max(ground.devices(node), default=0)
            for kind in kinds
            for node, size in enumerate(kind.need.milli)
        )
    )


def _place(room: Room, kind: Class, bounds: Bounds, steps: Steps, *, bundled: bool) -> bool:
    """Place all needs of a kind, each where it costs least."""
    need = kind.need
    waiting = [at for at in reversed(kind.places) if at not in room.places]
    changed = [0] * len(need.milli)
    by_pod = _POD // len(waiting) if bundled and waiting else 1
    heap: list[tuple[int, int, int, Offer | None]] = [
        (least * by_pod if room.is_as_before(node) else 0, node, 0, None) for least, node in bounds.of(need)
    ]
    heapify(heap)
    while waiting and heap:
        _, node, seen, found = heappop(heap)
        if seen != changed[node]:
            continue
        if found is None or (found.units and room.price_of(found.units) != found.price):
            for offered in _offers(room, kind, node, len(waiting), steps, bundled=bundled):
                heappush(heap, (offered[0], node, seen, offered[1]))
            continue
        touched = room.let_go(found.units) | {node}
        places = [found.devices]
        if bundled:
            most = capacity(need, node, room.free(node), room.left(node), len(waiting))
            places = together(need, node, room.free(node), most)
        for devices in places:
            room.place(waiting.pop(), need, node, devices)
        for each in sorted(touched):
            changed[each] += 1
            if need.milli[each]:
                heappush(heap, (0, each, changed[each], None))
    return not waiting


def _offers(  # noqa: PLR0913 - what is asked of a node
    room: Room, kind: Class, node: int, waiting: int, steps: Steps, *, bundled: bool
) -> list[tuple[int, Offer]]:
    """Return the best offer of a node with what it is compared by; none where it has none."""
    one = offer(room, kind.need, node, steps)
    if one is None or not bundled:
        return [] if one is None else [(one.price, one)]
    found = [one, *_bundles(room, kind, node, waiting, steps)] if one.units else [one]
    return [min((each.price * _POD // _gain(room, kind.need, each, waiting), each) for each in found)]


def _bundles(room: Room, kind: Class, node: int, waiting: int, steps: Steps) -> Iterator[Offer]:
    """Yield offers for several pods at once: for one that is wider, or needs more of each device."""
    need = kind.need
    if not need.devices or not steps.are_left or len(need.milli) > _MOST_BUNDLED:
        return
    devices = room.ground.devices(node)
    for wide in range(need.devices, len(devices) + 1, need.devices):
        for deep in range(1, max(devices) // need.milli[node] + 1):
            pods = wide * deep // need.devices
            if pods == 1 or wide * (deep - 1) // need.devices >= waiting:
                continue
            sizes = list(need.milli)
            sizes[node] *= deep
            many = Need(wide, tuple(sizes), tuple(pods * request for request in need.requests))
            found = offer(room, many, node, steps)
            if found is not None:
                yield found


def _gain(room: Room, need: Need, found: Offer, waiting: int) -> int:
    """Return how many more pods like this fit, on all nodes, once these have left."""
    gain = 0
    for node in sorted({node for unit in found.units for node in room.ground.nodes(unit)}):
        free = list(room.free(node))
        left = list(room.left(node))
        before = capacity(need, node, free, left, waiting)
        for unit in found.units:
            devices, resources = room.frees(unit, node)
            for device, amount in devices.items():
                free[device] += amount
            left = [there + amount for there, amount in zip(left, resources, strict=True)]
        gain += capacity(need, node, free, left, waiting) - before
    return max(1, min(gain, waiting))
