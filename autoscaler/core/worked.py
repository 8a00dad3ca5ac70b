"""Which numbers lie between the inputs of one decision and its outcome? The law of kpa-spec section 2, one workload.

The law decides for all workloads at once and keeps only its outcome; a person who asks why gets every number on the
way from here, worked out again from what is recorded.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autoscaler.core.model import MOST_REPLICAS

if TYPE_CHECKING:
    from autoscaler.core.model import Inputs, Policy

_SECOND_MS = 1000


@dataclass(frozen=True, slots=True)
class Pair:
    """A replica count by each window alone."""

    stable: int
    panic: int


@dataclass(frozen=True, slots=True)
class Worked:
    """The numbers of steps 1 to 9, in the order in which they come about.

    `base` is the ready replicas, at least 1; `asked` what each window asks for, `limited` the same within `lowest` and
    `highest`, `activated` with the activation scale; `share` of the panic window's replicas to `base`, and whether it
    is `over` the threshold; `since_ms` and `floor` of the panic after this decision; `picked` one count out of the two,
    `fresh` with the panic's floor, and `delayed` with the scale-down delay.
    """

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
    delayed: int


def worked(inputs: Inputs, stable: float, panic: float) -> Worked:
    """Work the law out for window averages `stable` and `panic`."""
    policy = inputs.policy
    base = max(1, inputs.ready)
    asked = Pair(_rounded_up(stable / policy.target), _rounded_up(panic / policy.target))
    highest = _rounded_up(policy.max_scale_up_rate * base)
    lowest = math.floor(base / policy.max_scale_down_rate) if policy.reachable else 0
    limited = Pair(min(max(asked.stable, lowest), highest), min(max(asked.panic, lowest), highest))
    activated = Pair(_activated(policy, asked.stable, limited.stable), _activated(policy, asked.panic, limited.panic))
    share = _ceiling(panic / policy.target) / base
    over = share >= policy.panic_threshold
    since_ms = inputs.at_ms if over else _lasting(inputs)
    picked = activated.stable if since_ms is None else max(activated.stable, activated.panic)
    floor = _floor(inputs, since_ms, picked)
    fresh = picked if since_ms is None else floor
    return Worked(
        base=base,
        asked=asked,
        highest=highest,
        lowest=lowest,
        limited=limited,
        activated=activated,
        share=share,
        over=over,
        since_ms=since_ms,
        picked=picked,
        floor=floor,
        fresh=fresh,
        delayed=max(fresh, inputs.delayed),
    )


def panic_ends_ms(inputs: Inputs, since_ms: int) -> int:
    """Return the moment after which a panic whose threshold was last reached at `since_ms` ends."""
    return since_ms + inputs.policy.stable_window_s * _SECOND_MS


def _activated(policy: Policy, asked: int, limited: int) -> int:
    return max(limited, policy.activation_scale) if policy.activation_scale > 1 and asked > 0 else limited


def _lasting(inputs: Inputs) -> int | None:
    since_ms = inputs.panic_since_ms
    return None if since_ms is None or panic_ends_ms(inputs, since_ms) < inputs.at_ms else since_ms


def _floor(inputs: Inputs, since_ms: int | None, picked: int) -> int:
    if since_ms is not None:
        return max(inputs.floor, picked)
    left = inputs.panic_since_ms is not None
    return 0 if left else inputs.floor


def _ceiling(replicas: float) -> float:
    return replicas if math.isinf(replicas) else math.ceil(replicas)


def _rounded_up(replicas: float) -> int:
    return math.ceil(min(replicas, MOST_REPLICAS))
