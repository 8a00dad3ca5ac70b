"""On which nodes are the ports free that a pod takes? Where no pod that is there has one that collides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from extender.core.predicates.demands import Placed
    from extender.core.predicates.ground import Mask
    from extender.core.predicates.ports import HostPort


@dataclass(frozen=True, slots=True)
class FreePorts:
    """Where the ports `wanted` are `free`: a bool array [nodes]."""

    wanted: tuple[HostPort, ...]
    free: Mask

    @classmethod
    def begin(cls, wanted: tuple[HostPort, ...], nodes: int, placed: Iterable[Placed]) -> Self:
        """Return where they are free among the pods that are there."""
        free = np.ones(nodes, dtype=np.bool_)
        for pod, node in placed:
            if pod.ports and free[node] and _collide(wanted, pod.ports):
                free[node] = False
        return cls(wanted, free)

    def after(self, placed: Sequence[Placed]) -> Self:
        """Return where they are free once more pods are there."""
        taken = [node for pod, node in placed if pod.ports and _collide(self.wanted, pod.ports)]
        if not taken:
            return self
        free = self.free.copy()
        free[taken] = False
        return type(self)(self.wanted, free)


def _collide(wanted: tuple[HostPort, ...], taken: tuple[HostPort, ...]) -> bool:
    return any(one.collides(other) for one in wanted for other in taken)
