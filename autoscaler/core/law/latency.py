"""How many replicas keep the latency target? As many as the load needs, by what one was seen to carry within it.

Latency is late, and beyond a replica's capacity it says nothing of how much is missing; so it does not scale. The load
does: its highest peak of the last ten stable windows, divided by the capacity of a replica. Latency corrects that
capacity (`latency_capacity`).

The laws:
- The target is missed when slow requests are three more than may be slow (a debt that ended requests pay back), or when
  for as long as the target more has lain in flight than is worked off within it. Three requests alone say nothing.
- Starting replicas are on their way: nothing is asked for twice.
- While the target is missed there are at most three times the replicas that the same load needed when it was kept last
  (or that it needs by the best that a replica was seen to carry).
- Where it is missed though replicas are as planned, all ready, and nothing got better for a stable window, half as many
  more are tried. If neither sojourn nor slow requests fell within a stable window of their being ready, more replicas
  do not help: the trial is taken back. In any case that is said after ten stable windows.
- Nothing falls within five stable windows of a rise, nor while the target is missed for want of replicas; and it falls
  at most by half a stable window. It falls only where a twentieth less load per replica would do.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, exp

from autoscaler.core.law.latency_capacity import (
    NEAR_CEILING,
    grow,
    note_ceiling,
    note_pressing,
    note_service,
    share_slow,
    shrink,
)
from autoscaler.core.law.latency_memory import WINDOWS_HELD, Aim, Memory, Phase, Served

BOUND = 3
"""While the target is missed: at most so many times the replicas that the load needed when it was kept."""

SAID_AFTER_WINDOWS = 10
"""After so many stable windows without the target it is said that more replicas do not help."""

_MISSED_DEBT, _KEPT_DEBT, _MOST_DEBT = 3.0, 1.0, 6.0
_DEBT_WINDOWS = 10
_TRIAL = 1.5
_TRIED_FURTHEST = 0.5
_LEAST_EXCESS = 2.0  # slow requests too many within a stable window, to begin a trial for
_FEW_ENDED = 8.0
_BETTER_SOJOURN, _BETTER_SHARE = 0.9, 0.8
_ROOM = 1.05
_DRAIN_WINDOWS = 4
_FALL_AFTER_WINDOWS = 5
_SPARE = 0.95
_HARDLY = 1e-9  # rounding of floats


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for: `replicas`, of them `by_load` for the load alone; `bound` is 0 where none holds them down.

    `load` is that of now, `peak` the one that counts; `unhelped`: more replicas do not bring the target back, or would
    be more than the bound.
    """

    replicas: int
    by_load: int
    bound: int
    load: float
    peak: float
    unhelped: bool


def decide(aim: Aim, before: Memory, served: Served) -> tuple[Memory, Wanted]:
    """Return what is remembered now, and what is wanted."""
    memory = before.copied()
    passed_s = min(max(served.at_s - memory.seen_s, 0.0), aim.window_s) if memory.seen_s else 0.0
    memory.seen_s = served.at_s
    if memory.seen_ready != served.ready or not memory.settled_at_s:
        memory.seen_ready, memory.settled_at_s, memory.waiting_since_s = float(served.ready), served.at_s, served.at_s
        memory.best_s = 0.0
    _owe(aim, memory, served, passed_s)
    pressed = note_pressing(aim, memory, served, passed_s)
    missed = memory.debt >= _MISSED_DEBT or memory.pressed_s >= aim.target_s
    kept = memory.debt < _KEPT_DEBT and not pressed
    _wait(memory, served)
    note_service(aim, memory, served, passed_s, kept=kept and share_slow(aim, served) <= aim.slow_share / 2)
    load = served.arriving * memory.unit_s
    load = min(load, served.in_flight) if memory.service_s else load
    _hold_peak(aim, memory, served.at_s, load)
    note_ceiling(memory, served)
    if not memory.capacity:
        _begin(aim, memory, served, missed=missed, kept=kept)
    elif missed:
        _act(aim, memory, served, load, pressed=pressed)
    elif kept:
        if memory.phase != Phase.KEPT:
            memory.phase, memory.trial_capacity = float(Phase.KEPT), 0.0
        grow(aim, memory, served, load, passed_s)
    _give_up(aim, memory, served, missed=missed)
    return memory, _planned(aim, memory, served, load, missed=missed)


def _owe(aim: Aim, memory: Memory, served: Served, passed_s: float) -> None:
    """Count slow requests beyond their share; old ones fade."""
    more = (served.slow - aim.slow_share * served.ending_long) * passed_s
    fades = exp(-passed_s / (_DEBT_WINDOWS * aim.window_s))
    memory.debt = min(max(0.0, memory.debt + more) * fades, _MOST_DEBT)


def _wait(memory: Memory, served: Served) -> None:
    """Take note of whatever gets better, or is still to come: as long as that goes on, nothing else is tried."""
    better = not memory.best_s or served.sojourn_s < _BETTER_SOJOURN * memory.best_s
    if served.ready < served.requested or better:
        memory.waiting_since_s, memory.best_s = served.at_s, served.sojourn_s


def _hold_peak(aim: Aim, memory: Memory, at_s: float, load: float) -> None:
    slot = at_s // aim.window_s
    for _ in range(min(int(slot - memory.slot), WINDOWS_HELD + 1)):
        memory.peaks = [*memory.peaks[1:], 0.0]
    memory.slot = slot
    memory.peaks[-1] = max(memory.peaks[-1], load)


