"""For whom do train pods leave, and how far has each such plan come?

The laws:
- Nobody is evicted before a plan stands by which all for whom it is made have room, and no longer than it stands.
- What others leave is promised at once to whom they leave for (`State.NOMINATED`), and whoever waits longer, or is of
  higher priority, is served first. One plan for each.
- What leaves by itself is waited for, and used, before anybody else has to leave: so nobody is evicted twice for the
  same, also where somebody else leads by now.
- An eviction for somebody who never came to run was needless; they are counted, and there should be none.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from extender.core.gang.steps import Tell
from extender.core.preemption.candidates import Candidates, below, candidates
from extender.core.preemption.clearing import Clearing
from extender.core.preemption.leaving import Leaving
from extender.core.preemption.moves import Displace, Moves
from extender.core.preemption.outstanding import Outstanding
from extender.core.preemption.plan import NoPlan
from extender.core.preemption.planning import planned
from extender.core.preemption.records import Records, names, records_of
from extender.core.preemption.resting import Resting
from extender.core.preemption.settings import Mode, Scope, Settings
from extender.core.preemption.waiting import waiting

if TYPE_CHECKING:
    from collections.abc import Iterable

    from extender.core.gang.gangs import Gangs
    from extender.core.gang.planning import Room
    from extender.core.model import SeenPod
    from extender.core.preemption.candidates import Moment
    from extender.core.preemption.plan import Key, Plan, Preemptor

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 15.0  # until the next search for one for whom there was no plan
_MOST_SEARCHES = 16  # in one look: verbs are answered too
_MOST_PODS = 1024  # for which is searched in one look
_AVOIDED_S = 120.0
_CHANGED_S, _SAME_S = 10.0, 300.0
_TOLD = 8  # pods that have an Event of what is done for all of them


@dataclass(slots=True)
class _Tried:
    """When it is searched next for somebody, after which pause; and why there was no plan. Times in seconds."""

    again_at: float = 0.0
    pause_s: float = 0.0
    reason: str = ""
    told: tuple[str, float] = ("", 0.0)
    avoided: dict[str, float] = field(default_factory=dict)


class Preemptions:
    """All plans by which others leave. `start_s`: how long their pods may take to be bound once they have their room."""

    def __init__(self, gangs: Gangs, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self.records = Records()
        self.waits = False
        """Whether anybody is there for whom room may be made, as of the last look."""
        self.needless = 0
        """Evictions for somebody who never came to run."""
        self._gangs = gangs
        self._plans: dict[Key, Outstanding] = {}
        self._tried: dict[Key, _Tried] = {}
        self._spent: dict[Key, dict[str, None]] = {}
        """The pods that were evicted for each who does not run yet."""
        self._leaving = Leaving()
        self._resting = Resting()
        self._spared: dict[str, float] = {}
        """Pods that the API server did not evict, each with until when it is not asked again."""

    # --- what is asked ---

    def look(self, room: Room, unbound: Iterable[SeenPod], at: Moment) -> Moves:
        """Bring every plan as far as it can be brought, make those that can be made, and return what is to be done."""
        tell: list[Tell] = []
        kick = self._follow(room, at, tell)
        waiting_now = waiting(unbound, self._gangs, room.ledger, room.quota)
        self.waits = bool(waiting_now) or bool(self._plans)
        self._settle(waiting_now, room)
        if waiting_now:
            self._make(waiting_now, room, at, tell)
        displace = tuple(self._displaced(one, room) for one in self._plans.values())
        return Moves(tuple(filter(None, displace)), tuple(kick), tuple(tell))

    def waits_for_room(self, unbound: Iterable[SeenPod], room: Room) -> bool:
        """Tell whether a look would have anything to do."""
        self.waits = bool(self._plans) or bool(waiting(unbound, self._gangs, room.ledger, room.quota))
        return self.waits

    def plan_of(self, uid: str) -> Outstanding | None:
        """Return the plan by which a pod gets its room."""
        gang = self._gangs.gang_of(uid)
        for key, one in self._plans.items():
            if key.uid == uid or (gang is not None and key.gang == gang.key):
                return one
        return None

    def plans(self) -> Iterable[Outstanding]:
        """Return all plans that have not come to their end."""
        return self._plans.values()

    def reason(self, uid: str) -> str:
        """Return why nobody leaves for a pod, as one sentence; "" where that was not looked at, or somebody does."""
        gang = self._gangs.gang_of(uid)
        for key, one in self._tried.items():
            if key.uid == uid or (gang is not None and key.gang == gang.key):
                return one.reason
        return ""

    # --- what became of it ---

    def evicted(self, uid: str, there: frozenset[str], now: float) -> None:
        """Take note at `now` seconds that a pod was evicted; `there`: the pods of its controller then, by UID."""
        self.records.evicted(uid, now)
        for key, one in self._plans.items():
            victim = next((victim for victim in one.plan.victims if victim.pod.uid == uid), None)
            if victim is not None:
                self._spent.setdefault(key, {})[uid] = None
                self._resting.evicted(victim.owner, there, now)

    def refused(self, uid: str, why: str, room: Room, now: float) -> None:
        """Take note that a pod is not evicted, as the API server does not allow it: those plans are made anew."""
        self._spared[uid] = now + _AVOIDED_S / 4
        for key in [key for key, one in self._plans.items() if any(v.pod.uid == uid for v in one.plan.victims)]:
            self._give_up(key, room, why, now)
            self._tried[key].again_at = now

    def take_over(self, room: Room) -> None:
        """Take note that we begin to lead: what we planned when we led before is void."""
        for one in self._plans.values():
            one.end(room.ledger)
        self._plans, self._tried, self._spent = {}, {}, {}

    # --- how ---

    def _follow(self, room: Room, at: Moment, tell: list[Tell]) -> list[PodKey]:
        ledger, now = room.ledger, at.now
        kick: list[PodKey] = []
        for key, one in list(self._plans.items()):
            if one.runs(ledger):
                del self._plans[key]
                self._spent.pop(key, None)
                self._tried.pop(key, None)
                continue
            if not one.promised(ledger):
                if not one.holdings(ledger):  # its pods are gone, or its gang took its promise back
                    self._give_up(key, room, "", now)
                continue
            ...
        return kick
