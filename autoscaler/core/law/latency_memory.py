"""In which words does the law of latency think, and what does it remember between two decisions?

Everything that is remembered is a number of at least 0, where 0 says that there is nothing: so it can be told to
whoever takes over, by name, and taken back. What is not told is learned anew, within some stable windows of traffic;
until then replicas stay as they are.

Until the target was kept for a stable window, nobody knows how long a request takes without waiting: then load is
counted in requests that arrive per second. From then on it is requests in flight: arrivals times service time.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

WINDOWS_HELD = 15
"""For how many stable windows a peak of the load counts."""


class Phase(IntEnum):
    """What is done about the target."""

    KEPT = 0
    """It is kept, or nothing is known."""
    MISSED = 1
    """It is missed, and replicas rise with what the load needs."""
    TRIED = 2
    """It is missed though nothing waits for want of replicas: a trial tells whether more of them help."""
    STOPPED = 3
    """More replicas did not help: they follow the load alone."""


@dataclass(frozen=True, slots=True)
class Aim:
    """What is aimed for: `percentile` (0 to 1) of the requests within `target_s`, seen over a stable window."""

    target_s: float
    percentile: float
    window_s: float
    panic_window_s: float

    @property
    def slow_share(self) -> float:
        """The share of the requests that may be slower."""
        return 1.0 - self.percentile


@dataclass(frozen=True, slots=True)
class Served:
    """What is seen of a workload at Unix time `at_s`.

    Requests a second: `arriving` over the panic and `arriving_long` over the stable window, `ending` and `ending_long`
    alike, and `slow`, those slower than the target, over the stable window. `mean_s` is how long one took on average
    (stable window; without meaning where none ended). `in_flight` requests (panic window); `crowd` the same, taken for
    all replicas from all but the fullest, where there are three or more. Slow requests and mean are those of the
    replicas but for the worst, if that one alone is worth it. `requested` and `ready` replicas.
    """

    at_s: float
    arriving: float
    arriving_long: float
    ending: float
    ending_long: float
    slow: float
    mean_s: float
    in_flight: float
    crowd: float
    ready: int
    requested: int

    @property
    def replicas(self) -> int:
        """The ready replicas, at least 1."""
        return max(1, self.ready)

    @property
    def sojourn_s(self) -> float:
        """How long a request that comes now will be in flight, by Little's law."""
        return self.crowd / max(self.arriving_long, 1e-9)


@dataclass(slots=True)
class Memory:
    """What is remembered; moments are Unix seconds.

    Learned: `capacity`, the load that one replica carries within the target; `ceiling`, what it carried at most, when
    requests piled up, from `carried` load over `carrying` replicas (both times seconds); `proven`, the capacity with
    which the target was kept last, or else the best that was seen carried. `service_s`: how long a request takes while
    the target is kept, from `kept_seconds` over `kept_requests`, and `kept_for_s`, how long that lasted unbroken before
    it was known.

    `debt`: slow requests beyond the share that may be slow. `pressed_s`: for how long more than the target has lain in
    flight; `pressed_at_s` when it last did; `worked_off` requests that ended in a pressing that lasts. `peaks`: the
    highest load in each of the last stable windows, the newest last, in `slot` (the number of that window).

    `phase` (Phase), `missed_at_s` when the target began to be missed; `waiting_since_s`: since when nothing has got
    better, of a sojourn of `best_s` (0: none yet). Of a trial: capacity, sojourn and share of slow ones before it.
    `seen_s` the last decision, `seen_ready` its ready replicas, `settled_at_s` since when; `rose_at_s`, `fell_at_s`.
    """

    capacity: float = 0.0
    ceiling: float = 0.0
    proven: float = 0.0
    carried: float = 0.0
    carrying: float = 0.0
    service_s: float = 0.0
    kept_requests: float = 0.0
    kept_seconds: float = 0.0
    kept_for_s: float = 0.0
    debt: float = 0.0
    pressed_s: float = 0.0
    pressed_at_s: float = 0.0
    worked_off: float = 0.0
    slot: float = 0.0
    phase: float = 0.0
    missed_at_s: float = 0.0
    waiting_since_s: float = 0.0
    best_s: float = 0.0
    trial_capacity: float = 0.0
    trial_sojourn_s: float = 0.0
    trial_share: float = 0.0
    seen_s: float = 0.0
    seen_ready: float = 0.0
    settled_at_s: float = 0.0
    rose_at_s: float = 0.0
    fell_at_s: float = 0.0
    peaks: list[float] = field(default_factory=lambda: [0.0] * (WINDOWS_HELD + 1))

    @property
    def unit_s(self) -> float:
        """What turns arrivals per second into load: the service time, 1 until it is known."""
        return self.service_s or 1.0

    @property
    def peak(self) -> float:
        """The highest load that counts."""
        return max(self.peaks)

    def copied(self) -> Memory:
        """Return a memory that can be changed by itself."""
        return Memory.of(self.told())

    def told(self) -> dict[str, float]:
        """Return everything by name, but for what is nothing."""
        said = {name: getattr(self, name) for name in _NUMBERS}
        said |= dict(zip(_PEAKS, self.peaks, strict=True))
        return {name: value for name, value in said.items() if value}

    @classmethod
    def of(cls, told: Mapping[str, float]) -> Memory:
        """Return the memory that was told so."""
        memory = cls(peaks=[told.get(name, 0.0) for name in _PEAKS])
        for name in _NUMBERS:
            setattr(memory, name, told.get(name, 0.0))
        return memory


_NUMBERS = tuple(each.name for each in fields(Memory) if each.name != "peaks")
_PEAKS = tuple(f"peak_{number}" for number in range(WINDOWS_HELD, -1, -1))
NAMES = (*_NUMBERS, *_PEAKS)
"""Everything that is remembered, by the names under which it is told."""
