"""Where do all of these pods go at once? Planned on a copy of the room: a plan that is dropped leaves nothing behind.

Pods that are needed are placed first, the largest first, as small ones go where large ones do not; then those beyond
the minimum, the oldest first, as room allows. Each goes where the packer finds it best among the nodes that
kube-scheduler will accept. Where that is in vain, those are tried first that few nodes suit: others took their place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from msgspec.structs import replace

from extender.core import held as holdings
from extender.core import reasons
from extender.core.ledger.holding import NEVER, Holding
from extender.core.quota.projects import Unauthorised
from kube.gangs import Planned
from kube.gpus import MemoryShare, Share

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Mapping, Sequence
    from typing import Self

    from numpy.typing import NDArray

    from extender.core.ledger.ledger import Ledger
    from extender.core.model import Ask, SeenPod
    from extender.core.packing.packer import Packer
    from extender.core.predicates.budgets import Budget
    from extender.core.predicates.lodgers import Facts
    from extender.core.predicates.resources import Remaining
    from extender.core.quota.over import OverQuota
    from extender.core.quota.quota import Quota


_MOST_IN_OTHER_ORDERS = 512


class Checks(Protocol):
    """What kube-scheduler will look at besides the GPUs, of every node of the ledger."""

    version: int
    """Grows with each change that may make room."""

    def copy(self) -> Self:
        """Return checks that say the same, and take note of pods apart from these."""

    def unknown(self, pod: SeenPod) -> str:
        """Return what of a pod nobody can check beforehand, in words for people; "" where there is nothing."""

    def fits(self, pod: SeenPod) -> NDArray[np.bool_]:
        """Tell which columns of the ledger kube-scheduler will accept for a pod; shape [columns]."""

    def could(self, pod: SeenPod) -> NDArray[np.bool_]:
        """Tell which columns it would accept, whoever else were there; shape [columns]."""

    def alone(self, pod: SeenPod) -> NDArray[np.bool_]:
        """Tell which columns it would accept if those alone were there that are placed here; shape [columns]."""

    def why(self, pod: SeenPod, node: str) -> str:
        """Return why it will not accept a node; "" where it will."""

    def place(self, pod: SeenPod, node: str) -> None:
        """Take note that a pod goes to a node: the next ones find it there."""

    def without(self, uids: frozenset[str]) -> Self:
        """Return checks that say what these would if those pods, on nodes or with a mere promise, were not there."""

    def left(self, pod: SeenPod) -> Remaining:
        """Return what is left of each resource that a pod asks for, on every column of the ledger."""

    def demands_of(self, pod: SeenPod) -> Hashable:
        """Return what alone decides on which nodes a pod may go, and what it counts for there."""

    def facts(self, uid: str) -> Facts | None:
        """Return what matters of a pod that holds a GPU of ours and is on its node; None of any other."""

    def requests_of(self, uid: str) -> tuple[tuple[str, int], ...]:
        """Return what a pod takes of each resource, its place among the pods included; () of one that is not known."""

    @property
    def budgets(self) -> tuple[Budget, ...]:
        """The disruption budgets, in an order that stays."""

    def counted_in(self, uid: str) -> tuple[int, ...] | None:
        """Return the `budgets`, by their places, that an eviction of a pod counts in; None: it cannot be evicted.

        At most one. None as well of a pod of which no `facts` are known.
        """


@dataclass(frozen=True, slots=True)
class Room:
    """What is planned on: the devices, and what else is looked at. `left_out`: nodes that are not ours, with why."""

    ledger: Ledger
    packer: Packer
    checks: Checks
    quota: Quota
    left_out: Mapping[str, str]

    def copy(self) -> Room:
        """Return room that is the same, and is taken apart from this one."""
        ledger = self.ledger.copy()
        return Room(ledger, self.packer.over(ledger), self.checks.copy(), self.quota.copy(ledger), self.left_out)


@dataclass(frozen=True, slots=True)
class Plan:
    """What each of these pods is to hold; in the order in which they were planned."""

    holdings: tuple[Holding, ...]


@dataclass(frozen=True, slots=True)
class Shortfall:
    """No plan: so many of the pods that are needed have room, and why there is none for the next, in words.

    Where none is needed, why there is no room for the oldest of those beyond the minimum.

    `over_quota`: they are too many for their project, whatever room there is.
    """

    fitted: int
    reason: str
    over_quota: bool = False


def plan(needed: Sequence[SeenPod], more: Sequence[SeenPod], room: Room, barred: Mapping[str, str]) -> Plan | Shortfall:
    """Return where all `needed` pods go, and as many of `more` as there is room for.

    Both are in the order of their age, and one of them has a pod. None goes to a node that is `barred`, by its reason.
    `room` stays as it is.
    """
    if over := over_quota(needed, room.quota):
        return Shortfall(0, over, over_quota=True)
    first: Shortfall | None = None
    for order in orders(needed, room.checks):
        made = _plan(order, more, room.copy(), barred)
        if isinstance(made, Plan):
            return made
        first = first or made
    assert first is not None  # noqa: S101  there is one order at least
    return first


def orders(needed: Sequence[SeenPod], checks: Checks) -> Iterator[list[SeenPod]]:
    """Give the orders in which pods that are needed are tried, each once: the next one where one is in vain.

    Of so many that a try takes longer than a tenth of a second, the first alone.
    """
    by_size = sorted(needed, key=_size, reverse=True)
    yield by_size
    if len(by_size) > _MOST_IN_OTHER_ORDERS:
        return
    suiting = {pod.key.uid: int(np.count_nonzero(checks.could(pod))) for pod in needed}
    among_equals = sorted(by_size, key=lambda pod: (_size(pod), -suiting[pod.key.uid]), reverse=True)
    if among_equals != by_size:
        yield among_equals
    narrowest = sorted(by_size, key=lambda pod: suiting[pod.key.uid])
    if narrowest not in (by_size, among_equals):
        yield narrowest


def _plan(
    needed: Sequence[SeenPod], more: Sequence[SeenPod], trial: Room, barred: Mapping[str, str]
) -> Plan | Shortfall:
    """Plan in this order, in room that is tried."""
    allowed = trial.ledger.model >= 0
    allowed[[trial.ledger.columns[name] for name in barred if name in trial.ledger.columns]] = False
    placed: list[Holding] = []
    for pod in needed:
        holding = placed_on(pod, trial, allowed & trial.checks.fits(pod))
        if holding is None:
            return Shortfall(len(placed), _why(pod, trial, barred))
        placed.append(holding)
    for pod in more:
        within = trial.quota.refusal(pod.ask()) is None
        holding = placed_on(pod, trial, allowed & trial.checks.fits(pod)) if within else None
        if holding is not None:
            placed.append(holding)
    if not placed:
        refusal = trial.quota.refusal(more[0].ask())
        return Shortfall(0, str(refusal or _why(more[0], trial, barred)), over_quota=refusal is not None)
    return Plan(tuple(placed))


def placed_on(pod: SeenPod, trial: Room, suits: NDArray[np.bool_]) -> Holding | None:
    """Give a pod its place on one of the columns that suit, in the room that is tried; None where there is none."""
    if closed := [over.model for over in trial.quota.closed_models(pod.ask())]:
        suits &= ~trial.ledger.of_models(closed)
    shape = pod.shape()
    column = trial.packer.best(shape, np.flatnonzero(suits))
    placement = None if column is None else trial.packer.place(shape, column)
    if column is None or placement is None:
        return None
    holding = promised(pod, Planned(trial.ledger.name_of(column), placement))
    trial.ledger.hold(holding)
    trial.checks.place(pod, holding.node)
    return holding


def promised(pod: SeenPod, planned: Planned) -> Holding:
    """Return what a member of a gang holds from the time that its plan stands."""
    return replace(holdings.promised(pod, planned.node, planned.placement, NEVER), planned=True)


def break_promise(ledger: Ledger, uid: str) -> None:
    """End what is promised to a pod; a Binding of it that is under way, or was carried out, keeps its devices."""
    held = ledger.holding(uid)
    if held is None or held.promised:
        ledger.release(uid)
    else:
        ledger.hold(replace(held, planned=False))


def over_quota(pods: Sequence[SeenPod], quota: Quota) -> str:
    """Return why a project has no room for all these pods together, as one sentence; "" where it has."""
    asks: dict[str, list[Ask]] = {}
    for pod in pods:
        ask = pod.ask()
        standing = quota.standing(ask) if quota.projects else None
        if isinstance(standing, Unauthorised):
            return f"pod {pod.key.name}: {standing}"
        if standing is not None and standing.limited and standing.project is not None:
            asks.setdefault(standing.project.name, []).append(ask)
    found = (quota.over(project, asked) for project, asked in sorted(asks.items()))
    return next((f"{_missing(over)}: {over}" for over in found if over is not None), "")


def _missing(over: OverQuota) -> str:
    return f"needs {reasons.gpus(over.asked)}, free {reasons.gpus(max(0, over.quota - over.used))}"


def _size(pod: SeenPod) -> tuple[int, int]:
    """Return what orders pods by how much of a node they take; of MiB nobody knows before it is placed."""
    request = pod.request
    if isinstance(request, Share):
        return request.devices * request.milli, pod.cpu
    if isinstance(request, MemoryShare):
        return request.devices, pod.cpu
    return 0, pod.cpu


def _why(pod: SeenPod, trial: Room, barred: Mapping[str, str]) -> str:
    """Return why a pod has no place, as one sentence."""
    ledger = trial.ledger
    suits = trial.checks.fits(pod)
    over = {one.model: one.brief for one in trial.quota.closed_models(pod.ask())}
    why: dict[str, str] = dict(trial.left_out)
    shape = pod.shape()
    free: list[str] = []
    for node in ledger.nodes():
        column = ledger.columns[node.name]
        if node.name in barred:
            why[node.name] = barred[node.name]
        elif not suits[column]:
            why[node.name] = trial.checks.why(pod, node.name)
        elif node.model in over:
            why[node.name] = over[node.model]
        else:
            free.append(node.name)
    why |= reasons.misfits(ledger, shape, sorted(free), {})
    return reasons.sentence(reasons.counted(ledger, reasons.of_each(ledger, why)), 0)
