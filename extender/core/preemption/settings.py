"""What may an operator tune of preemption?"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Mode(Enum):
    """What becomes of a plan by which train pods leave."""

    ENFORCE = "enforce"
    """They are evicted."""
    OBSERVE = "observe"
    """It is told, and nobody is evicted."""


class Scope(Enum):
    """Whose train pods may have to leave."""

    ANY = "any"
    """Those of every project."""
    BORROWED = "borrowed"
    """Those of the same project, and of others what they hold beyond their quota."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Times in seconds.

    `delay_s`: how long a pod or gang waits before others leave for it. `min_run_s`: how long a train pod has run before
    it may have to leave. `cool_down_s`: how long what a controller made anew for an evicted pod is left alone.
    """

    mode: Mode = Mode.ENFORCE
    scope: Scope = Scope.ANY
    delay_s: float = 5.0
    min_run_s: float = 0.0
    cool_down_s: float = 60.0
