"""How many pods of one shape would fit if train pods left for them, and which? Nothing changes by the question.

Of a node is looked at what `fits` looks at; of who may leave, what a plan looks at. It is no promise: a plan is made
for pods that wait, by all that kube-scheduler checks of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from extender.core.at_once import fits_at_once
from extender.core.fits import fits, taking
from extender.core.ledger.holding import State
from extender.core.preemption.making import victims_of
from extender.core.preemption.search.cheapest import cheapest
from extender.core.preemption.settings import Mode, Scope
from extender.core.preemption.wanting import counted
from extender.core.quota.kinds import Kind
from extender.core.quota.projects import Unauthorised
from extender.core.within_quota import allowed_by, caps_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from extender.core.fits import Fits
    from extender.core.gang.planning import Checks
    from extender.core.model import Ask, Shape
    from extender.core.preemption.clearing import Clearing
    from extender.core.preemption.moment import Moment
    from extender.core.preemption.plan import Victim
    from extender.core.preemption.search.field import Choice
    from extender.core.scheduling import Scheduling
    from kube.taints import Toleration

NOT_SEEN = "who may leave is not looked at now: ask again in some seconds"

MOST = 256
"""Pods that are counted so: each search is as long as one of the planner's."""

_SEARCHES = 4
_BEYOND = f"no more than {MOST} pods are looked at"
_KEPT = "PodDisruptionBudgets, preemption-scope or quotas of models keep the others"


@dataclass(frozen=True, slots=True)
class Asked:
    """Pods of one shape, as of `fits_at_once`: what each asks of its project, None where no namespace is said."""

    ask: Ask | None
    shape: Shape
    gang: tuple[str, int] | None = None
    tolerations: Sequence[Toleration] = ()


@dataclass(frozen=True, slots=True)
class FitsSo:
    """So many pods fit once the `victims` have left; where that is fewer than asked about, why there are no more."""

    count: int
    reason: str = ""
    victims: tuple[Victim, ...] = ()


def fits_by_preemption(scheduling: Scheduling, asked: Asked, most: int, checks: Checks | None, at: Moment) -> FitsSo:
    """Return how many pods fit, at most `most`, where train leaves for them; `checks` None: nothing is seen of it."""
    plain = fits_at_once(scheduling, asked.ask, asked.shape, most, gang=asked.gang, tolerations=asked.tolerations)
    if plain.count >= most:
        return FitsSo(plain.count)
    ask = asked.ask
    nobody = _nobody(scheduling, ask)
    if nobody or ask is None or checks is None:
        return FitsSo(plain.count, f"{plain.reason}; preemption: {nobody or NOT_SEEN}")
    needed = 0 if asked.gang is None else scheduling.gangs.missing(ask.namespace, *asked.gang)
    if needed > MOST or plain.count >= MOST:
        return FitsSo(plain.count, f"{plain.reason}; preemption: {_BEYOND}")
    wanted = min(max(most, needed), MOST)
    allowed = min(allowed_by(scheduling.quota, ask, wanted), wanted)
    room = scheduling.room(checks)
    clearing = scheduling.preemptions.clearing(room, _priority(scheduling, ask, checks), at)
    search = _Search(scheduling, asked, ask, clearing)
    count, choice, reason = search.most(plain, needed, allowed)
    if choice is None or count < needed:
        return FitsSo(plain.count, f"{plain.reason}; preemption: {reason}")
    if count >= most:
        return FitsSo(most, "", search.victims(choice))
    return FitsSo(count, reason, search.victims(choice))


def _nobody(scheduling: Scheduling, ask: Ask | None) -> str:
    """Return why nobody leaves for such pods, whoever is there; "" where somebody may."""
    if ask is None:
        return "nobody says in which namespace they are"
    quota = scheduling.quota
    standing = quota.standing(ask) if quota.projects else None
    if standing is None or isinstance(standing, Unauthorised) or standing.project is None:
        return "nobody leaves for pods of no project"
    if standing.kind is not Kind.INFERENCE:
        return f"nobody leaves for pods of the kind {standing.kind.value}"
    if (refusal := quota.refusal(ask)) is not None:
        return str(refusal)
    return "mode: observe" if scheduling.preemptions.settings.mode is Mode.OBSERVE else ""


