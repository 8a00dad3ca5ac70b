"""What is a gang told as long as it cannot be seen what kube-scheduler will look at? Why, and that no node will do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from extender.core.predicates.resources import PODS, Remaining

if TYPE_CHECKING:
    from collections.abc import Hashable
    from typing import Self

    from numpy.typing import NDArray

    from extender.core.ledger.ledger import Ledger
    from extender.core.model import SeenPod
    from extender.core.predicates.budgets import Budget
    from extender.core.predicates.lodgers import Facts


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

    def without(self, uids: frozenset[str]) -> Self:
        """Return itself: whoever leaves, nothing is seen."""
        del uids
        return self

    def demands_of(self, pod: SeenPod) -> Hashable:
        """Return who it is: no two pods are known to be alike."""
        return pod.key.uid

    def left(self, pod: SeenPod) -> Remaining:
        """Tell that no node has a place for a pod."""
        del pod
        return Remaining((PODS,), np.zeros((1, len(self._none)), dtype=np.int64), np.ones(1, dtype=np.int64))

    def facts(self, uid: str) -> Facts | None:
        """Return nothing of any pod."""
        del uid
        return None

    def requests_of(self, uid: str) -> tuple[tuple[str, int], ...]:
        """Return nothing of any pod."""
        del uid
        return ()

    @property
    def budgets(self) -> tuple[Budget, ...]:
        """None is seen."""
        return ()

    def counted_in(self, uid: str) -> tuple[int, ...] | None:
        """Tell of every pod that it cannot be evicted: nobody can see which budgets guard it."""
        del uid
        return None
