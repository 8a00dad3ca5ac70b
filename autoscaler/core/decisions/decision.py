"""What is decided for every workload at one tick? Law, delay, holds, bounds and places, in this order, as columns.

The laws:
- No data is never zero: while a second within the panic window was not measured, the standing decision is held.
- Part of the data never scales down.
- Whatever the law wants, min-scale and max-scale hold, min-scale first.
- Where replicas are limited to what can be placed, they never rise above that, nor before it is known. This lowers
  nothing that is asked for already, and min-scale and the initial scale are promises that it does not break.
- A workload whose replicas somebody else sets, or that somebody scaled to zero, is left alone; and the last replica
  stays: going to zero and back needs the activator.
- The same inputs give the same decision: `decide_again` makes a recorded one once more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from autoscaler.core.decisions.reason import Asked, sentence
from autoscaler.core.law import kpa
from autoscaler.core.law.zero import Bounds
from autoscaler.core.model import Decision, Inputs, Mode, Placement, Seen

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from autoscaler.core.model import Policy

SEEN_CODE = {Seen.ALL: 0, Seen.PART: 1, Seen.NOTHING: 2}
_SEEN = tuple(SEEN_CODE)
_MODES = (Mode.STABLE, Mode.PANIC, Mode.HELD)
_STABLE, _PANIC, _HELD = range(3)

NO_BOUND, ASKING = 2**62, -1
"""What can be placed where nothing bounds it: more than any count; and where that is still to be learned: no count."""


@dataclass(frozen=True, slots=True)
class Given:
    """The inputs of one tick, a row a workload: the fields of `model.Inputs` as columns of equal length.

    int64: `current`, `ready`, `delayed`, `standing`; `placeable`, the replicas that are known to have a place, as
    `placeable` tells. float64: `stable` and `panic`, NaN where nothing was measured yet. uint8: `seen` (SEEN_CODE).
    bool: `held` and `left`, whether there is a `hold` or a reason to `leave`; `initialised`.
    """

    at_ms: int
    policies: tuple[Policy, ...]
    parameters: kpa.Parameters
    bounds: Bounds
    state: kpa.State
    current: NDArray[np.int64]
    ready: NDArray[np.int64]
    stable: NDArray[np.float64]
    panic: NDArray[np.float64]
    seen: NDArray[np.uint8]
    held: NDArray[np.bool_]
    left: NDArray[np.bool_]
    delayed: NDArray[np.int64]
    standing: NDArray[np.int64]
    initialised: NDArray[np.bool_]
    placeable: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was decided, a row a workload.

    bool: `decided`, the law was asked (elsewhere it keeps its state and `wanted` means nothing); `left`, the count is
    somebody else's. int64: `replicas`, what it asked for with the scale-down delay; `bounded`, within min-scale and
    max-scale; and `desired`. uint8: `mode`, in the order of `Mode`.
    """

    state: kpa.State
    wanted: kpa.Wanted
    decided: NDArray[np.bool_]
    left: NDArray[np.bool_]
    replicas: NDArray[np.int64]
    bounded: NDArray[np.int64]
    desired: NDArray[np.int64]
    mode: NDArray[np.uint8]

    @property
    def held(self) -> NDArray[np.bool_]:
        """Which decisions are held."""
        held: NDArray[np.bool_] = self.mode == _HELD
        return held


