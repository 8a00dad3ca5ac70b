"""Which steps of the law led from the load to a count? The middle part of an explanation, with rules and numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from autoscaler.core.decisions.worked import Pair, panic_ends_ms

if TYPE_CHECKING:
    from autoscaler.core.decisions.worked import Worked
    from autoscaler.core.model import Decision, Inputs, Policy

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


def law_steps(decision: Decision, numbers: Worked) -> list[Step]:
    """Return the steps of the law, in its own order."""
    inputs, policy = decision.inputs, decision.inputs.policy
    return [
        _windows(inputs, numbers),
        _rates(inputs, numbers),
        _activation(policy, numbers),
        _threshold(inputs, numbers),
        _panic(inputs, numbers),
        _floor(inputs, numbers),
        *([_exit(inputs, numbers)] if policy.panic_exit_hold_s else []),
        _delay(policy, numbers),
        _burst(decision),
    ]


def _windows(inputs: Inputs, numbers: Worked) -> Step:
    target = short(inputs.policy.target)
    stable, panic = short(numbers.stable), short(numbers.panic)
    load = "load" if inputs.offered_stable is None else "offered load (arrivals x service time, and the drain)"
    return Step(
        "windows",
        f"each window alone asks for its {load}, divided by the target and rounded up",
        f"stable {stable} / {target} = {numbers.asked.stable}, panic {panic} / {target} = {numbers.asked.panic}",
    )


def _rates(inputs: Inputs, numbers: Worked) -> Step:
    policy, counted = inputs.policy, _counted(inputs)
    fewest, most = inputs.fewest or numbers.base, inputs.most or numbers.base
    down = f"{numbers.lowest} ({most} {counted} / {short(policy.max_scale_down_rate)})"
    period = f"; the fewest and the most within {policy.rate_period_s} s count" if policy.rate_period_s else ""
    return Step(
        "rate limits",
        f"at most max-scale-up-rate times the {counted} replicas, at least 1/max-scale-down-rate of them; at least 1 "
        f"counts as {counted}{period}",
        f"from {down if policy.reachable else '0 (nothing routes to it)'} to {numbers.highest} "
        f"({fewest} {counted} x {short(policy.max_scale_up_rate)}): {_moved(numbers.asked, numbers.limited)}",
        mattered=numbers.asked != numbers.limited,
    )


def _counted(inputs: Inputs) -> str:
    return "ready or starting" if inputs.policy.count_starting_replicas else "ready"


def _activation(policy: Policy, numbers: Worked) -> Step:
    says = f"at least {policy.activation_scale} where anything is asked for: "
    return Step(
        "activation scale",
        "a window that asks for anything asks for activation-scale at least",
        says + _moved(numbers.limited, numbers.activated) if policy.activation_scale > 1 else "off",
        mattered=numbers.limited != numbers.activated,
    )


def _threshold(inputs: Inputs, numbers: Worked) -> Step:
    policy, counted = inputs.policy, _counted(inputs)
    return Step(
        "panic threshold",
        f"panic begins, or is renewed, where the panic window asks for panic-threshold times the {counted} replicas",
        f"{numbers.asked.panic} / {numbers.base} {counted} = {short(numbers.share)}, "
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


def _exit(inputs: Inputs, numbers: Worked) -> Step:
    policy = inputs.policy
    mattered = numbers.exited != numbers.fresh
    at, rate = inputs.panic_left_at or inputs.asked_for, short(policy.max_scale_down_rate)
    held = f"{at} were asked for when panic ended, / {rate}: {numbers.fresh} -> {numbers.exited}"
    return Step(
        "panic exit",
        f"for {policy.panic_exit_hold_s} s after a panic at least 1/max-scale-down-rate of what was asked for stays",
        held if mattered else f"it holds nothing up: {numbers.exited} stays",
        numbers.exited,
        mattered=mattered,
    )


def _delay(policy: Policy, numbers: Worked) -> Step:
    mattered = numbers.delayed != numbers.exited
    delay = f"within {policy.scale_down_delay_s} s"
    says = (
        f"{numbers.delayed} were wanted {delay}: {numbers.exited} -> {numbers.delayed}"
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
        product = f"{inputs.counted} ready x {short(policy.total)} - {short(capacity)} - load {panic}"
        says = f"{product} = {decision.excess_burst_capacity}"
    return Step(
        "burst capacity",
        "what the ready replicas could take beyond target-burst-capacity, rounded down, decides how requests are "
        "routed, not how many replicas there are",
        says,
        mattered=False,
    )


def short(number: float) -> str:
    """Return a number as a person wants to read it; the exact one stands in the record."""
    text = f"{number:.2f}".rstrip("0").rstrip(".")
    # What is small is not nothing.
    return f"{number:.2g}" if text in {"0", "-0"} and number else text


def _moved(before: Pair, after: Pair) -> str:
    return f"stable {change(before.stable, after.stable)}, panic {change(before.panic, after.panic)}"


def change(before: int, after: int) -> str:
    """Return what became of a count."""
    return f"{after} stays" if before == after else f"{before} -> {after}"


def _ago(inputs: Inputs, moment_ms: int) -> str:
    return f"{_seconds(inputs.at_ms - moment_ms)} ago"


def _seconds(length_ms: int) -> str:
    return f"{short(length_ms / _SECOND_MS)} s"
