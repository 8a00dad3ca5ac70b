"""Which nodes will kube-scheduler accept for a member of a gang? What its predicates say, of the ledger's columns.

Pods that hold devices and are not on their node yet count as if they were: kube-scheduler will find them there.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

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
"""What is said of a pod that is not known, in most cases for a moment."""


class Surroundings:
    """The checks of a plan. `seen` gives what is there, and the demands of pods without a node, by UID.

    It is called once, where something is to be checked: in most looks at gangs nothing is. `version` grows with each
    change of what it gives.
    """

    def __init__(
        self, seen: Callable[[], tuple[Scene, Mapping[str, PodDemands]]], ledger: Ledger, version: int
    ) -> None:
        self.version = version
        self._seen = seen
        self._ledger = ledger
        self._columns = len(ledger.model)

    @cached_property
    def _demands(self) -> Mapping[str, PodDemands]:
        return self._seen()[1]

    @cached_property
    def _scene(self) -> Scene:
        scene = self._seen()[0].copy()
        for uid, demanded in sorted(self._demands.items()):
            held = self._ledger.holding(uid)
            if held is not None and held.node in self._places:
                scene.place(demanded, self._places[held.node])
        return scene

    @cached_property
    def _empty(self) -> Scene:
        return self._seen()[0].emptied()

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self._seen()[0].names)}

    @cached_property
    def _ours(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Which nodes of the scene are ours, and their columns."""
        columns = np.array([self._ledger.columns.get(name, -1) for name in self._places], dtype=np.int64)
        ours = np.flatnonzero(columns >= 0)
        return ours, columns[ours]

    def copy(self) -> Self:
        """Return checks that say the same, and take note of pods apart from these."""
        copied = object.__new__(type(self))
        scene, _ = self._scene, self._ours  # the copy need not look again
        copied.__dict__.update(self.__dict__)
        copied.__dict__["_scene"] = scene.copy()
        if "_empty" in self.__dict__:
            copied.__dict__["_empty"] = self._empty.copy()
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
        return ", ".join(self._scene.checks(self._demands[pod.key.uid]).reasons(place))

    def place(self, pod: SeenPod, node: str) -> None:
        """Take note that a pod goes to a node: the next ones find it there."""
        self._scene.place(self._demands[pod.key.uid], self._places[node])
        if "_empty" in self.__dict__:  # made when it is asked about first: most plans never do
            self._empty.place(self._demands[pod.key.uid], self._places[node])

    def _of_columns(self, nodes: NDArray[np.bool_]) -> NDArray[np.bool_]:
        columns = np.zeros(self._columns, dtype=np.bool_)
        ours, column_of = self._ours
        columns[column_of] = nodes[ours]
        return columns


class NothingSeen:
    """The checks of a plan where it cannot be seen what is there: `why` is said of every pod."""

    version = 0

    def __init__(self, ledger: Ledger, why: str) -> None:
        self._none = np.zeros(len(ledger.model), dtype=np.bool_)
        self._why = why

    def copy(self) -> Self:
        """Return itself: it takes note of nothing."""
        return self

    def unknown(self, pod: SeenPod) -> str:
        """Return why nobody can check the pod."""
        del pod
        return self._why

    def fits(self, pod: SeenPod) -> NDArray[np.bool_]:
        """Tell that no column suits; shape [columns]."""
        del pod
        return self._none.copy()

    could = alone = fits

    def why(self, pod: SeenPod, node: str) -> str:
        """Return the same of every node."""
        del pod, node
        return self._why

    def place(self, pod: SeenPod, node: str) -> None:
        """Take note of nothing: no pod is placed."""
