"""Which nodes are near the pods that pod affinity and anti-affinity speak of?

Near is the same value of the term's topology key. A node without that label is near nobody. Pods do not leave while
pods are placed, so what is near stays near. Source: kube-scheduler's plugin InterPodAffinity.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from extender.core.predicates.ground import all_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from extender.core.predicates.demands import Placed
    from extender.core.predicates.ground import Domains, Ground, Mask
    from extender.core.predicates.population import Population
    from extender.core.predicates.selectors import Labels
    from extender.core.predicates.terms import PodTerm


@dataclass(frozen=True, slots=True)
class NearMeant:
    """`near`: the nodes [nodes] near a pod that `term` speaks of."""

    term: PodTerm
    domains: Domains
    namespaces: Mapping[str, Labels]
    near: Mask

    @classmethod
    def begin(cls, term: PodTerm, ground: Ground, population: Population) -> Self:
        """Return those near the pods that are there."""
        domains = ground.domains(term.topology_key)
        meant = population.nodes_of(lambda namespace: term.reaches(namespace, ground.namespaces), (term.selector,))
        return cls(term, domains, ground.namespaces, domains.near(meant))

    def after(self, placed: Sequence[Placed]) -> Self:
        """Return those near, once more pods are there."""
        near = self.near
        for pod, node in placed:
            if not near[node] and self.term.speaks_of(pod.namespace, pod.labels, self.namespaces):
                near = near | self.domains.with_node(node)
        return self if near is self.near else type(self)(self.term, self.domains, self.namespaces, near)


@dataclass(frozen=True, slots=True)
class NearHolders:
    """`near`: the nodes [nodes] near a pod that has `term` among its required anti-affinity."""

    term: PodTerm
    domains: Domains
    near: Mask

    @classmethod
    def begin(cls, term: PodTerm, ground: Ground, population: Population) -> Self:
        """Return those near the pods that are there."""
        domains = ground.domains(term.topology_key)
        return cls(term, domains, domains.near(population.holders.get(term, ())))

    def after(self, placed: Sequence[Placed]) -> Self:
        """Return those near, once more pods are there."""
        near = self.near
        for pod, node in placed:
            if not near[node] and self.term in pod.anti_affinity:
                near = near | self.domains.with_node(node)
        return self if near is self.near else type(self)(self.term, self.domains, near)


@dataclass(frozen=True, slots=True)
class Together:
    """Where the required affinity `terms` are met: for each the nodes `near` a pod of which all terms speak.

    `labelled`: the nodes that have every topology key. `anybody`: some such pod is on a node with any of the keys.
    """

    terms: tuple[PodTerm, ...]
    domains: tuple[Domains, ...]
    namespaces: Mapping[str, Labels]
    near: tuple[Mask, ...]
    labelled: Mask
    anybody: bool

    @classmethod
    def begin(cls, terms: tuple[PodTerm, ...], ground: Ground, population: Population) -> Self:
        """Return where they are met by the pods that are there."""
        domains = tuple(ground.domains(term.topology_key) for term in terms)
        meant = population.nodes_of(
            lambda namespace: all(term.reaches(namespace, ground.namespaces) for term in terms),
            tuple(term.selector for term in terms),
        )
        near = tuple(one.near(meant) for one in domains)
        labelled = all_of(*(one.labelled for one in domains))
        return cls(terms, domains, ground.namespaces, near, labelled, any(bool(mask.any()) for mask in near))

    def after(self, placed: Sequence[Placed]) -> Self:
        """Return where they are met, once more pods are there."""
        near, anybody = self.near, self.anybody
        for pod, node in placed:
            if all(mask[node] for mask in near) or not self.speak_of(pod.namespace, pod.labels):
                continue
            near = tuple(mask | one.with_node(node) for mask, one in zip(near, self.domains, strict=True))
            anybody = anybody or any(bool(one.labelled[node]) for one in self.domains)
        if near is self.near:
            return self
        return type(self)(self.terms, self.domains, self.namespaces, near, self.labelled, anybody)

    def speak_of(self, namespace: str, labels: Labels) -> bool:
        """Tell whether all terms speak of such a pod."""
        return all(term.speaks_of(namespace, labels, self.namespaces) for term in self.terms)

    def met(self, *, by_itself: bool) -> Mask:
        """Return the nodes [nodes] where all are met.

        The first of a group that wants to be together finds nobody: it may go wherever the labels are, if all terms
        speak of itself (`by_itself`).
        """
        if not self.anybody and by_itself:
            return self.labelled
        return all_of(*self.near)
