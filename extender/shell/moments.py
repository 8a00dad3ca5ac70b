"""When was that, for people? The core's seconds begin anywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Moments:
    """Turns the seconds of the core into Unix milliseconds."""

    monotonic: Callable[[], float]
    unix: Callable[[], float]

    def ms(self, at: float) -> int:
        """Return a moment of the core."""
        return round((self.unix() - self.monotonic() + at) * 1000)
