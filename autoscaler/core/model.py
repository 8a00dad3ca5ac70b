"""Which words does the autoscaler think in?"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class WorkloadKey:
    """Which workload: the UID decides, the names are for people."""

    uid: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Policy:
    """The resolved parameters of one workload (kpa-spec section 3).

    `target` is the load that one replica should carry, utilisation included; the windows are whole seconds;
    `panic_threshold` is a fraction (2.0 = 200 %); `max_scale` 0 means no bound.
    """

    target: float = 70.0
    stable_window_s: int = 60
    panic_window_s: int = 6
    panic_threshold: float = 2.0
    max_scale_up_rate: float = 1000.0
    max_scale_down_rate: float = 2.0
    min_scale: int = 0
    max_scale: int = 0


@dataclass(frozen=True, slots=True)
class Load:
    """What the law looks at: the averages of the stable and the panic window, and how many replicas are ready."""

    stable: float
    panic: float
    ready: int


class Seen(Enum):
    """How much of a second's load was measured."""

    ALL = "all"
    PART = "part"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class SecondOfLoad:
    """The load of one workload in the second that begins at Unix time `second`."""

    second: int
    load: float
    seen: Seen


class Mode(Enum):
    """How a decision came about."""

    STABLE = "stable"
    PANIC = "panic"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done with one workload, and everything that decided it.

    `stable` and `panic` are the window averages (None where nothing was measured yet); `wanted` is what the law asked
    for before the workload's bounds; `desired` is what the workload gets.
    """

    at: float
    mode: Mode
    reason: str
    desired: int
    wanted: int
    current: int
    ready: int
    stable: float | None = None
    panic: float | None = None
