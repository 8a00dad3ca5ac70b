"""What nodes answer whoever is on them."""

from __future__ import annotations

from extender.core.predicates.ground import Ground, all_of
from extender.core.predicates.node_affinity import ANY_NODE, NodeAffinity
from extender.core.predicates.nodes import NodeFacts
from extender.core.predicates.selectors import Labels, Selector, equal_to
from extender.core.predicates.volumes import BoundVolume
from kube.taints import Taint, Toleration

GROUND = Ground(
    [
        NodeFacts("n0", Labels({"zone": "z0", "rack": ""}), cordoned=True),
        NodeFacts("n1", Labels({"zone": "z1"}), taints=(Taint("gpu", "", "NoSchedule"),)),
        NodeFacts("n2", Labels({"zone": "z0"}), taints=(Taint("slow", "", "PreferNoSchedule"),)),
        NodeFacts("n3", features=frozenset({"f", "g"})),
    ],
    {},
)
EVERYTHING = (Toleration(operator="Exists"),)


def test_domains_are_the_values_of_a_label() -> None:
    domains = GROUND.domains("zone")
    assert domains.of.tolist() == [0, 1, 0, -1]
    assert domains.count == 2
    assert domains.labelled.tolist() == [True, True, True, False]


def test_near_is_the_same_value_and_no_label_is_near_nobody() -> None:
    domains = GROUND.domains("zone")
    assert domains.near([2]).tolist() == [True, False, True, False]
    assert domains.near([3]).tolist() == [False] * 4
    assert domains.near([]).tolist() == [False] * 4
    assert domains.with_node(0).tolist() == [True, False, True, False]
    assert domains.with_node(3).tolist() == [False] * 4


def test_an_empty_value_is_a_value_and_a_label_that_no_node_has_is_none() -> None:
    assert GROUND.domains("rack").near([0]).tolist() == [True, False, False, False]
    assert GROUND.domains("nobodys").near([0]).tolist() == [False] * 4


def test_a_cordon_keeps_away_who_does_not_tolerate_it() -> None:
    assert GROUND.schedulable(()).tolist() == [False, True, True, True]
    assert GROUND.schedulable(EVERYTHING).all()


def test_taints_that_are_only_preferred_to_be_avoided_keep_nobody_away() -> None:
    assert GROUND.tolerated(()).tolist() == [True, False, True, True]
    assert GROUND.tolerated(EVERYTHING).all()


def test_nodes_are_asked_for_by_affinity_name_and_features() -> None:
    assert GROUND.wanted(ANY_NODE).all()
    assert GROUND.wanted(NodeAffinity(Selector(equal_to({"zone": "z1"})))).tolist() == [False, True, False, False]
    assert GROUND.named("n2").tolist() == [False, False, True, False]
    assert GROUND.named("").all()
    assert GROUND.declaring(frozenset({"f"})).tolist() == [False, False, False, True]


def test_all_volumes_must_be_reachable() -> None:
    assert GROUND.reachable(()).all()
    assert not GROUND.reachable((BoundVolume(), BoundVolume(()))).any()
    assert GROUND.in_zone((BoundVolume(zones=(("topology.kubernetes.io/zone", frozenset({"z1"})),)),)).all()


def test_what_was_asked_once_is_remembered() -> None:
    assert GROUND.tolerated(()) is GROUND.tolerated(())
    assert GROUND.domains("zone") is GROUND.domains("zone")


def test_all_of_is_where_every_mask_is() -> None:
    assert all_of(GROUND.every, GROUND.named("n1")).tolist() == [False, True, False, False]
