"""What does it cost that these leave? Pods of high priority before all, then their number, their work, and promises.

Costs are compared in this order: for each priority, from the highest to the lowest, how many pods leave that their
project runs within its quota, then how many others; after all priorities the seconds of work that are lost; last, how
many reservations are given up, which cost nothing else.

What a project has borrowed goes first. Its victims are looked at in the order of priority, charge and UID; one counts as
borrowed as long as what went before it is less than what the project holds beyond its quota. A project that holds 700
beyond its quota and loses three pods of 500 loses two that were borrowed (0 < 700, 500 < 700) and one within its quota
(1000 is not less). So a set never costs less than a part of it, and what one pod costs may depend on who else leaves.

Costs add up, but for that. They are therefore folded into one whole number each: with 9 candidates that lose 500 seconds
in all, no sum of theirs has more than 9 reservations, 500 seconds and 9 pods of a kind, so that a reservation weighs 1,
a second 10, a pod 10 * 501, one of the next kind 10 times as much.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from extender.core.preemption.field import Candidate, Field

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

    `least`: what each costs at least. `torn`: the projects that lose borrowed pods or others, as it comes; of all others
    the sum of `least` is the price. `kept`: those that nobody may take, where only what was borrowed may be.
    """

    def __init__(self, candidates: Sequence[Candidate], over: Mapping[str, int], *, borrowed_only: bool) -> None:
        self._candidates = candidates
        self.over = over
        self._borrowed_only = borrowed_only
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
        self._rank: dict[int, tuple[int, int, str]] = {}
        self._dearer: dict[int, int] = {}
        for at, each in enumerate(candidates if self.torn else ()):
            if each.project in self.torn and not each.reservation:
                self._rank[at] = each.priority, each.charge, each.uid
                self._dearer[at] = within[each.priority] - other[each.priority]

    def counted(self, one: int) -> str:
        """Return the project whose quota decides what a candidate costs; "" where it always costs the same."""
        return self._candidates[one].project if one in self._rank else ""

    def dearer(self, one: int) -> int:
        """Return what a candidate costs more if it is taken within the quota of its torn project."""
        return self._dearer.get(one, 0)

    def is_spent(self, project: str, gone: Iterable[int]) -> bool:
        """Tell whether all that a torn project had borrowed has gone with these."""
        return sum(self._candidates[one].charge for one in gone) >= self.over[project]

    def extra(self, project: str, gone: Collection[int]) -> int | None:
        """Return what these of one torn project cost beyond the least; None: not allowed, as one is within its quota."""
        borrowed = self.over[project]
        extra = 0
        for one in sorted(gone, key=self._rank.__getitem__):
            if borrowed <= 0:
                if self._borrowed_only:
                    return None
                extra += self._dearer[one]
            borrowed -= self._candidates[one].charge
        return extra


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
