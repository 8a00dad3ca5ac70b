"""For whom of those that wait is there a plan by which others leave? Searched again and again, as room and time change.

A search is costly: one in vain makes the next one for the same wait longer, and pods that are alike are searched for
once in a look.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from extender.core.gang.gang import order_of
from extender.core.gang.surroundings import NOT_SEEN
from extender.core.preemption.moment import unix_of
from extender.core.preemption.moves import told
from extender.core.preemption.plan import NoPlan
from extender.core.preemption.prospects import Prospects, going_together, kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Sequence

    from extender.core.gang.gangs import Gangs
    from extender.core.gang.planning import Room
    from extender.core.gang.steps import Tell
    from extender.core.ledger.ledger import Ledger
    from extender.core.model import SeenPod, Shape
    from extender.core.packing.packer import Packer
    from extender.core.preemption.plan import Key, Plan, Preemptor
    from extender.core.preemption.prospects import Sight
    from extender.core.preemption.resting import Resting

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 15.0
_MOST_SEARCHES, _MOST_PODS, _MOST_ALIKE = 16, 1024, 256  # in one look: verbs are answered too
_MOST_WORK = 16_000  # holdings that are looked at in one look, each once a search: a third of a second
_AVOIDED_S = 120.0
_CHANGED_S, _SAME_S = 10.0, 300.0


@dataclass(slots=True)
class _Tried:
    """Why there was no plan for somebody, when it is searched again, and after which pause; times in seconds.

    `at_once`: for how many that are alike a look that ran short would have searched next, beginning with it; 0: all.
    `told`: what people were told of it, and when. `avoided`: nodes that are none for it, each with until when.
    """

    reason: str = ""
    again_at: float = 0.0
    pause_s: float = 0.0
    at_once: int = 0
    told: tuple[str, float] = ("", 0.0)
    avoided: dict[str, float] = field(default_factory=dict)

    def in_vain(self, reason: str, now: float) -> None:
        """Take note of a search in vain."""
        self.reason, self.at_once = reason, 0
        self.pause_s = min(2 * self.pause_s, _LONGEST_PAUSE_S) or _FIRST_PAUSE_S
        self.again_at = now + self.pause_s


@dataclass(slots=True)
class _Budget:
    """How much is searched in one look."""

    searches: int = _MOST_SEARCHES
    pods: int = _MOST_PODS

    def take(self, these: Sequence[Preemptor]) -> bool:
        """Tell whether a search for these is to be made; the first always is."""
        if self.searches <= 0 or self.pods <= 0:
            return False
        self.searches, self.pods = self.searches - 1, self.pods - sum(len(one.pods) for one in these)
        return True


class Searching:
    """What was searched, and for whom in vain."""

    def __init__(self, gangs: Gangs, resting: Resting) -> None:
        self._gangs = gangs
        self._resting = resting
        self._tried: dict[Key, _Tried] = {}
        self._spared: dict[str, tuple[float, str]] = {}
        """Pods that the API server did not evict, by UID, each with until when it is not asked again, and why."""
        self._ran_short = False
        """Whether the last look could not search for all that were due; the next begins with who waits longest."""
        self._looked_at = -1
        """What `freed` of the ledger was at the last look."""
        self._wanted: dict[Shape, tuple[int, str]] = {}
        """What single pods that wait ask for, each with the order of the first, as of the last look."""

    def goes_first(self, pod: SeenPod, ledger: Ledger, packer: Packer) -> bool:
        """Tell whether a single pod that comes before this one may have its room, and was not looked at since it came.

        Where it was, and the room did not do for it, it keeps nobody out.
        """
        if not self._wanted or ledger.freed == self._looked_at:
            return False
        order = order_of(pod.priority, pod.created)
        return any(before < order and packer.fits_any(shape) for shape, before in self._wanted.items())

    def found(self, who_wait: Sequence[Preemptor], sight: Sight, tell: list[Tell]) -> Iterator[tuple[Preemptor, Plan]]:
        """Give a plan for each for whom there is one, one after the other: what is done for one counts for the next."""
        now = sight.at.now
        self._forget(who_wait, sight)
        prospects = self.prospects(sight)
        budget = _Budget(_searches_in(sight.room.ledger))
        # Those that come first and are searched for in vain again and again are not to keep all others waiting.
        begin, self._ran_short = self._ran_short, False
        turns = sorted(who_wait, key=lambda one: self._due_at(one.key)) if begin else who_wait
        for alike in self._due(turns, sight, tell):
            waiting, at_once = alike, self._tried[alike[0].key].at_once or len(alike)
            while waiting and budget.take(waiting[:at_once]):
                made = prospects.plans(waiting[:at_once])
                if not isinstance(made, NoPlan):
                    found, waiting = list(zip(waiting, made, strict=False)), waiting[at_once:]
                    yield from (pair for pair in found if self._in_time(*pair, sight))
                    prospects.took([pair for pair in found if pair[0].key in sight.plans])
                elif at_once > 1:
                    at_once //= 2  # there may be room for fewer
                else:
                    kinds = [kind_of(one, sight.room.checks) for one in waiting]
                    for one, kind in zip(waiting, kinds, strict=True):
                        if kind == kinds[0]:
                            self._tried[one.key].in_vain(made.reason, now)
                            _say(one, self._tried[one.key], now, tell)
                    waiting = [one for one, kind in zip(waiting, kinds, strict=True) if kind != kinds[0]]
            if waiting:
                self._tried[waiting[0].key].at_once = at_once  # the next look goes on from there
                self._ran_short = not begin
                break
        singles = (one for one in reversed(who_wait) if one.key.gang is None and one.key not in sight.plans)
        self._wanted = {one.pods[0].shape(): one.order for one in singles}  # the first of each shape comes last
        self._looked_at = sight.room.ledger.freed

    def _due_at(self, key: Key) -> float:
        """Return when somebody was due to be searched for."""
        return self._tried[key].again_at if key in self._tried else 0.0

    def _due(self, who_wait: Sequence[Preemptor], sight: Sight, tell: list[Tell]) -> Iterator[list[Preemptor]]:
        """Give those that are to be searched for now, in their order; single pods that are alike together."""
        alike: list[Preemptor] = []
        kind: Hashable = None
        has_room = self._room_that_came(sight.room)
        for one in who_wait:
            tried = self._tried.setdefault(one.key, _Tried())
            waits = tried.again_at > sight.at.now and not has_room(one)
            if waits or one.key in sight.plans or self._is_unknown(one, tried, sight, tell):
                continue
            wanting = replace(one, avoided=one.avoided | frozenset(tried.avoided))
            its_kind = going_together(wanting, sight.room.checks)
            if one.key.gang is None and its_kind == kind and len(alike) < _MOST_ALIKE:
                alike.append(wanting)
                continue
            if alike:
                yield alike
            alike, kind = [wanting], its_kind
        if alike:
            yield alike

    def _room_that_came(self, room: Room) -> Callable[[Preemptor], bool]:
        """Return what tells whether room came free since the last look that a single pod fits in as it is."""
        if room.ledger.freed == self._looked_at:
            return lambda _: False
        fits_any = cache(room.packer.fits_any)

        def fits(one: Preemptor) -> bool:
            pod = one.pods[0]
            if one.key.gang is not None or not fits_any(pod.shape()) or room.checks.unknown(pod):
                return False
            suits = room.checks.fits(pod) & (room.ledger.model >= 0)
            return room.packer.best(pod.shape(), np.flatnonzero(suits)) is not None

        return fits

    def _is_unknown(self, one: Preemptor, tried: _Tried, sight: Sight, tell: list[Tell]) -> bool:
        """Tell whether nobody can check beforehand where a pod may go; then it is not searched for."""
        unknown = next(((pod, why) for pod in one.pods if (why := sight.room.checks.unknown(pod))), None)
        if unknown is None:
            return False
        pod, why = unknown
        tried.in_vain(f"pod {pod.key.name}: {why}", sight.at.now)
        if why == NOT_SEEN:
            tried.pause_s = 0.0  # it is over in a moment
        else:
            _say(one, tried, sight.at.now, tell)
        return True

    def _in_time(self, one: Preemptor, made: Plan, sight: Sight) -> bool:
        """Tell whether a plan is to be carried out now; nobody is evicted for those that are too young."""
        tried = self._tried[one.key]
        early_s = _early(one, made, sight)
        if early_s > 0.0:
            tried.reason = f"others leave for it once it is {sight.settings.delay_s:g} s old (preemption-delay)"
            tried.again_at = sight.at.now + early_s
            return False
        tried.reason, tried.pause_s = "", 0.0
        tried.again_at = sight.at.now + _LONGEST_PAUSE_S  # where it is observed only
        return True

    def prospects(self, sight: Sight) -> Prospects:
        """Return the plans that there are in one look."""
        return Prospects(sight, self._gangs, self._resting, {uid: why for uid, (_, why) in self._spared.items()})

    def reason(self, key: Key) -> str:
        """Return why nobody leaves for somebody, as one sentence; "" where that was not found."""
        return self._tried[key].reason if key in self._tried else ""

    def again(self, key: Key, reason: str, now: float) -> None:
        """Take note that a plan was given up at `now` seconds, and why: it is searched for another one."""
        tried = self._tried.setdefault(key, _Tried())
        tried.reason, tried.again_at = reason, now

    def avoid(self, key: Key, node: str, now: float) -> None:
        """Take note that a node is none for somebody for a while."""
        self._tried.setdefault(key, _Tried()).avoided[node] = now + _AVOIDED_S

    def spare(self, uid: str, until: float, why: str) -> None:
        """Take note that a pod is not to be evicted for a while, and why."""
        self._spared[uid] = until, why

    def begin_anew(self) -> None:
        """Forget what was tried: another may have led since."""
        self._tried.clear()
        self._spared.clear()

    def _forget(self, who_wait: Sequence[Preemptor], sight: Sight) -> None:
        now, keys = sight.at.now, {one.key for one in who_wait} | sight.plans.keys()
        self._tried = {key: one for key, one in self._tried.items() if key in keys}
        for tried in self._tried.values():
            tried.avoided = {node: until for node, until in tried.avoided.items() if until > now}
        self._spared = {uid: (until, why) for uid, (until, why) in self._spared.items() if until > now}


def _searches_in(ledger: Ledger) -> int:
    """Return how many searches one look has time for: each looks at every holding."""
    return max(2, min(_MOST_SEARCHES, _MOST_WORK // (1 + sum(1 for _ in ledger.holdings()))))


def _early(one: Preemptor, made: Plan, sight: Sight) -> float:
    """Return for how many seconds nobody is evicted for it yet; what is there without that it may have at once."""
    if not made.victims:
        return 0.0
    youngest = max(unix_of(pod.created) for pod in one.pods)
    return youngest + sight.settings.delay_s - sight.at.unix


def _say(one: Preemptor, tried: _Tried, now: float, tell: list[Tell]) -> None:
    said, at = tried.told
    if said and now - at < (_SAME_S if said == tried.reason else _CHANGED_S):
        return
    tried.told = (tried.reason, now)
    tell.append(told(one, "NoPreemption", tried.reason))
