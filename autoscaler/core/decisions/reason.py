"""What does a person read of a decision? One sentence with the numbers that made it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from autoscaler.core.decisions.explained_latency import latency_sentence
from autoscaler.core.model import Metric, Mode, Seen

if TYPE_CHECKING:
    from autoscaler.core.model import Inputs, Policy

_LOAD = {Metric.CONCURRENCY: "load", Metric.RPS: "load/s"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the law asked for: by each window alone (rates applied), together, and with the scale-down delay."""

    by_stable: int
    by_panic: int
    fresh: int
    wanted: int


def sentence(inputs: Inputs, asked: Asked, mode: Mode, bounded: int, desired: int) -> str:
    """Return why `desired` replicas were decided, `bounded` ones being within the workload's bounds."""
    if inputs.leave:
        return f"left alone: {inputs.leave}"
    if inputs.current == 0:
        return "somebody scaled it to zero; autoscaling resumes above zero"
    if inputs.by_latency:
        said = latency_sentence(inputs, asked.wanted, held=mode is Mode.HELD)
        kept = inputs.kept if mode is Mode.HELD else asked.wanted
        observed = "observed: " if inputs.observed else ""
        return observed + said + _bound(inputs, kept, bounded) + _unplaced(inputs, bounded, desired)
    kept = inputs.kept if mode is Mode.HELD else asked.wanted
    said = _held(inputs, asked) if mode is Mode.HELD else _decided(inputs, asked, mode)
    observed = "observed: " if inputs.observed else ""
    return observed + said + _bound(inputs, kept, bounded) + _unplaced(inputs, bounded, desired)


def _held(inputs: Inputs, asked: Asked) -> str:
    if inputs.hold:
        return f"held: {inputs.hold}"
    if inputs.panic is None:
        return "held: no sample of its load has been seen yet"
    if inputs.seen is Seen.NOTHING:
        return f"held: no samples; last known load {_short(inputs.panic)}"
    return f"held: some ready pods sent no samples; {asked.wanted} wanted, part of the data never scales down"


def _decided(inputs: Inputs, asked: Asked, mode: Mode) -> str:
    policy = inputs.policy
    delayed = f"; kept at {asked.wanted}: scale-down-delay" if asked.wanted > asked.fresh else ""
    if mode is Mode.STABLE:
        calm = _over(policy, inputs.stable, inputs.offered_stable, policy.stable_window_s)
        held = f"; kept at {asked.fresh}: panic-exit-hold" if asked.fresh > asked.by_stable else ""
        return f"stable: {calm}: {asked.by_stable}{held}{delayed}"
    burst = _over(policy, inputs.panic, inputs.offered_panic, policy.panic_window_s)
    if asked.fresh > max(asked.by_panic, asked.by_stable):
        return f"panic: kept at {asked.fresh}, its highest; {burst}{delayed}"
    starting = f", {inputs.counted_starting} starting" if inputs.counted_starting else ""
    return f"panic: {burst}, {inputs.counted} ready{starting}: {asked.fresh}{delayed}"


def _over(policy: Policy, average: float | None, offered: float | None, window_s: int) -> str:
    what, load = (_LOAD[policy.metric], average or 0.0) if offered is None else ("offered load", offered)
    return f"{what} {_short(load)} over {window_s}s, target {_short(policy.target)} each"


def _bound(inputs: Inputs, kept: int, desired: int) -> str:
    policy = inputs.policy
    if desired > kept:
        if desired == policy.initial_scale and desired > policy.min_scale and not inputs.initialised:
            why = "initial-scale"
        else:
            why = "min-scale" if policy.min_scale else "the last replica stays, as zero needs the activator"
        return f"; raised to {desired}: {why}"
    return f"; lowered to {desired}: max-scale" if desired < kept else ""


def _unplaced(inputs: Inputs, bounded: int, desired: int) -> str:
    if desired >= bounded:
        return ""
    says = f"; kept at {desired}" if desired == inputs.asked_for else f"; lowered to {desired}"
    if inputs.fits is None:
        return f"{says} until the extender has said how many can be placed"
    why = f": {inputs.misfit}" if inputs.misfit else ""
    return f"{says}: only {inputs.placed + inputs.fits} can be placed{why}"


def _short(number: float) -> str:
    """Return a number as a person wants to read it; the exact one stands in the decision."""
    return f"{number:.2f}".rstrip("0").rstrip(".")
