"""What is decided for every workload at one tick? Law, delay, holds, bounds and places, in this order, as columns.

The laws:
- No data is never zero: while a second within the panic window was not measured, the standing decision is held.
- Part of the data never scales down.
- Whatever the law wants, min-scale and max-scale hold, min-scale first.
- Where replicas are limited to what can be placed, they never rise above that, nor before it is known. This lowers
  nothing that is asked for already, and min-scale and the initial scale are promises that it does not break.
- A workload whose replicas somebody else sets, or that somebody scaled to zero, is left alone; and the last replica
  stays: going to zero and back needs the activator.
- What is only observed is decided on as if every decision had been carried out: of the ready replicas no more count
  than were decided last, and those decided last are what is kept.
- The same inputs give the same decision: `decide_again` makes a recorded one once more.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from autoscaler.core.decisions.by_latency import LatencyDecided, LatencySeen, again, decided_on, inputs_of
from autoscaler.core.decisions.reason import Asked, sentence
from autoscaler.core.law import kpa, panic_exit
from autoscaler.core.law.zero import Bounds
from autoscaler.core.model import MOST_REPLICAS, Decision, Inputs, Mode, Placement, Seen

if TYPE_CHECKING:
    from collections.abc import Mapping

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

    int64: `current`, `ready`, `delayed`, `standing`, `starting`, `fewest`, `most`; `placeable`, the replicas that are
    known to have a place, as `placeable` tells. float64: `stable` and `panic`, NaN where nothing was measured yet;
    `offered_stable` and `offered_panic`, NaN where the averages decide. uint8: `seen` (SEEN_CODE). bool: `held` and
    `left`, whether there is a `hold` or a reason to `leave`; `observed`; `initialised`. `latencies`: what the rows rest
    on that are scaled by latency.
    """

    at_ms: int
    policies: tuple[Policy, ...]
    parameters: kpa.Parameters
    bounds: Bounds
    exits: panic_exit.Parameters
    state: kpa.State
    exit: panic_exit.Exit
    current: NDArray[np.int64]
    ready: NDArray[np.int64]
    starting: NDArray[np.int64]
    fewest: NDArray[np.int64]
    most: NDArray[np.int64]
    offered_stable: NDArray[np.float64]
    offered_panic: NDArray[np.float64]
    stable: NDArray[np.float64]
    panic: NDArray[np.float64]
    seen: NDArray[np.uint8]
    held: NDArray[np.bool_]
    left: NDArray[np.bool_]
    delayed: NDArray[np.int64]
    standing: NDArray[np.int64]
    initialised: NDArray[np.bool_]
    observed: NDArray[np.bool_]
    placeable: NDArray[np.int64]
    latencies: Mapping[int, LatencySeen] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was decided, a row a workload.

    bool: `decided`, the law was asked (elsewhere it keeps its state and `wanted` means nothing); `left`, the count is
    somebody else's. int64: `fresh`, what it asked for, `replicas`, the same with the scale-down delay, `bounded`, the
    same within min-scale and max-scale, `promised`, what is asked for place or no place, and `desired`. uint8: `mode`,
    in the order of `Mode`. `by_latency`: what the law of latency remembers and wants, of the rows that it decided.
    """

    state: kpa.State
    exit: panic_exit.Exit
    wanted: kpa.Wanted
    decided: NDArray[np.bool_]
    left: NDArray[np.bool_]
    fresh: NDArray[np.int64]
    replicas: NDArray[np.int64]
    bounded: NDArray[np.int64]
    promised: NDArray[np.int64]
    desired: NDArray[np.int64]
    mode: NDArray[np.uint8]
    by_latency: Mapping[int, LatencyDecided] = field(default_factory=dict)

    @property
    def held(self) -> NDArray[np.bool_]:
        """Which decisions are held."""
        held: NDArray[np.bool_] = self.mode == _HELD
        return held


@dataclass(frozen=True, slots=True)
class Counted:
    """The replicas that the law goes by, int64[rows]: those asked for, the ready ones, and those and the starting."""

    asked_for: NDArray[np.int64]
    ready: NDArray[np.int64]
    base: NDArray[np.int64]

    @classmethod
    def of(
        cls, current: NDArray[np.int64], ready: NDArray[np.int64], base: NDArray[np.int64], as_if: NDArray[np.int64]
    ) -> Counted:
        """Return what is there; where `as_if` is above 0, what would be had so many replicas been asked for."""
        if not as_if.any():
            return cls(current, ready, base)
        there = as_if == 0
        return cls(
            np.where(there, current, as_if),
            np.where(there, ready, np.minimum(ready, as_if)),
            np.where(there, base, np.minimum(base, as_if)),
        )


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
    for row, seen in given.latencies.items():
        decided[row] &= seen.seen is not None
    as_if = np.where(given.observed, given.standing, 0)
    counted = Counted.of(given.current, given.ready, given.ready + given.starting, as_if)
    loads = _loads(given, counted, decided)
    original = decided.copy()
    original[list(given.latencies)] = False
    state, wanted = kpa.decide(given.parameters, given.state, loads, now_ms=given.at_ms, where=original)
    by_latency = _by_latency(given, decided, wanted)
    panicked, panics = (each.panic_since_ms != kpa.NEVER for each in (given.state, state))
    turn = panic_exit.Turn(panicked, panics, counted.asked_for)
    last_exit = panic_exit.left(given.exit, given.exits, turn, given.at_ms)
    fresh = np.maximum(wanted.replicas, panic_exit.least(last_exit, given.exits))
    # An unreachable workload keeps nothing: its delay window does not even remember.
    replicas = np.maximum(fresh, given.delayed)
    # A person may have raised the count meanwhile: what is held is never less than what is there.
    standing = np.maximum(counted.asked_for, given.standing)
    partly = (given.seen == SEEN_CODE[Seen.PART]) & (replicas < standing)
    free = decided & ~partly
    bounded = given.bounds.bounded(np.where(free, replicas, standing), given.initialised)
    # What is promised is asked for, place or no place, and what is asked for already stays.
    promised = np.maximum(counted.asked_for, given.bounds.lowest(given.initialised))
    placed = np.minimum(bounded, np.maximum(promised, given.placeable))
    left = given.left | (given.current == 0)
    return Outcome(
        state=state,
        exit=last_exit,
        wanted=wanted,
        decided=decided,
        left=left,
        fresh=fresh,
        replicas=replicas,
        bounded=np.maximum(bounded, 1),
        promised=promised,
        desired=np.where(left, given.current, np.maximum(placed, 1)),
        mode=np.where(free, np.where(wanted.panicking, _PANIC, _STABLE), _HELD).astype(np.uint8),
        by_latency=by_latency,
    )


def _by_latency(given: Given, decided: NDArray[np.bool_], wanted: kpa.Wanted) -> dict[int, LatencyDecided]:
    """Decide for the rows that are scaled by latency, and write what is wanted in place of the original's answer."""
    result = {}
    for row, seen in given.latencies.items():
        wanted.panicking[row] = False
        if decided[row] and seen.seen is not None:
            result[row] = decided_on(seen)
            # Whatever a law says of one workload, the arrays of all must be able to hold it.
            wanted.replicas[row] = min(result[row].replicas, MOST_REPLICAS)
    return result


