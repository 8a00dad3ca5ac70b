"""What is known of one gang: its members, and how far its plan has come.

    waiting -> planned, all of the minimum at once -> let go, one by one -> bound -> whole, once the minimum is bound
            <- undone, where what was planned does not come to be

A gang that was whole stays what it is: a member that is lost later is planned alone, and none is evicted for it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from kube.gpus import Malformed
from kube.versions import age

if TYPE_CHECKING:
    from collections.abc import Iterable

    from extender.core.ledger.ledger import Ledger
    from extender.core.model import Membership, SeenPod

_REST_S = 5.0  # what is told again, and whom room is kept for, waits no longer than that
_NAMED = 3  # members in a sentence: nobody reads more


def order_of(priority: int, created: str) -> tuple[int, str]:
    """Return what orders pods and gangs: first the higher priority, then the older."""
    return -priority, created


class GangKey(NamedTuple):
    """Which gang: names are unique in a namespace."""

    namespace: str
    name: str


class Standing(NamedTuple):
    """The members of a gang: those with a node, those that are promised one, and those that wait; each by age."""

    bound: list[SeenPod]
    promised: list[SeenPod]
    waiting: list[SeenPod]

    @property
    def have(self) -> int:
        """How many are bound or promised."""
        return len(self.bound) + len(self.promised)


@dataclass(slots=True)
class Gang:
    """One gang; times in seconds, and what is told of single members by their UIDs.

    `waits_since`: since when enough members are there that wait for a plan. `let_go_at`: when a member without a gate
    was last told to be tried. `refused_at`: since when kube-scheduler refuses a member. `refusals`: why the API server
    did not let a member be changed. `given_up`: why a member that was let go is taken back. `moved_at`: when the plan
    last came a step further, which `came` to so many members bound and let go. `again_at`: not planned before.
    `short_since`: since when too few run and no plan completes them. `avoided`: nodes on which a plan failed, each with
    until when. `lets_in_until`: until when no room is kept for it, as it was kept in vain. `tried`: on what the last
    plan in vain rested, in which `round` of all gangs, and `needed` the members that it had no room for together.
    `changes` grows with each sight of a member; `settled`: the last look at it found
    that nothing is to be done as long as nothing changes; `rests` is then on what that rests, and until when.
    """

    key: GangKey
    created: str = ""
    """When the oldest member that it ever had was created: pods that are made anew for an undone plan are as old."""
    members: dict[str, SeenPod] = field(default_factory=dict)
    waits_since: float | None = None
    let_go_at: dict[str, float] = field(default_factory=dict)
    refused_at: dict[str, float] = field(default_factory=dict)
    refusals: dict[str, str] = field(default_factory=dict)
    given_up: dict[str, str] = field(default_factory=dict)
    moved_at: float = 0.0
    came: tuple[int, int] = (0, 0)
    whole: bool = False
    undone: int = 0
    again_at: float = 0.0
    short_since: float | None = None
    avoided: dict[str, float] = field(default_factory=dict)
    lets_in_until: float = 0.0
    tried: tuple[object, ...] = ()
    round: int = -1
    needed: list[SeenPod] = field(default_factory=list)
    stopped: str = ""
    sentence: str = ""
    told: tuple[str, float] = ("", 0.0)
    changes: int = 0
    settled: bool = False
    rests: tuple[object, float] = (None, 0.0)
    _order: tuple[int, str] | None = None

    def see(self, pod: SeenPod) -> None:
        """Take note of a member as it is now."""
        uid, member = pod.key.uid, membership(pod)
        before = self.members.get(uid)
        if before is not None and age(before.version) > age(pod.version):
            return
        self.members[uid] = pod
        self.created = min(self.created or pod.created, pod.created)
        self._changed()
        if member.planned is None or pod.node:
            self.given_up.pop(uid, None)  # its plan is struck, so it may be planned again; or its Binding did arrive
        if not pod.gated:
            self.refusals.pop(uid, None)
        self.whole = self.whole or (member.whole and bool(pod.node))
        if pod.node and (before is None or not before.node) and not self.whole:
            bound = sum(1 for one in self.members.values() if one.node)
            self.whole = isinstance(member.least, int) and bound >= member.least

    def forget(self, uid: str) -> None:
        """Forget a member that is gone."""
        self.members.pop(uid, None)
        self._changed()
        for known in (self.let_go_at, self.refused_at):
            known.pop(uid, None)
        for told in (self.refusals, self.given_up):
            told.pop(uid, None)

    def begin_anew(self) -> None:
        """Forget how far its plan came: another may have led since."""
        for known in (self.let_go_at, self.refused_at):
            known.clear()
        for told in (self.refusals, self.given_up):
            told.clear()
        self.came, self.tried, self.short_since = (-1, -1), (), None
        self.lets_in_until = 0.0
        self._changed()

    def standing(self, ledger: Ledger) -> Standing:
        """Return how its members stand."""
        standing = Standing([], [], [])
        for pod in by_age(self.members.values()):
            if pod.node:
                standing.bound.append(pod)
            elif ledger.holding(pod.key.uid) is not None:
                standing.promised.append(pod)
            elif not pod.leaving and pod.key.uid not in self.given_up:
                standing.waiting.append(pod)
        return standing

    @property
    def priority(self) -> int:
        """The least of its members' priorities."""
        return min(pod.priority for pod in self.members.values())

    @property
    def order(self) -> tuple[int, str]:
        """What orders it among pods and gangs."""
        if self._order is None:
            self._order = order_of(self.priority, self.created)
        return self._order

    def rest(self, state: object, now: float) -> None:
        """Take note at `now` seconds that it was looked at in this state of all else."""
        self.rests = ((self.changes, state), now + _REST_S) if self.settled else (None, 0.0)

    def is_at_rest(self, state: object, now: float) -> bool:
        """Tell whether there is nothing to look at."""
        return now < self.rests[1] and self.rests[0] == (self.changes, state)

    def _changed(self) -> None:
        self.changes += 1
        self._order = None

    def least(self) -> int | str:
        """Return how many members must be placed at once, or what is wrong with what they say of it, in words."""
        said: dict[int, list[str]] = {}
        for pod in by_age(self.members.values()):
            least = membership(pod).least
            if isinstance(least, Malformed):
                return f"pod {pod.key.name}: {least}"
            said.setdefault(least, []).append(pod.key.name)
        if len(said) > 1:
            told = "; ".join(f"{least} say {named(names)}" for least, names in sorted(said.items()))
            return f"its members disagree on plimsoll.dev/gang-min: {told}"
        return next(iter(said))


def by_age(pods: Iterable[SeenPod]) -> list[SeenPod]:
    """Return pods, the oldest first; of the same age by their UIDs."""
    return sorted(pods, key=lambda pod: (pod.created, pod.key.uid))


def membership(pod: SeenPod) -> Membership:
    """Return of which gang a member is."""
    assert pod.gang is not None  # noqa: S101  nothing else is a member
    return pod.gang


def key_of(pod: SeenPod) -> GangKey:
    """Return the gang of a member."""
    return GangKey(pod.key.namespace, membership(pod).gang)


def named(names: list[str]) -> str:
    """Return some names, and how many there are more."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def count(number: int, what: str) -> str:
    """Return so many of something, in words."""
    return f"1 {what}" if number == 1 else f"{number} {what}s"
