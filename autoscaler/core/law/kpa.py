"""How many replicas does the load ask for? Steps 1 to 8 and 10 of kpa-spec section 2, for all workloads at once.

Scale up at most `max_scale_up_rate` times, and down to at least 1/`max_scale_down_rate` of, the ready replicas. Where
the panic window asks for `panic_threshold` times the ready replicas, panic begins: as long as it lasts the answer only
climbs; it ends one stable window after the last time that the threshold was reached.

Where replicas that are starting count, they count as ready ones here; where the rates hold for a period, it is the
fewest replicas of that period that grow, and the most that shrink.

The steps are the original's, in its order of floating-point operations: ceil(2.2 * 25) is 56. One thing is not: a
count beyond int32 is the largest int32 here and wraps around there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from autoscaler.core.model import MOST_REPLICAS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from autoscaler.core.model import Policy

NEVER = -(2**62)
"""`State.panic_since_ms` outside panic: before all times, and a window may be added to it."""

_BLOCK = 16384  # rows at a time: the arrays in use then nearly stay in a core's second-level cache

_Columns = TypeVar("_Columns", "Parameters", "State", "Loads", "Wanted")


@dataclass(frozen=True, slots=True)
class Parameters:
    """What the law takes from the policies, a column each: float64[rows], but for `stable_window_ms`, int64[rows].

    `activation_scale` is 0 where it is off; `reachable` is 1 or 0.
    """

    stable_window_ms: NDArray[np.int64]
    target: NDArray[np.float64]
    total: NDArray[np.float64]
    target_burst_capacity: NDArray[np.float64]
    panic_threshold: NDArray[np.float64]
    max_scale_up_rate: NDArray[np.float64]
    max_scale_down_rate: NDArray[np.float64]
    activation_scale: NDArray[np.float64]
    reachable: NDArray[np.float64]

    @classmethod
    def of(cls, policies: Sequence[Policy]) -> Parameters:
        """Return the parameters of a policy a row."""
        count = len(policies)
        result = cls(np.ones(count, dtype=np.int64), *np.ones((8, count)))
        for row, policy in enumerate(policies):
            result.set(row, policy)
        return result

    def set(self, row: int, policy: Policy) -> None:
        """Follow a policy from now on."""
        self.target[row] = policy.target
        self.total[row] = policy.total
        self.target_burst_capacity[row] = policy.target_burst_capacity
        self.panic_threshold[row] = policy.panic_threshold
        self.max_scale_up_rate[row] = policy.max_scale_up_rate
        self.max_scale_down_rate[row] = policy.max_scale_down_rate
        self.activation_scale[row] = policy.activation_scale if policy.activation_scale > 1 else 0
        self.reachable[row] = policy.reachable
        self.stable_window_ms[row] = 1000 * policy.stable_window_s


@dataclass(frozen=True, slots=True)
class State:
    """What the law remembers between two decisions, int64[rows] each.

    `panic_since_ms`: the last time that the threshold was reached, NEVER outside panic; `floor`: the highest answer of
    this panic.
    """

    panic_since_ms: NDArray[np.int64]
    floor: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Loads:
    """What is seen of each row: the averages of both windows, float64[rows], and the ready pods, int64[rows].

    Averages are numbers: where there is none, the row is no part of `where`. `base` (int64) is what the panic threshold
    goes by, the ready pods and maybe the starting ones; `fewest` and `most` (int64) are the least and the largest base
    that the rates go by. None: the ready pods.
    """

    stable: NDArray[np.float64]
    panic: NDArray[np.float64]
    ready: NDArray[np.int64]
    base: NDArray[np.int64] | None = None
    fewest: NDArray[np.int64] | None = None
    most: NDArray[np.int64] | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the law asks for, and each step on the way; arrays[rows], without meaning outside `where`.

    `raw_stable`, `raw_panic` (float64): load over target, rounded up; `stable`, `panic` (int64): after the rates and
    the activation scale; `replicas` (int64): after panic; `panicking` (bool); `excess_burst_capacity` (int64).
    """

    raw_stable: NDArray[np.float64]
    raw_panic: NDArray[np.float64]
    stable: NDArray[np.int64]
    panic: NDArray[np.int64]
    replicas: NDArray[np.int64]
    panicking: NDArray[np.bool_]
    excess_burst_capacity: NDArray[np.int64]


def first(ready: NDArray[np.int64], now_ms: int) -> State:
    """Return the state of rows first decided on with so many ready pods.

    More than one: begin in panic, so that a restart of the autoscaler, which knows no history, scales nothing down for
    one stable window.
    """
    return State(np.where(ready > 1, now_ms, NEVER), ready.astype(np.int64))


def first_excess_burst_capacity(policy: Policy) -> int:
    """Return what a workload can take more than it gets, before its first decision."""
    capacity = policy.target_burst_capacity
    if capacity in (-1, 0):
        return int(capacity)
    # Cut towards zero, where a decision rounds down: the original does so.
    excess = policy.initial_scale * policy.total - capacity
    return math.trunc(min(max(excess, -MOST_REPLICAS - 1), MOST_REPLICAS))


