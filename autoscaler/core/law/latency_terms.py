"""In which terms is a latency target kept? What is wanted, seen and remembered, and where the law stands with it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum

from autoscaler.core.law.bursts import WINDOWS_LOOKED_BACK


class Phase(IntEnum):
    """Where the law stands with a target."""

    KEPT = 0
    """It is met, or was a moment ago."""
    MISSED = 1
    """It is missed, and more replicas may help."""
    TRIED = 2
    """More replicas are tried."""
    GIVEN_UP = 3
    """More replicas did not help."""


@dataclass(frozen=True, slots=True)
class Aim:
    """What is wanted: `share` of requests may be slower than `target_s`.

    The windows are in seconds; `least` and `most` are replicas, most 0 for no bound.
    """

    target_s: float
    share: float
    stable_s: int
    panic_s: int
    least: int = 1
    most: int = 0


@dataclass(frozen=True, slots=True)
class Seen:
    """Averages a second over the stable window: requests `ended`, `grown` in flight, slower than the target (`slow`).

    `duration` is the sum of their latencies; over the panic window: `ended_now`, `grown_now`, and those `in_flight`.
    """

    at_ms: int
    ended: float
    grown: float
    slow: float
    duration: float
    ended_now: float
    grown_now: float
    in_flight: float
    ready: int
    current: int


_LEARNED = (
    *("per_replica", "service_s", "ceiling", "proven", "kept_per_replica", "kept_ceiling", "regained"),
    *("met_ended", "met_duration", "met_for_s", "paced_ended", "paced_replicas"),
    *("raised_s", "lowered_s", "window", "peaks"),
)


@dataclass(slots=True)
class Memory:
    """What is remembered between two decisions; 0 for what is not known, moments in Unix seconds.

    `per_replica`, `ceiling` and `proven` (the most that was ever kept) are demand per replica; `service_s` is the
    service time. `debt` is slow requests beyond what is allowed; `pressed_*`: for how long, with how many ended, and
    when last, more was in flight than could end within the target; `met_*` is what `service_s` is learned from; `peaks`
    are the highest demands of windows, the newest last, that of window `window`. `trial_*` is how it stood before a
    trial. `paced_*` is what saturated replicas worked off. `kept_*` is how it stood when the target was last met, and
    `regained` the demand per replica that is gone back to, as long as it is.
    """

    at_s: float = 0.0
    phase: Phase = Phase.KEPT
    per_replica: float = 0.0
    service_s: float = 0.0
    ceiling: float = 0.0
    proven: float = 0.0
    debt: float = 0.0
    met_ended: float = 0.0
    met_duration: float = 0.0
    met_for_s: float = 0.0
    window: int = 0
    ready: int = -1
    ready_since_s: float = 0.0
    best_s: float = 0.0
    patient_since_s: float = 0.0
    raised_s: float = 0.0
    lowered_s: float = 0.0
    missed_since_s: float = 0.0
    trial_per_replica: float = 0.0
    trial_latency_s: float = 0.0
    trial_slow: float = 0.0
    pressed_s: float = 0.0
    pressed_ended: float = 0.0
    pressed_last_s: float = 0.0
    paced_ended: float = 0.0
    paced_replicas: float = 0.0
    kept_per_replica: float = 0.0
    kept_ceiling: float = 0.0
    regained: float = 0.0
    peaks: tuple[float, ...] = (0.0,) * (WINDOWS_LOOKED_BACK + 1)

    def learned(self) -> Memory:
        """Return what a law goes on with that begins anew: what was learned, and that a miss was given up.

        A trial that was not judged is taken back.
        """
        kept = replace(Memory(), **{name: getattr(self, name) for name in _LEARNED})
        if self.trial_per_replica > 0:
            kept.per_replica = self.trial_per_replica
        if self.phase is Phase.GIVEN_UP:
            kept.phase = self.phase
        return kept
