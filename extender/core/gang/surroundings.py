"""Which nodes will kube-scheduler accept for a pod, and which if others had left? Of the ledger's columns.

Pods that hold devices and are not on their node yet count as if they were: kube-scheduler will find them there.
"""

from __future__ import annotations

from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from extender.core.predicates.budgets import counting, selecting
from extender.core.predicates.lodgers import Facts
from extender.core.predicates.resources import ONE_POD, Remaining

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping
    from typing import Self

    from numpy.typing import NDArray

    from extender.core.ledger.ledger import Ledger
    from extender.core.model import SeenPod
    from extender.core.predicates.budgets import Budget
    from extender.core.predicates.checks import Checks
    from extender.core.predicates.demands import PodDemands
    from extender.core.predicates.lodgers import Lodger
    from extender.core.predicates.scene import Scene
    from extender.core.predicates.selectors import Labels

NOT_SEEN = "it was not seen yet by what looks at nodes as kube-scheduler does"
"""What is said of a pod that is not known, in most cases for a moment."""


_REMEMBERED = 8  # scenes without some pods: each is of some hundred kilobytes, and who searches asks of few at a time


class Seen(NamedTuple):
    """What is there: the `scene`, the `demands` of pods without a node and the `residents` of nodes, both by UID."""

    scene: Scene
    demands: Mapping[str, PodDemands]
    residents: Mapping[str, Lodger] = MappingProxyType({})
    budgets: tuple[Budget, ...] = ()


