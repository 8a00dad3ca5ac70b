"""How far has one plan come by which others leave?

    made: its pods are nominated, and who has to leave is evicted -> left: its pods have the room, and are tried
    -> run, once all of them are bound
    <- given up, where an eviction is refused, somebody does not leave, or kube-scheduler does not place them there

A plan that is given up leaves nothing behind: its promises end, and whoever was not evicted yet stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from msgspec.structs import replace

from extender.core.gang.planning import break_promise
from extender.core.ledger.holding import State

if TYPE_CHECKING:
    from extender.core.ledger.holding import Holding
    from extender.core.ledger.ledger import Ledger
    from extender.core.model import PodKey
    from extender.core.preemption.plan import Plan, Preemptor, Victim

_TAKEN_S = 10.0  # for what others left to be seen; by then somebody else has it
_LOST_S = 10.0  # for a node, or a device, to come back
_KICK_S = 5.0
_FIRST_KICK_S = 1.0  # kube-scheduler saw the last one go as well, and may try by itself: a change would end its Binding


class Stage(Enum):
    """How far a plan has come."""

    EVICTING = "evicting"
    """Somebody has to leave, and is not leaving yet."""
    LEAVING = "leaving"
    """All that have to leave are leaving."""
    READY = "ready"
    """Its pods have their room, and are tried."""


@dataclass(slots=True)
class Outstanding:
    """One plan and for whom it is; times in seconds. `gone_at`: since when nobody is there who has to leave.

    `ready_at`: since when its pods have their room. `lost_at`: since when a device of that is not there, or is closed.
    """

    preemptor: Preemptor
    plan: Plan
    made_at: float
    gone_at: float | None = None
    ready_at: float | None = None
    lost_at: float | None = None
    kicked_at: float = float("-inf")

    def holdings(self, ledger: Ledger) -> list[Holding]:
        """Return what its pods hold now by the plan, bound or not."""
        return [held for one in self.plan.holdings if (held := ledger.holding(one.pod.uid)) is not None]

    def runs(self, ledger: Ledger) -> bool:
        """Tell whether all its pods are bound."""
        held = self.holdings(ledger)
        return len(held) == len(self.plan.holdings) and all(one.state is State.BOUND for one in held)

    def promised(self, ledger: Ledger) -> list[Holding]:
        """Return what is promised to its pods that no Binding was asked for."""
        return [one for one in self.holdings(ledger) if one.promised and one.planned]

    def to_evict(self, ledger: Ledger) -> list[Victim]:
        """Return the victims that are there and are not leaving yet; none as long as a device is lost."""
        if self.lost_at is not None:
            return []
        return [one for one in self.plan.victims if _is_to_leave(ledger.holding(one.pod.uid), one)]

    def there(self, ledger: Ledger) -> list[str]:
        """Return who has to leave and is there still, by UID."""
        return [uid for uid in sorted(self.plan.awaits) if ledger.holding(uid) is not None]

    def left(self, ledger: Ledger, now: float) -> bool:
        """Give its pods the room once all have left; tell whether that was done now."""
        if self.ready_at is not None or self.there(ledger):
            return False
        if self.gone_at is None:
            self.gone_at = now
        nominated = [one for one in self.promised(ledger) if one.nominated]
        if not all(ledger.has_left(one) for one in nominated):
            return False
        with ledger.at_once():
            for one in nominated:
                ledger.hold(replace(one, state=State.RESERVED))
        self.ready_at = now
        self.kicked_at = now + _FIRST_KICK_S - _KICK_S
        return True

    def taken(self, now: float) -> bool:
        """Tell whether all have left, and the room is not there: somebody else has it."""
        return self.ready_at is None and self.gone_at is not None and now - self.gone_at > _TAKEN_S

    def lost(self, ledger: Ledger, now: float) -> str:
        """Return the node whose devices are lost to its pods for a while by now; "" where they are there."""
        held = next((one for one in self.promised(ledger) if not _has_devices(one, ledger)), None)
        if held is None:
            self.lost_at = None
            return ""
        if self.lost_at is None:
            self.lost_at = now
        return held.node if now - self.lost_at > _LOST_S else ""

    def is_over(self, ledger: Ledger) -> bool:
        """Tell whether nothing is promised to its pods any more: they run, or are gone, or were taken back."""
        return not any(one.state is State.BINDING or (one.promised and one.planned) for one in self.holdings(ledger))

    def is_behind(self, within_s: float, now: float) -> bool:
        """Tell whether its pods have had their room for longer than `within_s` seconds."""
        return self.ready_at is not None and now - self.ready_at > within_s

    def kick(self, ledger: Ledger, now: float) -> tuple[PodKey, ...]:
        """Return the pods that are to be tried again at `now` seconds; those of a gang its own plan lets go."""
        ready = self.ready_at is not None and self.preemptor.key.gang is None and self.promised(ledger)
        if not ready or self.preemptor.pods[0].gated or now - self.kicked_at < _KICK_S:
            return ()
        self.kicked_at = now
        return tuple(pod.key for pod in self.preemptor.pods)

    def end(self, ledger: Ledger) -> None:
        """End what is promised to its pods; what a Binding is under way of ends once that is known not to arrive."""
        for held in self.holdings(ledger):
            if held.planned:
                break_promise(ledger, held.pod.uid)

    def stage(self, ledger: Ledger) -> Stage:
        """Return how far it has come."""
        if self.ready_at is not None:
            return Stage.READY
        return Stage.EVICTING if self.to_evict(ledger) else Stage.LEAVING


def stays(held: Holding) -> bool:
    """Tell whether a pod runs, and is not leaving."""
    return held.state is State.BOUND and not held.leaving


def _has_devices(held: Holding, ledger: Ledger) -> bool:
    """Tell whether the devices are there that a pod is promised, and take new pods."""
    node = ledger.node(held.node)
    return node is not None and node.open_places(held.devices or ()) is not None


def _is_to_leave(held: Holding | None, victim: Victim) -> bool:
    return held is not None and stays(held) and held.node == victim.node
