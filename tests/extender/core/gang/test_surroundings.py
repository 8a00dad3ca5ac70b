"""A plan sees what kube-scheduler will find, those included that are promised a node; and looks only where it must."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from msgspec.structs import replace

from extender.core.gang.nothing_seen import NothingSeen
from extender.core.gang.surroundings import NOT_SEEN, Seen, Surroundings
from extender.core.ledger.holding import Holding, State
from extender.core.ledger.ledger import Ledger
from extender.core.ledger.nodes import GpuNode, alike
from extender.core.model import PodKey, SeenPod
from extender.core.predicates.budgets import Budget
from extender.core.predicates.demands import Resident
from extender.core.predicates.lodgers import Facts, Lodger
from extender.core.predicates.scene import Scene
from extender.core.predicates.selectors import NO_LABELS, Labels, Selector, equal_to
from extender.shell.predicates.demands import demands_of, node_of
from kube.constraints import ConstrainedPod
from kube.gpus import MilliGpu
from kube.objects import Node
from tests.extender.core.gang.playing import Cluster

if TYPE_CHECKING:
    from extender.core.predicates.demands import PodDemands

PODS = {name: SeenPod(PodKey(name, "default", name), None) for name in ("p", "q", "odd", "unknown")}


def demands(**spec: Any) -> PodDemands:
    container = {"name": "c", "resources": {"requests": {"cpu": "3"}}}
    pod = {"metadata": {"name": "p", "namespace": "default"}, "spec": {"containers": [container]} | spec}
    return demands_of(msgspec.convert(pod, ConstrainedPod))


class Story:
    """Three nodes of four CPUs: two are ours, and one of ours is not in the scene."""

    def __init__(self) -> None:
        self.looks = 0
        self.ledger = Ledger()
        for name in ("z", "a", "unseen"):
            self.ledger.put_node(GpuNode(name, alike(1)))
        nodes = [
            {"metadata": {"name": name}, "status": {"allocatable": {"cpu": "4", "memory": "8Gi", "pods": "10"}}}
            for name in ("a", "theirs", "z")
        ]
        self.residents: dict[str, Lodger] = {}
        self.budgets: tuple[Budget, ...] = ()
        self.nodes = [node_of(msgspec.convert(node, Node)) for node in nodes]
        self.scene = Scene(self.nodes, [], {})
        self.demands = {"p": demands(), "q": demands(), "odd": demands(schedulingGroup={"podGroupName": "x"})}

    def seen(self) -> Seen:
        self.looks += 1
        return Seen(self.scene, self.demands, self.residents, self.budgets)

    def checks(self) -> Surroundings:
        return Surroundings(self.seen, self.ledger, 7)

    def fitting(self, checks: Surroundings, pod: str) -> set[str]:
        fits = checks.fits(PODS[pod])
        assert len(fits) == len(self.ledger.model)
        return {name for name, column in self.ledger.columns.items() if fits[column]}

    def settle(self, **residents: Lodger) -> None:
        self.residents = residents
        self.scene = Scene(self.nodes, [(one.resident, one.node) for one in residents.values()], {})

    def promise(self, pod: str, node: str) -> None:
        self.ledger.hold(Holding(PODS[pod].key, node, ("0",), MilliGpu(1000), State.RESERVED, planned=True))


def test_what_suits_is_told_by_the_ledgers_columns() -> None:
    story = Story()
    checks = story.checks()
    assert story.fitting(checks, "p") == {"a", "z"}
    assert (checks.why(PODS["p"], "a"), checks.why(PODS["p"], "unseen")) == ("", NOT_SEEN)


def test_who_is_promised_a_node_counts_as_if_it_were_there() -> None:
    story = Story()
    story.promise("q", "z")
    checks = story.checks()
    assert story.fitting(checks, "p") == {"a"}
    assert "cpu" in checks.why(PODS["p"], "z")
    assert checks.could(PODS["p"])[story.ledger.columns["z"]]
    assert story.fitting(Story().checks(), "p") == {"a", "z"}


def test_a_copy_takes_note_of_pods_apart() -> None:
    story = Story()
    checks = story.checks()
    copied = checks.copy()
    copied.place(PODS["q"], "a")
    assert (story.fitting(copied, "p"), story.fitting(checks, "p")) == ({"z"}, {"a", "z"})
    assert copied.version == checks.version == 7


def test_what_would_suit_the_members_of_a_plan_alone_counts_them_and_nobody_else() -> None:
    story = Story()
    story.promise("q", "z")
    checks = story.checks()
    assert checks.alone(PODS["p"])[[story.ledger.columns[name] for name in ("a", "z", "unseen")]].tolist() == [1, 1, 0]
    trial = checks.copy()
    trial.place(PODS["q"], "a")
    assert trial.alone(PODS["p"])[[story.ledger.columns[name] for name in ("a", "z")]].tolist() == [0, 1]
    assert checks.alone(PODS["p"])[story.ledger.columns["a"]]


@pytest.mark.parametrize(("nodes", "cpu"), [(2, "5"), (1, "3")])
def test_no_room_is_kept_for_a_gang_that_asks_for_more_cpu_than_nodes_have(nodes: int, cpu: str) -> None:
    cluster = Cluster(nodes=nodes, gpus=2)
    first = cluster.create("g", 2, 2)
    ours = [
        {"metadata": {"name": name}, "status": {"allocatable": {"cpu": "4", "memory": "8Gi", "pods": "10"}}}
        for name in cluster.nodes
    ]
    scene = Scene([node_of(msgspec.convert(node, Node)) for node in ours], [], {})
    asked = demands(containers=[{"name": "c", "resources": {"requests": {"cpu": cpu}}}])
    wanted = {pod.key.uid: asked for pod in first}
    for now in (0.0, 1000.0):
        cluster.scheduling.plan_gangs(Surroundings(lambda: Seen(scene, wanted), cluster.scheduling.ledger, 1), now)
    assert list(cluster.scheduling.ledger.holdings()) == []
    assert cluster.scheduling.gangs.kept is None


def runs(node: str, cpu: int = 3000, labels: Labels = NO_LABELS, **facts: Any) -> Facts:
    return Facts(Resident("default", labels, (("cpu", cpu),)), node, **facts)


def test_without_residents_their_room_is_there_and_nobody_else_notices() -> None:
    story = Story()
    story.settle(r=runs("a"), s=runs("z"), t=runs("z", 1000), theirs=Lodger(Resident("default"), "theirs"))
    checks = story.checks()
    assert story.fitting(checks, "p") == set()
    assert story.fitting(checks.without(frozenset({"r"})), "p") == {"a"}
    assert story.fitting(checks.without(frozenset({"r"})).without(frozenset({"s"})), "p") == {"a", "z"}
    assert story.fitting(checks.without(frozenset({"t", "nobody", "theirs"})), "p") == set()
    assert story.fitting(checks, "p") == set()


def test_without_those_that_hold_a_place_only_it_is_free() -> None:
    story = Story()
    story.promise("q", "z")
    checks = story.checks()
    assert story.fitting(checks, "p") == {"a"}
    assert story.fitting(checks.without(frozenset({"q"})), "p") == {"a", "z"}


def test_what_was_placed_here_stays_without_others_unless_it_is_what_leaves() -> None:
    story = Story()
    story.settle(r=runs("a"))
    trial = story.checks().copy()
    trial.alone(PODS["p"])
    trial.place(PODS["q"], "z")
    freed = trial.without(frozenset({"r"}))
    assert story.fitting(freed, "p") == {"a"}
    assert not freed.alone(PODS["p"])[story.ledger.columns["z"]]
    freed.place(PODS["odd"], "a")
    assert story.fitting(freed, "p") == set()
    assert story.fitting(freed.copy(), "p") == set()
    assert story.fitting(freed.without(frozenset({"q"})), "p") == {"z"}
    assert freed.without(frozenset({"q"})).alone(PODS["p"])[story.ledger.columns["z"]]
    assert story.fitting(trial.without(frozenset({"r"})), "p") == {"a"}


def test_the_same_pods_are_taken_away_once_and_of_many_sets_the_last_are_remembered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    story = Story()
    story.settle(**{f"r{number}": runs("a", 100) for number in range(20)})
    made: list[int] = []
    changed = Scene.changed

    def counted(scene: Scene, gone: list[tuple[Resident, str]]) -> Scene:
        made.append(len(gone))
        return changed(scene, gone)

    monkeypatch.setattr(Scene, "changed", counted)
    checks = story.checks()
    for _ in range(2):
        story.fitting(checks.copy().without(frozenset({"r0", "r1"})), "p")
    assert made == [2]
    for number in range(20):
        story.fitting(checks.without(frozenset({f"r{number}"})), "p")
    assert len(checks._scenes) < 20


def test_what_is_left_is_told_of_each_resource_that_is_asked_for_and_of_the_places_for_pods() -> None:
    story = Story()
    story.settle(r=runs("a", 3500), greedy=runs("z", 5000))
    names, free, wanted = story.checks().left(PODS["p"])
    assert (names, wanted.tolist()) == (("cpu", "pods"), [3000, 1])
    columns = [story.ledger.columns[name] for name in ("a", "z", "unseen")]
    assert free[:, columns].tolist() == [[500, -1000, 0], [9, 9, 0]]
    assert free.shape == (2, len(story.ledger.model))


def test_what_victims_give_back_is_what_they_take() -> None:
    story = Story()
    story.settle(r=runs("a", 3500))
    checks = story.checks()
    assert checks.requests_of("r") == (("cpu", 3500), ("pods", 1))
    assert checks.requests_of("q") == (("cpu", 3000), ("pods", 1))
    assert checks.requests_of("nobody") == ()
    given = dict(checks.requests_of("r"))
    names, before, _ = checks.left(PODS["p"])
    after, column = checks.without(frozenset({"r"})).left(PODS["p"]).free, story.ledger.columns["a"]
    assert (after - before)[:, column].tolist() == [given[name] for name in names]


def test_facts_are_known_of_those_alone_that_hold_gpus_of_ours() -> None:
    story = Story()
    story.settle(r=runs("a", priority=5, owner="rs"), bare=Lodger(Resident("default"), "a"))
    checks = story.checks()
    assert checks.facts("r") == story.residents["r"]
    assert checks.facts("bare") is checks.facts("q") is None


def test_budgets_guard_the_pods_that_they_select() -> None:
    story, web = Story(), Labels({"app": "web"})
    story.settle(r=runs("a", labels=web), s=runs("a"), bare=Lodger(Resident("default", web), "a"))
    story.budgets = (Budget("default", "b", Selector(equal_to({"app": "web"})), 1),)
    checks = story.checks()
    assert checks.budgets == story.budgets
    assert [checks.counted_in(uid) for uid in ("r", "r", "s", "bare", "q")] == [(0,), (0,), (), None, None]


def test_what_is_not_modelled_or_not_known_of_a_pod_is_named() -> None:
    checks = Story().checks()
    assert checks.unknown(PODS["p"]) == ""
    assert checks.unknown(PODS["unknown"]) == NOT_SEEN
    assert checks.unknown(PODS["odd"]).endswith("where kube-scheduler lets it go: spec.schedulingGroup")


def test_nobody_looks_as_long_as_nothing_is_to_be_checked() -> None:
    story = Story()
    checks = story.checks()
    assert (checks.version, story.looks) == (7, 0)
    checks.unknown(PODS["p"])
    checks.fits(PODS["p"])
    looks = story.looks
    checks.fits(replace(PODS["q"]))
    checks.copy().fits(PODS["p"])
    assert story.looks == looks


def test_where_nothing_is_seen_no_node_suits_and_every_pod_is_told_why() -> None:
    story = Story()
    checks = NothingSeen(story.ledger, "pods: forbidden")
    for one in (checks, checks.copy()):
        assert one.unknown(PODS["p"]) == one.why(PODS["p"], "a") == "pods: forbidden"
        assert not one.fits(PODS["p"]).any()
        assert not one.could(PODS["p"]).any()
        assert not one.alone(PODS["p"]).any()
        assert len(one.fits(PODS["p"])) == len(story.ledger.model)
        assert one.without(frozenset({"q"})).unknown(PODS["p"]) == "pods: forbidden"
        assert not one.left(PODS["p"]).free.any()
        assert one.left(PODS["p"]).wanted.tolist() == [1]
        assert (one.facts("q"), one.requests_of("q"), one.budgets, one.counted_in("q")) == (None, (), (), None)


def test_gangs_that_are_planned_in_one_look_find_each_other() -> None:
    cluster = Cluster(nodes=2, gpus=4)
    (first,), (second,) = cluster.create("a", 1), cluster.create("b", 1)
    nodes = [
        {"metadata": {"name": name}, "status": {"allocatable": {"cpu": "4", "memory": "8Gi", "pods": "10"}}}
        for name in cluster.nodes
    ]
    scene = Scene([node_of(msgspec.convert(node, Node)) for node in nodes], [], {})
    wanted = {first.key.uid: demands(), second.key.uid: demands()}  # three CPUs each: a node has four
    cluster.scheduling.plan_gangs(Surroundings(lambda: Seen(scene, wanted), cluster.scheduling.ledger, 1), 0.0)
    assert len({holding.node for holding in cluster.scheduling.ledger.holdings()}) == 2