class Surroundings:
    """The checks of a plan. `seen` gives what is there.

    It is called where something is to be checked: in most looks at gangs nothing is. `version` grows with each change
    of what it gives that may make room. To be used at once: what `seen` gives is another thing after the next change.
    """

    def __init__(self, seen: Callable[[], Seen], ledger: Ledger, version: int) -> None:
        self.version = version
        self._seen = seen
        self._ledger = ledger
        self._columns = len(ledger.model)
        self._gone: frozenset[str] = frozenset()
        self._placed: tuple[tuple[str, int], ...] = ()
        """The pods that were placed here, each with the index of its node in the scene."""
        self._scenes: dict[frozenset[str], Scene] = {}
        """What is there without some, before anything is placed: shared with every copy."""
        self._selected: dict[tuple[str, Labels], tuple[int, ...]] = {}

    @cached_property
    def _demands(self) -> Mapping[str, PodDemands]:
        return self._seen().demands

    @cached_property
    def _scene(self) -> Scene:
        scene = self._as_it_is().copy()
        for uid, place in self._placed:
            scene.place(self._demands[uid], place)
        return scene

    @cached_property
    def _empty(self) -> Scene:
        scene = self._seen().scene.emptied()
        for uid, place in self._placed:
            scene.place(self._demands[uid], place)
        return scene

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self._seen().scene.names)}

    @cached_property
    def _on_their_way(self) -> dict[str, int]:
        """The pods that hold a place without being there yet, each with the index of its node in the scene.

        As it was at the first question: those that are given a place after that are placed here.
        """
        held = (self._ledger.holding(uid) for uid in sorted(self._demands))
        return {one.pod.uid: self._places[one.node] for one in held if one is not None and one.node in self._places}

    def _as_it_is(self) -> Scene:
        """Return what is there without those that are gone, and with those that are on their way."""
        known = self._scenes.pop(self._gone, None)
        if known is None:
            seen = self._seen()
            residents = (seen.residents.get(uid) for uid in sorted(self._gone))
            gone = [(one.resident, one.node) for one in residents if one is not None]
            known = seen.scene.changed(gone) if gone else seen.scene.copy()
            for uid, place in self._on_their_way.items():
                if uid not in self._gone:
                    known.place(self._demands[uid], place)
            if len(self._scenes) >= _REMEMBERED:
                del self._scenes[next(iter(self._scenes))]
        self._scenes[self._gone] = known
        return known

    @cached_property
    def _ours(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Which nodes of the scene are ours, and their columns."""
        columns = np.array([self._ledger.columns.get(name, -1) for name in self._places], dtype=np.int64)
        ours = np.flatnonzero(columns >= 0)
        return ours, columns[ours]

    def copy(self) -> Self:
        """Return checks that say the same, and take note of pods apart from these."""
        scene, _ = self._scene, self._ours  # the copy need not look again
        made = {"_empty": self._empty.copy()} if "_empty" in self.__dict__ else {}
        return self._alike(_scene=scene.copy(), **made)

    def without(self, uids: frozenset[str]) -> Self:
        """Return checks that say what these would if those pods were not there; made when they are first asked.

        Pods on nodes, pods that only hold a place, and pods that were placed here.
        """
        _ = self._places, self._ours, self._on_their_way
        stays = tuple(one for one in self._placed if one[0] not in uids)
        copied = self._alike(_gone=self._gone | uids, _placed=stays)
        for made in ("_scene", "_empty"):
            copied.__dict__.pop(made, None)
        return copied

    def _alike(self, **but: object) -> Self:
        copied = object.__new__(type(self))
        copied.__dict__.update(self.__dict__ | but)
        return copied

    def unknown(self, pod: SeenPod) -> str:
        """Return what of a pod nobody can check beforehand, in words for people; "" where there is nothing."""
        demands = self._demands.get(pod.key.uid)
        if demands is None:
            return NOT_SEEN
        if demands.unmodelled:
            return f"nobody can tell beforehand where kube-scheduler lets it go: {', '.join(demands.unmodelled)}"
        return ""

    def fits(self, pod: SeenPod) -> NDArray[np.bool_]:
        """Tell which columns of the ledger kube-scheduler will accept for a pod; shape [columns]."""
        return self._of_columns(self._checks(pod).fits)

    def could(self, pod: SeenPod) -> NDArray[np.bool_]:
        """Tell which columns it would accept, whoever else were there; shape [columns]."""
        return self._of_columns(self._checks(pod).unchanging)

    def alone(self, pod: SeenPod) -> NDArray[np.bool_]:
        """Tell which columns it would accept if those alone were there that are placed here; shape [columns].

        Passed over is which pods it must be near, and what it is spread among: that rests on others.
        """
        return self._of_columns(self._empty.checks(self._demands[pod.key.uid]).apart)

    def why(self, pod: SeenPod, node: str) -> str:
        """Return why it will not accept a node; "" where it will."""
        place = self._places.get(node)
        if place is None:
            return NOT_SEEN
        return ", ".join(self._checks(pod).reasons(place))

    def place(self, pod: SeenPod, node: str) -> None:
        """Take note that a pod goes to a node: the next ones find it there."""
        self._scene.place(self._demands[pod.key.uid], self._places[node])
        self._placed += ((pod.key.uid, self._places[node]),)
        if "_empty" in self.__dict__:  # made when it is asked about first: most plans never do
            self._empty.place(self._demands[pod.key.uid], self._places[node])

    def left(self, pod: SeenPod) -> Remaining:
        """Return what is left of each resource that a pod asks for, by the ledger's columns."""
        standing = self._checks(pod).standing.left
        ours, column_of = self._ours
        free = np.zeros((len(standing.wanted) + 1, self._columns), dtype=np.int64)
        free[:-1, column_of] = standing.free[:, ours]
        free[-1, column_of] = standing.places[ours]
        names, amounts = zip(*standing.wanted, ONE_POD, strict=True)
        return Remaining(names, free, np.array(amounts, dtype=np.int64))

    def demands_of(self, pod: SeenPod) -> Hashable:
        """Return what alone decides on which nodes a pod may go, and what it counts for there."""
        return self._demands[pod.key.uid]

    def facts(self, uid: str) -> Facts | None:
        """Return what matters of a pod that holds a GPU of ours and is on its node; None of any other."""
        lodger = self._seen().residents.get(uid)
        return lodger if isinstance(lodger, Facts) else None

    def requests_of(self, uid: str) -> tuple[tuple[str, int], ...]:
        """Return what a pod takes of each resource, its place among the pods included; () of one that is not known."""
        lodger = self._seen().residents.get(uid)
        if lodger is not None:
            return (*lodger.resident.requests, ONE_POD)
        demands = self._demands.get(uid)
        return () if demands is None else (*demands.resident.requests, ONE_POD)

    @property
    def budgets(self) -> tuple[Budget, ...]:
        """The disruption budgets."""
        return self._seen().budgets

    def counted_in(self, uid: str) -> tuple[int, ...] | None:
        """Return the `budgets`, by their places, that an eviction of a pod counts in; None: it cannot be evicted.

        Nor is one to be of which no `facts` are known: nobody can tell what guards it.
        """
        pod = self.facts(uid)
        if pod is None:
            return None
        who = pod.resident.namespace, pod.resident.labels
        selected = self._selected.get(who)
        if selected is None:
            selected = self._selected[who] = selecting(self.budgets, *who)
        return counting(self.budgets, selected, pod)

    def _checks(self, pod: SeenPod) -> Checks:
        return self._scene.checks(self._demands[pod.key.uid])

    def _of_columns(self, nodes: NDArray[np.bool_]) -> NDArray[np.bool_]:
        columns = np.zeros(self._columns, dtype=np.bool_)
        ours, column_of = self._ours
        columns[column_of] = nodes[ours]
        return columns
