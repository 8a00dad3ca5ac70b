"""How many replicas does the load ask for? The stable/panic law of kpa-spec section 2, steps 1 to 4 and 6 to 8.

Scale up at most `max_scale_up_rate` times, and down to at least 1/`max_scale_down_rate` of, the ready replicas. Where
the panic window asks for `panic_threshold` times the ready replicas, panic begins: as long as it lasts the answer only
climbs; it ends one stable window after the last time that the threshold was reached.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autoscaler.core.model import Load, Policy


MOST_REPLICAS = 2**31 - 1
"""What a replica count can be; keeps loads beyond all measure from overflowing."""


@dataclass(frozen=True, slots=True)
class Panic:
    """What the law remembers between two decisions.

    `since`: the last time that the threshold was reached, None outside panic; `floor`: the highest answer of this
    panic.
    """

    since: float | None = None
    floor: int = 0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the law asks for: `replicas`, and what the two windows alone ask for, rates applied."""

    replicas: int
    stable: int
    panic: int
    panicking: bool


def first_panic(replicas: int, now: float) -> Panic:
    """Return the state of a workload first decided on with `replicas`.

    More than one replica: begin in panic, so that a restart of the autoscaler, which knows no history, scales nothing
    down for one stable window.
    """
    return Panic(since=now if replicas > 1 else None, floor=replicas)


def decide(policy: Policy, state: Panic, load: Load, now: float) -> tuple[Panic, Wanted]:
    """Return the next state and the wanted replicas; loads in the unit of `policy.target`, `now` in seconds."""
    base = max(1, load.ready)
    highest = _rounded_up(policy.max_scale_up_rate * base)
    lowest = math.floor(base / policy.max_scale_down_rate)
    raw_panic = _rounded_up(load.panic / policy.target)
    by_stable = min(max(_rounded_up(load.stable / policy.target), lowest), highest)
    by_panic = min(max(raw_panic, lowest), highest)

    since = state.since
    if raw_panic / base >= policy.panic_threshold:
        since = now
    elif since is not None and since + policy.stable_window_s < now:
        since = None
    if since is None:
        return Panic(), Wanted(by_stable, by_stable, by_panic, panicking=False)
    # Panic only climbs: a dip inside a surge is noise until the stable window has seen it.
    floor = max(state.floor, by_stable, by_panic)
    return Panic(since, floor), Wanted(floor, by_stable, by_panic, panicking=True)


def _rounded_up(replicas: float) -> int:
    return math.ceil(min(replicas, MOST_REPLICAS))
