"""From which nodes can a pod's volumes be reached? By the affinity and the zone labels of the volumes that are bound.

Source: kube-scheduler's plugins VolumeBinding (checkBoundClaims) and VolumeZone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from extender.core.predicates.node_affinity import NodeTerm
    from extender.core.predicates.selectors import Labels

_ZONE, _REGION = "topology.kubernetes.io/zone", "topology.kubernetes.io/region"
_TODAYS = {
    "failure-domain.beta.kubernetes.io/zone": _ZONE,
    "failure-domain.beta.kubernetes.io/region": _REGION,
}
ZONE_LABELS = (*_TODAYS, _ZONE, _REGION)
"""The labels of a volume that say in which zones and regions it is."""


@dataclass(frozen=True, slots=True)
class BoundVolume:
    """A PersistentVolume that a claim of the pod is bound to.

    `terms`: its required node affinity, None where it has none. `zones`: what each of its ZONE_LABELS
    allows.
    """

    terms: tuple[NodeTerm, ...] | None = None
    zones: tuple[tuple[str, frozenset[str]], ...] = ()

    def reachable(self, labels: Labels) -> bool:
        """Tell whether its node affinity admits a node: by labels alone, a name in it is passed over."""
        return self.terms is None or any(term.admits_labels(labels) for term in self.terms)

    def in_zone(self, labels: Labels) -> bool:
        """Tell whether a node is where the volume is; one that says nothing of zones and regions may be anywhere."""
        values = labels.values
        if not any(key in values for key in ZONE_LABELS):
            return True
        return all(values.get(key, values.get(_TODAYS.get(key, key))) in allowed for key, allowed in self.zones)
