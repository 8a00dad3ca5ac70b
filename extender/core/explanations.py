"""What is remembered of each pod, to be told: why it was refused last, or what was weighed when its place was chosen.

Nothing is decided by it. What is told of a pod that waits is told anew when it changes, but not at every try:
kube-scheduler tries a refused pod at every event of the cluster.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

import msgspec

from extender.core import reasons
from extender.core.packing.choice import Choice
from extender.core.quota.over import OverQuota

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extender.core.ledger.ledger import Ledger
    from extender.core.model import SeenPod
    from extender.core.packing.choice import RunnerUp
    from extender.core.quota.projects import Unauthorised
    from extender.core.reasons import Misfits, Reasons

_CHANGED_S = 10.0  # of thousands that wait for one place, each would else be told of each of the others
_SAME_S = 300.0


class Cause(Enum):
    """What a pod waits for."""

    ROOM = "room"
    QUOTA = "quota"
    PROJECT = "project"
    """That somebody says which project it belongs to."""
    PLAN = "plan"
    """That its gang has a plan; why it has none is told of the gang."""


@dataclass(frozen=True, slots=True)
class Waits:
    """Why a pod was refused: a sentence, the reasons counted over nodes, and how many nodes were asked about and not.

    `first_at` and `last_at`: when it was refused first and last, in seconds; `asked`: how often.
    """

    reason: str
    misfits: tuple[Misfits, ...]
    offered: int
    not_offered: int
    first_at: float
    last_at: float
    asked: int = 1
    cause: Cause = Cause.ROOM


class Weighed(msgspec.Struct, frozen=True, gc=False):
    """How a place was chosen, at `at` seconds among `offered` nodes. Few are asked about: words are made of it then."""

    at: float
    offered: int
    choice: Choice

    @property
    def others(self) -> tuple[RunnerUp, ...]:
        """The nodes that would have been next, best first."""
        return () if self.choice.runner_up is None else (self.choice.runner_up,)


class Explanations:
    """By the pods' UIDs."""

    def __init__(self) -> None:
        self._waits: dict[str, Waits] = {}
        self._weighed: dict[str, Weighed] = {}
        self._told: dict[str, tuple[str, float]] = {}

    def waits(self, uid: str) -> Waits | None:
        """Return why a pod was refused last; None where it was not, or waits no more."""
        return self._waits.get(uid)

    def waiting_since(self) -> list[float]:
        """Return since when each pod waits that was refused for lack of room on GPUs, in seconds."""
        return [waits.first_at for waits in self._waits.values() if waits.cause is Cause.ROOM]

    def weighed(self, uid: str) -> Weighed | None:
        """Return how the place of a pod was chosen; None where we did not choose it."""
        return self._weighed.get(uid)

    def refused(
        self, pod: SeenPod, ledger: Ledger, misfits: Reasons, now: float, over: Sequence[OverQuota] = ()
    ) -> None:
        """Take note that a pod was refused at `now` seconds, with the reason of each node that was asked about.

        Of the nodes of a model that it does not accept kube-scheduler asks about none. `over`: the quotas of models
        that keep it off their nodes.
        """
        others = reasons.other_models(ledger, pod.models, misfits.columns)
        ours = int((misfits.columns >= 0).sum())
        not_offered = len(ledger.columns) - ours - sum(group.nodes for group in others)
        groups = reasons.ordered((*reasons.counted(ledger, misfits), *others))
        sentence = "; ".join((reasons.sentence(groups, not_offered), *map(str, over)))
        cause = Cause.QUOTA if over else Cause.PLAN if pod.gang is not None else Cause.ROOM
        self._wait(pod.key.uid, Waits(sentence, groups, len(misfits), not_offered, now, now, cause=cause))

    def barred(self, uid: str, why: OverQuota | Unauthorised, offered: int, now: float) -> None:
        """Take note that a pod was refused at `now` seconds whatever is free on the `offered` nodes."""
        cause = Cause.QUOTA if isinstance(why, OverQuota) else Cause.PROJECT
        self._wait(uid, Waits(str(why), (), offered, 0, now, now, cause=cause))

    def chosen(self, uid: str, weighed: Weighed) -> None:
        """Take note of how a pod's place was chosen."""
        self._waits.pop(uid, None)
        self._weighed[uid] = weighed

    def waits_no_more(self, uid: str) -> None:
        """Forget why a pod was refused: it is bound, or gone."""
        self._waits.pop(uid, None)
        self._told.pop(uid, None)

    def gone(self, uid: str) -> None:
        """Forget a pod."""
        self.waits_no_more(uid)
        self._weighed.pop(uid, None)

    def to_tell(self, uid: str, now: float) -> str:
        """Return the sentence that a person should be told of a pod that waits, at `now` seconds; "" for none now."""
        waits = self._waits.get(uid)
        if waits is None or waits.cause is Cause.PLAN:
            return ""
        sentence, at = self._told.get(uid, ("", 0.0))
        if sentence and now - at < (_SAME_S if sentence == waits.reason else _CHANGED_S):
            return ""
        self._told[uid] = (waits.reason, now)
        return waits.reason

    def _wait(self, uid: str, waits: Waits) -> None:
        known = self._waits.get(uid)
        if known is not None:
            waits = replace(waits, first_at=known.first_at, asked=known.asked + 1)
        self._waits[uid] = waits
