"""What plans are there in one look? What they rest on is computed at the first question, and kept up from then on."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from extender.core.preemption.candidates import Rules, below, candidates
from extender.core.preemption.clearing import Clearing
from extender.core.preemption.plan import NoPlan
from extender.core.preemption.planning import planned
from extender.core.preemption.settings import Scope

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from extender.core.gang.gangs import Gangs
    from extender.core.gang.planning import Room
    from extender.core.preemption.candidates import Candidates
    from extender.core.preemption.moment import Moment
    from extender.core.preemption.outstanding import Outstanding
    from extender.core.preemption.plan import Key, Plan, Preemptor
    from extender.core.preemption.resting import Resting
    from extender.core.preemption.settings import Settings


class Sight(NamedTuple):
    """What is seen at one look: the room, who is `leaving` it by itself, and the plans that stand."""

    room: Room
    leaving: frozenset[str]
    plans: Mapping[Key, Outstanding]
    settings: Settings
    at: Moment


class Prospects:
    """The plans of one look; `spared`: pods that are not to be asked to leave."""

    def __init__(self, sight: Sight, gangs: Gangs, resting: Resting, spared: frozenset[str]) -> None:
        self._sight = sight
        self._gangs = gangs
        self._resting = resting
        self._spared = spared
        self._candidates: Candidates | None = None
        self._clearings: dict[int, Clearing] = {}
        self._in_vain: dict[Hashable, NoPlan] = {}

    def plan(self, preemptor: Preemptor) -> Plan | NoPlan:
        """Return the plan for somebody, or why there is none."""
        alike = tuple((pod.shape(), pod.ask()) for pod in preemptor.pods), preemptor.priority, preemptor.avoided
        if alike in self._in_vain and len(preemptor.pods) == 1:
            return self._in_vain[alike]
        scope = self._sight.settings.scope
        made = planned(preemptor, self._clearing(preemptor.priority), borrowed_only=scope is Scope.BORROWED)
        if isinstance(made, NoPlan):
            self._in_vain[alike] = made
        return made

    def took(self, preemptor: Preemptor, made: Plan) -> None:
        """Take note that a plan is carried out."""
        if made.yields:
            self._clearings.clear()
            self._candidates = None
            return
        pods = {pod.key.uid: pod for pod in preemptor.pods}
        victims = [victim.pod.uid for victim in made.victims]
        for clearing in self._clearings.values():
            clearing.take(made.holdings, pods, victims)

    def _clearing(self, priority: int) -> Clearing:
        if priority not in self._clearings:
            self._clearings[priority] = self._cleared(priority)
        return self._clearings[priority]

    def _cleared(self, priority: int) -> Clearing:
        sight = self._sight
        going = sight.leaving | {one.pod.uid for each in sight.plans.values() for one in each.plan.victims}
        if self._candidates is None:
            rules = Rules(sight.settings, self._resting, going | self._spared, sight.at)
            self._candidates = candidates(sight.room, self._gangs, rules)
        lower = (
            each.promised(sight.room.ledger)
            for each in sight.plans.values()
            if each.preemptor.priority < priority and each.ready_at is None
        )
        return Clearing(sight.room, below(self._candidates, priority), going, filter(None, lower))
