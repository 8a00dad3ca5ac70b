"""Why so many replicas? A decision as a chain of steps that a person can follow, in the law's own order.

The numbers between are worked out again from the recorded inputs; where they do not lead to what was decided, the last
step says so instead of hiding it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from autoscaler.core.decisions.explained_latency import latency_steps, unasked
from autoscaler.core.decisions.explained_law import Step, change, law_steps, short
from autoscaler.core.decisions.worked import worked
from autoscaler.core.model import Averaging, Metric, Mode, Seen

if TYPE_CHECKING:
    from autoscaler.core.model import Decision, Inputs

_UNIT = {Metric.CONCURRENCY: "", Metric.RPS: " requests/s", Metric.LATENCY: ""}
_AVERAGE = {Averaging.LINEAR: "average", Averaging.WEIGHTED_EXPONENTIAL: "weighted average"}
_MEASURED = {
    Seen.ALL: "",
    Seen.PART: "; some ready pods sent no samples",
    Seen.NOTHING: "; the newest seconds were not measured and carry the last known load",
}


def chain(decision: Decision) -> tuple[Step, ...]:
    """Return the steps from the load to `decision.desired`, which is the last one's number."""
    inputs = decision.inputs
    steps = [_load(inputs)]
    left = _left(inputs)
    if left is not None:
        steps.append(left)
        return (*steps, _desired(decision, inputs.current))
    steps += _observed(inputs)
    replicas = inputs.kept
    held = _held(inputs, replicas)
    if held is None and inputs.by_latency:
        steps += latency_steps(inputs, decision.wanted)
        held = _held_in_part(inputs, decision.wanted, replicas)
        replicas = decision.wanted if held is None else replicas
    elif held is None and inputs.stable is not None and inputs.panic is not None:
        numbers = worked(inputs, inputs.stable, inputs.panic)
        steps += law_steps(decision, numbers)
        held = _held_in_part(inputs, numbers.delayed, replicas)
        replicas = numbers.delayed if held is None else replicas
    steps.append(
        held or Step("hold", _HOLD, "nothing is held: every second that counts was measured", replicas, mattered=False)
    )
    bounds = _bounds(inputs, replicas)
    steps += bounds
    return (*steps, _desired(decision, bounds[-1].replicas))


_HOLD = "no data is never zero, and part of the data never scales down: the replicas that stand are kept"


def _load(inputs: Inputs) -> Step:
    rule = "what the replicas carry together, over the stable and over the panic window"
    if inputs.stable is None or inputs.panic is None:
        return Step("load", rule, "nothing has been measured yet")
    policy = inputs.policy
    unit = _UNIT[policy.metric]
    return Step(
        "load",
        rule,
        f"{_AVERAGE[policy.averaging]} {short(inputs.stable)}{unit} over {policy.stable_window_s} s (stable), "
        f"{short(inputs.panic)}{unit} over {policy.panic_window_s} s (panic){_MEASURED[inputs.seen]}",
    )


def _left(inputs: Inputs) -> Step | None:
    rule = "replicas that somebody else sets are left alone"
    if inputs.leave:
        return Step("left alone", rule, inputs.leave, inputs.current)
    if inputs.current == 0:
        return Step("left alone", rule, "somebody scaled it to zero; autoscaling resumes above zero", 0)
    return None


def _observed(inputs: Inputs) -> list[Step]:
    if not inputs.observed:
        return []
    count = f"; {inputs.counted} of {inputs.ready} ready count" if inputs.counted < inputs.ready else ""
    return [
        Step(
            "observed",
            "nothing is carried out, and the law goes on as if all of it had been: of the ready replicas no more count "
            "than were decided last",
            f"{inputs.observed}, {inputs.current} asked for{count}",
        )
    ]


