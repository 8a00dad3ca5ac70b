"""What kube-scheduler will accept is told of the ledger's columns, with those who are on their way counted in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extender.core.gang.surroundings import NOT_SEEN, Surroundings
from extender.core.predicates.demands import PodDemands, Resident
from extender.core.predicates.nodes import NodeFacts
from extender.core.predicates.scene import Scene
from extender.core.predicates.selectors import Labels, Selector, equal_to
from extender.core.predicates.terms import PodTerm
from tests.extender.core.gang.playing import Cluster

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

HOST = "kubernetes.io/hostname"
ROOM = (("cpu", 1000), ("memory", 2**40), ("pods", 10))


def facts(name: str) -> NodeFacts:
    return NodeFacts(name, Labels({HOST: name}), ROOM)


def demanding(gang: str, *, apart_from: str = "", cpu: int = 100) -> PodDemands:
    terms = (PodTerm(HOST, Selector(equal_to({"gang": apart_from})), frozenset({"default"})),) if apart_from else ()
    return PodDemands(Resident("default", Labels({"gang": gang}), (("cpu", cpu),), anti_affinity=terms))


def around(cluster: Cluster, demands: dict[str, PodDemands], *others: str) -> Surroundings:
    """Return the surroundings of the cluster's nodes, and of `others` that the extender does not know."""
    scene = Scene([facts(name) for name in (*others, *cluster.nodes)], [], {})
    return Surroundings(lambda: (scene, demands), cluster.scheduling.ledger, 1)


def nodes_that(cluster: Cluster, fits: NDArray[np.bool_]) -> list[str]:
    return [name for name in cluster.nodes if fits[cluster.scheduling.ledger.columns[name]]]


def test_nodes_are_told_by_the_ledgers_columns_whatever_others_there_are() -> None:
    cluster = Cluster(nodes=3)
    (pod,) = cluster.create("g", 1)
    checks = around(cluster, {pod.key.uid: demanding("g")}, "another-node", "zebra")
    assert nodes_that(cluster, checks.fits(pod)) == ["n0", "n1", "n2"]
    checks.place(pod, "n1")
    crowded = around(cluster, {pod.key.uid: demanding("g", cpu=1000)})
    crowded.place(pod, "n1")
    assert nodes_that(cluster, crowded.fits(pod)) == ["n0", "n2"]
    assert nodes_that(cluster, crowded.could(pod)) == ["n0", "n1", "n2"]
    assert crowded.why(pod, "n1") == "Insufficient cpu"
    assert crowded.why(pod, "n0") == ""
    assert crowded.why(pod, "unknown") == NOT_SEEN


def test_who_is_promised_a_node_counts_as_if_it_were_there() -> None:
    cluster = Cluster(nodes=2)
    (first,) = cluster.create("a", 1)
    cluster.steps()
    held = cluster.scheduling.ledger.holding(first.key.uid)
    assert held is not None
    (second,) = cluster.create("b", 1)
    demands = {first.key.uid: demanding("a"), second.key.uid: demanding("b", apart_from="a")}
    assert held.node not in nodes_that(cluster, around(cluster, demands).fits(second))


def test_two_gangs_that_are_planned_in_one_look_find_each_other() -> None:
    cluster = Cluster(nodes=2, gpus=4)
    (first,), (second,) = cluster.create("a", 1), cluster.create("b", 1)
    demands = {first.key.uid: demanding("a"), second.key.uid: demanding("b", apart_from="a")}
    cluster.scheduling.plan_gangs(around(cluster, demands), 0.0)
    assert len({holding.node for holding in cluster.scheduling.ledger.holdings()}) == 2


def test_a_copy_takes_note_apart() -> None:
    cluster = Cluster(nodes=1)
    (pod,) = cluster.create("g", 1)
    checks = around(cluster, {pod.key.uid: demanding("g", cpu=1000)})
    checks.copy().place(pod, "n0")
    assert nodes_that(cluster, checks.fits(pod)) == ["n0"]


def test_a_pod_that_was_not_seen_is_unknown_and_what_is_not_modelled_is_named() -> None:
    cluster = Cluster(nodes=1)
    (pod,) = cluster.create("g", 1)
    assert around(cluster, {}).unknown(pod) == NOT_SEEN
    named = PodDemands(Resident("default"), unmodelled=("ResourceClaim x",))
    assert around(cluster, {pod.key.uid: named}).unknown(pod).endswith("lets it go: ResourceClaim x")


def test_nothing_is_looked_at_before_somebody_asks() -> None:
    cluster = Cluster(nodes=1)

    def look() -> tuple[Scene, dict[str, PodDemands]]:
        raise AssertionError

    assert Surroundings(look, cluster.scheduling.ledger, 7).version == 7
    cluster.scheduling.plan_gangs(Surroundings(look, cluster.scheduling.ledger, 7), 0.0)
