"""How much concurrency is offered, whatever waits? Arrivals times service time, and what works the waiting ones off.

Not the original's: there the load is all requests that a server has. While replicas start, those that wait grow with
every second of the start, and so do the replicas asked for, though the arrivals never changed (kpa-spec section 8,
row 1). The law, by Little's:

- service time = requests that run / requests that end a second, both over the stable window: waiting is no service;
- arrivals a second = requests that end a second + how much the requests in flight grow a second;
- offered load = arrivals x service time + waiting x service time / drain period: so much concurrency serves what comes
  and, within the drain period, what waits.
- It is never more than all requests there are: where a flow begins, hardly anything has ended yet, and what runs says
  nothing of how long it will.
- Where in a stable window less than one request ends, or less than a second is worked, nothing is known of the service
  time: then the load is what it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Flow:
    """Averages over one window, float64[rows]: requests `in_flight` and `waiting`, `ended` and `grown` a second."""

    in_flight: NDArray[np.float64]
    waiting: NDArray[np.float64]
    ended: NDArray[np.float64]
    grown: NDArray[np.float64]


def service_time_s(flow: Flow, window_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how long a request is worked on over a window, float64[rows]; NaN where it cannot be known."""
    running = np.maximum(flow.in_flight - flow.waiting, 0.0)
    known = (flow.ended * window_s >= 1.0) & (running * window_s >= 1.0)
    return np.where(known, running / np.where(known, flow.ended, 1.0), np.nan)


def offered(flow: Flow, service_s: NDArray[np.float64], drain_s: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the offered load of one window, float64[rows]; NaN where it cannot be known."""
    arrivals = np.maximum(flow.ended + flow.grown, 0.0)
    return np.minimum(service_s * (arrivals + flow.waiting / drain_s), flow.in_flight)
