"""How much load does one replica carry within the target? What is learned of it, and when.

The laws:
- Where requests pile up, replicas show what they can: what then ends is their ceiling. It is believed once the
  pressing lasted longer than what lies in flight takes by Little's law (a stable window at most), and replicas have
  been the same for as long: completions of less than that tell of the time before. Of what piles up because requests
  take longer, and not because more come than end, only a higher ceiling is believed.
- While the target is kept, a little more is tried, as long as the peaks of the load really reach the capacity: quickly
  until a ceiling is known, slowly beyond it, and less the more requests are slow, until half of what may be.
- A miss takes some of it back; more where the load came faster than replicas start, down to half the ceiling: bursts
  need room.
"""

from __future__ import annotations

from math import exp
from typing import TYPE_CHECKING

from autoscaler.core.law.latency_memory import Phase

if TYPE_CHECKING:
    from autoscaler.core.law.latency_memory import Aim, Memory, Served

NEAR_CEILING = 0.95
"""How much of the ceiling is planned with: at all of it a queue never ends."""

LEAST_REQUESTS = 20.0
"""Fewer requests say nothing of a mean."""

_MEMORY_WINDOWS = 10  # of pressed time a ceiling is the mean
_SERVICE_WINDOWS = 2  # of kept time the service time is
_BEHIND = 1.2  # arrivals over completions: more come than end, or fewer
_LEAST_CARRYING_S = 20.0
_FEW_ENDED, _MANY_ENDED = 8.0, 20.0
_LEAST_IN_WINDOW = 5.0
_QUICKLY, _SLOWLY = 0.10, 0.02  # of the capacity, a stable window
_REACHED = 1.15  # peaks that come so near count as reaching: replicas are whole
_WHEN_MISSED, _WHEN_OUTRUN, _WHEN_FIRST_MISSED = 0.95, 0.7, 0.8
_LEAST_OF_CEILING = 0.5


def behind(served: Served) -> bool:
    """Tell whether more requests come than end."""
    return served.arriving_long > _BEHIND * served.ending_long


def share_slow(aim: Aim, served: Served) -> float:
    """Return the share of requests that are slow, taken for less where there are few."""
    return served.slow * aim.window_s / (served.ending_long * aim.window_s + LEAST_REQUESTS)


def note_pressing(aim: Aim, memory: Memory, served: Served, passed_s: float) -> bool:
    """Tell whether more lies in flight than is worked off within the target, and note what replicas carry then."""
    if served.crowd <= max(served.ending * aim.target_s, 3.0):
        memory.pressed_s = memory.worked_off = 0.0
        return False
    memory.pressed_s += passed_s
    memory.pressed_at_s = served.at_s
    lasted_s = min(memory.pressed_s, served.at_s - memory.settled_at_s)
    in_flight_s = served.crowd / max(served.arriving_long, served.arriving, 1e-9)
    needed_s = max(min(in_flight_s, aim.window_s), memory.service_s or min(aim.target_s, aim.window_s))
    if lasted_s > needed_s + aim.panic_window_s and _saturated(memory, served):
        fades = exp(-passed_s / (_MEMORY_WINDOWS * aim.window_s))
        memory.carried = memory.carried * fades + served.ending * memory.unit_s * passed_s
        memory.carrying = memory.carrying * fades + served.replicas * passed_s
        memory.worked_off += served.ending * passed_s
    return True


