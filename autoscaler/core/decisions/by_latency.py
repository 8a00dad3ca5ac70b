"""On what does a decision by latency rest, and how is that recorded? Aim, memory and what was seen, there and back.

What the law remembers is told as numbers by name, without those that are as in the beginning: so it goes into records
and metrics, and comes back from there. A restart that finds them goes on with them; where they are old, what was
learned stays, and whether the target is kept is judged anew. One that finds none learns anew, within some stable
windows of traffic, and leaves the replicas as they are until then.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import isnan
from typing import TYPE_CHECKING, TypedDict

from autoscaler.core.law.latency import decide
from autoscaler.core.law.latency_terms import Aim, Memory, Phase, Seen
from autoscaler.core.model import Metric

if TYPE_CHECKING:
    from collections.abc import Mapping

    from autoscaler.core.model import Inputs, Policy

MEAN_SHARE = 0.05
"""What counts as the share of requests that may be slow, where the mean alone is known."""

_BLANK = Memory()
_COUNTS = ("window", "ready")
_NUMBERS = tuple(each.name for each in fields(Memory) if each.name != "peaks")
_PEAKS = tuple(f"peak_{number}" for number in range(len(_BLANK.peaks) - 1, -1, -1))
NAMES = (*_NUMBERS, *_PEAKS)
"""Everything that the law remembers, by the names under which it is told."""

_SEEN = tuple(each.name for each in fields(Seen) if each.name not in {"at_ms", "ready", "current"})


def aim_of(policy: Policy) -> Aim | None:
    """Return what a policy aims for, None where it is no latency."""
    if policy.metric is not Metric.LATENCY:
        return None
    return Aim(
        target_s=policy.latency_target_ms / 1000,
        share=MEAN_SHARE if policy.latency_by_mean else 1 - policy.latency_percentile / 100,
        stable_s=policy.stable_window_s,
        panic_s=policy.panic_window_s,
        least=max(1, policy.min_scale),
        most=policy.max_scale,
    )


def told(memory: Memory) -> dict[str, float]:
    """Return a memory as numbers by name, but for what is as in the beginning."""
    said = {name: float(getattr(memory, name)) for name in _NUMBERS if getattr(memory, name) != getattr(_BLANK, name)}
    return said | {name: peak for name, peak in zip(_PEAKS, memory.peaks, strict=True) if peak}


def recalled(said: Mapping[str, float]) -> Memory:
    """Return the memory that was told so."""
    memory = Memory(peaks=tuple(said.get(name, 0.0) for name in _PEAKS))
    for name in _NUMBERS:
        if name in said:
            setattr(memory, name, round(said[name]) if name in _COUNTS else said[name])
    phase = round(said.get("phase", 0.0))
    memory.phase = Phase(phase) if phase in set(Phase) else Phase.KEPT
    return memory


@dataclass(frozen=True, slots=True)
class LatencySeen:
    """What one decision by latency rests on: `seen` is None where it was not measured whole.

    `percentile_s` of the requests of about a stable window (NaN: none ended), the mean where there is no histogram;
    `slowest` the one replica that is slow by itself; `short_s` where the histogram ends (0: it has no finite bound), if
    that is below the target.
    """

    aim: Aim
    memory: Memory
    seen: Seen | None
    percentile_s: float = float("nan")
    slowest: str = ""
    short_s: float | None = None


class Kept(TypedDict):
    """The fields of `model.Inputs` that are of latency."""

    latency: dict[str, float]
    learned: dict[str, float]
    slowest: str


def inputs_of(row: LatencySeen | None) -> Kept:
    """Return what is recorded of a decision by latency; nothing of others."""
    if row is None:
        return Kept(latency={}, learned={}, slowest="")
    latency: dict[str, float] = {}
    if row.seen is not None:
        latency = {name: getattr(row.seen, name) for name in _SEEN}
    if not isnan(row.percentile_s):
        latency["percentile_s"] = row.percentile_s
    if row.short_s is not None:
        latency["short_s"] = row.short_s
    return Kept(latency=latency, learned=told(row.memory), slowest=row.slowest)


def again(inputs: Inputs) -> LatencySeen:
    """Return what a recorded decision by latency rested on."""
    aim, latency, seen = aim_of(inputs.policy), inputs.latency, None
    assert aim is not None  # noqa: S101  only those are asked
    if all(name in latency for name in _SEEN):
        values = {name: latency[name] for name in _SEEN}
        seen = Seen(at_ms=inputs.at_ms, ready=inputs.counted, current=inputs.asked_for, **values)
    percentile_s = latency.get("percentile_s", float("nan"))
    return LatencySeen(
        aim, recalled(inputs.learned), seen, percentile_s, inputs.slowest, short_s=latency.get("short_s")
    )


@dataclass(frozen=True, slots=True)
class LatencyDecided:
    """What the law of latency remembers now, and the replicas that it wants."""

    memory: Memory
    replicas: int

    @property
    def unhelped(self) -> bool:
        """Whether more replicas do not bring latency to its target."""
        return self.memory.phase is Phase.GIVEN_UP


def decided_on(row: LatencySeen) -> LatencyDecided:
    """Return what the law makes of what was measured."""
    assert row.seen is not None  # noqa: S101  what was not measured is not decided on
    return LatencyDecided(*decide(row.memory, row.aim, row.seen))
