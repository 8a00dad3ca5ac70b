"""Who leaves so that these pods have room, and where does each of them go? Checked as a whole before anybody leaves.

The cheapest sufficient set is searched in numbers. What numbers do not say (which pods must be near or apart, how they
are spread, ports) is checked of the result, pod by pod: a node that is refused there is none, and it is searched again.
Where pods keep refusing each other's nodes, each is searched for after those before it have their places.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from extender.core.gang.planning import promised
from extender.core.ledger.holding import State
from extender.core.preemption.making import Found, plans_of
from extender.core.preemption.plan import NoPlan
from extender.core.preemption.search.cheapest import cheapest
from extender.core.preemption.wanting import why_none
from kube.gangs import Planned
from kube.gpus import MilliGpu, Placement

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from extender.core.ledger.holding import Holding
    from extender.core.model import SeenPod
    from extender.core.preemption.clearing import Clearing
    from extender.core.preemption.plan import Plan, Preemptor
    from extender.core.preemption.search.field import Candidate, Choice, Need

    _Barred = Mapping[str, frozenset[str]]

_SEARCHES = 4
_MOST_ONE_BY_ONE = 64  # pods: each of them costs a search


def planned(preemptors: Sequence[Preemptor], clearing: Clearing, *, borrowed_only: bool) -> list[Plan] | NoPlan:
    """Return a plan for each, by which fewest and cheapest leave for all of them together; or why there is none."""
    pods = [pod for one in preemptors for pod in one.pods]
    barred = {pod.key.uid: one.avoided for one in preemptors for pod in one.pods}
    found = _together(pods, barred, clearing, borrowed_only=borrowed_only)
    if found is None and 1 < len(pods) <= _MOST_ONE_BY_ONE:
        found = _one_by_one(pods, barred, clearing, borrowed_only=borrowed_only)
    if found is None:
        return NoPlan("no room can be made for it where all that kube-scheduler checks is met")
    return found if isinstance(found, NoPlan) else plans_of(preemptors, found, clearing)


def _together(
    pods: Sequence[SeenPod], barred: _Barred, clearing: Clearing, *, borrowed_only: bool
) -> Found | NoPlan | None:
    """Search for all of them at once; None where kube-scheduler refuses what is found, again and again."""
    for _ in range(_SEARCHES):
        needs, field = clearing.search(pods, barred, borrowed_only=borrowed_only)
        choice = cheapest(needs, field)
        if choice is None:
            return NoPlan(why_none(needs, field, clearing))
        holdings = _holdings(pods, needs, choice, clearing)
        gone = tuple(field.candidates[one] for one in choice.victims)
        refused = _refused(pods, holdings, (one.uid for one in gone), clearing)
        if refused is None:
            return Found(holdings, gone, field.over or {})
        kind = clearing.room.checks.demands_of(refused[0])
        alike = {pod.key.uid for pod in pods if clearing.room.checks.demands_of(pod) == kind}
        barred = {uid: out | refused[1] if uid in alike else out for uid, out in barred.items()}
    return None


def _one_by_one(
    pods: Sequence[SeenPod], barred: _Barred, clearing: Clearing, *, borrowed_only: bool
) -> Found | NoPlan | None:
    """Search for each after those before it, as if they had their places."""
    trial = clearing.anew()
    holdings: list[Holding] = []
    gone: dict[str, Candidate] = {}
    over: Mapping[str, int] = {}
    for pod in pods:
        needs, field = trial.search((pod,), barred, borrowed_only=borrowed_only)
        choice = cheapest(needs, field)
        if choice is None:
            return NoPlan(why_none(needs, field, trial))
        over = over or field.over or {}
        (holding,) = _holdings((pod,), needs, choice, trial)
        leave = {field.candidates[one].uid: field.candidates[one] for one in choice.victims}
        trial.take((holding,), {pod.key.uid: pod}, leave)
        holdings.append(holding)
        gone |= leave
    if _refused(pods, holdings, gone, clearing) is not None:
        return None
    return Found(tuple(holdings), tuple(gone.values()), over)


def _holdings(
    pods: Sequence[SeenPod], needs: Sequence[Need], choice: Choice, clearing: Clearing
) -> tuple[Holding, ...]:
    """Return what each pod is nominated to."""
    found = []
    for pod, need, (place, devices) in zip(pods, needs, choice.places, strict=True):
        node = clearing.ledger.node(clearing.names[place])
        assert node is not None  # noqa: S101  the search is over nodes of the ledger
        placement = Placement(tuple(node.devices[index].name for index in devices), MilliGpu(need.milli[place]))
        found.append(replace(promised(pod, Planned(node.name, placement)), state=State.NOMINATED))
    return tuple(found)


def _refused(
    pods: Sequence[SeenPod], holdings: Sequence[Holding], gone: Iterable[str], clearing: Clearing
) -> tuple[SeenPod, frozenset[str]] | None:
    """Return the first pod that could not go to its node had the victims left, and which nodes are none for it.

    kube-scheduler would refuse it there, or there is too little left of what its project may hold of the node's model.
    """
    room = clearing.room
    checks = room.checks.without(clearing.going | frozenset(gone))
    left: dict[tuple[str, str], int | None] = {}
    for pod, holding in zip(pods, holdings, strict=True):
        if not checks.fits(pod)[room.ledger.columns[holding.node]]:
            return pod, frozenset((holding.node,))
        checks.place(pod, holding.node)
        project, model = room.quota.project_of(pod.ask()), room.ledger.model_of(holding.node)
        if not project:
            continue
        if (project, model) not in left:
            left[project, model] = room.quota.room(project, model) if model else None
        has = left[project, model]
        if has is not None:
            left[project, model] = has = has - room.quota.asked(pod.ask(), model)
            if has < 0:
                return pod, frozenset(node.name for node in room.ledger.nodes() if node.model == model)
    return None
