"""How does a person read how far a pod's gang has come?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from extender.core.gang.progress import Stage
from plimsoll.explain.core.times import ago, utc

if TYPE_CHECKING:
    from collections.abc import Iterator

_STAGES = {
    Stage.WAITING: "holds nothing and waits for a plan",
    Stage.PLANNED: "is planned, and let go pod by pod",
    Stage.SHORT: "runs with too few, without a plan for the others",
    Stage.WHOLE: "runs",
    Stage.STOPPED: "is stopped",
}
_NAMED = 3


@dataclass(frozen=True, slots=True)
class ToldGang:
    """How far a gang has come: how many it needs at once, how its members stand, and why those wait that do.

    `since_ms`: since when enough are there that wait for a plan, None where none does.
    """

    name: str
    stage: Stage
    needed: int
    bound: int
    promised: int
    waiting: int
    reason: str = ""
    since_ms: int | None = None
    undone: int = 0
    kept_nodes: tuple[str, ...] = ()


def standing(gang: ToldGang, now_ms: int) -> Iterator[str]:
    """Give how far a gang has come, line by line; why it waits is not among them."""
    members = gang.bound + gang.promised + gang.waiting
    needs = "" if not gang.needed else f", which needs {'1 pod' if gang.needed == 1 else f'{gang.needed} pods at once'}"
    yield f"it is one of gang {gang.name}{needs}"
    yield (
        f"the gang {_STAGES[gang.stage]}: of {'1 pod' if members == 1 else f'{members} pods'} {gang.bound} "
        f"{'is' if gang.bound == 1 else 'are'} bound, {gang.promised} planned, {gang.waiting} without a place"
    )
    if gang.since_ms is not None:
        yield f"it has waited for room since {utc(gang.since_ms)}, {ago(gang.since_ms, now_ms)}"
    if gang.undone:
        yield f"{gang.undone} of its plans {'was' if gang.undone == 1 else 'were'} undone, one after the other"
    if gang.kept_nodes:
        yield f"kept for it, from pods that come after it: {_some(gang.kept_nodes)}"


def _some(nodes: tuple[str, ...]) -> str:
    more = len(nodes) - _NAMED
    return ", ".join(nodes[:_NAMED]) + (f" and {more} more" if more > 0 else "")