def _priority(scheduling: Scheduling, ask: Ask, checks: Checks) -> int:
    """Return the priority of a class, as a pod of it has it; where there is none, one above all that run."""
    for pod in scheduling.unbound():
        if pod.priority_class == ask.priority_class:
            return pod.priority
    running = [one for one in scheduling.ledger.holdings() if one.ask is not None and one.state is State.BOUND]
    highest = 0
    for one in running:
        facts = checks.facts(one.pod.uid)
        if facts is None or one.ask is None:
            continue
        if one.ask.priority_class == ask.priority_class:
            return facts.priority
        highest = max(highest, facts.priority)
    return highest + 1


class _Search:
    """The search for so many pods, and for fewer where so many are too many."""

    def __init__(self, scheduling: Scheduling, asked: Asked, ask: Ask, clearing: Clearing) -> None:
        self._clearing = clearing
        self._shape = asked.shape
        self._caps = caps_of(scheduling.quota, ask)
        self._quota = scheduling.quota
        self._ask = ask
        self._left_out = scheduling.left_out
        self._tolerations = asked.tolerations
        own = scheduling.quota.project_of(ask)
        scope = scheduling.preemptions.settings.scope
        self._field = clearing.field_for(asked.shape, own, borrowed_only=scope is Scope.BORROWED)
        self._takes = taking(clearing.ledger, asked.shape, clearing.names, asked.tolerations)

    def most(self, plain: Fits, needed: int, allowed: int) -> tuple[int, Choice | None, str]:
        """Return how many fit at most, more than there are now and as many as needed; who leaves, and why no more."""
        if not self._clearing.candidates.leavers and not self._clearing.going:
            return plain.count, None, _spared(self._clearing.candidates.spared)
        cleared = fits(self._clearing.ledger, self._shape, allowed, self._left_out, self._tolerations)
        low, high, best = plain.count, cleared.count, None
        if high <= low or high < needed:
            may = len(self._clearing.candidates.leavers)
            return low, None, f"no room could be made for them if all {may} train pods left that may"
        reason = cleared.reason or self._over(allowed)
        for _ in range(_SEARCHES):
            if high <= low:
                break
            middle = high if best is None and high == cleared.count else (low + high + 1) // 2
            choice = self._choice(middle)
            if choice is None:
                high, reason = middle - 1, _KEPT
            else:
                low, best = middle, choice
        return low, best, reason

    def victims(self, choice: Choice) -> tuple[Victim, ...]:
        """Return who leaves by a choice, by name."""
        leavers = self._clearing.candidates.leavers
        leave = [one for one in map(self._field.candidates.__getitem__, choice.victims) if not one.reservation]
        found = victims_of(leave, self._field.over or {}, leavers)
        return tuple(sorted(found, key=lambda one: (one.pod.namespace, one.pod.name, one.pod.uid)))

    def _choice(self, count: int) -> Choice | None:
        """Return who leaves so that so many fit; models whose quota has no room for all of them are none for any."""
        ledger, names = self._clearing.ledger, self._clearing.names
        suits = self._takes.copy()
        closed = [model for model, cap in self._caps.items() if cap < count]
        if closed:
            suits &= ~ledger.of_models(closed)[ledger.columns_of(names)]
        return cheapest([self._clearing.need(self._shape, suits)] * count, self._field)

    def _over(self, allowed: int) -> str:
        over = self._quota.over(self._quota.project_of(self._ask), [self._ask] * (allowed + 1))
        return _BEYOND if over is None else str(over)


def _spared(spared: Mapping[str, int]) -> str:
    told = counted(spared)
    return f"no train pod may leave for them{f'; of the train pods {told}' if told else ''}"
