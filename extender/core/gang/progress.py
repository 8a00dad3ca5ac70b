"""How far has a gang come? In numbers and words, for people and for metrics: nothing is decided by it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extender.core.gang.gang import Gang, GangKey, Standing
    from extender.core.gang.gangs import Gangs
    from extender.core.ledger.ledger import Ledger

_NOT_LOOKED_AT = "it was not looked at yet: what kube-scheduler looks at is being listed"


class Stage(Enum):
    """How far a gang has come."""

    WAITING = "waiting"
    """It has no plan, and nothing of it runs."""
    PLANNED = "planned"
    """Its members are promised their places, and are let go one by one."""
    SHORT = "short"
    """Fewer than it needs run, and none is promised a place."""
    WHOLE = "whole"
    """As many as it needs have run at once; what is lost of it later is planned alone."""
    STOPPED = "stopped"
    """Its plans were undone too often; it is planned no more."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What is known of a gang: how many it needs at once, 0 where its members do not say so, and how its members stand.

    `reason`: why members of it wait, as a sentence, "" where none does. `since`: since when enough members are there
    that wait for a plan, in seconds; None where none does. `undone`: how many of its plans were undone in a row.
    `kept`: the nodes that are kept for it, by name.
    """

    gang: GangKey
    stage: Stage
    needed: int
    bound: int
    promised: int
    waiting: int
    reason: str = ""
    since: float | None = None
    undone: int = 0
    kept: tuple[str, ...] = ()

    @property
    def members(self) -> int:
        """How many members are there."""
        return self.bound + self.promised + self.waiting


def progress(gang: Gang, gangs: Gangs, ledger: Ledger) -> Progress:
    """Return how far a gang has come."""
    standing = gang.standing(ledger)
    least = gang.least()
    bound, promised = len(standing.bound), len(standing.promised)
    # Also those that are leaving, or are being taken back: they are there, and have no place.
    waiting = len(gang.members) - bound - promised
    kept = gangs.kept
    return Progress(
        gang.key,
        _stage(gang, standing),
        least if isinstance(least, int) else 0,
        bound,
        promised,
        waiting,
        reason=(gang.stopped or gang.sentence or _NOT_LOOKED_AT) if waiting else "",
        since=gang.waits_since,
        undone=gang.undone,
        kept=tuple(sorted(kept.nodes)) if kept is not None and kept.gang == gang.key else (),
    )


def all_progress(gangs: Gangs, ledger: Ledger) -> Iterator[Progress]:
    """Give how far each gang has come."""
    return (progress(gang, gangs, ledger) for gang in gangs)


def _stage(gang: Gang, standing: Standing) -> Stage:
    if gang.whole:
        return Stage.WHOLE
    if gang.stopped:
        return Stage.STOPPED
    if standing.promised:
        return Stage.PLANNED
    return Stage.SHORT if standing.bound else Stage.WAITING
