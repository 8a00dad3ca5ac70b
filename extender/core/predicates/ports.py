"""Do two pods ask for the same port of one node? By port, protocol and the address that they listen on.

Source: kube-scheduler's HostPortInfo.CheckConflict.
"""

from __future__ import annotations

from dataclasses import dataclass

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
