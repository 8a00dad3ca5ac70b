"""Which server gets the next request? The one with the fewest requests in flight; among equals, the least used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(slots=True)
class Server:
    """One model server as the front knows it; the two counts are the front's own."""

    pod: str
    workload: str
    url: str
    in_flight: int = 0
    taken: int = 0


def least_in_flight(servers: Iterable[Server], *, but: frozenset[str]) -> Server | None:
    """Return the server for the next request, none of the pods in `but`; equal ones are told apart by name."""
    free = (server for server in servers if server.pod not in but)
    return min(free, key=lambda server: (server.in_flight, server.taken, server.pod), default=None)
