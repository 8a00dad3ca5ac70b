"""Which numbers lie between the inputs of one decision and its outcome? The law of kpa-spec section 2, one workload.

The law decides for all workloads at once, and only its outcome is kept; a person who asks why gets every number on the
way from here. There is one law: it is asked once more, for what is recorded, and with one thing or another left out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from autoscaler.core.law import kpa, panic_exit
from autoscaler.core.model import MOST_REPLICAS

if TYPE_CHECKING:
    from autoscaler.core.model import Inputs

_SECOND_MS = 1000


@dataclass(frozen=True, slots=True)
class Pair:
    """A replica count by each window alone."""

    stable: int
    panic: int


@dataclass(frozen=True, slots=True)
class Worked:
    """The numbers of steps 1 to 9, in the order in which they come about.

    `stable` and `panic` are the loads that decide; `base` is the replicas that count, at least 1; `asked` what each
    window asks for, `limited` the same within `lowest` and `highest`, `activated` with the activation scale; `share` of
    the panic window's replicas to `base`, and whether it is `over` the threshold; `since_ms` and `floor` of the panic
    after this decision; `picked` one count out of the two, `fresh` with the panic's floor, `exited` with what an ended
    panic still holds, and `delayed` with the scale-down delay.
    """

    stable: float
    panic: float
    base: int
    asked: Pair
    highest: int
    lowest: int
    limited: Pair
    activated: Pair
    share: float
    over: bool
    since_ms: int | None
    picked: int
    floor: int
    fresh: int
    exited: int
    delayed: int


def worked(inputs: Inputs, stable: float, panic: float) -> Worked:
    """Let the law work out window averages `stable` and `panic`, or the offered loads in their place."""
    policy, never = inputs.policy, kpa.NEVER
    stable = stable if inputs.offered_stable is None else inputs.offered_stable
    panic = panic if inputs.offered_panic is None else inputs.offered_panic
    base = max(1, inputs.counted + inputs.counted_starting)
    plain = replace(policy, activation_scale=0)
    # The first row is the decision itself. The second knows no activation scale and no panic before it: it tells what
    # the rates make of each window, and whether the threshold is reached. The third asks for nothing by one window and
    # for everything by the other: it tells the rates.
    since_ms = never if inputs.panic_since_ms is None else inputs.panic_since_ms
    after, wanted = kpa.decide(
        kpa.Parameters.of([policy, plain, plain]),
        kpa.State(np.array([since_ms, never, never]), np.array([inputs.floor, 0, 0])),
        kpa.Loads(
            np.array([stable, stable, 0.0]),
            np.array([panic, panic, np.inf]),
            np.full(3, inputs.counted),
            np.full(3, base),
            np.full(3, inputs.fewest or base),
            np.full(3, inputs.most or base),
        ),
        now_ms=inputs.at_ms,
    )
    activated = Pair(int(wanted.stable[0]), int(wanted.panic[0]))
    panicking, fresh = bool(wanted.panicking[0]), int(wanted.replicas[0])
    exited = max(fresh, 0 if panicking else _held(inputs))
    return Worked(
        stable=stable,
        panic=panic,
        base=base,
        asked=Pair(_count(wanted.raw_stable[0]), _count(wanted.raw_panic[0])),
        highest=int(wanted.panic[2]),
        lowest=int(wanted.stable[2]),
        limited=Pair(int(wanted.stable[1]), int(wanted.panic[1])),
        activated=activated,
        share=float(wanted.raw_panic[0]) / base,
        over=bool(wanted.panicking[1]),
        since_ms=int(after.panic_since_ms[0]) if panicking else None,
        picked=max(activated.stable, activated.panic) if panicking else activated.stable,
        floor=int(after.floor[0]),
        fresh=fresh,
        exited=exited,
        delayed=max(exited, inputs.delayed),
    )


def _held(inputs: Inputs) -> int:
    """Return how many replicas a panic still holds that has ended, or ends with this decision."""
    policies = [inputs.policy]
    parameters = panic_exit.Parameters.of(policies)
    before = panic_exit.Exit(
        np.array([kpa.NEVER if inputs.panic_left_ms is None else inputs.panic_left_ms]),
        np.array([inputs.panic_left_at]),
    )
    turn = panic_exit.Turn(
        np.array([inputs.panic_since_ms is not None]), np.zeros(1, dtype=np.bool_), np.array([inputs.asked_for])
    )
    return int(panic_exit.least(panic_exit.left(before, parameters, turn, inputs.at_ms), parameters)[0])


def panic_ends_ms(inputs: Inputs, since_ms: int) -> int:
    """Return the moment after which a panic whose threshold was last reached at `since_ms` ends."""
    return since_ms + inputs.policy.stable_window_s * _SECOND_MS


def _count(replicas: np.float64) -> int:
    return int(min(replicas, MOST_REPLICAS))
