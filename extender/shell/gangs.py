"""How are gangs let go, taken back and told of? What the core finds to be done is done, a few pods at a time."""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from extender.shell import cluster
from extender.shell.provisioning import Requests
from extender.shell.telling import say
from extender.shell.trying import Trying
from kube.client import ApiError
from kube.events import Notice
from kube.outage import Outage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from extender.core.gang.steps import Evict, LetGo, Mark, Show, Step, Steps, TakeBack
    from extender.core.model import PodKey, SeenPod
    from extender.core.scheduling import Scheduling
    from kube.client import Api

_log = logging.getLogger("extender")

_AT_ONCE = 16
_MOST = 128  # pods that are changed in one way before the core looks again at what has become of them
_SAME_S = 300.0
_PLANS = {"GangPlanned": "made", "GangUndone": "undone"}  # what became of a plan, by `Tell.reason`


class Gangs:
    """Carries out what the core finds to be done about gangs.

    `tell` writes Events, `leads` tells whether we may act. `evicted` hears of each eviction by its result, `planned` of
    each plan that was made or undone.
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
        self.requests = Requests(api, leads)
        self._outage = Outage("what a gang's plan wants of the API server", "it is tried again", _log)

    async def carry_out(self, steps: Steps) -> None:
        """Do it."""
        self._trying.forget(time.monotonic())
        self.say(steps)
        self.requests.wanted = steps.want
        await self._each(steps.take_back, self._take_back)
        await self._each(steps.evict, self._evict)
        await self._each(steps.show, self._show)
        await self._each(steps.let_go, self._let_go)
        await self._each(steps.mark, self._mark)

    def say(self, steps: Steps) -> None:
        """Tell people of it alone."""
        for one in steps.tell:
            if one.reason in _PLANS:
                self._planned(_PLANS[one.reason])
            say(one, self._tell, "gang")

    async def _each(self, todo: Iterable[Step], work: Callable[..., Awaitable[None]]) -> None:
        """Carry out those that are due, no more than `_MOST`."""
        now = time.monotonic()
        due = [one for one in todo if self._trying.is_due((type(one), one.pod.uid), now)]
        waiting = due[:_MOST][::-1]

        async def some() -> None:
            while waiting and self._leads():
                one = waiting.pop()
                what = (type(one), one.pod.uid)
                try:
                    await work(one)
                except ApiError as error:
                    self._outage.hear(error)
                    self._trying.refused(what, time.monotonic())
                    self._scheduling.gangs.not_changed(one.pod.uid, error.message)
                else:
                    self._outage.hear(None)
                    self._trying.carried_out(what, time.monotonic())

        await asyncio.gather(*(some() for _ in range(_AT_ONCE)))

    async def _let_go(self, step: LetGo) -> None:
        if step.gated:
            self._see(await cluster.let_go(self._api, step.pod, step.planned, self._leads))
        else:
            self._see(await cluster.kick(self._api, step.pod, datetime.now(UTC).isoformat()))

    async def _mark(self, step: Mark) -> None:
        self._see(await cluster.mark_whole(self._api, step.pod))

    async def _show(self, step: Show) -> None:
        self._see(await cluster.show(self._api, step.pod, self._leads))
        _log.info("shown", extra={"pod": _name(step.pod)})

    async def _take_back(self, step: TakeBack) -> None:
        if step.anew:
            await cluster.delete(self._api, step.pod)
            _log.info("taken back", extra={"pod": _name(step.pod), "reason": step.because})
        else:
            self._see(await cluster.strike_plan(self._api, step.pod))

    async def _evict(self, step: Evict) -> None:
        self._tell(Notice(cluster.reference(step.pod), "GangTooSmall", step.because, "Warning", old_for_s=_SAME_S))
        try:
            await cluster.evict(self._api, step.pod)
        except ApiError:
            self._evicted("refused")
            raise
        self._evicted("evicted")
        _log.warning("evicted", extra={"pod": _name(step.pod), "reason": step.because})

    def _see(self, pod: SeenPod | None) -> None:
        if pod is not None:
            self._scheduling.pod_seen(pod)


def _name(pod: PodKey) -> str:
    return f"{pod.namespace}/{pod.name}"
