"""What does a search come to, for each for whom it was made? One plan each, with those who leave for it.

Where room was searched for several at once, each plan has the victims on its own devices; one that frees room for two
of them is a victim of both plans. Who gives back CPU alone counts for the first on its node. A gang leaves by the plan
of each of its members.
"""

from __future__ import annotations

from heapq import nsmallest
from typing import TYPE_CHECKING, NamedTuple

from extender.core.preemption.plan import Plan, Victim
from extender.core.preemption.search.cost import within_quota

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from extender.core.ledger.holding import Holding
    from extender.core.model import SeenPod
    from extender.core.preemption.candidates import Leaver
    from extender.core.preemption.clearing import Clearing
    from extender.core.preemption.plan import Preemptor
    from extender.core.preemption.search.field import Candidate

_TOLD = 5


class Found(NamedTuple):
    """What was found: what each pod is nominated to, who is `gone` for it, and what projects held over their quotas."""

    holdings: tuple[Holding, ...]
    gone: tuple[Candidate, ...]
    over: Mapping[str, int]


def plans_of(preemptors: Sequence[Preemptor], found: Found, clearing: Clearing) -> list[Plan]:
    """Return the plan of each, in their order; what is given up of other plans is given up for the first."""
    leavers = clearing.candidates.leavers
    leave = [one for one in found.gone if not one.reservation]
    victims = victims_of(leave, found.over, leavers)
    yields = frozenset(one.uid for one in found.gone if one.reservation)
    passed_over = _passed_over(leavers, {one.uid for one in leave})
    shares = _shares(preemptors, found.holdings, [leavers[one.uid] for one in leave])
    plans, begin = [], 0
    for one, mine in zip(preemptors, shares, strict=True):
        holdings = found.holdings[begin : begin + len(one.pods)]
        begin += len(one.pods)
        leaving = tuple(victim for victim in victims if victim.pod.uid in mine)
        awaits = frozenset(mine) | _leaving(one.pods, holdings, clearing)
        plans.append(
            Plan(holdings, leaving, awaits, yields if one is preemptors[0] else frozenset(), len(leavers), passed_over)
        )
    return plans


def _shares(preemptors: Sequence[Preemptor], holdings: Sequence[Holding], gone: Sequence[Leaver]) -> list[set[str]]:
    """Return the UIDs of those who leave for each."""
    if len(preemptors) == 1:
        return [{one.uid for one in gone}]
    owner = [place for place, one in enumerate(preemptors) for _ in one.pods]
    of_node: dict[str, list[tuple[int, Holding]]] = {}
    for place, holding in zip(owner, holdings, strict=True):
        of_node.setdefault(holding.node, []).append((place, holding))
    shares: list[set[str]] = [set() for _ in preemptors]
    for one in gone:
        there = of_node.get(one.holding.node, [])
        devices = set(one.holding.devices or ())
        for place in {place for place, holding in there if devices & set(holding.devices or ())}:
            shares[place].add(one.uid)
    for share in shares:
        share |= {uid for one in gone if one.uid in share for uid in one.together}
    placed = set().union(*shares)
    for one in gone:
        if one.uid not in placed:  # it gives back CPU or memory alone
            there = of_node.get(one.holding.node, [])
            shares[there[0][0] if there else 0] |= one.together
    return shares


def _passed_over(leavers: Mapping[str, Leaver], gone: Collection[str]) -> tuple[Victim, ...]:
    others = nsmallest(
        _TOLD,
        (one for uid, one in leavers.items() if uid not in gone),
        key=lambda one: (one.facts.priority, len(one.together), one.ran_s, one.uid),
    )
    return tuple(_victim(one, borrowed=False) for one in others)


def _leaving(pods: Sequence[SeenPod], holdings: Sequence[Holding], clearing: Clearing) -> frozenset[str]:
    """Return who leaves already and has to be gone before these have their room.

    Those on the same devices; and all on the node, where a pod lacks something else there as long as they stay.
    """
    ledger, checks = clearing.room.ledger, clearing.room.checks
    found = set()
    for pod, holding in zip(pods, holdings, strict=True):
        going = [other for other in ledger.holdings_on(holding.node) if other.pod.uid in clearing.going]
        if not going:
            continue
        devices, lacks = set(holding.devices or ()), not checks.fits(pod)[ledger.columns[holding.node]]
        found |= {other.pod.uid for other in going if lacks or devices & set(other.devices or ())}
    return frozenset(found)


def victims_of(
    leave: Sequence[Candidate], over: Mapping[str, int], leavers: Mapping[str, Leaver]
) -> tuple[Victim, ...]:
    """Return those that leave together, none of them a reservation, each with whether its project had borrowed it."""
    lost = within_quota(leave, over)
    return tuple(_victim(leavers[one.uid], borrowed=not within) for one, within in zip(leave, lost, strict=True))


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