def _begin(aim: Aim, memory: Memory, served: Served, *, missed: bool, kept: bool) -> None:
    """Take what is carried now for the capacity, where the target is kept with it or missed without a queue."""
    excess = (served.slow - aim.slow_share * served.ending_long) * aim.window_s
    each = memory.peak / served.replicas
    if missed:
        calm = served.at_s - memory.pressed_at_s >= 2 * aim.window_s
        if calm and served.at_s - memory.waiting_since_s >= aim.window_s and excess >= _LEAST_EXCESS:
            memory.capacity = memory.proven = each
    elif kept:
        memory.capacity = each if memory.service_s else 0.0
        memory.phase = float(Phase.KEPT)


def _act(aim: Aim, memory: Memory, served: Served, load: float, *, pressed: bool) -> None:
    """Do what there is to do about a missed target."""
    sojourn_s, share = served.sojourn_s, share_slow(aim, served)
    if memory.phase == Phase.KEPT:
        shrink(memory, served, load)
        memory.phase, memory.waiting_since_s, memory.best_s = float(Phase.MISSED), served.at_s, sojourn_s
    waited = served.at_s - memory.waiting_since_s >= aim.window_s
    excess = (served.slow - aim.slow_share * served.ending_long) * aim.window_s
    saturated = pressed and memory.worked_off >= _FEW_ENDED
    if memory.phase == Phase.MISSED and waited:
        as_planned = load <= _ROOM * memory.capacity * served.replicas
        if as_planned and (excess >= _LEAST_EXCESS or saturated):
            memory.trial_capacity, memory.trial_sojourn_s, memory.trial_share = memory.capacity, sojourn_s, share
            if not memory.ceiling:
                memory.capacity = max(memory.capacity, memory.peak / served.replicas)
            known = min(memory.capacity, NEAR_CEILING * memory.ceiling)
            furthest = _TRIED_FURTHEST * memory.capacity
            memory.capacity = max(known, furthest) if saturated and memory.ceiling else memory.capacity / _TRIAL
            memory.phase, memory.waiting_since_s, memory.best_s = float(Phase.TRIED), served.at_s, sojourn_s
    elif memory.phase == Phase.TRIED and waited and served.requested <= served.ready:
        better = sojourn_s < _BETTER_SOJOURN * memory.trial_sojourn_s or share < _BETTER_SHARE * memory.trial_share
        if better:
            memory.ceiling = memory.ceiling or memory.capacity / NEAR_CEILING
        else:
            memory.capacity = memory.trial_capacity
        memory.phase = float(Phase.MISSED if better else Phase.STOPPED)
        memory.trial_capacity = 0.0
        memory.waiting_since_s, memory.best_s = served.at_s, sojourn_s


def _give_up(aim: Aim, memory: Memory, served: Served, *, missed: bool) -> None:
    """Stop after ten stable windows without the target, whatever was tried."""
    if memory.phase == Phase.KEPT and not missed:
        memory.missed_at_s = 0.0
        return
    memory.missed_at_s = memory.missed_at_s or served.at_s
    if memory.phase != Phase.STOPPED and served.at_s - memory.missed_at_s > SAID_AFTER_WINDOWS * aim.window_s:
        memory.capacity = memory.trial_capacity or memory.capacity
        memory.phase, memory.trial_capacity = float(Phase.STOPPED), 0.0


def _planned(aim: Aim, memory: Memory, served: Served, load: float, *, missed: bool) -> Wanted:
    """Return what the load asks for, within the bound, and let the count move as the laws allow."""
    requested, peak, stopped = served.requested, memory.peak, memory.phase == Phase.STOPPED
    if not memory.capacity:
        return Wanted(requested, 0, 0, load, peak, stopped)
    rising = memory.phase in (Phase.MISSED, Phase.TRIED) and missed
    usual_s = memory.service_s or aim.target_s * 2 / 3
    waiting = max(0.0, served.crowd - served.arriving_long * usual_s) if rising else 0.0
    by_load = peak / memory.capacity
    plan = (peak + waiting * memory.unit_s / (_DRAIN_WINDOWS * aim.window_s)) / memory.capacity
    bound = 0
    if memory.phase != Phase.KEPT and memory.proven:
        bound = max(BOUND * ceil(peak / memory.proven - _HARDLY), 1)
    bounded = min(plan, bound) if bound else plan
    wanted = ceil(bounded - _HARDLY)
    if wanted < requested:
        wanted = _fallen(aim, memory, served, bounded, missed=missed)
    wanted = max(1, wanted)
    if wanted > requested and not memory.ceiling and memory.phase != Phase.TRIED:
        # As long as no replica ever had too much, the load alone is no reason to rise: nobody knows what they carry.
        wanted = requested
    if wanted > requested:
        memory.rose_at_s = served.at_s
    unhelped = stopped or (bound > 0 and bounded < plan and missed)
    return Wanted(wanted, ceil(by_load - _HARDLY), bound, load, peak, unhelped)


def _fallen(aim: Aim, memory: Memory, served: Served, plan: float, *, missed: bool) -> int:
    """Return how far the replicas fall at once."""
    requested = served.requested
    lowest = ceil(plan / _SPARE - _HARDLY)
    lately = served.at_s - memory.rose_at_s < _FALL_AFTER_WINDOWS * aim.window_s
    just = served.at_s - memory.fell_at_s < aim.window_s
    if lowest >= requested or lately or just or (missed and memory.phase != Phase.STOPPED):
        return requested
    memory.fell_at_s = served.at_s
    return max(lowest, requested // 2)
