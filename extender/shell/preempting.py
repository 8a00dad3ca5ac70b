"""How do pods leave for others? What the core finds to be done is done; what the API server says is told the core.

The pods of one plan leave together. Those that a disruption budget counts are asked about first, without effect: where
one may not leave, nobody does, and the core looks for another plan.
"""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from extender.core.preemption.preempting import nominated
from extender.shell import cluster
from extender.shell.telling import say
from extender.shell.trying import Trying
from kube.client import ApiError
from kube.events import Notice
from kube.outage import Outage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from extender.core.model import PodKey
    from extender.core.preemption.moves import Displace, Moves
    from extender.core.scheduling import Scheduling
    from kube.client import Api

_log = logging.getLogger("extender")

_AT_ONCE = 16
_MOST = 64  # evictions between two looks, or a few more: meanwhile nobody gets the room that others have left
_REFUSALS = range(400, 500)  # of the request itself: to ask again would be of no use
_TIMED_OUT = 408
_PLANS = {"Preempting": "made", "PreemptionUndone": "undone", "WouldPreempt": "observed"}  # by `Tell.reason`


class Preempting:
    """Carries out what the core finds to be done so that others have room.

    `tell` writes Events, `leads` tells whether we may act. `evicted` hears of each eviction by its result, `planned` of
    each plan that was made, undone, or observed.
    """

    def __init__(  # noqa: PLR0913  an outside each
        self,
        api: Api,
        scheduling: Scheduling,
        tell: Callable[[Notice], None],
        *,
        leads: Callable[[], bool],
        evicted: Callable[[str], None],
        planned: Callable[[str], None],
    ) -> None:
        self._api = api
        self._scheduling = scheduling
        self._tell = tell
        self._leads = leads
        self._evicted = evicted
        self._planned = planned
        self._trying = Trying()
        self._there: frozenset[str] = frozenset()
        """The pods that held devices when what is carried out was begun, by UID."""
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._outage = Outage("what preemption wants of the API server", "it is tried again", _log)

    async def carry_out(self, moves: Moves) -> None:
        """Do it, and hear what came of it."""
        self._trying.forget(time.monotonic())
        self.say(moves)
        for pod in moves.kick:
            await self._kick(pod)
        if moves.displace:
            self._there = frozenset(held.pod.uid for held in self._scheduling.ledger.holdings())
        await asyncio.gather(*(self._displace(plan) for plan in self._some(moves)))

    def say(self, moves: Moves) -> None:
        """Tell people of it alone."""
        for one in moves.tell:
            if one.reason in _PLANS:
                self._planned(_PLANS[one.reason])
            say(one, self._tell, "preemption")

    def _some(self, moves: Moves) -> Iterator[tuple[Displace, ...]]:
        """Give who is due of each plan, of as many plans as are carried out before it is looked again."""
        now = time.monotonic()
        begun: set[str] = set()
        for plan in moves.displace:
            due = tuple(one for one in plan if self._trying.is_due(one.pod.uid, now))
            unasked = any(one.guarded and self._trying.was_refused(one.pod.uid) for one in plan if one not in due)
            # Who leaves by two plans is evicted by the first; nobody leaves as long as a budget has no answer.
            if due and not unasked and begun.isdisjoint(one.pod.uid for one in due):
                yield due
                begun |= {one.pod.uid for one in due}
            if len(begun) >= _MOST:
                return

    async def _kick(self, pod: PodKey) -> None:
        if not nominated(self._scheduling.ledger, pod.uid):
            return  # kube-scheduler has it by now: a change would end the Binding that is under way
        try:
            seen = await cluster.kick(self._api, pod, datetime.now(UTC).isoformat())
        except ApiError as error:
            self._outage.hear(error)
        else:
            self._outage.hear(None)
            if seen is not None:
                self._scheduling.pod_seen(seen)

    async def _displace(self, due: tuple[Displace, ...]) -> None:
        """Evict those of one plan that are due; none of them, where one may not leave."""
        guarded = [one for one in due if one.guarded]
        if not await self._each(guarded, self._ask):
            return
        # Whose budget is asked leaves first: should it be refused after all, most of the others are still there.
        if await self._each(guarded, self._evict):
            await self._each([one for one in due if not one.guarded], self._evict)

    async def _each(self, todo: list[Displace], work: Callable[[Displace], Awaitable[None]]) -> bool:
        """Do something for each that has to leave still, some at a time among all plans; tell whether all was done."""
        waiting, refused, failed = todo[::-1], False, False
        preemptions, ledger = self._scheduling.preemptions, self._scheduling.ledger

        async def some() -> None:
            nonlocal refused, failed
            while waiting and not refused:
                async with self._turns:
                    if not waiting or refused or not self._leads():
                        return
                    one = waiting.pop()
                    if not preemptions.has_to_leave(one.pod.uid, ledger):
                        failed = True  # what it would make room for is gone since the core was asked
                        continue
                    try:
                        await work(one)
                    except ApiError as error:
                        failed = True
                        refused = self._not_evicted(one, error) or refused
                    else:
                        self._outage.hear(None)

        await asyncio.gather(*(some() for _ in range(min(_AT_ONCE, len(todo)))))
        return not failed and not waiting

    async def _ask(self, one: Displace) -> None:
        await cluster.evict(self._api, one.pod, dry_run=True)

    async def _evict(self, one: Displace) -> None:
        await cluster.evict(self._api, one.pod)
        self._tell(Notice(cluster.reference(one.pod), "Preempted", one.because, "Warning"))
        now = time.monotonic()
        self._trying.carried_out(one.pod.uid, now)
        self._scheduling.preemptions.evicted(one.pod.uid, self._there, now)
        self._evicted("evicted")
        _log.warning("evicted", extra={"pod": f"{one.pod.namespace}/{one.pod.name}", "reason": one.because})

    def _not_evicted(self, one: Displace, error: ApiError) -> bool:
        """Take note that a pod was not evicted; tell whether it was refused for good."""
        now = time.monotonic()
        self._evicted("refused")
        self._trying.refused(one.pod.uid, now)
        if error.status not in _REFUSALS or error.status == _TIMED_OUT:
            self._outage.hear(error)
            return False
        why = f"pod {one.pod.namespace}/{one.pod.name}: {error.message}"
        self._scheduling.preemptions.refused(one.pod.uid, why, self._scheduling.ledger, now)
        return True
