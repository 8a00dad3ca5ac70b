"""Is a claim that one pod alone may use (ReadWriteOncePod) in use already? Then no node will do.

Source: kube-scheduler's plugin VolumeRestrictions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from extender.core.predicates.population import Population, claimed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extender.core.predicates.demands import Placed


@dataclass(frozen=True, slots=True)
class Taken:
    """Whether any of the claims `exclusive`, by namespace and name, is `taken`."""

    exclusive: frozenset[tuple[str, str]]
    taken: bool

    @classmethod
    def begin(cls, exclusive: frozenset[tuple[str, str]], population: Population) -> Self:
        """Tell it of the pods that are there."""
        return cls(exclusive, any(claim in population.claims for claim in exclusive))

    def after(self, placed: Sequence[Placed]) -> Self:
        """Tell it once more pods are there."""
        if self.taken or all(self.exclusive.isdisjoint(claimed(pod)) for pod, _ in placed):
            return self
        return type(self)(self.exclusive, taken=True)
