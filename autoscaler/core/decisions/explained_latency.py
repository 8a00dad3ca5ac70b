"""Why so many replicas for a latency target? The law is asked once more, and its numbers are put into words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autoscaler.core.decisions.by_latency import again
from autoscaler.core.decisions.explained_law import Step, short
from autoscaler.core.law.latency import BOUND, SAID_AFTER_WINDOWS, decide
from autoscaler.core.law.latency_memory import WINDOWS_HELD, Phase

if TYPE_CHECKING:
    from autoscaler.core.law.latency import Wanted
    from autoscaler.core.law.latency_memory import Memory
    from autoscaler.core.model import Inputs

UNMEASURED = "latency was not measured whole"

_PHASES = {
    Phase.KEPT: "it is not missed",
    Phase.MISSED: "it is missed: replicas rise with what the load needs and what waits",
    Phase.TRIED: "it is missed though nothing waits for a replica: a trial with more of them is on",
    Phase.STOPPED: "it is missed, and more replicas did not help: they follow the load alone",
}


def measured(inputs: Inputs) -> bool:
    """Tell whether the law of latency could be asked."""
    return again(inputs).served is not None


def worked_latency(inputs: Inputs) -> tuple[Memory, Wanted]:
    """Return what the law makes of recorded inputs that were measured."""
    seen = again(inputs)
    assert seen.served is not None  # noqa: S101  see `measured`
    return decide(seen.aim, seen.memory, seen.served)


def latency_sentence(inputs: Inputs, wanted: int, *, held: bool) -> str:
    """Return why so many replicas are wanted, or the standing ones held."""
    if inputs.hold:
        return f"held: {inputs.hold}"
    if not measured(inputs):
        return f"held: {UNMEASURED}"
    if held:
        return f"held: some ready pods sent no samples; {wanted} wanted, part of the data never scales down"
    memory, law = worked_latency(inputs)
    said = f"latency: {_latency(inputs)}: {_plan(inputs, memory, law)}"
    if law.unhelped:
        alone = f", only {inputs.slowest} is slow" if inputs.slowest else ""
        bound = f", at most {law.bound}" if law.bound else ""
        return f"{said}; more replicas do not help{alone}{bound}"
    if inputs.slowest:
        said += f"; only {inputs.slowest} is slow, which more replicas do not cure"
    return f"{said}; kept at {wanted}: scale-down-delay" if wanted > law.replicas else said


def latency_steps(inputs: Inputs, delayed: int) -> list[Step]:
    """Return the steps of the law; `delayed` is what the scale-down delay makes of its answer."""
    memory, law = worked_latency(inputs)
    before = again(inputs).memory
    phase = Phase(int(memory.phase))
    policy = inputs.policy
    bound = (
        f"the load needed {law.bound // BOUND} when it was kept: at most {law.bound}" if law.bound else "none is needed"
    )
    unit = "requests in flight" if memory.service_s else "requests a second"
    learned = f"{short(memory.capacity)} {unit}" if memory.capacity else "not known yet: nothing changes"
    ceiling = f", at most {short(memory.ceiling)} were carried" if memory.ceiling else ""
    return [
        Step(
            "latency",
            "the share of requests that ends within the target decides what a replica may carry",
            _latency(inputs),
        ),
        Step(
            "capacity",
            "what one replica carries within the target: learned where requests pile up, and while the target is kept",
            f"{learned}{ceiling} (before: {short(before.capacity)})",
        ),
        Step(
            "plan",
            f"the highest load of the last {WINDOWS_HELD} stable windows, divided by that and rounded up",
            _plan(inputs, memory, law),
            law.by_load or inputs.asked_for,
        ),
        Step(
            "target",
            "missed: three slow requests too many, or for as long as the target more in flight than ends within it; "
            f"that more replicas do not help is said after a trial, or {SAID_AFTER_WINDOWS} stable windows",
            f"{_PHASES[phase]}; {short(memory.debt)} slow requests too many",
            mattered=phase is not Phase.KEPT,
        ),
        Step(
            "bound",
            f"while the target is missed: at most {BOUND} times the replicas that the load needed when it was kept",
            bound,
            mattered=law.unhelped and law.bound > 0,
        ),
        Step(
            "latency law",
            "rises at once; falls five stable windows after a rise at the earliest, and not while the target is missed",
            f"{inputs.asked_for} asked for, {inputs.counted} ready: {law.replicas}",
            law.replicas,
        ),
        Step(
            "scale-down delay",
            "the most that was wanted within scale-down-delay counts",
            f"{delayed} were wanted within {policy.scale_down_delay_s} s"
            if delayed != law.replicas
            else "no more was wanted",
            delayed,
            mattered=delayed != law.replicas,
        ),
    ]


def _latency(inputs: Inputs) -> str:
    policy, seen = inputs.policy, inputs.latency
    target = f"target {short(policy.latency_target_ms / 1000)}s"
    if "percentile_s" not in seen:
        return f"no requests ended, {target}"
    what = "mean" if policy.latency_by_mean else f"p{short(policy.latency_percentile)}"
    return f"{what} {short(seen['percentile_s'])}s, {target}"


def _plan(inputs: Inputs, memory: Memory, law: Wanted) -> str:
    unit = "" if memory.service_s else " requests/s"
    load = f"load {short(law.load)}{unit}, peak {short(law.peak)}"
    if not memory.capacity:
        return f"{load}, what a replica carries is not known yet: {inputs.asked_for} stay"
    return f"{load}, {short(memory.capacity)} a replica: {law.replicas}"
