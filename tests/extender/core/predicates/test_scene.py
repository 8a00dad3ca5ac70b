"""What the scene remembers between pods must never show: it answers as one that looks at every pod anew."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import event, given, settings
from hypothesis import strategies as st

from extender.core.predicates.demands import PodDemands, Resident
from extender.core.predicates.node_affinity import NodeAffinity
from extender.core.predicates.nodes import NodeFacts
from extender.core.predicates.scene import Scene
from extender.core.predicates.selectors import Labels, Operator, Requirement, Selector, equal_to
from extender.core.predicates.spread import SpreadConstraint
from extender.core.predicates.terms import PodTerm
from kube.taints import Taint
from tests.extender.core.predicates import drawn, twin

if TYPE_CHECKING:
    from collections.abc import Sequence

NODES = [
    NodeFacts(f"n{number}", Labels({"host": f"n{number}", "zone": f"z{number % 2}"}), (("cpu", 4), ("pods", 10)))
    for number in range(4)
]
MEMBERS = Selector((Requirement("app", Operator.IN, ("gang",)),))
LABELS = Labels({"app": "gang"})


def fits(scene: Scene, demands: PodDemands) -> list[bool]:
    found: list[bool] = scene.checks(demands).fits.tolist()
    return found


def member(*, apart: bool = False, spread: bool = False, labels: Labels = LABELS) -> PodDemands:
    terms = (PodTerm("host", MEMBERS, frozenset({"a"})),) if apart else ()
    constraints = (SpreadConstraint("zone", 1, MEMBERS),) if spread else ()
    return PodDemands(Resident("a", labels, (("cpu", 2),), anti_affinity=terms), spread=constraints)


@settings(max_examples=200)
@given(drawn.nodes(), st.data())
def test_it_answers_as_its_dumb_twin_whatever_is_placed_and_asked(nodes: list[NodeFacts], data: st.DataObject) -> None:
    there = data.draw(st.lists(st.tuples(drawn.residents, st.integers(0, len(nodes) - 1)), max_size=6))
    asked = data.draw(st.lists(drawn.demands, min_size=1, max_size=3))
    scene = Scene(nodes, [(pod, nodes[node].name) for pod, node in there], drawn.NAMESPACES)
    placed = list(there)
    for _ in range(data.draw(st.integers(1, 5))):
        demands = data.draw(st.sampled_from(asked))
        # Not all are asked about each time, so that some answers are several pods behind.
        expected = [suits(demands, node, nodes, placed) for node in nodes]
        assert fits(scene, demands) == expected
        event(f"fits somewhere: {any(expected)}")
        node = data.draw(st.integers(0, len(nodes) - 1))
        scene.place(demands, node)
        placed.append((demands.resident, node))


@given(drawn.nodes(), st.lists(drawn.spread_demands, min_size=1, max_size=6), st.data())
def test_it_spreads_pods_as_its_dumb_twin(nodes: list[NodeFacts], asked: list[PodDemands], data: st.DataObject) -> None:
    scene = Scene(nodes, [], drawn.NAMESPACES)
    placed: list[tuple[Resident, int]] = []
    for demands in asked:
        assert fits(scene, demands) == [suits(demands, node, nodes, placed) for node in nodes]
        node = data.draw(st.integers(0, len(nodes) - 1))
        scene.place(demands, node)
        placed.append((demands.resident, node))


@given(drawn.nodes(), st.data())
def test_it_answers_as_one_built_anew(nodes: list[NodeFacts], data: st.DataObject) -> None:
    asked = data.draw(st.lists(drawn.demands, min_size=1, max_size=2))
    moves = data.draw(st.lists(st.tuples(st.sampled_from(asked), st.integers(0, len(nodes) - 1)), max_size=5))
    scene = Scene(nodes, [], drawn.NAMESPACES)
    for demands, node in moves:
        scene.checks(demands)
        scene.place(demands, node)
    anew = Scene(nodes, [(demands.resident, nodes[node].name) for demands, node in moves], drawn.NAMESPACES)
    for demands in asked:
        assert fits(scene, demands) == fits(anew, demands)
        mine, its = scene.checks(demands), anew.checks(demands)
        assert [mine.reasons(node) for node in range(len(nodes))] == [its.reasons(node) for node in range(len(nodes))]


@given(drawn.nodes(), st.data())
def test_once_some_are_gone_and_others_have_come_it_answers_as_one_made_anew(
    nodes: list[NodeFacts], data: st.DataObject
) -> None:
    names = [node.name for node in nodes]
    residents = st.lists(st.tuples(drawn.residents, st.sampled_from([*names, "gone"])), max_size=6)
    there, come = data.draw(residents), data.draw(residents)
    goes = data.draw(st.lists(st.booleans(), min_size=len(there), max_size=len(there)))
    scene = Scene(nodes, there, drawn.NAMESPACES)
    left = scene.changed([one for one, leaves in zip(there, goes, strict=True) if leaves], come)
    stay = [one for one, leaves in zip(there, goes, strict=True) if not leaves]
    anew = Scene(nodes, [*stay, *come], drawn.NAMESPACES)
    for demands in data.draw(st.lists(drawn.demands, min_size=1, max_size=3)):
        assert fits(left, demands) == fits(anew, demands)
        left.place(demands, 0)
        anew.place(demands, 0)
    assert fits(scene, demands) == fits(Scene(nodes, there, drawn.NAMESPACES), demands)


@given(drawn.nodes(), st.data())
def test_what_is_placed_in_a_copy_shows_nowhere_else(nodes: list[NodeFacts], data: st.DataObject) -> None:
    asked = data.draw(st.lists(drawn.demands, min_size=1, max_size=2))
    scene = Scene(nodes, [], drawn.NAMESPACES)
    for demands in asked:
        scene.checks(demands)
    before = [fits(scene, demands) for demands in asked]
    copied = scene.copy()
    for demands in asked:
        copied.place(demands, 0)
        copied.checks(demands)
    assert [fits(scene, demands) for demands in asked] == before


@given(drawn.nodes(), drawn.demands)
def test_a_node_suits_exactly_when_there_is_no_reason_against_it(nodes: list[NodeFacts], demands: PodDemands) -> None:
    checks = Scene(nodes, [], drawn.NAMESPACES).checks(demands)
    assert [not checks.reasons(node) for node in range(len(nodes))] == checks.fits.tolist()


def test_a_gang_fills_the_nodes_and_no_more() -> None:
    scene, placed = Scene(NODES, [], {}), 0
    while scene.checks(member()).fits.any():
        scene.place(member(), int(scene.checks(member()).fits.argmax()))
        placed += 1
    assert placed == 8  # 4 nodes of 4 CPUs, 2 CPUs each


def test_members_that_keep_apart_get_a_node_each() -> None:
    scene = Scene(NODES, [], {})
    for node in range(len(NODES)):
        assert fits(scene, member(apart=True)) == [other >= node for other in range(len(NODES))]
        scene.place(member(apart=True), node)
    assert scene.checks(member(apart=True)).reasons(0) == ("node(s) didn't match pod anti-affinity rules",)


def test_members_that_are_spread_take_turns_between_zones() -> None:
    scene = Scene(NODES, [], {})
    scene.place(member(spread=True), 0)
    assert fits(scene, member(spread=True)) == [False, True, False, True]
    scene.place(member(spread=True), 1)
    assert fits(scene, member(spread=True)) == [True, True, True, True]


def test_zones_that_a_pod_does_not_want_are_not_behind_unless_its_constraint_ignores_what_it_wants() -> None:
    in_zone_0 = NodeAffinity(Selector(equal_to({"zone": "z0"})))
    for honors, allowed in ((True, [True, False, True, False]), (False, [False] * 4)):
        spread = (SpreadConstraint("zone", 1, MEMBERS, honors_affinity=honors),)
        demands = PodDemands(Resident("a", LABELS), node_affinity=in_zone_0, spread=spread)
        scene = Scene(NODES, [], {})
        scene.place(demands, 0)
        assert fits(scene, demands) == allowed


def test_zones_whose_taints_a_pod_does_not_tolerate_are_behind_unless_its_constraint_honors_them() -> None:
    taint = (Taint("gpu", "", "NoSchedule"),)
    nodes = [replace(node, taints=taint if node.labels.values["zone"] == "z1" else ()) for node in NODES]
    for honors, allowed in ((True, [True, False, True, False]), (False, [False] * 4)):
        spread = (SpreadConstraint("zone", 1, MEMBERS, honors_taints=honors),)
        demands = PodDemands(Resident("a", LABELS), spread=spread)
        scene = Scene(nodes, [], {})
        scene.place(demands, 0)
        assert fits(scene, demands) == allowed


def test_members_that_differ_in_a_label_count_for_each_other() -> None:
    scene = Scene(NODES, [], {})
    for node in range(4):
        one = member(apart=True, labels=Labels({"app": "gang", "index": str(node)}))
        assert fits(scene, one) == [other >= node for other in range(4)]
        scene.place(one, node)


def test_an_answer_cannot_be_changed_by_who_asked() -> None:
    assert not Scene(NODES, [], {}).checks(member()).fits.flags.writeable


def test_a_pod_on_a_node_that_is_not_there_counts_for_nothing() -> None:
    lost = member(apart=True).resident
    assert all(fits(Scene(NODES, [(lost, "gone")], {}), member(apart=True)))


def suits(demands: PodDemands, node: NodeFacts, nodes: list[NodeFacts], placed: Sequence[tuple[Resident, int]]) -> bool:
    return twin.suits(demands, node, nodes, [(pod, nodes[where]) for pod, where in placed], drawn.NAMESPACES)