def decidable(
    stable: NDArray[np.float64],
    seen: NDArray[np.uint8],
    *,
    current: NDArray[np.int64],
    held: NDArray[np.bool_],
    left: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """Return for which rows the law is asked."""
    asked: NDArray[np.bool_] = ~np.isnan(stable) & (seen != SEEN_CODE[Seen.NOTHING]) & ~held & ~left & (current != 0)
    return asked


def decide(given: Given) -> Outcome:
    """Decide for every row."""
    decided = decidable(given.stable, given.seen, current=given.current, held=given.held, left=given.left)
    # Rows that are not decided on need numbers too: any.
    loads = kpa.Loads(np.where(decided, given.stable, 0.0), np.where(decided, given.panic, 0.0), given.ready)
    state, wanted = kpa.decide(given.parameters, given.state, loads, now_ms=given.at_ms, where=decided)
    # An unreachable workload keeps nothing: its delay window does not even remember.
    replicas = np.maximum(wanted.replicas, given.delayed)
    # A person may have raised the count meanwhile: what is held is never less than what is there.
    standing = np.maximum(given.current, given.standing)
    partly = (given.seen == SEEN_CODE[Seen.PART]) & (replicas < standing)
    free = decided & ~partly
    bounded = given.bounds.bounded(np.where(free, replicas, standing), given.initialised)
    # What is promised is asked for, place or no place, and what is asked for already stays.
    promised = np.maximum(given.current, given.bounds.lowest(given.initialised))
    placed = np.minimum(bounded, np.maximum(promised, given.placeable))
    left = given.left | (given.current == 0)
    return Outcome(
        state=state,
        wanted=wanted,
        decided=decided,
        left=left,
        replicas=replicas,
        bounded=np.maximum(bounded, 1),
        desired=np.where(left, given.current, np.maximum(placed, 1)),
        mode=np.where(free, np.where(wanted.panicking, _PANIC, _STABLE), _HELD).astype(np.uint8),
    )


@dataclass(frozen=True, slots=True)
class Told:
    """What is told of one row from outside: `hold` and `leave` as in `model.Inputs`, and what can be placed."""

    hold: str = ""
    leave: str = ""
    placement: Placement | None = None


def decision_at(given: Given, outcome: Outcome, row: int, told: Told) -> Decision:
    """Return the decision of one row as a value, with its inputs and its reason."""
    placement = told.placement
    inputs = Inputs(
        at_ms=given.at_ms,
        policy=given.policies[row],
        current=int(given.current[row]),
        ready=int(given.ready[row]),
        stable=_number(given.stable[row]),
        panic=_number(given.panic[row]),
        seen=_SEEN[int(given.seen[row])],
        hold=told.hold,
        leave=told.leave,
        panic_since_ms=_time(given.state.panic_since_ms[row]),
        floor=int(given.state.floor[row]),
        delayed=int(given.delayed[row]),
        standing=int(given.standing[row]),
        initialised=bool(given.initialised[row]),
        asking=placement is not None and placement.fits is None,
        placed=placement.placed if placement else 0,
        fits=placement.fits if placement else None,
        misfit=placement.misfit if placement else "",
    )
    decided = bool(outcome.decided[row])
    asked = Asked(
        by_stable=int(outcome.wanted.stable[row]),
        by_panic=int(outcome.wanted.panic[row]),
        fresh=int(outcome.wanted.replicas[row]),
        wanted=int(outcome.replicas[row]),
    )
    mode, desired = _MODES[int(outcome.mode[row])], int(outcome.desired[row])
    return Decision(
        inputs=inputs,
        mode=mode,
        # Where the law was not asked, what stands is what is wanted.
        wanted=asked.wanted if decided else max(inputs.current, inputs.standing),
        desired=desired,
        excess_burst_capacity=int(outcome.wanted.excess_burst_capacity[row]) if decided else None,
        panic_since_ms=_time(outcome.state.panic_since_ms[row]),
        floor=int(outcome.state.floor[row]),
        reason=sentence(inputs, asked, mode, int(outcome.bounded[row]), desired),
    )


def decide_again(inputs: Inputs) -> Decision:
    """Make a recorded decision once more, from its inputs alone."""
    policies = (inputs.policy,)
    since = kpa.NEVER if inputs.panic_since_ms is None else inputs.panic_since_ms
    given = Given(
        at_ms=inputs.at_ms,
        policies=policies,
        parameters=kpa.Parameters.of(policies),
        bounds=Bounds.of(policies),
        state=kpa.State(np.array([since]), np.array([inputs.floor])),
        current=np.array([inputs.current]),
        ready=np.array([inputs.ready]),
        stable=np.array([np.nan if inputs.stable is None else inputs.stable]),
        panic=np.array([np.nan if inputs.panic is None else inputs.panic]),
        seen=np.array([SEEN_CODE[inputs.seen]], dtype=np.uint8),
        held=np.array([bool(inputs.hold)]),
        left=np.array([bool(inputs.leave)]),
        delayed=np.array([inputs.delayed]),
        standing=np.array([inputs.standing]),
        initialised=np.array([inputs.initialised]),
        placeable=np.array([placeable(inputs.placement)]),
    )
    return decision_at(given, decide(given), 0, Told(inputs.hold, inputs.leave, inputs.placement))


def placeable(placement: Placement | None) -> int:
    """Return for how many replicas there is a place: NO_BOUND, ASKING or a count."""
    if placement is None:
        return NO_BOUND
    return ASKING if placement.fits is None else placement.placed + placement.fits


def _number(value: np.float64) -> float | None:
    return None if np.isnan(value) else float(value)


def _time(since_ms: np.int64) -> int | None:
    return None if since_ms == kpa.NEVER else int(since_ms)