@dataclass(frozen=True, slots=True)
class Told:
    """What is told of a row from outside: `hold`, `leave`, `observed` as in `model.Inputs`, and what can be placed."""

    hold: str = ""
    leave: str = ""
    placement: Placement | None = None
    observed: str = ""


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
        starting=int(given.starting[row]),
        fewest=int(given.fewest[row]),
        most=int(given.most[row]),
        offered_stable=_number(given.offered_stable[row]),
        offered_panic=_number(given.offered_panic[row]),
        panic_left_ms=_time(given.exit.at_ms[row]),
        panic_left_at=int(given.exit.replicas[row]),
        observed=told.observed,
        **inputs_of(given.latencies.get(row)),
        asking=placement is not None and placement.fits is None,
        placed=placement.placed if placement else 0,
        fits=placement.fits if placement else None,
        misfit=placement.misfit if placement else "",
    )
    decided = bool(outcome.decided[row])
    asked = Asked(
        by_stable=int(outcome.wanted.stable[row]),
        by_panic=int(outcome.wanted.panic[row]),
        fresh=int(outcome.fresh[row]),
        wanted=int(outcome.replicas[row]),
    )
    mode, desired = _MODES[int(outcome.mode[row])], int(outcome.desired[row])
    return Decision(
        inputs=inputs,
        mode=mode,
        # Where the law was not asked, what stands is what is wanted.
        wanted=asked.wanted if decided else inputs.kept,
        desired=desired,
        excess_burst_capacity=int(outcome.wanted.excess_burst_capacity[row])
        if decided and not inputs.by_latency
        else None,
        panic_since_ms=_time(outcome.state.panic_since_ms[row]),
        floor=int(outcome.state.floor[row]),
        reason=sentence(inputs, asked, mode, int(outcome.bounded[row]), desired),
        unhelped=row in outcome.by_latency and outcome.by_latency[row].unhelped,
        panic_left_ms=_time(outcome.exit.at_ms[row]),
        panic_left_at=int(outcome.exit.replicas[row]),
    )


