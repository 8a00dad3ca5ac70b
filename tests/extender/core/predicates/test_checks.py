"""What is said of a node that does not suit."""

from __future__ import annotations

from extender.core.predicates.demands import PodDemands, Resident
from extender.core.predicates.nodes import NodeFacts
from extender.core.predicates.scene import Scene
from extender.core.predicates.selectors import NO_LABELS, Selector
from extender.core.predicates.spread import SpreadConstraint
from kube.taints import Taint

POD = PodDemands(Resident("a", requests=(("cpu", 2), ("example.com/widget", 1))))


def reasons(demands: PodDemands, node: NodeFacts) -> tuple[str, ...]:
    return Scene([node], [], {}).checks(demands).reasons(0)


def test_the_first_plugin_that_refuses_has_the_word() -> None:
    taint = (Taint("gpu", "", "NoSchedule"),)
    assert reasons(POD, NodeFacts("n", taints=taint, cordoned=True)) == ("node(s) were unschedulable",)
    assert reasons(POD, NodeFacts("n", taints=taint)) == ("node(s) had untolerated taint(s)",)


def test_all_that_is_missing_is_told_at_once() -> None:
    assert reasons(POD, NodeFacts("n")) == (
        "Too many pods",
        "Insufficient cpu",
        "Insufficient example.com/widget",
    )


def test_there_is_no_reason_against_a_node_that_suits() -> None:
    room = (("cpu", 2), ("example.com/widget", 1), ("pods", 1))
    assert reasons(POD, NodeFacts("n", NO_LABELS, room)) == ()


def test_a_node_without_the_key_of_a_spread_constraint_is_told_from_one_that_has_too_many() -> None:
    spread = (SpreadConstraint("zone", 1, Selector()),)
    demands = PodDemands(Resident("a"), spread=spread)
    missing = "node(s) didn't match pod topology spread constraints (missing required label)"
    assert reasons(demands, NodeFacts("n", allocatable=(("pods", 1),))) == (missing,)


def test_a_node_that_was_asked_for_by_name_is_the_only_one() -> None:
    demands = PodDemands(Resident("a"), node_name="m")
    assert reasons(demands, NodeFacts("n")) == ("node(s) didn't match the requested node name",)


def test_the_verdicts_stand_in_the_order_of_kube_scheduler() -> None:
    plugins = [verdict.plugin for verdict in Scene([NodeFacts("n")], [], {}).checks(POD).verdicts()]
    assert plugins == [
        "NodeUnschedulable",
        "NodeName",
        "TaintToleration",
        "NodeAffinity",
        "NodeResourcesFit",
        "VolumeBinding",
        "VolumeZone",
        "InterPodAffinity",
        "InterPodAffinity",
        "NodeDeclaredFeatures",
    ]
