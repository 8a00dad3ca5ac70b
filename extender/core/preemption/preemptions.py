"""For whom do train pods leave, and how far has each such plan come?

The laws:
- Nobody is evicted before a plan stands by which all for whom it is made have room, and no longer than it stands.
- What others leave is promised at once to whom they leave for (`State.NOMINATED`). One plan for each; whoever is of
  higher priority is served first, and else who is older.
- What leaves by itself is waited for, and used, before anybody else has to leave: so nobody is evicted for what others
  were evicted for already, also where somebody else leads by now.
- An eviction for somebody who never came to run was needless; they are counted, and there should be none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extender.core.gang.gang import count
from extender.core.held import holds
from extender.core.ledger.holding import State
from extender.core.preemption.leaving import Leaving
from extender.core.preemption.moves import Displace, Moves, told
from extender.core.preemption.outstanding import Outstanding, stays
from extender.core.preemption.plan import Key
from extender.core.preemption.prospects import Sight
from extender.core.preemption.records import Record, Records, names, records_of
from extender.core.preemption.resting import Resting
from extender.core.preemption.searching import Searching
from extender.core.preemption.settings import Mode, Settings
from extender.core.preemption.waiting import waiting

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from extender.core.gang.gangs import Gangs
    from extender.core.gang.planning import Room
    from extender.core.gang.steps import Tell
    from extender.core.ledger.ledger import Ledger
    from extender.core.model import SeenPod
    from extender.core.packing.packer import Packer
    from extender.core.preemption.clearing import Clearing
    from extender.core.preemption.moment import Moment
    from extender.core.preemption.plan import Plan, Preemptor
    from extender.core.quota.quota import Quota

_SPARED_S = 30.0  # a disruption budget lets a pod go again once another one is ready


class Preemptions:
    """All plans by which others leave."""

    def __init__(self, gangs: Gangs, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self.records = Records()
        self.needless = 0
        """Evictions for somebody who never came to run."""
        self.wanted = False
        """Whether there is, or was at the last look, anybody for whom others may leave."""
        self._gangs = gangs
        self._plans: dict[Key, Outstanding] = {}
        self._leave_for: dict[str, dict[Key, None]] = {}
        """By whose plans each pod has to leave, by UID."""
        self._spent: dict[Key, dict[str, None]] = {}
        """The pods that were evicted for each who does not run yet."""
        self._leaving = Leaving()
        self._resting = Resting()
        self._searching = Searching(gangs, self._resting)
        self._untold: list[Tell] = []
        """What is told at the next look."""

    # --- what is asked ---

    def is_wanted(self, unbound: Iterable[SeenPod], ledger: Ledger, quota: Quota) -> bool:
        """Tell whether a look would have anything to do."""
        self.wanted = (
            bool(self._plans)
            or bool(self._spent)
            or bool(self._untold)
            or bool(waiting(unbound, self._gangs, ledger, quota))
        )
        return self.wanted

    def look(self, room: Room, unbound: Mapping[str, SeenPod], at: Moment) -> Moves:
        """Bring every plan as far as it can be brought, make those that can be made, and return what is to be done."""
        tell, self._untold = self._untold, []
        going = self._leaving.soon_gone(room, at.now)
        self._follow(room, unbound, at, tell)
        who_wait = waiting(unbound.values(), self._gangs, room.ledger, room.quota)
        self._settle({one.key for one in who_wait}, unbound, room.ledger)
        self._resting.forget(self.settings.cool_down_s, at.now)
        sight = Sight(room, going, self._plans, self.settings, at)
        for preemptor, plan in self._searching.found(who_wait, sight, tell):
            self._begin(preemptor, plan, room, at, tell)
        displace = (self._displaced(one, room) for one in self._plans.values())
        kick = (one.kick(room.ledger, at.now) for one in self._plans.values())
        return Moves(tuple(filter(None, displace)), tuple(pod for pods in kick for pod in pods), tuple(tell))

    def plan_of(self, uid: str) -> Outstanding | None:
        """Return the plan by which a pod gets its room."""
        return next((self._plans[key] for key in self._keys_of(uid) if key in self._plans), None)

    def plans(self) -> Iterable[Outstanding]:
        """Return all plans that have not come to their end."""
        return self._plans.values()

    def has_to_leave(self, uid: str, ledger: Ledger) -> bool:
        """Tell whether a plan by which a pod leaves stands as things are."""
        return any(not self._plans[key].is_over(ledger) for key in self._leave_for.get(uid, ()))

    def reason(self, uid: str) -> str:
        """Return why nobody leaves for a pod, as one sentence; "" where that was not looked at, or somebody does."""
        return next(filter(None, map(self._searching.reason, self._keys_of(uid))), "")

    def goes_first(self, pod: SeenPod, ledger: Ledger, packer: Packer) -> bool:
        """Tell whether a pod that comes before this one may have the room that came free since the last look."""
        return self.wanted and self._searching.goes_first(pod, ledger, packer)

    def clearing(self, room: Room, priority: int, at: Moment) -> Clearing:
        """Return what room there would be if all left that may leave for pods of a priority; for a question alone."""
        sight = Sight(room, self._leaving.soon_gone(room, at.now), self._plans, self.settings, at)
        return self._searching.prospects(sight).clearing(priority)

    # --- what became of it ---

    def evicted(self, uid: str, there: frozenset[str], now: float) -> None:
        """Take note at `now` seconds that a pod was evicted; `there`: the pods of its controller then, by UID."""
        self.records.evicted(uid, now)
        for key in self._leave_for.get(uid, ()):
            victim = self._plans[key].plan.victim(uid)
            if victim is not None:
                self._spent.setdefault(key, {})[uid] = None
                self._resting.evicted(victim.owner, there, now)

    def refused(self, uid: str, why: str, ledger: Ledger, now: float) -> None:
        """Take note that a pod is not evicted, as the API server does not allow it: those plans are made anew."""
        self._searching.spare(uid, now + _SPARED_S, why)
        for key in list(self._leave_for.get(uid, ())):
            self._untold.append(self._given_up(key, f"an eviction was refused: {why}", ledger, now))

    def bound(self, uid: str) -> None:
        """Take note that a pod is bound: it may be gone before the next look, and nobody left for it in vain."""
        self._spent.pop(Key(uid), None)

    def take_over(self, ledger: Ledger) -> None:
        """Take note that we begin to lead: what we planned when we led before is void."""
        for key in list(self._plans):
            self._end(key, ledger)
        self._spent.clear()
        self._untold.clear()
        self._searching.begin_anew()

    # --- how ---

    def _keys_of(self, uid: str) -> tuple[Key, ...]:
        """Return under what a pod may be planned for."""
        gang = self._gangs.gang_of(uid)
        return (Key(uid),) if gang is None else (Key(uid), Key(gang=gang.key))

    def _follow(self, room: Room, unbound: Mapping[str, SeenPod], at: Moment, tell: list[Tell]) -> None:
        """Give those their room for whom others have left, and end what has come to its end."""
        for key, one in list(self._plans.items()):
            if one.is_over(room.ledger):
                self._end(key, room.ledger)
                if one.runs(room.ledger):
                    self._spent.pop(key, None)
                continue
            failed = self._failure(one, room, unbound, at.now)
            if failed:
                tell.append(self._given_up(key, failed, room.ledger, at.now))
            else:
                self._hand_over(one, room.ledger, at.now)

    def _hand_over(self, one: Outstanding, ledger: Ledger, now: float) -> None:
        """Give the pods of a plan their room, where all have left; those of a gang are let go from then on."""
        if one.left(ledger, now):
            gang = one.preemptor.key.gang
            if gang is not None:
                self._gangs.moved(gang, now)

    def _failure(self, one: Outstanding, room: Room, unbound: Mapping[str, SeenPod], now: float) -> str:
        """Return why a plan will not come to be; "" where nothing says so."""
        for held in one.promised(room.ledger):
            pod = unbound.get(held.pod.uid)
            if pod is not None and pod.leaving:
                return f"pod {held.pod.name} is being deleted"
            if pod is not None and not holds(held, pod.request):
                return f"pod {held.pod.name} asks for something else than when it was planned"
        if node := one.lost(room.ledger, now):
            return f"devices of node {node} are gone, or take no new pod"
        for there in filter(None, map(room.ledger.holding, one.there(room.ledger))):
            if self._leaving.overdue(there.pod.uid, room, now):
                return f"pod {there.pod.namespace}/{there.pod.name} does not leave node {there.node}"
            if stays(there) and there.pod.uid not in self._leave_for:
                return f"pod {there.pod.namespace}/{there.pod.name} stays: the plan was given up by which it leaves"
        if one.taken(now):
            return "what others left is held by somebody else"
        if one.preemptor.key.gang is None and one.is_behind(self._gangs.settings.start_s, now):
            node = one.plan.holdings[0].node
            self._searching.avoid(one.preemptor.key, node, now)
            return f"kube-scheduler did not place it on node {node} within {self._gangs.settings.start_s:g} s"
        return ""

    def _begin(self, preemptor: Preemptor, plan: Plan, room: Room, at: Moment, tell: list[Tell]) -> None:
        """Promise what a plan gives; or, where nobody is to be evicted, tell of it alone."""
        project = room.quota.project_of(preemptor.pods[0].ask())
        observed = self.settings.mode is Mode.OBSERVE and bool(plan.victims)
        self.records.planned(records_of(preemptor, project, plan, at.now, observed=observed))
        if observed:
            would = f"mode: observe: {count(len(plan.victims), 'train pod')} would leave for it: {names(plan)}"
            tell.append(told(preemptor, "WouldPreempt", would, trouble=False))
            return
        yielding = (key for key, one in self._plans.items() if one.plan.pods & plan.yields) if plan.yields else ()
        for key in list(yielding):
            why = f"its room goes to {preemptor.name}, which is of higher priority"
            tell.append(self._given_up(key, why, room.ledger, at.now))
        with room.ledger.at_once():
            for holding in plan.holdings:
                room.ledger.hold(holding)
        for pod, holding in zip(preemptor.pods, plan.holdings, strict=True):
            room.checks.place(pod, holding.node)
        self._plans[preemptor.key] = one = Outstanding(preemptor, plan, at.now)
        for victim in plan.victims:
            self._leave_for.setdefault(victim.pod.uid, {})[preemptor.key] = None
        if plan.victims:
            nodes = count(len({holding.node for holding in plan.holdings}), "node")
            leave = f"{count(len(plan.victims), 'train pod')} will leave for it, to make room on {nodes}: {names(plan)}"
            tell.append(told(preemptor, "Preempting", leave, trouble=False))
        self._hand_over(one, room.ledger, at.now)

    def _displaced(self, one: Outstanding, room: Room) -> tuple[Displace, ...]:
        """Return who has to leave now for a plan: first those that the API server may refuse to evict."""
        victims = sorted(one.to_evict(room.ledger), key=lambda victim: not victim.guarded)
        key, name = one.preemptor.key, one.preemptor.name
        project = room.quota.project_of(one.preemptor.pods[0].ask())
        # Not of what is remembered: where thousands leave at once, that is forgotten before they do.
        because = (Record(victim, key, name, project, one.plan, one.made_at).because for victim in victims)
        return tuple(Displace(victim.pod, why, victim.guarded) for victim, why in zip(victims, because, strict=True))

    def _given_up(self, key: Key, why: str, ledger: Ledger, now: float) -> Tell:
        """End a plan that does not come to be, and return what is told of it; another one is searched for."""
        preemptor = self._plans[key].preemptor
        self._end(key, ledger)
        self._searching.again(key, why, now)
        return told(preemptor, "PreemptionUndone", f"the room made for it is given up: {why}")

    def _end(self, key: Key, ledger: Ledger) -> None:
        ended = self._plans.pop(key)
        ended.end(ledger)
        for victim in ended.plan.victims:
            others = self._leave_for[victim.pod.uid]
            del others[key]
            if not others:
                del self._leave_for[victim.pod.uid]

    def _settle(self, who_wait: set[Key], unbound: Mapping[str, SeenPod], ledger: Ledger) -> None:
        """Count the evictions for those who will never run."""
        for key in [one for one in self._spent if one not in self._plans and one not in who_wait]:
            if key.gang is not None:
                gang = self._gangs.get(key.gang)
                waits, runs = gang is not None and not gang.whole, gang is not None and gang.whole
            else:
                held = ledger.holding(key.uid)
                waits, runs = key.uid in unbound, held is not None and held.state is State.BOUND
            if not waits:
                spent = self._spent.pop(key)
                self.needless += 0 if runs else len(spent)