def decide_again(inputs: Inputs) -> Decision:
    """Make a recorded decision once more, from its inputs alone."""
    policies = (inputs.policy,)
    given = Given(
        at_ms=inputs.at_ms,
        policies=policies,
        parameters=kpa.Parameters.of(policies),
        bounds=Bounds.of(policies),
        exits=panic_exit.Parameters.of(policies),
        state=kpa.State(_since(inputs.panic_since_ms), np.array([inputs.floor])),
        exit=panic_exit.Exit(_since(inputs.panic_left_ms), np.array([inputs.panic_left_at])),
        current=np.array([inputs.current]),
        ready=np.array([inputs.ready]),
        starting=np.array([inputs.starting]),
        fewest=np.array([inputs.fewest]),
        most=np.array([inputs.most]),
        offered_stable=_average(inputs.offered_stable),
        offered_panic=_average(inputs.offered_panic),
        stable=_average(inputs.stable),
        panic=_average(inputs.panic),
        seen=np.array([SEEN_CODE[inputs.seen]], dtype=np.uint8),
        held=np.array([bool(inputs.hold)]),
        left=np.array([bool(inputs.leave)]),
        delayed=np.array([inputs.delayed]),
        standing=np.array([inputs.standing]),
        initialised=np.array([inputs.initialised]),
        observed=np.array([bool(inputs.observed)]),
        placeable=np.array([placeable(inputs.placement)]),
        latencies={0: again(inputs)} if inputs.by_latency else {},
    )
    told = Told(inputs.hold, inputs.leave, inputs.placement, inputs.observed)
    return decision_at(given, decide(given), 0, told)


def placeable(placement: Placement | None) -> int:
    """Return for how many replicas there is a place: NO_BOUND, ASKING or a count."""
    if placement is None:
        return NO_BOUND
    return ASKING if placement.fits is None else placement.placed + placement.fits


def _loads(given: Given, counted: Counted, decided: NDArray[np.bool_]) -> kpa.Loads:
    """Return what the law looks at; rows that are not decided on need numbers too: any."""
    stable, panic = (
        np.where(decided, np.where(np.isnan(offered), average, offered), 0.0)
        for average, offered in ((given.stable, given.offered_stable), (given.panic, given.offered_panic))
    )
    ready, base = counted.ready, counted.base
    if not given.fewest.any():
        return kpa.Loads(stable, panic, ready, base)
    fewest, most = (np.where(given.fewest > 0, each, base) for each in (given.fewest, given.most))
    return kpa.Loads(stable, panic, ready, base, fewest, most)


def _average(value: float | None) -> NDArray[np.float64]:
    return np.array([np.nan if value is None else value])


def _since(moment_ms: int | None) -> NDArray[np.int64]:
    return np.array([kpa.NEVER if moment_ms is None else moment_ms])


def _number(value: np.float64) -> float | None:
    return None if np.isnan(value) else float(value)


def _time(since_ms: np.int64) -> int | None:
    return None if since_ms == kpa.NEVER else int(since_ms)