def note_service(aim: Aim, memory: Memory, served: Served, passed_s: float, *, kept: bool) -> None:
    """Learn how long a request takes while the target is kept; once known, load is counted in requests in flight."""
    if not kept:
        if not memory.service_s:
            memory.kept_for_s = memory.kept_requests = memory.kept_seconds = 0.0
        return
    if served.ending_long <= 0:
        return
    enough = served.ending_long * aim.window_s >= _LEAST_IN_WINDOW or memory.kept_requests >= LEAST_REQUESTS
    fades = exp(-passed_s / (_SERVICE_WINDOWS * aim.window_s)) if enough else 1.0
    memory.kept_requests = memory.kept_requests * fades + served.ending_long * passed_s
    memory.kept_seconds = memory.kept_seconds * fades + served.ending_long * served.mean_s * passed_s
    if memory.service_s:
        if memory.kept_requests and memory.kept_seconds:
            memory.service_s = memory.kept_seconds / memory.kept_requests
        return
    memory.kept_for_s += passed_s
    if memory.kept_requests >= LEAST_REQUESTS and memory.kept_for_s >= aim.window_s and memory.kept_seconds:
        memory.service_s = service_s = memory.kept_seconds / memory.kept_requests
        for name in ("capacity", "ceiling", "proven", "carried"):
            setattr(memory, name, getattr(memory, name) * service_s)
        memory.peaks = [peak * service_s for peak in memory.peaks]


def note_ceiling(memory: Memory, served: Served) -> None:
    """Believe what replicas carried at most, once there is enough of it."""
    if memory.worked_off < _FEW_ENDED or memory.carrying < _LEAST_CARRYING_S:
        return
    memory.ceiling = memory.carried / memory.carrying
    planned = NEAR_CEILING * memory.ceiling
    if not memory.capacity:
        memory.capacity = planned
    elif memory.phase != Phase.TRIED:
        surely = behind(served) and (memory.worked_off >= _MANY_ENDED or not memory.service_s)
        memory.capacity = planned if surely else max(memory.capacity, planned)
    if not memory.proven:
        memory.proven = memory.ceiling
    elif not memory.service_s:
        memory.proven = max(memory.proven, memory.ceiling)


def grow(aim: Aim, memory: Memory, served: Served, load: float, passed_s: float) -> None:
    """Try a little more, as the target is kept."""
    push = 1.0 - share_slow(aim, served) / (aim.slow_share / 2)
    ceiling = memory.ceiling
    if ceiling and memory.capacity < NEAR_CEILING * ceiling:
        push = max(push, 0.0)
    quickly = not ceiling or memory.capacity < NEAR_CEILING * _LEAST_OF_CEILING * ceiling
    if push < 0 or _REACHED * memory.peak / served.replicas >= memory.capacity:
        step = (_QUICKLY if quickly else _SLOWLY) * passed_s / aim.window_s
        memory.capacity *= 1.0 + step * max(-1.0, min(1.0, push))
    # What was carried within the target can be planned with; of the newest peak the requests are still in flight.
    carried = _WHEN_FIRST_MISSED * min(load / served.replicas, ceiling) if ceiling else 0.0
    memory.capacity = max(memory.capacity, carried if ceiling else max(memory.peaks[:-1]) / served.replicas)
    memory.proven = memory.capacity


def shrink(memory: Memory, served: Served, load: float) -> None:
    """Take some of the capacity back, as the target begins to be missed."""
    if memory.service_s and memory.carrying <= _LEAST_CARRYING_S:
        # Misses show where the ceiling is, roughly; what piles up later tells it better.
        each = load / served.replicas
        guess = _WHEN_FIRST_MISSED * min(memory.peak / served.replicas, max(memory.capacity, each))
        memory.ceiling = min(guess, memory.ceiling or guess)
        memory.carrying, memory.carried = _LEAST_CARRYING_S, _LEAST_CARRYING_S * memory.ceiling
        memory.capacity = min(memory.capacity, memory.ceiling)
    outrun = load > memory.capacity * served.replicas
    less = memory.capacity * (_WHEN_OUTRUN if outrun else _WHEN_MISSED)
    if memory.ceiling:
        # Planning with less than this is for bursts alone.
        floor = (_LEAST_OF_CEILING if outrun else NEAR_CEILING) * memory.ceiling
        if not outrun:
            less = min(less, floor)
        less = max(less, min(memory.capacity, floor))
    elif outrun:
        return
    memory.capacity = less


def _saturated(memory: Memory, served: Served) -> bool:
    """Tell whether what ends now is all that replicas can: more come than end, or fewer, or never did more end."""
    more = served.ending * memory.unit_s * memory.carrying > served.replicas * memory.carried
    return behind(served) or served.arriving_long * _BEHIND < served.ending_long or more
