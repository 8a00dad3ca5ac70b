"""Why so many replicas? A decision as a chain of steps that a person can follow, in the law's own order.

The numbers between are worked out again from the recorded inputs; where they do not lead to what was decided, the last
step says so instead of hiding it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from autoscaler.core.decisions.worked import Pair, panic_ends_ms, worked
from autoscaler.core.model import Averaging, Metric, Mode, Seen

if TYPE_CHECKING:
    from autoscaler.core.decisions.worked import Worked
    from autoscaler.core.model import Decision, Inputs, Policy

_UNIT = {Metric.CONCURRENCY: "", Metric.RPS: " requests/s"}
_AVERAGE = {Averaging.LINEAR: "average", Averaging.WEIGHTED_EXPONENTIAL: "weighted average"}
_MEASURED = {
    Seen.ALL: "",
    Seen.PART: "; some ready pods sent no samples",
    Seen.NOTHING: "; the newest seconds were not measured and carry the last known load",
}
_SECOND_MS = 1000


@dataclass(frozen=True, slots=True)
class Step:
    """One link: what it is called, its rule, the rule with this decision's numbers, and the replicas after it.

    `replicas` is None as long as there is not one number yet; `mattered` is False for a step that changed nothing.
    """

    name: str
    rule: str
    says: str
    replicas: int | None = None
    mattered: bool = True


def chain(decision: Decision) -> tuple[Step, ...]:
    """Return the steps from the load to `decision.desired`, which is the last one's number."""
    inputs = decision.inputs
    steps = [_load(inputs)]
    left = _left(inputs)
    if left is not None:
        steps.append(left)
        return (*steps, _desired(decision, inputs.current))
    replicas = max(inputs.current, inputs.standing)  # a person may have raised the count: never less than is there
    held = _held(inputs, replicas)
    if held is None and inputs.stable is not None and inputs.panic is not None:
        numbers = worked(inputs, inputs.stable, inputs.panic)
        steps += _law(decision, numbers)
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


def _held(inputs: Inputs, standing: int) -> Step | None:
    """Return the hold that keeps the law from being asked at all."""
    if inputs.hold:
        return Step("hold", _HOLD, f"{inputs.hold}: {standing} stay", standing)
    if inputs.stable is None or inputs.panic is None:
        return Step("hold", _HOLD, f"no sample of its load has been seen yet: {standing} stay", standing)
    if inputs.seen is Seen.NOTHING:
        return Step("hold", _HOLD, f"a second of the panic window was not measured: {standing} stay", standing)
    return None


def _held_in_part(inputs: Inputs, replicas: int, standing: int) -> Step | None:
    if inputs.seen is not Seen.PART or replicas >= standing:
        return None
    says = f"some ready pods sent no samples, so {replicas} may be too few: {standing} stay"
    return Step("hold", _HOLD, says, standing)


def _law(decision: Decision, numbers: Worked) -> list[Step]:
    inputs, policy = decision.inputs, decision.inputs.policy
    return [
        _windows(inputs, numbers),
        _rates(policy, numbers),
        _activation(policy, numbers),
        _threshold(policy, numbers),
        _panic(inputs, numbers),
        _floor(inputs, numbers),
        _delay(policy, numbers),
        _burst(decision),
    ]


def _windows(inputs: Inputs, numbers: Worked) -> Step:
    target = short(inputs.policy.target)
    stable, panic = short(inputs.stable or 0.0), short(inputs.panic or 0.0)
    return Step(
        "windows",
        "each window alone asks for its load, divided by the target and rounded up",
        f"stable {stable} / {target} = {numbers.asked.stable}, panic {panic} / {target} = {numbers.asked.panic}",
    )


def _rates(policy: Policy, numbers: Worked) -> Step:
    base = numbers.base
    down = f"{numbers.lowest} ({base} ready / {short(policy.max_scale_down_rate)})"
    return Step(
        "rate limits",
        "at most max-scale-up-rate times the ready replicas, at least 1/max-scale-down-rate of them; at least 1 counts "
        "as ready",
        f"from {down if policy.reachable else '0 (nothing routes to it)'} to {numbers.highest} "
        f"({base} ready x {short(policy.max_scale_up_rate)}): {_moved(numbers.asked, numbers.limited)}",
        mattered=numbers.asked != numbers.limited,
    )


def _activation(policy: Policy, numbers: Worked) -> Step:
    says = f"at least {policy.activation_scale} where anything is asked for: "
    return Step(
        "activation scale",
        "a window that asks for anything asks for activation-scale at least",
        says + _moved(numbers.limited, numbers.activated) if policy.activation_scale > 1 else "off",
        mattered=numbers.limited != numbers.activated,
    )


def _threshold(policy: Policy, numbers: Worked) -> Step:
    return Step(
        "panic threshold",
        "panic begins, or is renewed, where the panic window asks for panic-threshold times the ready replicas",
        f"{numbers.asked.panic} / {numbers.base} ready = {short(numbers.share)}, "
        f"{'at or above' if numbers.over else 'below'} {short(policy.panic_threshold)}",
        mattered=numbers.over,
    )


