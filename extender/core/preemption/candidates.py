"""Which pods may have to leave for others at all, and why are the others spared?

Train pods that we placed and that run, of lower priority than those that they make room for. Never a pod of another
kind, or of another scheduler. A gang leaves whole, as losing one member loses it, unless more run than it needs: the
youngest of those leave one by one. One that is being placed is left alone until it is whole.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from extender.core.gang.gang import named
from extender.core.ledger.holding import Holding, State
from extender.core.predicates.lodgers import Facts
from extender.core.preemption.moment import unix_of
from extender.core.quota.kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from extender.core.gang.gang import Gang
    from extender.core.gang.gangs import Gangs
    from extender.core.gang.planning import Room
    from extender.core.preemption.moment import Moment
    from extender.core.preemption.resting import Resting
    from extender.core.preemption.settings import Settings


class Leaver(msgspec.Struct, frozen=True, gc=False):
    """A train pod that may have to leave: what it holds, for which project, and how long it has run, in seconds.

    `project` is "" where it is in none; `charge` is what that gets back, in milli-GPU. `together`: the UIDs of all that
    leave with it, itself among them. `budgets`: the disruption budgets that its leaving counts in, by their places.
    """

    holding: Holding
    facts: Facts
    project: str
    charge: int
    ran_s: int
    together: frozenset[str]
    budgets: tuple[int, ...] = ()

    @property
    def uid(self) -> str:
        """Its UID."""
        return self.holding.pod.uid


@dataclass(frozen=True, slots=True)
class Candidates:
    """Who may have to leave, by UID in a fixed order; and how many train pods are `spared`, by the reason."""

    leavers: Mapping[str, Leaver]
    spared: Mapping[str, int]


class _Found(NamedTuple):
    """A train pod of which nothing says that it stays."""

    holding: Holding
    facts: Facts
    ran_s: int
    budgets: tuple[int, ...]


class Rules(NamedTuple):
    """By what pods are spared; `taken`: those that leave already; `refused`: those not let go, each with why."""

    settings: Settings
    resting: Resting
    taken: Collection[str]
    refused: Mapping[str, str]
    at: Moment


def candidates(room: Room, gangs: Gangs, rules: Rules) -> Candidates:
    """Return all train pods that may have to leave for somebody."""
    settings, resting, taken, refused, at = rules
    spared: Counter[str] = Counter()
    there = [one for one in sorted(_train(room), key=lambda one: one.pod.uid) if one.pod.uid not in taken]
    if not_let_go := [refused[one.pod.uid] for one in there if one.pod.uid in refused]:
        spared[f"were not let go by the API server ({named(not_let_go)})"] = len(not_let_go)
    found: dict[str, _Found] = {}
    for holding in (one for one in there if one.pod.uid not in refused):
        uid = holding.pod.uid
        facts = room.checks.facts(uid)
        if facts is None:
            spared["not seen yet by what looks at pods as kube-scheduler does"] += 1
            continue
        ran_s = max(0, int(at.unix - unix_of(facts.started)))
        if ran_s < settings.min_run_s:
            spared["have not run for min-run-time yet"] += 1
        elif resting.rests(uid, facts.owner, settings.cool_down_s, at.now):
            spared["were made anew for an evicted pod, and preemption-cool-down is not over"] += 1
        elif (counted := room.checks.counted_in(uid)) is None:
            spared["are counted by more than one PodDisruptionBudget, so that the API server evicts none of them"] += 1
        else:
            found[uid] = _Found(holding, facts, ran_s, counted)
    together = _together(found, gangs, room, spared)
    charges = room.quota.charges()
    leavers = {}
    for uid, one in found.items():
        if uid in together:
            charge = charges.get(uid)
            project, milli = ("", 0) if charge is None else (charge.project, charge.milli)
            leavers[uid] = Leaver(one.holding, one.facts, project, milli, one.ran_s, together[uid], one.budgets)
    return Candidates(leavers, spared)


def below(every: Candidates, priority: int) -> Candidates:
    """Return those that may have to leave for a pod of a priority."""
    equal = {uid for uid, one in every.leavers.items() if one.facts.priority >= priority}
    if not equal:
        return every
    kept = {uid: one for uid, one in every.leavers.items() if not one.together & equal}
    above = len(every.leavers) - len(kept)
    return Candidates(kept, {**every.spared, "are of no lower priority": above})


def _train(room: Room) -> Iterable[Holding]:
    kinds = room.quota.kinds
    for one in room.ledger.holdings():
        runs = one.ours and one.state is State.BOUND and not one.leaving and one.devices
        if runs and one.ask is not None and kinds.of(one.ask.priority_class) is Kind.TRAIN:
            yield one


def _together(found: Mapping[str, _Found], gangs: Gangs, room: Room, spared: Counter[str]) -> dict[str, frozenset[str]]:
    """Return with whom each leaves; those of a gang that cannot leave whole are spared."""
    together: dict[str, frozenset[str]] = {}
    of_gang: dict[int, dict[str, frozenset[str]]] = {}
    for uid in found:
        gang = gangs.gang_of(uid)
        if gang is None:
            together[uid] = frozenset((uid,))
            continue
        if id(gang) not in of_gang:
            of_gang[id(gang)] = _of_gang(gang, found, room)
        if uid in of_gang[id(gang)]:
            together[uid] = of_gang[id(gang)][uid]
        else:
            spared["are of a gang that cannot leave as a whole now"] += 1
    return together


def _of_gang(gang: Gang, found: Mapping[str, _Found], room: Room) -> dict[str, frozenset[str]]:
    """Return with whom each member of a gang leaves, by UID; those that do not stand in it cannot leave."""
    standing = gang.standing(room.ledger)
    staying = [pod.key.uid for pod in standing.bound if not pod.leaving]
    if not gang.whole or standing.promised:
        return {}
    least = gang.least()
    more = max(0, len(staying) - least) if isinstance(least, int) else 0
    beyond = staying[len(staying) - more :]  # the youngest
    alone = {uid: frozenset((uid,)) for uid in beyond if uid in found}
    if not all(uid in found for uid in staying):
        return alone
    whole = frozenset(staying)
    return {**dict.fromkeys(staying, whole), **alone}
