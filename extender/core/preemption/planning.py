"""Who leaves so that these pods have room, and where does each of them go? Checked as a whole before anybody leaves.

The cheapest sufficient set is searched in numbers. What numbers do not say (which pods must be near or apart, how they
are spread, ports) is checked of the result, pod by pod: a node that is refused there is none, and it is searched again.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from msgspec.structs import replace

from extender.core.gang.planning import promised
from extender.core.ledger.holding import State
from extender.core.preemption.cheapest import cheapest
from extender.core.preemption.cost import within_quota
from extender.core.preemption.plan import NoPlan, Plan, Victim
from kube.gangs import Planned
from kube.gpus import MilliGpu, Placement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extender.core.ledger.holding import Holding
    from extender.core.model import SeenPod
    from extender.core.preemption.candidates import Leaver
    from extender.core.preemption.clearing import Clearing
    from extender.core.preemption.field import Choice, Field, Need
    from extender.core.preemption.plan import Preemptor

_SEARCHES = 4  # of a plan; then its pods are given their places one after the other
_TOLD = 5


def planned(preemptor: Preemptor, clearing: Clearing, *, borrowed_only: bool) -> Plan | NoPlan:
    """Return the plan by which fewest and cheapest leave, as `cost` counts; or why there is none."""
    barred = {pod.key.uid: preemptor.avoided for pod in preemptor.pods}
    pods = preemptor.pods
    for _ in range(_SEARCHES):
        needs, field = clearing.search(pods, barred, borrowed_only=borrowed_only)
        choice = cheapest(needs, field)
        if choice is None:
            return NoPlan(_why(needs, field, clearing))
        holdings = _holdings(pods, needs, choice, clearing)
        refused = _refused(pods, holdings, choice, field, clearing)
        if refused is None:
            return _plan(holdings, choice, field, clearing)
        uid, node = refused
        alike = [pod.key.uid for pod in pods if pod.shape() == _of(pods, uid).shape()]
        barred |= {one: barred[one] | {node} for one in alike}
    return NoPlan("no room can be made for it where all that kube-scheduler checks is met")


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
    pods: Sequence[SeenPod], holdings: Sequence[Holding], choice: Choice, field: Field, clearing: Clearing
) -> tuple[str, str] | None:
    """Return which pod kube-scheduler would refuse on its node, had the victims left; None where it refuses none."""
    gone = {field.candidates[one].uid for one in choice.victims}
    checks = clearing.room.checks.without(clearing.going | gone)
    columns = clearing.ledger.columns
    for pod, holding in zip(pods, holdings, strict=True):
        if not checks.fits(pod)[columns[holding.node]]:
            return pod.key.uid, holding.node
        checks.place(pod, holding.node)
    return None


def _plan(holdings: tuple[Holding, ...], choice: Choice, field: Field, clearing: Clearing) -> Plan:
    leavers = clearing.candidates.leavers
    chosen = [field.candidates[one] for one in choice.victims]
    yields = frozenset(one.uid for one in chosen if one.reservation)
    leave = [one for one in chosen if not one.reservation]
    within = within_quota(leave, field.over or {})
    victims = tuple(_victim(leavers[one.uid], borrowed=not lost) for one, lost in zip(leave, within, strict=True))
    gone = frozenset(victim.pod.uid for victim in victims)
    awaits = gone | _leaving(holdings, clearing)
    others = sorted(
        (one for one in leavers.values() if one.uid not in gone),
        key=lambda one: (one.facts.priority, len(one.together), one.ran_s, one.uid),
    )
    passed_over = tuple(_victim(one, borrowed=False) for one in others[:_TOLD])
    return Plan(holdings, victims, awaits, yields, len(leavers), passed_over)


def _leaving(holdings: Sequence[Holding], clearing: Clearing) -> frozenset[str]:
    """Return who leaves already and has to be gone before these have their room."""
    ledger = clearing.room.ledger
    found = set()
    for holding in holdings:
        devices = set(holding.devices or ())
        for other in ledger.holdings_on(holding.node):
            if other.pod.uid in clearing.going and devices & set(other.devices or ()):
                found.add(other.pod.uid)
    return frozenset(found)


def _victim(one: Leaver, *, borrowed: bool) -> Victim:
    holding = one.holding
    return Victim(
        holding.pod,
        holding.node,
        holding.devices or (),
        holding.milli,
        one.facts.priority,
        one.project,
        borrowed,
        one.ran_s,
        together=len(one.together),
        guarded=bool(one.budgets),
        owner=one.facts.owner,
    )


def _of(pods: Sequence[SeenPod], uid: str) -> SeenPod:
    return next(pod for pod in pods if pod.key.uid == uid)


def _why(needs: Sequence[Need], field: Field, clearing: Clearing) -> str:
    """Return why no set of victims would do."""
    may = len(field.candidates)
    told = [f"{count} {why}" for why, count in sorted(clearing.candidates.spared.items()) if count]
    spared = f"; of the other train pods {', '.join(told)}" if told else ""
    if not may:
        return f"no train pod may leave for it{spared}"
    pods = "1 train pod" if may == 1 else f"{may} train pods"
    unbudgeted = dataclasses.replace(field, budgets=tuple(len(field.candidates) for _ in field.budgets))
    if field.budgets and cheapest(needs, unbudgeted) is not None:
        return f"{_closed(clearing)} of those that would have to leave{spared}"
    if field.borrowed_only and cheapest(needs, dataclasses.replace(field, borrowed_only=False)) is not None:
        return f"other projects hold too little beyond their quotas (preemption-scope: borrowed){spared}"
    return f"no room could be made for it if all {pods} left that may{spared}"


def _closed(clearing: Clearing) -> str:
    """Return which disruption budgets let too few pods go."""
    told = [f"{one.namespace}/{one.name} lets {one.allowed} go" for one in clearing.room.checks.budgets]
    more = f" and {len(told) - _TOLD} more" if len(told) > _TOLD else ""
    return f"PodDisruptionBudgets keep too many ({', '.join(told[:_TOLD])}{more})"
