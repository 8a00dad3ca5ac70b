"""Which nodes will kube-scheduler accept for a member of a gang? What its predicates say, of the ledger's columns.

Pods that hold devices and are not on their node yet count as if they were: kube-scheduler will find them there.
"""

from __future__ import annotations

from copy import copy
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Self

    from numpy.typing import NDArray

    from extender.core.ledger.ledger import Ledger
    from extender.core.model import SeenPod
    from extender.core.predicates.demands import PodDemands
    from extender.core.predicates.scene import Scene

NOT_SEEN = "it was not seen yet by what looks at nodes as kube-scheduler does"


class Seen(NamedTuple):
    """What is there, and what the pods demand that are not, by their UIDs."""

    scene: Scene
    demands: Mapping[str, PodDemands]


class Surroundings:
    """The checks of a plan: `seen` gives what is there, and what pods without a node demand, by their UIDs.

    It is asked once somebody wants to know: to look at a whole cluster takes a while, and most of the time no plan is
    made. `version` grows with each change of either.
    """

    def __init__(self, seen: Callable[[], Seen], ledger: Ledger, version: int) -> None:
        self.version = version
        self._seen = seen
        self._ledger = ledger

    @cached_property
    def _scene(self) -> Scene:
        scene = self._seen().scene.copy()
        for uid, demanded in sorted(self._demands.items()):
            held = self._ledger.holding(uid)
            if held is not None and held.node in self._places:
                scene.place(demanded, self._places[held.node])
        return scene

    @cached_property
    def _demands(self) -> Mapping[str, PodDemands]:
        return self._seen().demands

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self._seen().scene.names)}

    @cached_property
    def _columns(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The nodes of the scene that the ledger knows, and the column of each there."""
        columns = self._ledger.columns_of(self._seen().scene.names)
        (ours,) = (columns >= 0).nonzero()
        return ours, columns[ours]

    def copy(self) -> Self:
        """Return checks that say the same, and take note of pods apart from these."""
        copied = copy(self)
        copied.__dict__["_scene"] = self._scene.copy()
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
        return self._of_columns(self._scene.checks(self._demands[pod.key.uid]).fits)

    def could(self, pod: SeenPod) -> NDArray[np.bool_]:
        """Tell which columns it would accept, whoever else were there; shape [columns]."""
        return self._of_columns(self._scene.checks(self._demands[pod.key.uid]).unchanging)

    def why(self, pod: SeenPod, node: str) -> str:
        """Return why it will not accept a node; "" where it will."""
        place = self._places.get(node)
        if place is None:
            return NOT_SEEN
        return ", ".join(self._scene.checks(self._demands[pod.key.uid]).reasons(place))

    def place(self, pod: SeenPod, node: str) -> None:
        """Take note that a pod goes to a node: the next ones find it there."""
        self._scene.place(self._demands[pod.key.uid], self._places[node])

    def _of_columns(self, nodes: NDArray[np.bool_]) -> NDArray[np.bool_]:
        ours, of_ours = self._columns
        columns = np.zeros(len(self._ledger.model), dtype=np.bool_)
        columns[of_ours] = nodes[ours]
        return columns