def _panic(inputs: Inputs, numbers: Worked) -> Step:
    before, since_ms = inputs.panic_since_ms, numbers.since_ms
    both = f"the higher of stable {numbers.activated.stable} and panic {numbers.activated.panic} counts"
    if since_ms is None:
        was = "no panic" if before is None else f"panic ends: threshold last reached {_ago(inputs, before)}"
        says = f"{was}: stable {numbers.activated.stable} counts"
    elif before is None:
        says = f"panic begins: {both}"
    elif numbers.over:
        says = f"panic is renewed: {both}"
    else:
        left_ms = panic_ends_ms(inputs, since_ms) - inputs.at_ms
        says = f"panic lasts {_seconds(left_ms)} more unless renewed: {both}"
    return Step(
        "panic",
        "panic ends one stable window after the threshold was last reached; outside it the stable window counts",
        says,
        numbers.picked,
        mattered=before is not None or since_ms is not None,
    )


def _floor(inputs: Inputs, numbers: Worked) -> Step:
    if numbers.since_ms is None:
        says = "outside panic there is none"
    elif numbers.fresh > numbers.picked:
        says = f"this panic asked for {inputs.floor} before: {numbers.picked} -> {numbers.fresh}"
    else:
        says = f"this panic asked for {inputs.floor} before: {numbers.fresh} is its highest now"
    return Step(
        "panic floor",
        "as long as a panic lasts, replicas only rise",
        says,
        numbers.fresh,
        mattered=numbers.fresh != numbers.picked,
    )


def _delay(policy: Policy, numbers: Worked) -> Step:
    mattered = numbers.delayed != numbers.fresh
    delay = f"within {policy.scale_down_delay_s} s"
    says = (
        f"{numbers.delayed} were wanted {delay}: {numbers.fresh} -> {numbers.delayed}"
        if mattered
        else f"no more was wanted {delay}"
    )
    off = not mattered and policy.scale_down_delay_s == 0
    return Step(
        "scale-down delay",
        "the most that was wanted within scale-down-delay counts",
        "off" if off else says,
        numbers.delayed,
        mattered=mattered,
    )


def _burst(decision: Decision) -> Step:
    inputs, policy = decision.inputs, decision.inputs.policy
    capacity, panic = policy.target_burst_capacity, short(inputs.panic or 0.0)
    says = "off" if capacity == 0 else "unlimited"
    if capacity > 0:
        product = f"{inputs.ready} ready x {short(policy.total)} - {short(capacity)} - load {panic}"
        says = f"{product} = {decision.excess_burst_capacity}"
    return Step(
        "burst capacity",
        "what the ready replicas could take beyond target-burst-capacity, rounded down, decides how requests are "
        "routed, not how many replicas there are",
        says,
        mattered=False,
    )


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
    initial = f"not reached yet, so at least {policy.initial_scale}: {_change(with_min, with_initial)}"
    return [
        Step(
            "min scale",
            "at least min-scale",
            f"at least {least}: {_change(replicas, with_min)}" if least else "off",
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
            f"at most {policy.max_scale}: {_change(with_initial, with_max)}" if policy.max_scale else "off",
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
            _change(with_places, at_last),
            at_last,
            mattered=at_last != with_places,
        ),
    ]


def _within_places(inputs: Inputs, replicas: int, least: int) -> int:
    placement = inputs.placement
    if placement is None:
        return replicas
    bound = 0 if placement.fits is None else placement.placed + placement.fits
    return min(replicas, max(inputs.current, least, bound))


def _places(inputs: Inputs, before: int, after: int) -> str:
    placement = inputs.placement
    if placement is None:
        return "not known, so they bound nothing" if inputs.policy.limit_to_placeable else "off"
    if placement.fits is None:
        return f"the extender is being asked how many can be placed: {_change(before, after)}"
    why = f" ({placement.misfit})" if placement.misfit else ""
    return f"{placement.placed} have a place, and {placement.fits} more fit{why}: {_change(before, after)}"


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
    return Step("desired", rule, says, decision.desired)


def short(number: float) -> str:
    """Return a number as a person wants to read it; the exact one stands in the record."""
    text = f"{number:.2f}".rstrip("0").rstrip(".")
    # What is small is not nothing.
    return f"{number:.2g}" if text in {"0", "-0"} and number else text


def _moved(before: Pair, after: Pair) -> str:
    return f"stable {_change(before.stable, after.stable)}, panic {_change(before.panic, after.panic)}"


def _change(before: int, after: int) -> str:
    return f"{after} stays" if before == after else f"{before} -> {after}"


def _ago(inputs: Inputs, moment_ms: int) -> str:
    return f"{_seconds(inputs.at_ms - moment_ms)} ago"


def _seconds(length_ms: int) -> str:
    return f"{short(length_ms / _SECOND_MS)} s"
