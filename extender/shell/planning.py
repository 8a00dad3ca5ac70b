"""When is planned what is more than one pod's matter? Again and again: gangs, and who leaves for those that wait."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from extender.core.preemption.moment import Moment

if TYPE_CHECKING:
    from collections.abc import Callable

    from extender.core.scheduling import Scheduling
    from extender.shell.gangs import Gangs
    from extender.shell.preempting import Preempting
    from extender.shell.surroundings import Following

_PAUSE_S = 0.25
_LISTED_S = 5.0  # for what the predicates look at to be listed


class Planning:
    """Has the core plan, as long as we lead, and has it carried out."""

    def __init__(
        self,
        scheduling: Scheduling,
        following: Following,
        gangs: Gangs,
        preempting: Preempting,
        leads: Callable[[], bool],
    ) -> None:
        self._scheduling = scheduling
        self._following = following
        self._gangs = gangs
        self._preempting = preempting
        self._leads = leads

    async def run(self) -> None:
        """Look again and again, without end."""
        while True:
            await asyncio.sleep(_PAUSE_S)
            if not self._leads() or not self._scheduling.plans():
                self._gangs.requests.wanted = ()
                continue
            checks = self._following.checks(self._scheduling.ledger)
            if checks is not None:
                steps = self._scheduling.plan_gangs(checks, time.monotonic())
                moves = self._scheduling.make_room(checks, Moment(time.monotonic(), time.time()))
                await asyncio.gather(self._gangs.carry_out(steps), self._preempting.carry_out(moves))

    async def take_over(self) -> None:
        """Plan what another began before anybody else is placed: its room is there now, and soon would not be."""
        self._scheduling.take_over()
        until = time.monotonic() + _LISTED_S
        while self._scheduling.plans() and time.monotonic() < until:
            checks = self._following.checks(self._scheduling.ledger)
            if checks is not None:
                # What is to be done is found again once we lead; what is told is told once.
                self._gangs.say(self._scheduling.plan_gangs(checks, time.monotonic()))
                self._preempting.say(self._scheduling.make_room(checks, Moment(time.monotonic(), time.time())))
                return
            await asyncio.sleep(_PAUSE_S)
