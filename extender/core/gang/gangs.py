"""Which gangs are there, and whose turn is it to be looked at?

What was begun comes first, also what another extender began before us; then it goes by priority, then by age.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extender.core.gang.gang import Gang, GangKey, count, key_of, membership, named, order_of
from extender.core.gang.keeping import Kept, hold, soonest
from extender.core.gang.planning import break_promise, promised
from extender.core.gang.provisioning import Provisioning, concerns
from extender.core.gang.settings import Settings
from extender.core.gang.steps import Found, told
from extender.core.gang.turn import Turn
from extender.core.ledger.holding import State
from kube.gpus import Malformed, MemoryShare, Share
from kube.versions import age

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from extender.core.gang.planning import Room
    from extender.core.gang.steps import Steps
    from extender.core.ledger.ledger import Ledger
    from extender.core.model import SeenPod
    from kube.gangs import Planned


_ANEW_S = 120.0  # for a controller to make a gang anew whose pods we deleted


class Gangs:
    """All gangs of the cluster, and the promises that their plans made in the ledger."""

    def __init__(self, ledger: Ledger, settings: Settings | None = None) -> None:
        self._ledger = ledger
        self.settings = settings or Settings()
        self._gangs: dict[GangKey, Gang] = {}
        self._key_of: dict[str, GangKey] = {}
        self._taken_back: dict[GangKey, Gang] = {}
        """Gangs whose last pod was deleted by us, until their controllers make them anew."""
        self._round = 0
        self._provisioning = Provisioning()
        self._kept_by: tuple[object, ...] = ()
        """On what the last plan in vain of the gang rested when its kept nodes were last found to do."""
        self.kept: Kept | None = None
        """The nodes that are kept for a gang, and from whom."""

    # --- what is seen ---

    def seen(self, pod: SeenPod) -> None:
        """Take note of a pod that has not ended; one that is no member of any gang is passed over."""
        uid = pod.key.uid
        known = self._key_of.get(uid)
        key = key_of(pod) if _is_member(pod) else None
        if known is not None and known != key:
            if age(self._gangs[known].members[uid].version) > age(pod.version):
                return
            self._break_plan(uid)
            self.gone(uid)
        if key is None:
            return
        self._key_of[uid] = key
        if key not in self._gangs:
            self._gangs[key] = self._taken_back.pop(key, Gang(key))
        self._gangs[key].see(pod)

    def gone(self, uid: str) -> None:
        """Forget a pod that is gone, or has ended."""
        key = self._key_of.pop(uid, None)
        if key is not None:
            gang = self._gangs[key]
            by_us = uid in gang.given_up
            gang.forget(uid)
            if not gang.members:
                del self._gangs[key]
                if self.kept is not None and self.kept.gang == key:
                    self.kept = None
                if by_us:  # its controller makes it anew, and what was undone is not to be tried without end
                    self._taken_back[key] = gang

    def take_over(self) -> None:
        """Take note that we begin to lead: what another wrote on members that it let go is promised, where it is free.

        What we promised when we led before and nobody wrote is void: others may have been placed there since.
        Whether a gang was whole stands on its members. How long nodes were kept counts from now.
        """
        self.kept = None
        for uid in [held.pod.uid for held in self._ledger.holdings() if held.planned]:
            break_promise(self._ledger, uid)
        for gang in self._gangs.values():
            gang.begin_anew()
            for uid, pod in sorted(gang.members.items()):
                planned = membership(pod).planned
                if planned is None or pod.node or pod.gated or pod.leaving:
                    continue
                if self._ledger.holding(uid) is None and self._has_room(planned):
                    self._ledger.hold(promised(pod, planned))

    # --- what is asked ---

    def not_changed(self, uid: str, why: str) -> None:
        """Take note that the API server did not let a member be changed, whatever the plan says."""
        gang = self.gang_of(uid)
        if gang is not None:
            gang.refusals[uid] = why

    def members(self) -> Iterator[SeenPod]:
        """Yield every member of every gang."""
        for gang in self._gangs.values():
            yield from gang.members.values()

    def __len__(self) -> int:
        return len(self._gangs)

    def __iter__(self) -> Iterator[Gang]:
        return iter(self._gangs.values())

    def gang_of(self, uid: str) -> Gang | None:
        """Return the gang of a pod."""
        key = self._key_of.get(uid)
        return None if key is None else self._gangs[key]

    def get(self, key: GangKey) -> Gang | None:
        """Return a gang."""
        return self._gangs.get(key)

    def moved(self, key: GangKey, now: float) -> None:
        """Take note at `now` seconds that the members of a gang have the room now that others left for them."""
        gang = self._gangs.get(key)
        if gang is not None:
            gang.moved_at, gang.short_since, gang.waits_since, gang.sentence = now, None, None, ""

    def missing(self, namespace: str, name: str, least: int) -> int:
        """Return how many members a gang of such a minimum needs at once now; 0 where it is whole."""
        gang = self._gangs.get(GangKey(namespace, name))
        if gang is None:
            return least
        return 0 if gang.whole else max(0, least - gang.standing(self._ledger).have)

    def kept_from(self, pod: SeenPod) -> Kept | None:
        """Return what is kept for a gang that comes before a single pod; None where nothing is."""
        kept = self.kept
        return kept if kept is not None and kept.keeps_out(order_of(pod.priority, pod.created)) else None

    def steps(self, room: Room, now: float) -> Steps:
        """Plan what can be planned at `now` seconds, undo what has failed, and return what is to be done about it."""
        found = Found(round=self._round)
        for gang in self._in_order(gang for gang in self if not gang.is_at_rest(self._state(room), now)):
            Turn(gang, room, self.settings, now, found, self.kept).take()
            gang.rest(self._state(room), now)
        if not found.passed_over:
            self._round += 1
        self._keep(room, now, found)
        self._taken_back = {key: gang for key, gang in self._taken_back.items() if gang.again_at + _ANEW_S > now}
        concerned = self._in_order(gang for gang in self if concerns(gang, self.settings))
        return found.steps() + self._provisioning.steps(concerned, room, self.settings, now)

    # --- how ---

    def _break_plan(self, uid: str) -> None:
        """End what a plan promised to a pod that is no member of its gang any more."""
        held = self._ledger.holding(uid)
        if held is not None and held.planned:
            break_promise(self._ledger, uid)

    def _state(self, room: Room) -> tuple[object, ...]:
        """Return what may make a difference to a gang of which nothing is under way."""
        return room.ledger.freed, room.checks.version, room.quota.freed, self.kept, self.settings

    def _in_order(self, gangs: Iterable[Gang]) -> list[Gang]:
        return sorted(gangs, key=lambda gang: (not self._begun(gang), gang.order, gang.key))

    def _begun(self, gang: Gang) -> bool:
        """Tell whether a plan of ours is under way; a member that somebody else put on a node begins nothing."""
        held = (self._ledger.holding(uid) for uid in gang.members)
        return not gang.whole and any(one is not None and (one.ours or one.state is not State.BOUND) for one in held)

    def _keep(self, room: Room, now: float, found: Found) -> None:
        """Keep room for the first gang in order that has waited long enough and could run."""
        if not self.settings.patience_s:
            self.kept = None
            return
        self._keep_no_longer(now, found)
        for gang in self._in_order(one for one in self if self._has_waited(one, now)):
            needed = gang.needed
            kept = self.kept if self.kept is not None and self.kept.gang == gang.key else None
            if kept is not None:
                if self._kept_by == gang.tried:
                    return
                known = not any(room.checks.unknown(pod) for pod in needed)
                if known and kept.order == gang.order and hold(needed, room, sorted(kept.nodes)):
                    self._kept_by = gang.tried
                    return
            nodes = soonest(needed, room)
            if nodes:
                since = kept.since if kept is not None else now
                self.kept, self._kept_by = Kept(gang.key, gang.order, nodes, since), gang.tried
                if kept is None:
                    these = f"{count(len(nodes), 'node')} kept for it, from pods that come after it"
                    found.tell.append(
                        told(gang.key.name, gang.needed, "NodesKept", f"{these}: {named(sorted(nodes))}", trouble=False)
                    )
                return
        self.kept = None

    def _has_waited(self, gang: Gang, now: float) -> bool:
        """Tell whether a gang has waited its patience out, and was not waited for in vain lately."""
        waits = gang.waits_since is not None and gang.waits_since <= now - self.settings.patience_s
        return waits and bool(gang.needed) and now >= gang.lets_in_until

    def _keep_no_longer(self, now: float, found: Found) -> None:
        """Keep room no longer than the limit, and then for as long not for the same gang."""
        kept, limit_s = self.kept, self.settings.keeping_s
        if kept is None or not limit_s or now - kept.since < limit_s:
            return
        gang = self._gangs[kept.gang]
        if not gang.needed:
            return
        gang.lets_in_until = now + limit_s
        self.kept = None
        why = f"it did not run within {limit_s:g} s (gang-keeping-limit), and others may have its room for as long"
        found.tell.append(told(gang.key.name, gang.needed, "NodesNotKept", f"no more nodes are kept for it: {why}"))

    def _has_room(self, planned: Planned) -> bool:
        node = self._ledger.node(planned.node)
        if node is None or not set(planned.placement.devices) <= node.places.keys():
            return False
        room = self._ledger.room(planned.node)
        return all(room[node.places[device]] >= planned.placement.milli for device in planned.placement.devices)


def _is_member(pod: SeenPod) -> bool:
    """Tell whether a pod is one of those that are placed at once.

    Not those that ask for no GPU of ours, whatever their label says; but all that our gate holds back, to be told why.
    """
    return pod.gang is not None and (pod.gated or isinstance(pod.request, (Share, MemoryShare, Malformed)))
