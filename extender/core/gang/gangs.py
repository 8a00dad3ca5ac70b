"""Which gangs are there, and whose turn is it to be looked at?

What was begun comes first, also what another extender began before us; then it goes by priority, then by age.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extender.core.gang.gang import Gang, GangKey, key_of, membership, order_of
from extender.core.gang.keeping import Kept, soonest
from extender.core.gang.planning import promised
from extender.core.gang.provisioning import Provisioning
from extender.core.gang.settings import Settings
from extender.core.gang.turn import Found, Turn

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from extender.core.gang.planning import Room
    from extender.core.gang.steps import Steps
    from extender.core.ledger.ledger import Ledger
    from extender.core.model import SeenPod
    from kube.gangs import Planned


class Gangs:
    """All gangs of the cluster, and the promises that their plans made in the ledger."""

    def __init__(self, ledger: Ledger, settings: Settings | None = None) -> None:
        self._ledger = ledger
        self.settings = settings or Settings()
        self._gangs: dict[GangKey, Gang] = {}
        self._key_of: dict[str, GangKey] = {}
        self._provisioning = Provisioning()
        self.kept: Kept | None = None
        """The nodes that are kept for a gang, and from whom."""

    # --- what is seen ---

    def seen(self, pod: SeenPod) -> None:
        """Take note of a pod that has not ended; one without a gang is passed over."""
        uid = pod.key.uid
        known = self._key_of.get(uid)
        key = None if pod.gang is None else key_of(pod)
        if known is not None and known != key:
            self.gone(uid)
        if key is None:
            return
        self._key_of[uid] = key
        if key not in self._gangs:
            self._gangs[key] = Gang(key)
        self._gangs[key].see(pod)

    def gone(self, uid: str) -> None:
        """Forget a pod that is gone, or has ended."""
        key = self._key_of.pop(uid, None)
        if key is not None:
            gang = self._gangs[key]
            gang.forget(uid)
            if not gang.members:
                del self._gangs[key]

    def take_over(self) -> None:
        """Take note that we begin to lead: what another wrote on members that it let go is promised, where it is free.

        A gang of which some are bound and none is under way counts as whole: whether it ever was, nobody remembers, and
        what serves is not to be evicted on a guess.
        """
        for gang in self._gangs.values():
            for uid, pod in sorted(gang.members.items()):
                planned = membership(pod).planned
                if planned is None or pod.node or pod.gated or pod.leaving or uid in gang.given_up:
                    continue
                if self._ledger.holding(uid) is None and self._has_room(planned):
                    self._ledger.hold(promised(pod, planned))
            standing = gang.standing(self._ledger)
            gang.whole |= bool(standing.bound) and not standing.promised

    # --- what is asked ---

    def __len__(self) -> int:
        return len(self._gangs)

    def __iter__(self) -> Iterator[Gang]:
        return iter(self._gangs.values())

    def gang_of(self, uid: str) -> Gang | None:
        """Return the gang of a pod."""
        key = self._key_of.get(uid)
        return None if key is None else self._gangs[key]

    def kept_from(self, pod: SeenPod) -> Kept | None:
        """Return what is kept for a gang that comes before a single pod; None where nothing is."""
        kept = self.kept
        return kept if kept is not None and kept.keeps_out(order_of(pod.priority, pod.created)) else None

    def steps(self, room: Room, now: float) -> Steps:
        """Plan what can be planned at `now` seconds, undo what has failed, and return what is to be done about it."""
        found = Found()
        order = self._in_order()
        for gang in order:
            Turn(gang, room, self.settings, now, found, self.kept).take()
        self._keep(order, room, now)
        return found.steps() + self._provisioning.steps(order, room, self.settings, now)

    # --- how ---

    def _in_order(self) -> list[Gang]:
        return sorted(self._gangs.values(), key=lambda gang: (not self._begun(gang), gang.order, gang.key))

    def _begun(self, gang: Gang) -> bool:
        return not gang.whole and any(pod.node or self._ledger.holding(uid) for uid, pod in gang.members.items())

    def _keep(self, order: Sequence[Gang], room: Room, now: float) -> None:
        """Keep room for the first gang in order that has waited long enough and could run."""
        if not self.settings.patience_s:
            self.kept = None
            return
        for gang in order:
            needed = gang.needed
            if not needed or gang.waits_since is None or now - gang.waits_since < self.settings.patience_s:
                continue
            kept = self.kept
            if kept is not None and kept.gang == gang.key and all(map(self._ledger.node, kept.nodes)):
                return
            nodes = soonest(needed, room)
            if nodes:
                self.kept = Kept(gang.key, gang.order, nodes)
                return
        self.kept = None

    def _has_room(self, planned: Planned) -> bool:
        node = self._ledger.node(planned.node)
        if node is None or not set(planned.placement.devices) <= node.places.keys():
            return False
        room = self._ledger.room(planned.node)
        return all(room[node.places[device]] >= planned.placement.milli for device in planned.placement.devices)
