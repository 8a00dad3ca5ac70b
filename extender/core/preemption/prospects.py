"""What plans are there in one look? What they rest on is computed at the first question, and kept up from then on."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from extender.core.gang.planning import over_quota
from extender.core.preemption.candidates import Rules, below, candidates
from extender.core.preemption.clearing import Clearing
from extender.core.preemption.plan import NoPlan
from extender.core.preemption.planning import planned
from extender.core.preemption.settings import Scope

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from extender.core.gang.gangs import Gangs
    from extender.core.gang.planning import Checks, Room
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
    """The plans of one look; `refused`: pods that were not let go, each with why: they are not to be asked."""

    def __init__(self, sight: Sight, gangs: Gangs, resting: Resting, refused: Mapping[str, str]) -> None:
        self._sight = sight
        self._gangs = gangs
        self._resting = resting
        self._refused = refused
        self._candidates: Candidates | None = None
        self._clearings: dict[int, Clearing] = {}
        self._in_vain: dict[Hashable, NoPlan] = {}

    def clearing(self, priority: int) -> Clearing:
        """Return what room there would be if all left that may leave for pods of a priority."""
        if priority not in self._clearings:
            self._clearings[priority] = self._cleared(priority)
        return self._clearings[priority]

    def plans(self, preemptors: Sequence[Preemptor]) -> list[Plan] | NoPlan:
        """Return a plan for each of some that are alike, together or for none of them; or why there is none."""
        first = preemptors[0]
        alike = len(preemptors) * len(first.pods) == 1 and kind_of(first, self._sight.room.checks)
        if alike and alike in self._in_vain:
            return self._in_vain[alike]
        made = self._planned(preemptors)
        if alike and isinstance(made, NoPlan):
            self._in_vain[alike] = made
        return made

    def took(self, made: Sequence[tuple[Preemptor, Plan]]) -> None:
        """Take note that these plans are carried out."""
        if any(plan.yields for _, plan in made):
            self._clearings.clear()
            self._candidates = None
            return
        pods = {pod.key.uid: pod for one, _ in made for pod in one.pods}
        holdings = [holding for _, plan in made for holding in plan.holdings]
        victims = {victim.pod.uid for _, plan in made for victim in plan.victims}
        for clearing in self._clearings.values():
            clearing.take(holdings, pods, victims)

    def _planned(self, preemptors: Sequence[Preemptor]) -> list[Plan] | NoPlan:
        # What was planned in this look counts by now.
        if over := over_quota([pod for one in preemptors for pod in one.pods], self._sight.room.quota):
            return NoPlan(over)
        clearing = self.clearing(preemptors[0].priority)
        return planned(preemptors, clearing, borrowed_only=self._sight.settings.scope is Scope.BORROWED)

    def _cleared(self, priority: int) -> Clearing:
        sight = self._sight
        going = sight.leaving | {one.pod.uid for each in sight.plans.values() for one in each.plan.victims}
        if self._candidates is None:
            rules = Rules(sight.settings, self._resting, going, self._refused, sight.at)
            self._candidates = candidates(sight.room, self._gangs, rules)
        lower = (
            each.promised(sight.room.ledger)
            for each in sight.plans.values()
            if each.preemptor.priority < priority and each.ready_at is None
        )
        return Clearing(sight.room, below(self._candidates, priority), going, filter(None, lower))


def kind_of(preemptor: Preemptor, checks: Checks) -> Hashable:
    """Return what is equal for those for whom the same is searched."""
    asks = tuple((pod.shape(), pod.ask(), checks.demands_of(pod)) for pod in preemptor.pods)
    return asks, preemptor.priority, preemptor.avoided


def going_together(preemptor: Preemptor, checks: Checks) -> Hashable:
    """Return what is equal for those that are searched for at once: all but their labels is, as in a StatefulSet."""
    asks = tuple(
        (pod.shape(), pod.ask(), checks.could(pod).tobytes(), checks.requests_of(pod.key.uid)) for pod in preemptor.pods
    )
    return asks, preemptor.priority, preemptor.avoided
