"""How long do requests take on replicas that each run a few at a time? A queueing model, request by request.

M/G/c with a limit per replica: a request runs at once where a ready replica has a free slot, and waits otherwise, first
come first served, in one queue for all or in one a replica. A replica that is asked for is ready after its cold start;
one that is taken away runs what it has and is gone. What a server would export is there to be read at any moment:
running, waiting, ended, summed seconds, and the buckets of a histogram.

Time is an argument: the model knows the requests to come and nothing else of the future.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections import deque
from dataclasses import dataclass, field
from enum import Enum
from math import inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

VLLM_BUCKETS_S = (
    *(0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 50.0, 60.0),
    *(120.0, 240.0, 480.0, 960.0, 1920.0, 7680.0, inf),
)
"""The upper bounds of vllm:e2e_request_latency_seconds."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request: when it arrives, and how many seconds it takes without waiting."""

    at_s: float
    service_s: float


class Routing(Enum):
    """Where a request that finds no free slot waits: in front of all replicas, or at the one whose turn it was."""

    ONE_QUEUE = "one queue"
    ROUND_ROBIN = "round robin"


@dataclass(frozen=True, slots=True)
class Disturbance:
    """What goes wrong from `from_s` until `until_s`.

    `slower` multiplies every service time; `bad_pod` (a replica's number) is that many times slower by itself;
    `extra_s` is added to each request by something behind the replicas, on its slot or, with `holds_slot` False, after
    it has left the slot.
    """

    from_s: float = 0.0
    until_s: float = inf
    slower: float = 1.0
    bad_pod: int | None = None
    bad_pod_slower: float = 10.0
    extra_s: float = 0.0
    holds_slot: bool = True


@dataclass(slots=True)
class Replica:
    """One replica, and what it exports of itself; `limit` requests run at a time."""

    number: int
    limit: int
    ready_at_s: float
    running: int = 0
    waiting: deque[Request] = field(default_factory=deque)
    ended: int = 0
    sum_s: float = 0.0
    buckets: list[int] = field(default_factory=list)
    draining: bool = False


@dataclass(frozen=True, slots=True)
class Exported:
    """What one replica's page says; `buckets` are not cumulative, one for each upper bound.

    `waiting` of one queue for all is what a fair share of it would be.
    """

    number: int
    running: int
    waiting: float
    ended: int
    sum_s: float
    buckets: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Ended:
    """A request that was answered: when it came and went."""

    at_s: float
    ended_s: float
    waited_s: float

    @property
    def latency_s(self) -> float:
        """How long the caller waited for its answer."""
        return self.ended_s - self.at_s


@dataclass(frozen=True, slots=True)
class Plant:
    """How the replicas are made.

    `crowding` is by how much of itself a request takes longer for every other one that runs beside it at its start, as
    batches of a GPU do.
    """

    limit: int = 4
    cold_start_s: float = 60.0
    routing: Routing = Routing.ONE_QUEUE
    buckets_s: tuple[float, ...] = VLLM_BUCKETS_S
    disturbance: Disturbance = Disturbance()
    crowding: float = 0.0


