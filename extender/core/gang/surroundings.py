"""Which nodes will kube-scheduler accept for a member of a gang? What its predicates say, of the ledger's columns.

Pods that hold devices and are not on their node yet count as if they were: kube-scheduler will find them there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from numpy.typing import NDArray

    from extender.core.ledger.ledger import Ledger
    from extender.core.model import SeenPod
    from extender.core.predicates.demands import PodDemands
    from extender.core.predicates.scene import Scene

NOT_SEEN = "it was not seen yet by what looks at nodes as kube-scheduler does"


class Surroundings:
    """The checks of a plan: `scene` is what is there, `demands` those of pods without a node, by UID.

    `version` grows with each change of either.
    """

    def __init__(self, scene: Scene, demands: Mapping[str, PodDemands], ledger: Ledger, version: int) -> None:
        self.version = version
        self._scene = scene.copy()
        self._demands = demands
        self._columns = len(ledger.model)
        self._places = {name: place for place, name in enumerate(scene.names)}
        column_of = np.array([ledger.columns.get(name, -1) for name in scene.names], dtype=np.int64)
        self._ours = np.flatnonzero(column_of >= 0)
        self._column_of = column_of[self._ours]
        for uid, demanded in sorted(demands.items()):
            held = ledger.holding(uid)
            if held is not None and held.node in self._places:
                self._scene.place(demanded, self._places[held.node])

    def copy(self) -> Self:
        """Return checks that say the same, and take note of pods apart from these."""
        copied = object.__new__(type(self))
        copied.__dict__.update(self.__dict__)
        copied._scene = self._scene.copy()
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
        columns = np.zeros(self._columns, dtype=np.bool_)
        columns[self._column_of] = nodes[self._ours]
        return columns