def _held(inputs: Inputs, standing: int) -> Step | None:
    """Return the hold that keeps the law from being asked at all."""
    if inputs.hold:
        return Step("hold", _HOLD, f"{inputs.hold}: {standing} stay", standing)
    if inputs.stable is None or inputs.panic is None:
        return Step("hold", _HOLD, f"no sample of its load has been seen yet: {standing} stay", standing)
    missing = unasked(inputs) if inputs.by_latency else ""
    if missing:
        return Step("hold", _HOLD, f"{missing}: {standing} stay", standing)
    if inputs.seen is Seen.NOTHING:
        return Step("hold", _HOLD, f"a second of the panic window was not measured: {standing} stay", standing)
    return None


def _held_in_part(inputs: Inputs, replicas: int, standing: int) -> Step | None:
    if inputs.seen is not Seen.PART or replicas >= standing:
        return None
    says = f"some ready pods sent no samples, so {replicas} may be too few: {standing} stay"
    return Step("hold", _HOLD, says, standing)


def _bounds(inputs: Inputs, replicas: int) -> list[Step]:
    policy = inputs.policy
    least = policy.min_scale if policy.reachable else 0
    waiting = policy.reachable and not inputs.initialised and policy.initial_scale > 1
    floor = max(least, policy.initial_scale) if waiting else least
    with_min = max(replicas, least)
    with_initial = max(with_min, floor)
    with_max = with_initial
    if 0 < policy.max_scale < with_initial and with_initial == replicas:  # what was raised is not lowered again
        with_max = policy.max_scale
    with_places = _within_places(inputs, with_max, floor)
    at_last = max(with_places, 1)
    initial = f"not reached yet, so at least {policy.initial_scale}: {change(with_min, with_initial)}"
    return [
        Step(
            "min scale",
            "at least min-scale",
            f"at least {least}: {change(replicas, with_min)}" if least else "off",
            with_min,
            mattered=with_min != replicas,
        ),
        Step(
            "initial scale",
            "at least initial-scale until that many have been ready once",
            initial if waiting else "was reached" if inputs.initialised else "off",
            with_initial,
            mattered=with_initial != with_min,
        ),
        Step(
            "max scale",
            "at most max-scale, unless the count was just raised to its least",
            f"at most {policy.max_scale}: {change(with_initial, with_max)}" if policy.max_scale else "off",
            with_max,
            mattered=with_max != with_initial,
        ),
        Step(
            "places",
            "at most what can be placed, but not fewer than are asked for already or promised by min and initial scale",
            _places(inputs, with_max, with_places),
            with_places,
            mattered=with_places != with_max,
        ),
        Step(
            "last replica",
            "the last replica stays, as going to zero and back needs the activator",
            change(with_places, at_last),
            at_last,
            mattered=at_last != with_places,
        ),
    ]


def _within_places(inputs: Inputs, replicas: int, least: int) -> int:
    placement = inputs.placement
    if placement is None:
        return replicas
    bound = 0 if placement.fits is None else placement.placed + placement.fits
    return min(replicas, max(inputs.asked_for, least, bound))


def _places(inputs: Inputs, before: int, after: int) -> str:
    placement = inputs.placement
    if placement is None:
        return "not known, so they bound nothing" if inputs.policy.limit_to_placeable else "off"
    if placement.fits is None:
        return f"the extender is being asked how many can be placed: {change(before, after)}"
    why = f" ({placement.misfit})" if placement.misfit else ""
    return f"{placement.placed} have a place, and {placement.fits} more fit{why}: {change(before, after)}"


def _desired(decision: Decision, replicas: int | None) -> Step:
    rule = "what the workload gets"
    current = decision.inputs.current
    if decision.desired != replicas:
        says = (
            f"{decision.desired} were decided, but these steps lead to {replicas}: the record comes from another "
            "version, or this is a defect to report with the record"
        )
        return Step("desired", rule, says, decision.desired)
    how = {Mode.STABLE: "stable", Mode.PANIC: "panic", Mode.HELD: "held"}[decision.mode]
    says = f"{how}: {current} stay" if decision.desired == current else f"{how}: {current} -> {decision.desired}"
    if decision.inputs.observed:
        says += ", not carried out"
    return Step("desired", rule, says, decision.desired)
