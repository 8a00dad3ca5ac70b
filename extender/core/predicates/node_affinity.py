"""Which nodes does a pod want, by its node selector and its required node affinity?

Terms are alternatives; one without any requirement admits no node. Source: component-helpers' nodeaffinity.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from extender.core.predicates.selectors import EVERYTHING, Requirement, Selector

if TYPE_CHECKING:
    from extender.core.predicates.selectors import Labels

NAME_FIELD = "metadata.name"
"""The only field of a node that affinity may speak of."""


@dataclass(frozen=True, slots=True)
class NodeTerm:
    """Requirements on a node's labels (`expressions`) and on its name (`fields`), which must all be met."""

    expressions: tuple[Requirement, ...] = ()
    fields: tuple[Requirement, ...] = ()

    def admits(self, name: str, labels: Labels) -> bool:
        """Tell whether a node meets it; a term that says nothing admits no node."""
        if not self.expressions and not self.fields:
            return False
        return self.admits_labels(labels) and all(one.met_by({NAME_FIELD: name}) for one in self.fields)

    def admits_labels(self, labels: Labels) -> bool:
        """Tell the same of a node that has no name yet: kube-scheduler asks so of a volume's affinity."""
        if not self.expressions and not self.fields:
            return False
        return all(one.met_by(labels.values) for one in self.expressions)


@dataclass(frozen=True, slots=True)
class NodeAffinity:
    """What `nodeSelector` and the required node affinity say; `terms` is None where there is no such affinity."""

    selector: Selector = EVERYTHING
    terms: tuple[NodeTerm, ...] | None = None

    def admits(self, name: str, labels: Labels) -> bool:
        """Tell whether a pod may go to such a node."""
        if not self.selector.accepts(labels):
            return False
        return self.terms is None or any(term.admits(name, labels) for term in self.terms)


ANY_NODE = NodeAffinity()
