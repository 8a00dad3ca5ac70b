"""From where volumes can be reached."""

from __future__ import annotations

import pytest

from extender.core.predicates.node_affinity import NAME_FIELD, NodeTerm
from extender.core.predicates.selectors import NO_LABELS, Labels, Operator, Requirement, equal_to
from extender.core.predicates.volumes import BoundVolume

ZONE, OLD_ZONE = "topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone"


def test_a_volume_is_reachable_where_one_of_its_terms_admits_the_node() -> None:
    volume = BoundVolume((NodeTerm(equal_to({"disk": "a"})), NodeTerm(equal_to({"disk": "b"}))))
    assert volume.reachable(Labels({"disk": "b"}))
    assert not volume.reachable(NO_LABELS)


def test_one_without_affinity_is_reachable_from_everywhere_and_one_without_terms_from_nowhere() -> None:
    assert BoundVolume().reachable(NO_LABELS)
    assert not BoundVolume(()).reachable(NO_LABELS)


def test_a_name_in_its_affinity_is_passed_over_as_kube_scheduler_does() -> None:
    by_name = NodeTerm(fields=(Requirement(NAME_FIELD, Operator.IN, ("n1",)),))
    assert BoundVolume((by_name,)).reachable(NO_LABELS)


@pytest.mark.parametrize(
    ("key", "labels", "suits"),
    [
        (ZONE, {ZONE: "z1"}, True),
        (ZONE, {ZONE: "z3"}, False),
        (ZONE, {}, True),  # a cluster that says nothing of zones
        (ZONE, {"topology.kubernetes.io/region": "r1"}, False),
        (OLD_ZONE, {ZONE: "z1"}, True),  # the label of today answers for the old one
        (OLD_ZONE, {OLD_ZONE: "z3", ZONE: "z1"}, False),
        (ZONE, {OLD_ZONE: "z1"}, False),  # but not the other way round
    ],
)
def test_zone_labels_must_agree_where_a_node_has_any(key: str, labels: dict[str, str], *, suits: bool) -> None:
    assert BoundVolume(zones=((key, frozenset({"z1", "z2"})),)).in_zone(Labels(labels)) is suits