class Queueing:
    """Replicas that answer requests; `advance` moves time, `scale` asks for another count."""

    def __init__(self, plant: Plant, requests: Sequence[Request], replicas: int) -> None:
        self.plant = plant
        self.now_s = 0.0
        self.ended: list[Ended] = []
        self.replica_seconds = 0.0
        self._requests, self._next = requests, 0
        self._numbers = 0
        self._starting: list[Replica] = []  # by the time at which they are ready
        self._ready: list[Replica] = []
        self._draining: list[Replica] = []
        self._queue: deque[Request] = deque()
        self._turn = 0
        # (when, number of the event, replica or None behind its slot, request, when it began)
        self._events: list[tuple[float, int, Replica | None, Replica, Request, float]] = []
        self._event = 0
        self._add(replicas, ready_at_s=0.0)
        self._become_ready(0.0)

    @property
    def requested(self) -> int:
        """How many replicas are asked for."""
        return len(self._ready) + len(self._starting)

    @property
    def ready(self) -> int:
        """How many replicas take requests."""
        return len(self._ready)

    @property
    def in_flight(self) -> int:
        """How many requests run or wait."""
        held = sum(1 for event in self._events if event[2] is None)
        replicas = (*self._ready, *self._draining)
        return held + len(self._queue) + sum(each.running + len(each.waiting) for each in replicas)

    @property
    def serving(self) -> set[int]:
        """The numbers of the ready replicas."""
        return {replica.number for replica in self._ready}

    def exported(self) -> list[Exported]:
        """Return the page of each ready or draining replica, and of one that is just gone no more."""
        share = len(self._queue) / max(1, len(self._ready))
        behind: dict[int, int] = {}
        for _, _, slot, replica, _, _ in self._events:
            if slot is None:
                behind[replica.number] = behind.get(replica.number, 0) + 1
        return [
            Exported(
                each.number,
                each.running + behind.get(each.number, 0),
                len(each.waiting) + (0.0 if each.draining else share),
                each.ended,
                each.sum_s,
                tuple(each.buckets),
            )
            for each in (*self._ready, *self._draining)
        ]

    def scale(self, replicas: int) -> None:
        """Ask for so many replicas: new ones start, of too many the newest go, those that are not ready first."""
        while self.requested > max(replicas, 0):
            if self._starting:
                self._starting.pop()
            else:
                self._drain(self._ready.pop())
        self._add(replicas - self.requested, ready_at_s=self.now_s + self.plant.cold_start_s)

    def advance(self, until_s: float) -> None:
        """Let everything happen that happens until a time."""
        while True:
            arrival_s = self._requests[self._next].at_s if self._next < len(self._requests) else inf
            event_s = self._events[0][0] if self._events else inf
            ready_s = self._starting[0].ready_at_s if self._starting else inf
            at_s = min(arrival_s, event_s, ready_s)
            if at_s > until_s:
                break
            self._pass(at_s)
            if ready_s == at_s:
                self._become_ready(at_s)
            elif event_s == at_s:
                self._happen()
            else:
                request = self._requests[self._next]
                self._next += 1
                self._arrive(request)
        self._pass(until_s)

    # --- inside ---

    def _pass(self, at_s: float) -> None:
        alive = len(self._ready) + len(self._starting) + len(self._draining)
        self.replica_seconds += (at_s - self.now_s) * alive
        self.now_s = at_s

    def _add(self, count: int, ready_at_s: float) -> None:
        for _ in range(count):
            replica = Replica(self._numbers, self.plant.limit, ready_at_s)
            replica.buckets = [0] * len(self.plant.buckets_s)
            self._starting.append(replica)
            self._numbers += 1

    def _become_ready(self, at_s: float) -> None:
        while self._starting and self._starting[0].ready_at_s <= at_s:
            replica = self._starting.pop(0)
            self._ready.append(replica)
            while self._queue and replica.running < replica.limit:
                self._begin(replica, self._queue.popleft())

    def _drain(self, replica: Replica) -> None:
        replica.draining = True
        if replica.running or replica.waiting:
            self._draining.append(replica)

    def _arrive(self, request: Request) -> None:
        if not self._ready:
            self._queue.append(request)
        elif self.plant.routing is Routing.ROUND_ROBIN:
            self._turn += 1
            replica = self._ready[self._turn % len(self._ready)]
            if replica.running < replica.limit:
                self._begin(replica, request)
            else:
                replica.waiting.append(request)
        else:
            # Of those with a free slot the one that runs least; of equals the oldest.
            replica = min(self._ready, key=lambda each: each.running)
            if replica.running < replica.limit:
                self._begin(replica, request)
            else:
                self._queue.append(request)

    def _begin(self, replica: Replica, request: Request) -> None:
        wrong = self.plant.disturbance
        service_s, behind_s = request.service_s * (1.0 + self.plant.crowding * replica.running), 0.0
        if wrong.from_s <= self.now_s < wrong.until_s:
            service_s *= wrong.slower * (wrong.bad_pod_slower if replica.number == wrong.bad_pod else 1.0)
            if wrong.holds_slot:
                service_s += wrong.extra_s
            else:
                behind_s = wrong.extra_s
        replica.running += 1
        self._schedule(self.now_s + service_s, replica, replica, request, behind_s)

    def _schedule(self, at_s: float, slot: Replica | None, replica: Replica, request: Request, extra: float) -> None:
        self._event += 1
        heapq.heappush(self._events, (at_s, self._event, slot, replica, request, extra))

    def _happen(self) -> None:
        at_s, _, slot, replica, request, behind_s = heapq.heappop(self._events)
        if slot is not None:
            replica.running -= 1
            self._follow_up(replica)
            if behind_s:
                self._schedule(at_s + behind_s, None, replica, request, 0.0)
                return
        latency_s = at_s - request.at_s
        replica.ended += 1
        replica.sum_s += latency_s
        replica.buckets[bisect_left(self.plant.buckets_s, latency_s)] += 1
        self.ended.append(Ended(request.at_s, at_s, latency_s - request.service_s))

    def _follow_up(self, replica: Replica) -> None:
        """Give a slot that became free to who waits."""
        if replica.waiting:
            self._begin(replica, replica.waiting.popleft())
        elif self._queue and not replica.draining:
            self._begin(replica, self._queue.popleft())
        elif replica.draining and not replica.running:
            self._draining.remove(replica)


def run(
    queueing: Queueing, decide: Callable[[Queueing], int | None], until_s: float, *, every_s: float = 2.0
) -> list[tuple[float, int]]:
    """Let `decide` look every so often and ask for replicas (None: as they are); return what was asked for, and when.

    The list has the changes alone, the first entry being the beginning.
    """
    changes = [(queueing.now_s, queueing.requested)]
    while queueing.now_s < until_s:
        queueing.advance(min(queueing.now_s + every_s, until_s))
        wanted = decide(queueing)
        if wanted is not None and wanted != queueing.requested:
            queueing.scale(wanted)
            changes.append((queueing.now_s, wanted))
    return changes
