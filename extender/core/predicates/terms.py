"""Of which pods does a term of pod affinity or anti-affinity speak?

Source: kube-scheduler's framework.AffinityTerm.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from extender.core.predicates.selectors import NO_LABELS, NOTHING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from extender.core.predicates.selectors import Labels, Selector


@dataclass(frozen=True, slots=True)
class PodTerm:
    """One required term: pods that `selector` accepts, in any of `namespaces` or where `namespace_selector` does.

    A pod that names no namespaces and selects none means its own: whoever makes a term writes it into `namespaces`.
    """

    topology_key: str
    selector: Selector
    namespaces: frozenset[str] = frozenset()
    namespace_selector: Selector = NOTHING

    def speaks_of(self, namespace: str, labels: Labels, namespaces: Mapping[str, Labels]) -> bool:
        """Tell whether such a pod is meant; `namespaces` holds the labels of each namespace."""
        return self.reaches(namespace, namespaces) and self.selector.accepts(labels)

    def reaches(self, namespace: str, namespaces: Mapping[str, Labels]) -> bool:
        """Tell whether pods of that namespace can be meant."""
        return namespace in self.namespaces or self.namespace_selector.accepts(namespaces.get(namespace, NO_LABELS))
