"""What is planned so that others have room: who leaves, and where each pod goes then."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from extender.core.model import PodKey

if TYPE_CHECKING:
    from extender.core.gang.gang import GangKey
    from extender.core.ledger.holding import Holding
    from extender.core.model import SeenPod


class Key(NamedTuple):
    """For whom room is made: a pod by its UID, or a gang."""

    uid: str = ""
    gang: GangKey | None = None


@dataclass(frozen=True, slots=True)
class Preemptor:
    """The pods that need room at once: a single one, or the members that a gang needs. `order` as `order_of` has it.

    `avoided`: nodes that are none for them, each with the reason.
    """

    key: Key
    pods: tuple[SeenPod, ...]
    priority: int
    order: tuple[int, str]
    avoided: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """What people call it."""
        first = self.pods[0].key
        gang = self.key.gang
        return f"pod {first.namespace}/{first.name}" if gang is None else f"gang {gang.namespace}/{gang.name}"


class Victim(msgspec.Struct, frozen=True, gc=False):
    """A pod that leaves, what it holds on its node, and what its leaving costs.

    `borrowed`: whether its project ("": none) loses what it holds beyond its quota only. `ran_s`: the seconds of work
    that are lost. `together`: how many leave with it, itself among them. `guarded`: whether a disruption budget counts
    it. `owner`: the UID of the controller that makes it anew, "" for none.
    """

    pod: PodKey
    node: str
    devices: tuple[str, ...]
    milli: int
    priority: int
    project: str
    borrowed: bool
    ran_s: int
    together: int = 1
    guarded: bool = False
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """Who leaves (`victims`, by UID), and what each pod then holds. `awaits`: the UIDs of all that leave before that.

    `yields`: the UIDs of pods of lower priority whose promises are given up for it.
    `candidates`: of how many pods the victims were chosen; `passed_over`: those of them that would have been next, each
    with why it stays.
    """

    holdings: tuple[Holding, ...]
    victims: tuple[Victim, ...]
    awaits: frozenset[str]
    yields: frozenset[str] = frozenset()
    candidates: int = 0
    passed_over: tuple[Victim, ...] = ()

    @property
    def pods(self) -> frozenset[str]:
        """The UIDs of those that it gives room."""
        return frozenset(holding.pod.uid for holding in self.holdings)

    def victim(self, uid: str) -> Victim | None:
        """Return a pod as one that leaves; None where it does not."""
        return next((one for one in self.victims if one.pod.uid == uid), None)


@dataclass(frozen=True, slots=True)
class NoPlan:
    """Why no pods that leave would make room, as one sentence."""

    reason: str
