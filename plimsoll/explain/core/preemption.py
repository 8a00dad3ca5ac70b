"""How does a person read who leaves so that a pod has room, and why one had to leave?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from extender.core.preemption.outstanding import Stage
from extender.core.reasons import gpus
from plimsoll.drawing.tables import table
from plimsoll.explain.core.times import ago, length, utc

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_STAGES = {
    Stage.EVICTING: ("is being evicted", "are being evicted"),
    Stage.LEAVING: ("is leaving", "are leaving"),
    Stage.READY: ("has left", "have left"),
}
_HEAD = ("POD", "NODE", "GPUS", "PROJECT", "PRIORITY", "HAS RUN")
_ROWS = 12
_NAMED = 3
_STANDS_MS = 60_000


@dataclass(frozen=True, slots=True)
class ToldVictim:
    """A train pod that leaves, or might have to: what it holds of each of its `devices`, and what its leaving costs."""

    namespace: str
    name: str
    uid: str
    node: str
    milli: int
    devices: int
    priority: int
    project: str
    borrowed: bool
    ran_s: int
    together: int = 1


@dataclass(frozen=True, slots=True)
class ToldPreemption:
    """Who leaves so that a pod has room, or left, or would; or the `reason` why nobody does.

    `stage` is None where no plan stands; `there`: how many have yet to leave.
    """

    reason: str = ""
    stage: Stage | None = None
    observed: bool = False
    victims: tuple[ToldVictim, ...] = ()
    there: int = 0
    candidates: int = 0
    passed_over: tuple[ToldVictim, ...] = ()
    made_ms: int | None = None


@dataclass(frozen=True, slots=True)
class ToldEviction:
    """That a pod was evicted for others, `evicted_ms` None where it was not yet; `others` left by the same plan."""

    victim: ToldVictim
    made_for: str
    project: str
    because: str
    others: tuple[str, ...]
    candidates: int
    passed_over: tuple[ToldVictim, ...]
    planned_ms: int
    evicted_ms: int | None = None
    observed: bool = False


def leaving(preemption: ToldPreemption, now_ms: int) -> Iterator[str]:
    """Give who leaves for a pod, line by line; why nobody does is not among them."""
    if preemption.made_ms is None:
        return
    planned = f"planned {ago(preemption.made_ms, now_ms)} ({utc(preemption.made_ms)})"
    if not preemption.victims:
        yield f"nobody is evicted for it: what leaves by itself is enough; {planned}"
        return
    who = _pods(len(preemption.victims), "train pod")
    of = f"of {preemption.candidates} that may leave"
    if preemption.observed:
        yield f"mode: observe: {who} {of} would leave for it; {planned}"
    else:
        does = "left" if preemption.stage is None else _STAGES[preemption.stage][len(preemption.victims) != 1]
        yield f"{who} {of} {does} for it; {planned}"
    shown = preemption.victims[:_ROWS]
    for line in table(_HEAD, map(_row, shown)):
        yield f"  {line}"
    if len(preemption.victims) > len(shown):
        yield f"  and {_pods(len(preemption.victims) - len(shown), 'pod')} more"
    yield from _next(preemption.passed_over)


def evicted(eviction: ToldEviction, now_ms: int) -> Iterator[str]:
    """Give why a pod had to leave, line by line; that it had to is not among them."""
    yield eviction.because
    yield f"planned {ago(eviction.planned_ms, now_ms)} ({utc(eviction.planned_ms)})"
    if eviction.others:
        verb = "would leave" if eviction.observed else "left" if eviction.evicted_ms is not None else "leaves"
        yield f"by the same plan {verb} too: {_some(eviction.others)}"
    yield from _next(eviction.passed_over)


def fate(eviction: ToldEviction, now_ms: int) -> str:
    """Return what became of a pod that was planned to leave: the end of a sentence that begins with its name."""
    for_whom = f"to make room for {eviction.made_for}"
    if eviction.evicted_ms is not None:
        return f"was evicted {ago(eviction.evicted_ms, now_ms)} ({utc(eviction.evicted_ms)}) {for_whom}"
    if not eviction.observed:
        return f"is to be evicted {for_whom}"
    # As long as somebody waits for it, it is planned anew every 15 s.
    would = "would be" if now_ms - eviction.planned_ms < _STANDS_MS else "would have been"
    return f"{would} evicted {for_whom} (mode: observe)"


def _row(victim: ToldVictim) -> tuple[str, ...]:
    project = victim.project or "-"
    return (
        f"{victim.namespace}/{victim.name}",
        victim.node,
        gpus(victim.milli * victim.devices),
        f"{project}, borrowed" if victim.borrowed and victim.project else project,
        str(victim.priority),
        length(victim.ran_s * 1000),
    )


def _next(passed_over: Sequence[ToldVictim]) -> Iterator[str]:
    if passed_over:
        named = (
            f"{one.namespace}/{one.name} (priority {one.priority}, has run {length(one.ran_s * 1000)}"
            + (f", with its gang of {one.together})" if one.together > 1 else ")")
            for one in passed_over[:_NAMED]
        )
        yield f"considered and left alone: {', '.join(named)}"


def _pods(count: int, what: str) -> str:
    return f"1 {what}" if count == 1 else f"{count} {what}s"


def _some(names: Iterable[str]) -> str:
    every = list(names)
    more = len(every) - _NAMED
    return ", ".join(every[:_NAMED]) + (f" and {more} more" if more > 0 else "")
