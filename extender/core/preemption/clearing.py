"""What room would there be if all left that may? Looked at once, and then kept up as plans are made on it.

What leaves already counts as gone: its room costs nothing. Whoever is nominated to room that others leave has it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from extender.core.model import share_on
from extender.core.preemption.candidates import Candidates
from extender.core.preemption.search.field import Candidate, Field, Need
from kube.gpus import MemoryShare, MiB, Share

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from extender.core.gang.planning import Room
    from extender.core.ledger.holding import Holding
    from extender.core.model import SeenPod, Shape
    from extender.core.preemption.candidates import Leaver

_CPU, _MEMORY = "cpu", "memory"


class Clearing:
    """The `room`, and what it would be without those that are `going`, and without all candidates too.

    `yielding`: the promises of each plan that may be given up. Its nodes are those of the ledger, by name.
    """

    def __init__(
        self, room: Room, candidates: Candidates, going: frozenset[str], yielding: Iterable[Sequence[Holding]] = ()
    ) -> None:
        self.room = room
        self.candidates = candidates
        self.going = going
        self.yielding = {held.pod.uid: tuple(promises) for promises in yielding for held in promises}
        self.names = tuple(sorted(node.name for node in room.ledger.nodes()))
        self.ledger = room.ledger.copy()
        with self.ledger.at_once():
            for uid in (*sorted(going), *candidates.leavers, *self.yielding):
                self.ledger.release(uid)
        self._checks = room.checks.without(going | candidates.leavers.keys() | self.yielding.keys())
        self._columns: NDArray[np.int64] = self.ledger.columns_of(self.names)
        self._place = {name: place for place, name in enumerate(self.names)}

    def anew(self) -> Clearing:
        """Return one that is the same, and is taken apart from this one."""
        promises = {id(one): one for one in self.yielding.values()}
        return Clearing(self.room, self.candidates, self.going, promises.values())

    def take(self, holdings: Iterable[Holding], pods: Mapping[str, SeenPod], victims: Collection[str]) -> None:
        """Take note of a plan that gives up none: these pods go there, and these victims are going."""
        for holding in holdings:
            self.ledger.hold(holding)
            self._checks.place(pods[holding.pod.uid], holding.node)
        self.going |= frozenset(victims)
        left = {uid: one for uid, one in self.candidates.leavers.items() if not one.together & self.going}
        self.candidates = Candidates(left, self.candidates.spared)

    def search(
        self, pods: Sequence[SeenPod], barred: Mapping[str, frozenset[str]], *, borrowed_only: bool
    ) -> tuple[list[Need], Field]:
        """Return what each pod needs, and what is searched for it.

        `barred`: the nodes that are none for a pod, by its UID. `borrowed_only`: no other project loses of its quota.
        """
        asks = [dict(self._checks.requests_of(pod.key.uid)) for pod in pods]
        free: dict[str, NDArray[np.int64]] = {}
        for names, pod in {tuple(sorted(one)): pod for one, pod in zip(asks, pods, strict=True)}.items():
            if not free.keys() >= set(names):
                left = self._checks.left(pod)
                free |= zip(left.names, left.free, strict=True)
        resources = tuple(sorted(free))
        alike: dict[object, tuple[int, ...]] = {}
        found = []
        for pod, asked in zip(pods, asks, strict=True):
            assert isinstance(pod.request, Share | MemoryShare)  # noqa: S101  nothing else has a place that others leave
            out = barred.get(pod.key.uid, frozenset())
            key = self._checks.demands_of(pod), pod.shape(), pod.ask(), out
            if key not in alike:
                alike[key] = self._milli(pod.request, self._suits(pod, out))
            found.append(Need(pod.request.devices, alike[key], tuple(asked.get(name, 0) for name in resources)))
        own = frozenset(self.room.quota.project_of(pod.ask()) for pod in pods)
        takes = {uid: self.room.checks.requests_of(uid) for uid in (*self.candidates.leavers, *self.yielding)}
        return found, self.field(free, takes, own, borrowed_only=borrowed_only)

    def need(self, shape: Shape, suits: NDArray[np.bool_]) -> Need:
        """Return what a pod needs of which nothing but its shape is known; `suits`: the nodes for it, shape [nodes]."""
        assert isinstance(shape.request, Share | MemoryShare)  # noqa: S101  as above
        return Need(shape.request.devices, self._milli(shape.request, suits), (shape.cpu, shape.memory))

    def field_for(self, shape: Shape, own: str, *, borrowed_only: bool) -> Field:
        """Return what is searched for pods of a project of which nothing but their shape is known; as of `need`."""
        held = [one.holding for one in self.candidates.leavers.values()]
        held += [promise for each in self.yielding.values() for promise in each]
        # What they do not ask for they do not lack, however much too much of it is taken.
        counts = int(shape.cpu > 0), int(shape.memory > 0)
        takes = {one.pod.uid: ((_CPU, counts[0] * one.cpu), (_MEMORY, counts[1] * one.memory)) for one in held}
        free = {_CPU: counts[0] * self.ledger.cpu_free, _MEMORY: counts[1] * self.ledger.memory_free}
        return self.field(free, takes, frozenset((own,)), borrowed_only=borrowed_only)

    def field(
        self,
        free: Mapping[str, NDArray[np.int64]],
        takes: Mapping[str, tuple[tuple[str, int], ...]],
        own: frozenset[str],
        *,
        borrowed_only: bool,
    ) -> Field:
        """Return what is searched: `free` of each resource, shape [columns], and what each that may leave `takes`.

        `own`: the projects that it is for, whose train is the first to give way.
        """
        resources = tuple(sorted(free))
        # A gang of which some are on a node that is not ours any more leaves as well; they give back nothing here.
        leavers = [one for one in self.candidates.leavers.values() if one.holding.node in self._place]
        promises = [held for each in self.yielding.values() for held in each if held.node in self._place]
        promises = list({held.pod.uid: held for held in promises}.values())
        uids = [*(one.uid for one in leavers), *(held.pod.uid for held in promises)]
        place = {uid: number for number, uid in enumerate(uids)}
        taken: dict[tuple[tuple[str, int], ...], tuple[int, ...]] = {}

        def amounts(uid: str) -> tuple[int, ...]:
            requests = takes[uid]
            if requests not in taken:  # thousands of pods take one of a few dozen
                of = dict(requests)
                taken[requests] = tuple(of.get(name, 0) for name in resources)
            return taken[requests]

        left = np.array([free[name] for name in resources])[:, self._columns]
        return Field(
            tuple(map(tuple, self.ledger.free[:, self._columns].T.tolist())),
            tuple(map(tuple, left.T.tolist())),
            (
                *(self._candidate(one, amounts(one.uid), place, own) for one in leavers),
                *(self._promise(held, amounts(held.pod.uid), place) for held in promises),
            ),
            tuple(budget.allowed for budget in self.room.checks.budgets),
            self._over(),
            borrowed_only,
        )

    # --- how ---

    def _suits(self, pod: SeenPod, barred: Collection[str]) -> NDArray[np.bool_]:
        """Tell which nodes suit a pod by all but the room on them; shape [nodes]."""
        ledger, shape = self.ledger, pod.shape()
        suits = self._checks.fits(pod) & ledger.takes(shape) & (ledger.model >= 0)
        if shape.models:
            suits &= ledger.of_models(shape.models)
        if closed := [over.model for over in self.room.quota.closed_models(pod.ask())]:
            suits &= ~ledger.of_models(closed)
        found: NDArray[np.bool_] = suits[self._columns]
        found[[self._place[name] for name in barred if name in self._place]] = False
        return found

    def _milli(self, request: Share | MemoryShare, suits: NDArray[np.bool_]) -> tuple[int, ...]:
        """Return what is needed of each device of each node, 0 where it does not suit."""
        if isinstance(request, Share):
            return tuple(np.where(suits, request.milli, 0).tolist())
        # A pod holds the same of all its devices: that of the smallest which is large enough.
        memory = self.ledger.device_memory[:, self._columns]
        least = np.where(memory >= request.memory, memory, np.iinfo(np.int32).max).min(axis=0)
        shares = {int(one): share_on(request, MiB(int(one))) for one in np.unique(least[suits])}
        return tuple(
            (share.milli if (share := shares.get(one)) is not None else 0) if suited else 0
            for one, suited in zip(least.tolist(), suits.tolist(), strict=True)
        )

    def _candidate(
        self, one: Leaver, requests: tuple[int, ...], place: Mapping[str, int], own: frozenset[str]
    ) -> Candidate:
        return Candidate(
            one.uid,
            self._place[one.holding.node],
            self._held(one.holding),
            requests,
            tuple(sorted(place[uid] for uid in one.together if uid in place)),
            one.budgets,
            priority=one.facts.priority,
            project="" if one.project in own else one.project,
            charge=one.charge,
            work=one.ran_s,
        )

    def _promise(self, held: Holding, requests: tuple[int, ...], place: Mapping[str, int]) -> Candidate:
        """Return what is promised to a pod as something that may be given up, with all of its plan."""
        together = {other.pod.uid for other in self.yielding[held.pod.uid]}
        takes = tuple(sorted(place[uid] for uid in together if uid in place))
        return Candidate(held.pod.uid, self._place[held.node], self._held(held), requests, takes, reservation=True)

    def _held(self, holding: Holding) -> tuple[tuple[int, int], ...]:
        node = self.ledger.node(holding.node)
        assert node is not None  # noqa: S101  the others were passed over
        return tuple((node.places[name], holding.milli) for name in holding.devices or () if name in node.places)

    def _over(self) -> dict[str, int]:
        """Return by how much each project holds more than its quota, what leaves not counted; in milli-GPU."""
        quota = self.room.quota
        leaving: dict[str, int] = {}
        charges = quota.charges()
        for uid in self.going:
            if (charge := charges.get(uid)) is not None:
                leaving[charge.project] = leaving.get(charge.project, 0) + charge.milli
        return {
            project.name: max(0, quota.usage(project.name).held - leaving.get(project.name, 0) - project.quota)
            for project in quota.projects.every
        }
