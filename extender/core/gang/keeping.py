"""For which gang is room kept, so that small pods do not starve it, and where?

The rule: once the first gang in order that could run, were its nodes empty, has waited its patience out, the nodes that
have least to get rid of until it runs are kept for it. Pods behind it (of lower priority, or younger and of the same)
get no room there, whatever is free; those before it do. One gang at a time, until it runs or is gone; other nodes are
kept where these would not do any more. A gang that no present node could ever hold keeps nobody out. Nor, for as
long as the limit is, does one for which nodes were kept to the limit in vain, as where what runs there never ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from extender.core.gang.planning import orders, placed_on

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from numpy.typing import NDArray

    from extender.core.gang.gang import GangKey
    from extender.core.gang.planning import Checks, Room
    from extender.core.model import SeenPod

    _Suiting = Callable[[Checks, SeenPod], NDArray[np.bool_]]


@dataclass(frozen=True, slots=True)
class Kept:
    """These `nodes` are kept for a gang; `order` as `order_of` has it. `since`: when that began, in seconds."""

    gang: GangKey
    order: tuple[int, str]
    nodes: frozenset[str]
    since: float

    def keeps_out(self, order: tuple[int, str]) -> bool:
        """Tell whether a pod of this order gets no room on the nodes."""
        return self.order < order

    def __str__(self) -> str:
        return f"kept for gang {self.gang.namespace}/{self.gang.name}, which comes before it"


def soonest(needed: Sequence[SeenPod], room: Room) -> frozenset[str]:
    """Return nodes that would hold all `needed` pods if nothing else were on them, those first on which least is held.

    At most twice as many as are needed; none where all nodes together would not do, or nobody can check a pod: what
    is looked at besides GPUs may know already that it is gone.
    """
    if any(room.checks.unknown(pod) for pod in needed):
        return frozenset()
    suiting = _suiting(needed, room)
    count = 1
    while count < 2 * len(suiting):
        if hold(needed, room, suiting[:count]):
            return frozenset(suiting[:count])
        count *= 2
    return frozenset()


def hold(needed: Sequence[SeenPod], room: Room, nodes: Collection[str]) -> bool:
    """Tell whether these nodes would hold the pods if nothing else were on them; looked at is also their CPU."""
    there = [node for node in nodes if room.ledger.node(node) is not None]
    return _in_any_order(needed, room, there, lambda checks, pod: checks.alone(pod))


def ever(needed: Sequence[SeenPod], room: Room) -> bool:
    """Tell whether all nodes together would hold all `needed` pods if nothing else were on them."""
    return _in_any_order(needed, room, _suiting(needed, room), lambda checks, pod: checks.could(pod))


def _suiting(needed: Sequence[SeenPod], room: Room) -> list[str]:
    """Return the nodes that suit any of these pods, those first on which least is held."""
    ledger = room.ledger
    could = np.logical_or.reduce([room.checks.could(pod) for pod in needed])
    held = sorted((int(ledger.used(node.name).sum()), node.name) for node in ledger.nodes())
    return [name for _, name in held if could[ledger.columns[name]]]


def _in_any_order(needed: Sequence[SeenPod], room: Room, nodes: Sequence[str], suiting: _Suiting) -> bool:
    """Tell whether these nodes hold the pods if nothing else is on them, in one of the orders that a plan tries."""
    return any(_held(order, room.copy(), nodes, suiting) for order in orders(needed, room.checks))


def _held(needed: Sequence[SeenPod], trial: Room, nodes: Sequence[str], suiting: _Suiting) -> bool:
    with trial.ledger.at_once():
        for node in nodes:
            for holding in tuple(trial.ledger.holdings_on(node)):
                trial.ledger.release(holding.pod.uid)
    allowed = np.zeros(len(trial.ledger.model), dtype=np.bool_)
    allowed[[trial.ledger.columns[node] for node in nodes]] = True
    return all(placed_on(pod, trial, allowed & suiting(trial.checks, pod)) is not None for pod in needed)
