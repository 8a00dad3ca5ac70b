"""Where may one more pod go, so that pods stay evenly spread over the domains of a topology key?

A domain is a value of the key among the nodes that count. Only pods that stay count, in the pod's own namespace.
Source: kube-scheduler's plugin PodTopologySpread.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from extender.core.predicates.demands import Placed, Resident
    from extender.core.predicates.ground import Domains, Mask
    from extender.core.predicates.population import Population
    from extender.core.predicates.spread import SpreadConstraint


@dataclass(frozen=True, slots=True)
class Spreading:
    """How the pods that `constraint` speaks of are spread.

    `counting`: the nodes [nodes] that count. `counts`: pods by domain [domains + 1], the last for no domain; `present`:
    the domains of nodes that count, as indices.
    """

    constraint: SpreadConstraint
    namespace: str
    domains: Domains
    counting: Mask
    counts: NDArray[np.int64]
    present: NDArray[np.intp]

    @classmethod
    def begin(
        cls, constraint: SpreadConstraint, namespace: str, *, domains: Domains, counting: Mask, population: Population
    ) -> Self:
        """Return how the pods that are there are spread."""
        there = np.flatnonzero(counting)
        counts = np.zeros(domains.count + 1, dtype=np.int64)
        if not constraint.selector.everything:  # such a constraint counts no pod that is there, only the new one
            pods = population.staying(namespace, constraint.selector)
            np.add.at(counts, domains.of[there], pods[there])
        return cls(constraint, namespace, domains, counting, counts, np.unique(domains.of[there]))

    def after(self, placed: Sequence[Placed]) -> Self:
        """Return how they are spread, once more pods are there."""
        if self.constraint.selector.everything:
            return self
        nodes = [node for pod, node in placed if self.counting[node] and self._counts(pod)]
        if not nodes:
            return self
        counts = self.counts.copy()
        for node in nodes:
            counts[self.domains.of[node]] += 1
        return type(self)(self.constraint, self.namespace, self.domains, self.counting, counts, self.present)

    def allowed(self, *, itself: bool) -> Mask:
        """Return the nodes [nodes] that may take one more pod; `itself`: the constraint speaks of that pod too."""
        few = len(self.present) < self.constraint.min_domains
        least = 0 if few else int(self.counts[self.present].min())
        within = self.counts <= self.constraint.max_skew + least - itself
        within[-1] = False
        allowed: Mask = within[self.domains.of]
        return allowed

    def _counts(self, pod: Resident) -> bool:
        return not pod.leaving and pod.namespace == self.namespace and self.constraint.selector.accepts(pod.labels)
