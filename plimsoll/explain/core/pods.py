"""How does a person read why one pod waits, or stands where it does?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from extender.core.ledger.holding import State
from extender.core.reasons import gpus
from plimsoll.explain.core import gangs, preemption
from plimsoll.explain.core.times import ago, utc

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plimsoll.explain.core.gangs import ToldGang
    from plimsoll.explain.core.preemption import ToldEviction, ToldPreemption

_STATES = {
    State.NOMINATED: "promised what others leave on",
    State.RESERVED: "promised a place on",
    State.BINDING: "being bound to",
    State.BOUND: "bound to",
    State.QUARANTINED: "gone, and nobody saw its containers end; it still counts on",
}


@dataclass(frozen=True, slots=True)
class ToldMisfits:
    """Why so many nodes cannot take a pod, and some of them by name."""

    reason: str
    nodes: int
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ToldWaits:
    """Why a pod waits; moments in Unix milliseconds, None where kube-scheduler did not ask about it."""

    reason: str
    misfits: tuple[ToldMisfits, ...] = ()
    offered: int = 0
    not_offered: int = 0
    first_asked_ms: int | None = None
    last_asked_ms: int | None = None
    asked: int = 0


@dataclass(frozen=True, slots=True)
class ToldWeighed:
    """How its place was chosen: the scores of the places, and why the best is the best."""

    at_ms: int
    score: int
    offered: int
    fitted: int
    others: tuple[tuple[str, int], ...]
    because: str


@dataclass(frozen=True, slots=True)
class ToldPlaced:
    """What a pod holds; `weighed` is None where the extender that was asked did not choose it, or by a plan."""

    node: str
    devices: tuple[str, ...]
    milli: int
    memory: int
    state: State
    model: str
    weighed: ToldWeighed | None = None
    by_plan: bool = False


@dataclass(frozen=True, slots=True)
class ToldPod:
    """What the extender tells of one pod; `project` is "" where it is in none, `kind` "" where nobody knows.

    `standing` is None where it is gone, and was evicted; `gang` where it is a member of none; `preemption` where it was
    not looked at whether others may leave for it; `eviction` where no pod of its name had to leave for others.
    """

    namespace: str
    name: str
    uid: str
    asks: str
    standing: ToldWaits | ToldPlaced | None
    since_ms: int
    project: str = ""
    kind: str = ""
    gang: ToldGang | None = None
    preemption: ToldPreemption | None = None
    eviction: ToldEviction | None = None


def explained(told: ToldPod, now_ms: int) -> str:
    """Return what is known of a pod."""
    name = f"{told.namespace}/{told.name}"
    match told.standing:
        case None:
            lines = _gone(name, told, now_ms)
        case ToldPlaced():
            lines = _placed(name, told, told.standing, now_ms)
        case ToldWaits():
            lines = _waits(name, told, told.standing, now_ms)
    return "\n".join((*lines, *_before(told, now_ms)))


def _gone(name: str, told: ToldPod, now_ms: int) -> Iterator[str]:
    if told.eviction is None:
        return
    yield f"{name} is gone: it {preemption.fate(told.eviction, now_ms)}"
    yield from (f"  {line}" for line in preemption.evicted(told.eviction, now_ms))


def _before(told: ToldPod, now_ms: int) -> Iterator[str]:
    """Give that a pod had to leave, of one that is not gone: it, or another that bore its name before."""
    if told.eviction is None or told.standing is None:
        return
    yield ""
    whose = "it" if told.eviction.victim.uid == told.uid else "an earlier pod of this name"
    yield f"{whose} {preemption.fate(told.eviction, now_ms)}"
    yield from (f"  {line}" for line in preemption.evicted(told.eviction, now_ms))


def _waits(name: str, told: ToldPod, waits: ToldWaits, now_ms: int) -> Iterator[str]:
    yield f"{name} waits for {told.asks or 'GPUs'}"
    yield from _belongs(told, now_ms)
    rows = [(_nodes(group.nodes), group.reason, _some(group)) for group in waits.misfits]
    if waits.misfits and waits.not_offered:
        why = "not asked about by kube-scheduler (CPU, memory, taints, selectors): its own Event says why"
        rows.append((_nodes(waits.not_offered), why, ""))
    if rows:
        yield ""
        count_width = max(len(count) for count, _, _ in rows)
        reason_width = max((len(reason) for _, reason, examples in rows if examples), default=0)
        for count, reason, examples in rows:
            yield f"  {count:>{count_width}}  {reason:<{reason_width}}  {examples}".rstrip()
        yield ""
        if told.preemption is not None:
            nobody = [f"  preemption: {told.preemption.reason}"] if told.preemption.reason else []
            yield from (*nobody, *_leaving(told, now_ms), "")
    else:
        yield f"  {waits.reason}"
        yield from _leaving(told, now_ms)
    yield f"{_asked(told, waits, now_ms)}; this extender knows since {utc(told.since_ms)}, {ago(told.since_ms, now_ms)}"


def _belongs(told: ToldPod, now_ms: int) -> Iterator[str]:
    if told.kind:
        project = f"it belongs to project {told.project}" if told.project else "it is in no project"
        yield f"  {project}; its kind is {told.kind}"
    for line in () if told.gang is None else gangs.standing(told.gang, now_ms):
        yield f"  {line}"


def _leaving(told: ToldPod, now_ms: int) -> Iterator[str]:
    return (f"  {line}" for line in (preemption.leaving(told.preemption, now_ms) if told.preemption else ()))


def _asked(told: ToldPod, waits: ToldWaits, now_ms: int) -> str:
    if waits.first_asked_ms is None or waits.last_asked_ms is None:
        # Nobody is to wonder: kube-scheduler is kept from it on purpose.
        why = "" if told.gang is None else ": it is held back until a plan of its gang gives it a place"
        return f"kube-scheduler did not ask about it{why}"
    if waits.asked == 1:
        return f"kube-scheduler asked once, {ago(waits.last_asked_ms, now_ms)}, about {_nodes(waits.offered)}"
    return (
        f"kube-scheduler asked {waits.asked} times, first {ago(waits.first_asked_ms, now_ms)}, last "
        f"{ago(waits.last_asked_ms, now_ms)}, then about {_nodes(waits.offered)}"
    )


def _placed(name: str, told: ToldPod, placed: ToldPlaced, now_ms: int) -> Iterator[str]:
    yield f"{name} is {_STATES[placed.state]} node {placed.node}: {_holds(placed)}"
    if told.asks:
        yield f"  it asks for {told.asks}"
    yield from _belongs(told, now_ms)
    weighed = placed.weighed
    yield from _leaving(told, now_ms)
    if placed.by_plan:
        yield "  the plan of its gang put it there"
        return
    if weighed is None and told.preemption is not None:
        return  # said above
    if weighed is None:
        yield (
            f"  another chose its place, or an extender before this one, which knows since {utc(told.since_ms)}, "
            f"{ago(told.since_ms, now_ms)}"
        )
        return
    yield f"  chosen {ago(weighed.at_ms, now_ms)} ({utc(weighed.at_ms)})"
    yield f"  kube-scheduler asked about {_nodes(weighed.offered)}; it fitted on {weighed.fitted}"
    if weighed.because:
        yield f"  chosen for {weighed.because}"
    yield ""
    rows = [(str(weighed.score), placed.node, "chosen"), *((str(score), node, "") for node, score in weighed.others)]
    width = max(len(score) for score, _, _ in (("SCORE", "", ""), *rows))
    yield f"  {'SCORE':>{width}}  NODE"
    for score, node, mark in rows:
        yield f"  {score:>{width}}  {node}  {mark}".rstrip()
    left_out = weighed.fitted - len(rows)
    if left_out > 0:
        yield f"  and {_nodes(left_out)} with lower scores"


def _holds(placed: ToldPlaced) -> str:
    if not placed.devices:
        return "on devices that nobody knows; no other pod is placed there"
    word = "device" if len(placed.devices) == 1 else "devices"
    of = f" ({placed.model})" if placed.model else ""
    memory = f", {placed.memory} MiB" if placed.memory else ""
    each = " of each" if len(placed.devices) > 1 else ""
    return f"{word} {', '.join(placed.devices)}{of}, {gpus(placed.milli)} GPU{each}{memory}"


def _some(group: ToldMisfits) -> str:
    more = group.nodes - len(group.examples)
    if not group.examples:
        return ""
    return ", ".join(group.examples) + (f" and {more} more" if more > 0 else "")


def _nodes(count: int) -> str:
    return "1 node" if count == 1 else f"{count} nodes"
