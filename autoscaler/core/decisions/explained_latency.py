"""Why so many replicas for a latency target? The law is asked once more, and its numbers are put into words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autoscaler.core.decisions.by_latency import again, decided_on
from autoscaler.core.decisions.explained_law import Step, short
from autoscaler.core.law.bursts import WINDOWS_HELD, WINDOWS_LOOKED_BACK, held
from autoscaler.core.law.latency import MOST_TIMES, bound
from autoscaler.core.law.latency_terms import Phase

if TYPE_CHECKING:
    from autoscaler.core.decisions.by_latency import LatencyDecided
    from autoscaler.core.law.latency_terms import Memory
    from autoscaler.core.model import Inputs

_PHASES = {
    Phase.KEPT: "it is kept",
    Phase.MISSED: "it is missed: replicas rise with what the load needs and what waits",
    Phase.TRIED: "it is missed though every replica is ready and carries no more than it may: more are tried",
    Phase.GIVEN_UP: "it is missed, and more replicas did not help: they follow the load alone",
}


def unasked(inputs: Inputs) -> str:
    """Return why the law of latency could not be asked, "" where it was."""
    seen = again(inputs)
    if seen.short_s is not None:
        ends = f"ends at {short(seen.short_s)}s" if seen.short_s else "has no bound but +Inf"
        return (
            f"the target is {short(seen.aim.target_s)}s and the server's histogram {ends}: which requests were slower "
            "cannot be told; give it a bucket at the target or above, or lower latency-target-ms"
        )
    return "" if seen.seen is not None else "latency was not measured whole"


def latency_sentence(inputs: Inputs, wanted: int, *, held: bool) -> str:
    """Return why so many replicas are wanted, or the standing ones held."""
    if inputs.hold:
        return f"held: {inputs.hold}"
    missing = unasked(inputs)
    if missing:
        return f"held: {missing}"
    if held:
        return f"held: some ready pods sent no samples; {wanted} wanted, part of the data never scales down"
    decided = decided_on(again(inputs))
    said = f"latency: {_latency(inputs)}: {_plan(inputs, decided)}"
    if decided.unhelped:
        said += "; more replicas do not help"
        bound = _bound(decided.memory)
        said += f", at most {bound}" if bound else ""
    if inputs.slowest:
        said += f"; only {inputs.slowest} is slow"
    return f"{said}; kept at {wanted}: scale-down-delay" if wanted > decided.replicas else said


def latency_steps(inputs: Inputs, delayed: int) -> list[Step]:
    """Return the steps of the law; `delayed` is what the scale-down delay makes of its answer."""
    before = again(inputs)
    decided = decided_on(before)
    memory, bound = decided.memory, _bound(decided.memory)
    unit = "requests in flight" if memory.service_s else "requests a second"
    learned = f"{short(memory.per_replica)} {unit}" if memory.per_replica else "not known yet: nothing changes"
    ceiling = f"; full ones worked off {short(memory.ceiling)}" if memory.ceiling else ""
    alone = f"; only {inputs.slowest} is slow" if inputs.slowest else ""
    delay = f"{delayed} were wanted within {inputs.policy.scale_down_delay_s} s"
    return [
        Step(
            "latency",
            "the share of requests that end within the target says whether a replica may carry what it does",
            f"{_latency(inputs)}{alone}",
        ),
        Step(
            "per replica",
            "raised slowly while the target is kept and it is nearly carried, lowered at a miss; learned from what "
            "full replicas work off",
            f"{learned}{ceiling} (before: {short(before.memory.per_replica)})",
        ),
        Step(
            "demand",
            f"arrivals times service time: the highest of the last {WINDOWS_HELD} stable windows (of "
            f"{WINDOWS_LOOKED_BACK} where it comes in bursts, and room for a higher one), and what waits while the "
            "target is missed, by what a replica may carry",
            _plan(inputs, decided),
        ),
        Step(
            "target",
            "missed by three slow requests too many, or by more in flight than ends within the target for as long; "
            f"that more replicas do not help is said after a trial, or {WINDOWS_HELD} stable windows without replicas "
            "that start",
            f"{_PHASES[memory.phase]}; {short(memory.debt)} slow requests too many",
            mattered=memory.phase is not Phase.KEPT,
        ),
        Step(
            "bound",
            f"while it is missed, at most {MOST_TIMES} times the replicas that the demand needed when it was kept, or "
            "those that keep up with it where it never was",
            f"at most {bound}" if bound else "none is needed",
            mattered=0 < bound <= decided.replicas,
        ),
        Step(
            "pace",
            "rises at once; falls five stable windows after a rise at the earliest, once a window, and not while the "
            "target is missed for want of replicas",
            f"{inputs.asked_for} asked for, {inputs.counted} ready: {decided.replicas}",
            decided.replicas,
        ),
        Step(
            "scale-down delay",
            "the most that was wanted within scale-down-delay counts",
            delay if delayed != decided.replicas else "no more was wanted",
            delayed,
            mattered=delayed != decided.replicas,
        ),
    ]


def _bound(memory: Memory) -> int:
    """Return how many replicas there are at most while the target is missed; 0 for no bound."""
    return 0 if memory.phase is Phase.KEPT else bound(memory)


def _latency(inputs: Inputs) -> str:
    policy, seen = inputs.policy, inputs.latency
    target = f"target {short(policy.latency_target_ms / 1000)}s"
    if "percentile_s" not in seen:
        return f"no request ended, {target}"
    what = "mean (no histogram)" if policy.latency_by_mean else f"p{short(policy.latency_percentile)}"
    return f"{what} {short(seen['percentile_s'])}s, {target}"


def _plan(inputs: Inputs, decided: LatencyDecided) -> str:
    memory = decided.memory
    demand = f"demand {short(held(memory.peaks))}{'' if memory.service_s else ' requests/s'}"
    if not memory.per_replica:
        return f"{demand}, what a replica may carry is not known yet: {inputs.asked_for} stay"
    return f"{demand}, {short(memory.per_replica)} a replica: {decided.replicas}"
