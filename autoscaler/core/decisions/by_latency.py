"""On what does a decision by latency rest, and how is that recorded? Aim, memory and what was seen, there and back."""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import isnan
from typing import TYPE_CHECKING, TypedDict

from autoscaler.core.law.latency_memory import Aim, Memory, Served
from autoscaler.core.model import Metric

if TYPE_CHECKING:
    from autoscaler.core.model import Inputs, Policy


def aim_of(policy: Policy) -> Aim | None:
    """Return what a policy aims for, None where it is no latency."""
    if policy.metric is not Metric.LATENCY:
        return None
    percentile = 0.95 if policy.latency_by_mean else policy.latency_percentile / 100
    return Aim(policy.latency_target_ms / 1000, percentile, float(policy.stable_window_s), float(policy.panic_window_s))


@dataclass(frozen=True, slots=True)
class LatencySeen:
    """What one decision by latency rests on: `served` is None where it was not measured whole.

    `percentile_s` of the requests of about a stable window (NaN: none ended), the mean where there is no histogram;
    `slowest` the one replica that is slow by itself.
    """

    aim: Aim
    memory: Memory
    served: Served | None
    percentile_s: float = float("nan")
    slowest: str = ""


class Kept(TypedDict):
    """The fields of `model.Inputs` that are of latency."""

    latency: dict[str, float]
    learned: dict[str, float]
    slowest: str


_SERVED = tuple(each.name for each in fields(Served) if each.name not in {"at_s", "ready", "requested"})


def inputs_of(seen: LatencySeen | None) -> Kept:
    """Return what is recorded of a decision by latency; nothing of others."""
    if seen is None:
        return Kept(latency={}, learned={}, slowest="")
    latency: dict[str, float] = {}
    if seen.served is not None:
        latency = {name: getattr(seen.served, name) for name in _SERVED}
    if not isnan(seen.percentile_s):
        latency["percentile_s"] = seen.percentile_s
    return Kept(latency=latency, learned=seen.memory.told(), slowest=seen.slowest)


def again(inputs: Inputs) -> LatencySeen:
    """Return what a recorded decision by latency rested on."""
    aim = aim_of(inputs.policy)
    assert aim is not None  # noqa: S101  only those are asked
    seen, served = inputs.latency, None
    if all(name in seen for name in _SERVED):
        values = {name: seen[name] for name in _SERVED}
        served = Served(at_s=inputs.at_ms / 1000, ready=inputs.counted, requested=inputs.asked_for, **values)
    return LatencySeen(aim, Memory.of(inputs.learned), served, seen.get("percentile_s", float("nan")), inputs.slowest)