def decide(
    parameters: Parameters, state: State, loads: Loads, *, now_ms: int, where: NDArray[np.bool_] | None = None
) -> tuple[State, Wanted]:
    """Return the next state and what is wanted of each row of `loads`; a row that is not `where` keeps its state.

    There may be fewer rows than parameters.
    """
    count = len(loads.ready)
    after = State(np.empty(count, dtype=np.int64), np.empty(count, dtype=np.int64))
    wanted = Wanted(
        raw_stable=np.empty(count),
        raw_panic=np.empty(count),
        stable=np.empty(count, dtype=np.int64),
        panic=np.empty(count, dtype=np.int64),
        replicas=np.empty(count, dtype=np.int64),
        panicking=np.empty(count, dtype=np.bool_),
        excess_burst_capacity=np.empty(count, dtype=np.int64),
    )
    with np.errstate(over="ignore", invalid="ignore"):  # loads beyond all measure end at MOST_REPLICAS
        for start in range(0, count, _BLOCK):
            part = slice(start, min(start + _BLOCK, count))
            mine, seen, asked = _part(parameters, part), _part(loads, part), _part(wanted, part)
            over = _by_window(mine, seen, asked)
            before = _part(state, part)
            then = _by_panic(before, asked, over, window_ms=mine.stable_window_ms, now_ms=now_ms)
            after.panic_since_ms[part], after.floor[part] = then.panic_since_ms, then.floor
            _excess(mine, seen, asked)
    if where is not None:
        np.copyto(after.panic_since_ms, state.panic_since_ms, where=~where)
        np.copyto(after.floor, state.floor, where=~where)
    return after, wanted


def _by_window(parameters: Parameters, loads: Loads, wanted: Wanted) -> NDArray[np.bool_]:
    """Write what each window alone asks for (steps 1 to 5); return where the threshold of panic is reached (step 6)."""
    base = _at_least_one(loads.ready if loads.base is None else loads.base)
    fewest = base if loads.fewest is None else _at_least_one(loads.fewest)
    highest = base if loads.most is None else _at_least_one(loads.most)
    most = np.minimum(np.ceil(parameters.max_scale_up_rate * fewest), MOST_REPLICAS)
    least = np.floor(highest / parameters.max_scale_down_rate) * parameters.reachable
    activation = parameters.activation_scale
    activating = activation.max(initial=0.0) > 0
    for load, raw, limited in (
        (loads.stable, wanted.raw_stable, wanted.stable),
        (loads.panic, wanted.raw_panic, wanted.panic),
    ):
        np.ceil(np.divide(load, parameters.target, out=raw), out=raw)
        count = np.minimum(np.maximum(raw, least), most)
        if activating:
            np.maximum(count, np.where(raw > 0, activation, 0.0), out=count)
        limited[:] = count
    over: NDArray[np.bool_] = wanted.raw_panic / base >= parameters.panic_threshold
    return over


def _by_panic(
    state: State, wanted: Wanted, over: NDArray[np.bool_], *, window_ms: NDArray[np.int64], now_ms: int
) -> State:
    """Begin, extend or leave panic (step 7), and choose between the windows (step 8)."""
    since, floor = state.panic_since_ms, state.floor
    if not over.any() and since.max(initial=NEVER) == NEVER:
        wanted.panicking[:], wanted.replicas[:] = False, wanted.stable
        return state
    leaving = ~over & (since != NEVER) & (since + window_ms < now_ms)
    since = np.where(over, now_ms, np.where(leaving, NEVER, since))
    floor = np.where(leaving, 0, floor)
    panicking = np.not_equal(since, NEVER, out=wanted.panicking)
    # Panic only climbs: a dip inside a surge is noise until the stable window has seen it.
    highest = np.maximum(np.maximum(wanted.stable, wanted.panic), floor)
    wanted.replicas[:] = np.where(panicking, highest, wanted.stable)
    return State(since, np.where(panicking, highest, floor))


def _excess(parameters: Parameters, loads: Loads, wanted: Wanted) -> None:
    """Write how much more than the panic load the ready pods can take beyond the burst capacity (step 10)."""
    capacity = parameters.target_burst_capacity
    excess = np.floor(loads.ready * parameters.total - capacity - loads.panic)
    np.clip(excess, -MOST_REPLICAS - 1, MOST_REPLICAS, out=excess)
    if capacity.min(initial=1.0) <= 0:
        excess = np.where(capacity > 0, excess, np.where(capacity == 0, 0.0, -1.0))
    wanted.excess_burst_capacity[:] = excess


def _at_least_one(replicas: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.maximum(replicas, 1).astype(np.float64)


def _part(columns: _Columns, part: slice) -> _Columns:
    """Return some rows of all columns; what is written there is written in the whole."""
    whole = [getattr(columns, name) for name in columns.__slots__]
    some: list[Any] = [None if column is None else column[part] for column in whole]
    return type(columns)(*some)
