"""Do two pods ask for the same port of one node? By port, protocol and the address that they listen on.

Source: kube-scheduler's HostPortInfo.CheckConflict.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from extender.core.predicates.demands import Placed
    from extender.core.predicates.ground import Mask

ANY_ADDRESS = "0.0.0.0"  # noqa: S104  what Kubernetes takes for an address that is left out


@dataclass(frozen=True, slots=True)
class HostPort:
    """A port of the node that a container takes; `address` is ANY_ADDRESS where it takes it on all of them."""

    port: int
    protocol: str = "TCP"
    address: str = ANY_ADDRESS

    def collides(self, other: HostPort) -> bool:
        """Tell whether both cannot be had at once. `::` is an address like any other to kube-scheduler."""
        if (self.port, self.protocol) != (other.port, other.protocol):
            return False
        return self.address == other.address or ANY_ADDRESS in (self.address, other.address)


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
