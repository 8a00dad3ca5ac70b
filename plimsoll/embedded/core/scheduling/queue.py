"""Which pod is tried next, and when is a pod tried again? kube-scheduler's queue; `now` is in seconds since 1970.

The laws, after kubernetes' pkg/scheduler/backend/queue (1.36):
- First the highest priority, then who was queued first; a failed try queues a pod anew.
- A rejected pod waits for an event that may help it. Then it is tried at once, or, if its back-off (1 s, doubling to
  10 s) is not over, as soon as nothing else is to be tried.
- A pod whose try ended in an error is in back-off and tried after it, whatever happens.
- Back-off ends with a whole second of the clock: all pods whose back-off ended in the second before are tried then.
- What happens during a pod's own try is remembered until that try has ended.
- Nobody waits longer than five minutes; this is looked after every 30 s.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from plimsoll.embedded.core.scheduling.hints import Event, may_help

if TYPE_CHECKING:
    from collections.abc import Iterable

    from plimsoll.embedded.core.scheduling.views import PodView

_FIRST_BACKOFF_S, _LONGEST_BACKOFF_S = 1.0, 10.0
_LONGEST_WAIT_S, _SWEEP_S = 300.0, 30.0

_NOBODY: frozenset[str] = frozenset()


@dataclass(slots=True, eq=False)
class Queued:
    """A pod in the queue. `rejected_by` is empty after an error, and before the first try."""

    pod: PodView
    since: float
    rejected_by: frozenset[str] = _NOBODY
    rejections: int = 0
    errors: int = 0

    def order(self) -> tuple[int, float]:
        """Return what decides who is first."""
        return (-self.pod.priority, self.since)

    def backoff_ends(self) -> float:
        """Return the whole second of the clock in which the back-off ends; minus infinity without one."""
        count = self.errors or self.rejections
        if not count:
            return -math.inf
        return float(math.floor(self.since + min(_FIRST_BACKOFF_S * 2 ** min(count - 1, 10), _LONGEST_BACKOFF_S)))


class Queue:
    """All pods that are not bound and not being bound, by UID, each in one of five places."""

    def __init__(self, now: float) -> None:
        self._active: dict[str, Queued] = {}
        self._order: list[tuple[int, float, int, Queued]] = []  # a heap; who is not active any more is passed over
        self._queued = 0
        self._backing_off: dict[str, Queued] = {}  # after a rejection
        self._erring: dict[str, Queued] = {}  # in back-off after an error
        self._rejected: dict[str, Queued] = {}
        self._gated: dict[str, Queued] = {}
        self._tried: Queued | None = None
        self._meanwhile: list[Event] = []
        self._next_sweep = now + _SWEEP_S

    # --- what becomes of pods ---

    def add(self, pod: PodView, now: float) -> None:
        """Queue a new pod; one with scheduling gates waits until they are gone."""
        self._make_active(Queued(pod, now))

    def update(self, pod: PodView, events: Iterable[Event], now: float) -> None:
        """Take note that a pod is changed, in the ways that `events` say."""
        if self._tried is not None and self._tried.pod.uid == pod.uid:
            self._meanwhile.extend(events)
            return
        for place in (self._active, self._backing_off, self._erring):
            if pod.uid in place:
                place[pod.uid].pod = pod
                return
        if (gated := self._gated.get(pod.uid)) is not None:
            gated.pod = pod
            if not pod.gated:
                del self._gated[pod.uid]
                self._make_active(gated)
        elif (rejected := self._rejected.get(pod.uid)) is not None:
            rejected.pod = pod
            if any(may_help(event, pod, rejected.rejected_by) for event in events):
                self._again(rejected, now)
        else:
            self.add(pod, now)

    def remove(self, uid: str) -> None:
        """Forget a pod."""
        for place in (self._active, self._backing_off, self._erring, self._rejected, self._gated):
            place.pop(uid, None)

    def happened(self, event: Event, now: float) -> None:
        """Try the rejected pods again that an event may help."""
        helped = [each for each in self._rejected.values() if may_help(event, each.pod, each.rejected_by)]
        for each in helped:
            self._again(each, now)
        if self._tried is not None:
            self._meanwhile.append(event)

    # --- a try ---

    def pop(self, now: float) -> Queued | None:
        """Return the pod to be tried now; `done` or `failed` ends the try. None: nobody, before `next_due`."""
        assert self._tried is None  # noqa: S101  one pod at a time
        self._flush(now)
        if self._active:
            tried = self._first()
        elif self._backing_off:
            tried = min(self._backing_off.values(), key=lambda each: (each.backoff_ends(), *each.order()))
            del self._backing_off[tried.pod.uid]
        else:
            return None
        self._tried = tried
        return tried

    def done(self, tried: Queued) -> None:
        """End a try: the pod is being bound, or is no more to be scheduled."""
        if self._tried is tried:
            self._tried = None
            self._meanwhile.clear()

    def failed(self, tried: Queued, pod: PodView, rejected_by: frozenset[str], now: float) -> None:
        """End a try, or a binding, that failed: with an error where nobody rejected the pod. `pod` is its latest."""
        meanwhile = list(self._meanwhile) if self._tried is tried else []
        self.done(tried)
        if self._knows(pod.uid):
            return
        tried.pod, tried.since, tried.rejected_by = pod, now, rejected_by
        if not rejected_by:
            tried.errors += 1
            self._again(tried, now)
            return
        tried.rejections += 1
        tried.errors = 0
        if any(may_help(event, pod, rejected_by) for event in meanwhile):
            self._again(tried, now)
        else:
            self._rejected[pod.uid] = tried

    # --- how it stands ---

    @property
    def busy(self) -> bool:
        """Whether a pod is tried, or is to be tried without any further event."""
        return bool(self._tried or self._active or self._backing_off or self._erring)

    def next_due(self) -> float | None:
        """Return when `pop` should be asked again though nothing happens; None where nobody waits."""
        due = [each.backoff_ends() + 1.0 for each in self._erring.values()]
        if self._rejected:
            due.append(self._next_sweep)
        return min(due, default=None)

    def waiting(self) -> tuple[PodView, ...]:
        """Return the pods that were rejected and wait for an event."""
        return tuple(each.pod for each in self._rejected.values())

    # --- how ---

    def _knows(self, uid: str) -> bool:
        return any(uid in place for place in (self._active, self._backing_off, self._erring, self._rejected))

    def _make_active(self, queued: Queued) -> None:
        if queued.pod.gated:
            self._gated[queued.pod.uid] = queued
            return
        self._active[queued.pod.uid] = queued
        self._queued += 1
        heapq.heappush(self._order, (*queued.order(), self._queued, queued))

    def _first(self) -> Queued:
        while True:
            first = heapq.heappop(self._order)[-1]
            if self._active.get(first.pod.uid) is first:
                del self._active[first.pod.uid]
                return first

    def _again(self, queued: Queued, now: float) -> None:
        self._rejected.pop(queued.pod.uid, None)
        if queued.pod.gated or queued.backoff_ends() < math.floor(now):
            self._make_active(queued)
        elif queued.rejected_by:
            self._backing_off[queued.pod.uid] = queued
        else:
            self._erring[queued.pod.uid] = queued

    def _flush(self, now: float) -> None:
        for place in (self._backing_off, self._erring):
            for each in [each for each in place.values() if each.backoff_ends() < math.floor(now)]:
                del place[each.pod.uid]
                self._make_active(each)
        if now < self._next_sweep:
            return
        self._next_sweep = now + _SWEEP_S
        for each in [each for each in self._rejected.values() if now - each.since > _LONGEST_WAIT_S]:
            self._again(each, now)
