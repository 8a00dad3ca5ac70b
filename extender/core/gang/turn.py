"""What is to be done about one gang now?

The laws:
- A member holds nothing before the plan of the whole minimum stands; then all of its members are promised their devices
  at once, without expiry, and let go.
- A plan that does not come to be is undone whole: what its unbound members hold is free, and they are taken back.
- What runs with fewer than the minimum, and never was whole, is evicted after a grace, unless a plan completes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from extender.core.gang.failing import Failure, failure
from extender.core.gang.gang import count, membership
from extender.core.gang.planning import Shortfall, break_promise, plan
from extender.core.gang.steps import Evict, LetGo, Mark, TakeBack, told
from extender.core.gang.surroundings import NOT_SEEN
from extender.core.ledger.holding import State
from kube.gangs import Planned
from kube.gpus import Malformed, MemoryShare, Placement, Share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extender.core.gang.gang import Gang, Standing
    from extender.core.gang.keeping import Kept
    from extender.core.gang.planning import Room
    from extender.core.gang.settings import Settings
    from extender.core.gang.steps import Found
    from extender.core.ledger.holding import Holding
    from extender.core.ledger.ledger import Ledger
    from extender.core.model import SeenPod

_SEEN_S = 5.0  # for a pod to be seen by both watches
_LOST_S = 5.0  # for the controller to make a lost member anew
_AVOIDED_S = 120.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 2.0, 64.0  # after an undo; a gang that is whole is never stopped
_MOST_UNDONE = 3
_KICK_S = 5.0
_MOST_AT_ONCE = 1024  # members that plans are made for in one go: a tenth of a second
_A_PLAN = 24  # what a plan costs besides, in members
_AGAIN_S, _MEMBERS_A_SECOND = 0.5, 256  # until the next plan of a gang that was planned in vain: verbs are answered too
_CHANGED_S, _SAME_S = 10.0, 300.0


@dataclass(frozen=True, slots=True)
class Turn:
    """One look at one gang at `now` seconds; what is to be done goes to `found`."""

    gang: Gang
    room: Room
    settings: Settings
    now: float
    found: Found
    kept: Kept | None = None

    def take(self) -> None:
        """Bring the gang as far as it can be brought now."""
        gang = self.gang
        gang.settled = False
        gang.avoided = {node: until for node, until in gang.avoided.items() if until > self.now}
        self._bring()
        if gang.settled:
            under_way = gang.given_up or gang.short_since is not None or gang.avoided or gang.again_at > self.now
            gang.settled = not under_way and not gang.standing(self._ledger).promised and not self._to_mark()

    def _bring(self) -> None:
        gang = self.gang
        standing = self._standing()
        came = len(standing.bound), sum(not pod.gated for pod in standing.promised)
        if gang.whole and came[0] > gang.came[0]:
            gang.undone, gang.stopped = 0, ""
        if came != gang.came:
            gang.came, gang.moved_at = came, self.now
        least = gang.least()
        if isinstance(least, str):
            gang.settled = True
            gang.waits_since, gang.needed = None, []
            self._waits(standing, least)
            self._run_short(standing, None, least)
            self._carry_on()
            return
        failed = failure(gang, standing, self._ledger, self.settings, self.now)
        if failed is not None:
            self._undo(standing, failed)
            standing = gang.standing(self._ledger)
        self._complete(standing, least)
        self._carry_on()

    @property
    def _ledger(self) -> Ledger:
        return self.room.ledger

    def _standing(self) -> Standing:
        """Return how the members stand; one that is deleted before it has a node gives its promise to the next."""
        standing = self.gang.standing(self._ledger)
        left = [pod for pod in standing.promised if pod.leaving and self._promise_of(pod) is not None]
        for pod in left:
            self._ledger.release(pod.key.uid)
        return self.gang.standing(self._ledger) if left else standing

    def _promise_of(self, pod: SeenPod) -> Holding | None:
        """Return what a member is promised that no Binding is under way of."""
        held = self._ledger.holding(pod.key.uid)
        return held if held is not None and held.promised else None

    # --- planning ---

    def _complete(self, standing: Standing, least: int) -> None:
        """Plan those members that wait; where too few of a begun gang come together, undo it."""
        gang = self.gang
        missing = 0 if gang.whole else max(0, least - standing.have)
        if missing > len(standing.waiting):
            there = standing.have + len(standing.waiting)
            gang.waits_since, gang.needed, gang.settled = None, [], True
            short = f"it waits for members: {there} of {least} are there that ask for GPUs"
        elif not standing.waiting:
            gang.short_since = gang.waits_since = None
            gang.needed, gang.settled = [], True
            return
        else:
            if gang.waits_since is None:
                gang.waits_since = self.now
            gang.settled = bool(gang.stopped)
            short = gang.stopped or self._planned(standing, missing)
        if short:
            self._waits(standing, short)
            if missing:
                self._run_short(standing, least, short)

    def _planned(self, standing: Standing, missing: int) -> str:
        """Make a plan for those that wait, and promise what it gives; return why there is none, "" where there is."""
        gang, waiting, found = self.gang, standing.waiting, self.found
        rests_on = self._rests_on(waiting, missing)
        gang.settled = rests_on == gang.tried
        if gang.settled or self.now < gang.again_at or gang.round == found.round:
            return gang.sentence
        if found.planned >= _MOST_AT_ONCE:
            found.passed_over = True
            return gang.sentence
        gang.round = found.round
        unready, moment = self._unready(waiting)
        if moment and self.now - (gang.waits_since or 0.0) < _SEEN_S:
            return gang.sentence
        gang.settled = not moment
        if unready:
            gang.tried, gang.needed = () if moment else rests_on, []
            return unready
        found.planned += _A_PLAN + len(waiting)
        made = plan(waiting[:missing], waiting[missing:], self.room, self._out_of_bounds())
        if isinstance(made, Shortfall):
            gang.tried, gang.needed = rests_on, [] if made.over_quota else waiting[:missing]
            gang.again_at = self.now + _AGAIN_S + len(waiting) / _MEMBERS_A_SECOND
            return _too_little(made, missing, standing.have)
        with self._ledger.at_once():
            for holding in made.holdings:
                self._ledger.hold(holding)
        for holding in made.holdings:  # the gangs after this one find its members there
            self.room.checks.place(gang.members[holding.pod.uid], holding.node)
        gang.moved_at, gang.short_since, gang.waits_since, gang.tried, gang.needed = self.now, None, None, (), []
        gang.sentence, gang.told = "", ("", 0.0)
        nodes = len({holding.node for holding in made.holdings})
        told = f"{count(len(made.holdings), 'pod')} planned on {count(nodes, 'node')}"
        self._tell(waiting, "GangPlanned", told, trouble=False)
        return ""

    def _out_of_bounds(self) -> dict[str, str]:
        """Return the nodes that no member is planned on, each with the reason."""
        bounds: dict[str, str] = dict.fromkeys(self.gang.avoided, "left out for a while, as a plan failed there")
        kept = self.kept
        if kept is not None and kept.gang != self.gang.key and kept.keeps_out(self.gang.order):
            bounds |= dict.fromkeys(kept.nodes, str(kept))
        return bounds

    def _rests_on(self, waiting: Sequence[SeenPod], missing: int) -> tuple[object, ...]:
        """Return all that may make a difference to a plan: as long as none of it changes, none is tried again."""
        pods = tuple((pod.key.uid, pod.version) for pod in waiting)
        versions = self._ledger.freed, self.room.checks.version, self.room.quota.freed
        return (*versions, missing, pods, tuple(self.gang.avoided), self.kept)

    def _unready(self, waiting: Sequence[SeenPod]) -> tuple[str, bool]:
        """Return what keeps members from being planned at all, in words; and whether it may be over in a moment."""
        for pod in waiting:
            if isinstance(pod.request, Malformed):
                return f"pod {pod.key.name}: {pod.request}", False
            if not isinstance(pod.request, (Share, MemoryShare)):
                return f"pod {pod.key.name}: it asks for no GPU that Plimsoll gives", False
            if other := membership(pod).held_by:
                return f"pod {pod.key.name}: another gate, {other}, holds it back too", False
            if unknown := self.room.checks.unknown(pod):
                return f"pod {pod.key.name}: {unknown}", unknown == NOT_SEEN
        return "", False

    # --- undoing ---

    def _run_short(self, standing: Standing, least: int | None, short: str) -> None:
        """Undo, or evict, what was begun and does not come to the minimum; None: nobody knows what that is."""
        gang = self.gang
        of = "" if least is None else f" of at least {least}"
        if not standing.have or gang.whole:
            gang.short_since = None
            return
        if gang.short_since is None:
            gang.short_since = self.now
        waited = self.now - gang.short_since
        if standing.promised and waited >= _LOST_S:
            self._undo(standing, Failure(f"{standing.have}{of} pods are left of it, and {short}"))
        elif not standing.promised and waited >= self.settings.grace_s:
            because = f"gang {gang.key.name} runs with {len(standing.bound)}{of} pods, and {short}"
            ours = (pod for pod in standing.bound if not pod.leaving and self._placed_by_us(pod))
            self.found.evict.extend(Evict(pod.key, because) for pod in ours)

    def _undo(self, standing: Standing, failed: Failure) -> None:
        """Free what is promised, take back who was let go, and leave the node that is to blame out for a while."""
        gang = self.gang
        for pod in standing.promised:
            uid = pod.key.uid
            break_promise(self._ledger, uid)
            gang.let_go_at.pop(uid, None)
            gang.refused_at.pop(uid, None)
            gang.refusals.pop(uid, None)
            if not pod.gated and membership(pod).planned is not None:
                gang.given_up[uid] = f"the plan of gang {gang.key.name} was undone: {failed.reason}"
        gang.undone += 1
        gang.again_at = self.now + min(_FIRST_PAUSE_S * 2 ** (gang.undone - 1), _LONGEST_PAUSE_S)
        gang.short_since = None
        if failed.node:
            gang.avoided[failed.node] = self.now + _AVOIDED_S
        gang.sentence = f"its plan was undone: {failed.reason}"
        if gang.undone >= _MOST_UNDONE and not gang.whole:
            gang.stopped = (
                f"it is stopped: its plan was undone {gang.undone} times, the last time because {failed.reason}; "
                "it is tried again once all its pods were deleted"
            )
        self._tell(standing.promised, "GangUndone", gang.sentence)

    # --- carrying out ---

    def _carry_on(self) -> None:
        """Let go whom the plan gives a place, take back those that were given up, and mark who is of a whole gang."""
        gang = self.gang
        self.found.mark += self._to_mark()
        for uid, pod in sorted(gang.members.items()):
            held = self._ledger.holding(uid)
            if pod.node or pod.leaving:
                continue
            if uid in gang.given_up and held is None:
                self.found.take_back.append(TakeBack(pod.key, membership(pod).owned, gang.given_up[uid]))
            elif held is not None and held.state is State.RESERVED:
                self._let_go(pod, _place(held))

    def _to_mark(self) -> list[Mark]:
        """Return what is to be written on bound members; those of a gang that was whole are marked once each."""
        gang = self.gang
        unmarked = (pod for pod in gang.members.values() if gang.whole and pod.node and not membership(pod).whole)
        return [Mark(pod.key) for pod in unmarked if not pod.leaving and self._placed_by_us(pod)]

    def _let_go(self, pod: SeenPod, place: Planned) -> None:
        gang, uid = self.gang, pod.key.uid
        if pod.gated:
            self.found.let_go.append(LetGo(pod.key, place, gated=True))
        elif membership(pod).planned != place and self.now - gang.let_go_at.get(uid, self.now - _KICK_S) >= _KICK_S:
            gang.let_go_at[uid] = self.now
            self.found.let_go.append(LetGo(pod.key, place, gated=False))

    def _waits(self, standing: Standing, why: str) -> None:
        """Tell why a gang waits; again when that changed, but not every time."""
        gang = self.gang
        gang.sentence = why
        said, at = gang.told
        if said and self.now - at < (_SAME_S if said == why else _CHANGED_S):
            return
        gang.told = (why, self.now)
        self._tell(standing.waiting, "WaitsForGang", why)

    def _tell(self, about: Sequence[SeenPod], reason: str, sentence: str, *, trouble: bool = True) -> None:
        self.found.tell.append(told(self.gang.key.name, about, reason, sentence, trouble=trouble))

    def _placed_by_us(self, pod: SeenPod) -> bool:
        held = self._ledger.holding(pod.key.uid)
        return held is not None and held.ours


def _too_little(made: Shortfall, missing: int, have: int) -> str:
    if not missing:
        return f"no room for one more: {made.reason}"
    if missing == 1 or made.over_quota:
        return made.reason
    return f"{missing}{' more' if have else ''} pods needed at once, {made.fitted} fit; the next: {made.reason}"


def _place(held: Holding) -> Planned:
    assert held.devices is not None  # noqa: S101  a plan names devices
    return Planned(held.node, Placement(held.devices, held.milli))
