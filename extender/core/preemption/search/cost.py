"""What does it cost that these leave? Pods of high priority before all, then their number, their work, and promises.

Costs are compared in this order: for each priority, from the highest to the lowest, how many pods leave that their
project runs within its quota, then how many others; after all priorities the seconds of work that are lost; last, how
many reservations are given up, which cost nothing else.

What a project has borrowed goes first. Its victims are looked at in the order of priority, charge and UID; one counts
as borrowed as long as what went before it is less than what the project holds beyond its quota. A project that holds
700 beyond its quota and loses three pods of 500 loses two that were borrowed (0 < 700, 500 < 700) and one within its
quota (1000 is not less). So a set never costs less than a part of it, and what one pod costs may depend on who else
leaves.

Costs add up, but for that. They are therefore folded into one whole number each: with 9 candidates that lose 500
seconds in all, no sum of theirs has more than 9 reservations, 500 seconds and 9 pods of a kind, so that a reservation
weighs 1, a second 10, a pod 10 * 501, one of the next kind 10 times as much.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extender.core.preemption.search.torn import Lost

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping, Sequence

    from extender.core.preemption.search.field import Candidate, Field

# A price is shared out among the devices that a pod frees, up to eight of them, without a remainder: 3 * 5 * 7 * 8.
SHARES = 840


def cost(field: Field, victims: Iterable[int]) -> tuple[int, ...]:
    """Return what it costs that these candidates leave with all that leave with them.

    In-quota and other pods for each priority of the field from the highest to the lowest, seconds, reservations: costs
    of one field are compared as tuples.
    """
    gone = sorted(closed(field.candidates, victims))
    levels = sorted({each.priority for each in field.candidates if not each.reservation}, reverse=True)
    kinds = {priority: 2 * at for at, priority in enumerate(levels)}
    counted = [0] * (2 * len(levels))
    pods = [each for each in map(field.candidates.__getitem__, gone) if not each.reservation]
    for pod, within in zip(pods, within_quota(pods, field.over or {}), strict=True):
        counted[kinds[pod.priority] + (0 if within else 1)] += 1
    return (*counted, sum(pod.work for pod in pods), len(gone) - len(pods))


def closed(candidates: Sequence[Candidate], some: Iterable[int]) -> set[int]:
    """Return these and all that leave with them, and with those."""
    gone: set[int] = set()
    open_ = list(some)
    while open_:
        one = open_.pop()
        if one not in gone:
            gone.add(one)
            open_ += candidates[one].takes
    return gone


class Prices:
    """What candidates cost as whole numbers that add up; `extra`, what those cost more that are taken within a quota.

    `least`: what each costs at least. `torn`: the projects that lose borrowed pods or others, as it comes; of all
    others the sum of `least` is the price. `kept`: those that nobody may take, where only what was borrowed may be.
    """

    def __init__(self, candidates: Sequence[Candidate], over: Mapping[str, int], *, borrowed_only: bool) -> None:
        self._candidates = candidates
        self.over = over
        self.borrowed_only = borrowed_only
        most = len(candidates) + 1
        second = SHARES * most
        pod = second * (1 + sum(each.work for each in candidates if not each.reservation))
        levels = sorted({each.priority for each in candidates if not each.reservation})
        other = {priority: pod * most ** (2 * at) for at, priority in enumerate(levels)}
        within = {priority: price * most for priority, price in other.items()}
        charges: dict[str, int] = {}
        for each in candidates:
            if each.project and not each.reservation:
                charges[each.project] = charges.get(each.project, 0) + each.charge
        none = {project for project in charges if over.get(project, 0) <= 0}
        self.torn = {project for project, charge in charges.items() if project not in none and charge > over[project]}
        self.least = [
            SHARES
            if each.reservation
            else (within if each.project in none else other)[each.priority] + each.work * second
            for each in candidates
        ]
        self.kept = set()
        if borrowed_only:
            self.kept = {at for at, each in enumerate(candidates) if each.project in none and not each.reservation}
        torn = [at for at, each in enumerate(candidates) if each.project in self.torn and not each.reservation]
        torn.sort(key=lambda at: (candidates[at].priority, candidates[at].charge, candidates[at].uid))
        self._lost = {
            at: Lost(rank, candidates[at].charge, within[candidates[at].priority] - other[candidates[at].priority])
            for rank, at in enumerate(torn)
        }

    def by_torn(self, some: Iterable[int]) -> dict[str, list[Lost]]:
        """Return those of some candidates whose price depends on who else leaves, by project, in rising order."""
        found: dict[str, list[Lost]] = {}
        if self.torn:
            for one in some:
                if one in self._lost:
                    found.setdefault(self._candidates[one].project, []).append(self._lost[one])
            for lost in found.values():
                lost.sort()
        return found

    def dearer(self, one: int, spent: Container[str]) -> int:
        """Return what a candidate costs more once all that these projects had borrowed is taken."""
        return self._lost[one].dearer if one in self._lost and self._candidates[one].project in spent else 0


def within_quota(pods: Sequence[Candidate], over: Mapping[str, int]) -> list[bool]:
    """Tell which pods are lost within their project's quota, after what it had borrowed."""
    lost: dict[str, int] = {}
    within = [False] * len(pods)
    for at in sorted(range(len(pods)), key=lambda at: (pods[at].priority, pods[at].charge, pods[at].uid)):
        project = pods[at].project
        if project:
            within[at] = lost.get(project, 0) >= max(0, over.get(project, 0))
            lost[project] = lost.get(project, 0) + pods[at].charge
    return within
