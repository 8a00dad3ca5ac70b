"""How much may still be tried: counted, never timed, so that the same question has the same answer everywhere."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Steps:
    """A number of steps that is used up."""

    left: int

    @property
    def are_left(self) -> bool:
        """Tell whether more may be tried."""
        return self.left > 0

    def take(self, steps: int = 1) -> None:
        """Use steps up."""
        self.left -= steps
