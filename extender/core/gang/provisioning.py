"""For which gangs may nodes be bought, and how do node autoscalers hear of them?

Node autoscalers see pods that kube-scheduler finds no node for, and none that a gate holds back. Told of is a gang that
all present nodes together could not hold if nothing else were on them, and that would be within its project's quota,
train included: nobody buys nodes for what is over it. One that would have room if others left waits for them.

In a ProvisioningRequest: all of the minimum is asked for at once, in whole GPUs; it is taken away once no nodes are to
be bought any more, as when the gang has its plan.

As placeholders: one member is let go without a plan, so that kube-scheduler finds it unschedulable; it holds nothing,
and goes where the plan puts it once there is one. While it is there, an autoscaler buys as it would for any pod. Only
where a node came, and no other for a while, does it seem to hold that the pod fits there: then the next one is shown.
A gate cannot be put on again, so only those are shown that a controller makes anew: they are deleted when no nodes are
to be bought any more.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from extender.core.gang.gang import by_age, membership
from extender.core.gang.keeping import ever
from extender.core.gang.settings import Provision
from extender.core.gang.steps import PodSet, Show, Steps, TakeBack, Tell, Want
from extender.core.quota.kinds import Kind
from extender.core.quota.projects import Unauthorised
from kube.gpus import WHOLE, Share

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from extender.core.gang.gang import Gang, GangKey
    from extender.core.gang.planning import Room
    from extender.core.gang.settings import Settings
    from extender.core.model import SeenPod, Shape
    from extender.core.quota.quota import Quota

_SETTLED_S = 10.0  # members are deleted and made anew, and seen one after the other
_EVENTS = 8  # members that have an Event of it
_MOST_SETS = 32  # a ProvisioningRequest takes no more
_STALLED_S = 600.0  # a node comes within minutes of being asked for


@dataclass(slots=True)
class _Known:
    """What is known of a gang; times in seconds.

    `beyond`: whether no present node could hold it, as was found when its plan in vain rested on `tried`.
    `unwanted_at`: since when no nodes are to be bought. `devices`: how many there were at the last look, and `grew_at`
    when they last grew since a member was shown. `want`: what a ProvisioningRequest asks for.
    """

    tried: tuple[object, ...] | None = None
    beyond: bool = False
    unwanted_at: float | None = None
    devices: int = 0
    grew_at: float | None = None
    want: Want | None = None


@dataclass(slots=True)
class Provisioning:
    """What node autoscalers were told of."""

    _known: dict[GangKey, _Known] = field(default_factory=dict)

    def steps(self, gangs: Iterable[Gang], room: Room, settings: Settings, now: float) -> Steps:
        """Return which members to show, and which to take back, and all that is to be asked for at `now` seconds.

        `gangs`: those that it `concerns`, in their order.
        """
        found = Steps()
        known, self._known = self._known, {}
        for gang in gangs:
            shown = by_age(pod for pod in gang.members.values() if _is_shown(pod))
            one = self._known[gang.key] = known.get(gang.key) or _Known()
            if settings.provision is not Provision.NONE and _wanted(one, gang, room):
                one.unwanted_at = None
                if settings.provision is Provision.REQUEST:
                    found += _ask(one, gang, settings.provision_class)
                else:
                    found += _show(one, gang, shown, room, now)
            elif one.unwanted_at is None:
                one.unwanted_at = now
            elif now - one.unwanted_at >= _SETTLED_S:
                one.want = None
                found += _back(gang, shown, room)
            if one.want is not None and settings.provision is Provision.REQUEST:
                found += Steps(want=(one.want,))
        return found


def concerns(gang: Gang, settings: Settings) -> bool:
    """Tell whether there may be anything to tell node autoscalers of a gang, or to take back."""
    return settings.provision is not Provision.NONE or any(map(_is_shown, gang.members.values()))


_BEYOND = "present nodes could not hold it if they were empty"
_TOLD = f"{_BEYOND}: this pod is shown to node autoscalers, and goes nowhere yet"
_ASKED = f"{_BEYOND}: node autoscalers are asked for what it needs"


def _ask(known: _Known, gang: Gang, class_name: str) -> Steps:
    before, known.want = known.want, _want(gang, class_name)
    if before is not None or known.want is None:
        return Steps()
    return Steps(tell=(_tell(gang, gang.needed[:_EVENTS], _ASKED),))


def _show(known: _Known, gang: Gang, shown: Sequence[SeenPod], room: Room, now: float) -> Steps:
    chosen = _next(known, gang, shown, room, now)
    if chosen is None:
        return Steps()
    return Steps(show=(Show(chosen.key),), tell=(_tell(gang, [chosen], _TOLD),))


def _back(gang: Gang, shown: Sequence[SeenPod], room: Room) -> Steps:
    because = f"no node is to be bought for gang {gang.key.name}"
    without = (pod for pod in shown if room.ledger.holding(pod.key.uid) is None)
    return Steps(take_back=tuple(TakeBack(pod.key, anew=True, because=because) for pod in without))


def _tell(gang: Gang, about: Sequence[SeenPod], sentence: str) -> Tell:
    pods = tuple(pod.key for pod in about)
    return Tell(pods, "GangNeedsNodes", f"gang {gang.key.name}: {sentence}", trouble=False)


def _is_shown(pod: SeenPod) -> bool:
    member = membership(pod)
    return member.shown and member.owned and not (pod.gated or pod.node or pod.leaving)


def _wanted(known: _Known, gang: Gang, room: Room) -> bool:
    """Tell whether nodes are to be bought for a gang."""
    if not gang.needed or gang.stopped or any(room.checks.unknown(pod) for pod in gang.needed):
        return False
    if known.tried != gang.tried:
        known.tried, known.beyond = gang.tried, not ever(gang.needed, room)
    return known.beyond and within_quota(gang.needed, room.quota)


def within_quota(pods: Sequence[SeenPod], quota: Quota) -> bool:
    """Tell whether projects have room for all these pods, also for those that are train, and on each of their models.

    Nobody knows which model would be bought, so a pod that may go to several counts for each that has a quota.
    """
    if not quota.projects:
        return True
    asked: Counter[tuple[str, str]] = Counter()
    beyond: set[str] = set()
    for pod in pods:
        ask = pod.ask()
        standing = quota.standing(ask)
        if isinstance(standing, Unauthorised):
            return False
        if (project := standing.project) is None:
            continue
        asked[project.name, ""] += quota.asked(ask)
        if standing.kind is Kind.TRAIN:
            beyond.add(project.name)
            continue
        for model, _ in project.models:
            if not ask.models or model in ask.models:
                asked[project.name, model] += quota.asked(ask, model)
    return all(milli <= _left(quota, *one, train=one[0] in beyond) for one, milli in asked.items())


def _left(quota: Quota, project: str, model: str, *, train: bool) -> int:
    """Return what is left of a project or of one of its models; what train holds takes of it where `train` asks."""
    usage = quota.usage(project)
    return (quota.room(project, model) or 0) - (usage.held - usage.within if train and not model else 0)


def _want(gang: Gang, class_name: str) -> Want | None:
    """Return what holds all members that are needed, in whole GPUs; None where that cannot be told.

    Shares of one GPU are put on as few as hold them. What MiB come to depends on the model that is bought.
    """
    alike: dict[tuple[Shape, int], list[SeenPod]] = {}
    for pod in gang.needed:
        alike.setdefault((pod.shape(), pod.priority), []).append(pod)
    sets: list[PodSet] = []
    for pods in alike.values():
        request = pods[0].request
        if not isinstance(request, Share):
            return None
        together = WHOLE // request.milli if request.devices == 1 else 1
        full, rest = divmod(len(pods), together)
        if full:
            sets.append(PodSet(pods[0].key, full, request.devices, together))
        if rest:
            sets.append(PodSet(pods[0].key, 1, request.devices, rest))
    return Want(gang.key.name, tuple(sets), class_name) if len(sets) <= _MOST_SETS else None


def _next(known: _Known, gang: Gang, shown: Sequence[SeenPod], room: Room, now: float) -> SeenPod | None:
    """Return the member to be shown now; None where those that are shown do."""
    devices = sum(len(node.places) for node in room.ledger.nodes())
    if shown and devices > known.devices:
        known.grew_at = now
    known.devices = devices
    if shown and (known.grew_at is None or now - known.grew_at < _STALLED_S):
        return None
    known.grew_at = None
    return next((pod for pod in gang.needed if pod.gated and membership(pod).owned), None)
