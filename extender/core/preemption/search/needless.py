"""Who of those that were to leave may stay after all?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extender.core.preemption.search.placing import place_all
from extender.core.preemption.search.room import Room

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extender.core.preemption.search.ground import Class
    from extender.core.preemption.search.steps import Steps

# Beyond so many pairs of a unit and a node, pods stay where they were placed while others are taken back.
_MOST_MOVED = 1_000


def fill_back(room: Room, kinds: Sequence[Class], steps: Steps) -> Room:
    """Return the room with nobody gone in vain; the dearest are taken back first.

    What was needed once stays needed when others are taken back; only that it may now be taken back at all changes.
    """
    ground = room.ground
    small = len(ground.free) * len(room.gone) < _MOST_MOVED
    again = True
    while again:
        again = False
        for unit in sorted(
            filter(room.has_left, room.gone.intersection(ground.units)), key=lambda unit: (-ground.firm(unit), unit)
        ):
            if ground.overlap and _is_taken(room, unit):
                continue
            if not _may_come_back(room, unit):
                if not small:
                    continue
                room.take_back(unit)
                moved = placed(room, kinds, steps)
                if moved is None:
                    room.let_go((unit,))
                    continue
                room = moved
            else:
                room.take_back(unit)
            again = bool(ground.takers)
    return room


def placed(room: Room, kinds: Sequence[Class], steps: Steps) -> Room | None:
    """Return a room in which the same have left and all are placed; None where they do not fit."""
    anew = Room(room.ground)
    anew.let_go(room.gone)
    nodes = range(len(room.ground.free))
    places = place_all(kinds, [anew.free(node) for node in nodes], [anew.left(node) for node in nodes], steps)
    if places is None:
        return None
    for kind in kinds:
        for at in kind.places:
            anew.place(at, kind.need, *places[at])
    return anew


def _is_taken(room: Room, unit: int) -> bool:
    """Tell whether another that leaves takes some of a unit with it, and the unit not it."""
    members = set(room.ground.members(unit))
    return not members <= room.gone or any(
        other not in members and room.has_left(other) and not members.isdisjoint(room.ground.members(other))
        for other in room.ground.takers
    )


def _may_come_back(room: Room, unit: int) -> bool:
    """Tell whether all that were placed where a unit was still have their room once it is back."""
    for node in room.ground.nodes(unit):
        on = room.on(node)
        if on:
            free, left = room.free(node), room.left(node)
            freed, resources = room.ground.frees(unit, node)
            for need, devices in on:
                if any(free[device] < freed.get(device, 0) for device in devices):
                    return False
                if any(
                    there < back and wanted > 0
                    for there, back, wanted in zip(left, resources, need.requests, strict=True)
                ):
                    return False
    return True
