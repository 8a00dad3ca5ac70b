"""A gang gets its minimum at once or holds nothing; what does not come to be is undone whole."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from extender.core.answers import BindRefused, BindTo, Chosen, Refused
from extender.core.gang.surroundings import NOT_SEEN
from extender.core.ledger.nodes import GpuNode, alike
from extender.core.quota.projects import Project, Projects
from extender.core.settings import Settings
from kube.gangs import least_of
from kube.gpus import Malformed, MilliGpu, Placement, Unmapped
from tests.extender.core.gang.playing import Cluster

START_S, GRACE_S = Settings().gang.start_s, Settings().gang.grace_s


def test_a_gang_that_fits_is_bound_whole() -> None:
    cluster = Cluster(nodes=2, gpus=4)
    cluster.create("g", 8, 8)
    cluster.turn()
    assert len(cluster.bound("g")) == 8
    assert cluster.told == [("GangPlanned", "gang g: 8 pods planned on 2 nodes")]


def test_a_gang_that_does_not_fit_holds_nothing_and_others_go_on() -> None:
    cluster = Cluster(nodes=4)
    cluster.create("g", 8, 8)
    cluster.turn()
    assert cluster.held() == {}
    assert cluster.told == [
        ("WaitsForGang", "gang g: 8 pods needed at once, 4 fit; the next: 4 nodes: no whole GPU free")
    ]
    cluster.single("train")
    cluster.turn()
    assert cluster.bound() == ["train"]


def test_a_gang_runs_as_soon_as_there_is_room() -> None:
    cluster = Cluster(nodes=2)
    cluster.single("train")
    cluster.turn()
    cluster.create("g", 2, 2)
    cluster.turn()
    assert cluster.bound("g") == []
    cluster.delete("train")
    cluster.turn()
    assert len(cluster.bound("g")) == 2


def test_two_gangs_that_fit_one_at_a_time_do_not_dead_lock() -> None:
    cluster = Cluster(nodes=10)
    cluster.create("a", 6, 6)
    cluster.create("b", 6, 6)
    for _ in range(5):
        cluster.turn(most=2)
    assert len(cluster.bound("a")) == 6
    assert cluster.bound("b") == []
    assert len(cluster.held()) == 6


def test_it_waits_for_as_many_members_as_it_needs() -> None:
    cluster = Cluster(nodes=4)
    cluster.create("g", 3, 2)
    cluster.turn()
    assert cluster.told == [("WaitsForGang", "gang g: it waits for members: 2 of 3 are there that ask for GPUs")]
    cluster.create("g", 3)
    cluster.turn()
    assert len(cluster.bound("g")) == 3


def test_members_beyond_the_minimum_are_placed_as_room_allows() -> None:
    cluster = Cluster(nodes=3)
    cluster.create("g", 2, 4)
    cluster.turn()
    assert len(cluster.bound("g")) == 3
    cluster.turn()
    assert cluster.told[-1] == ("WaitsForGang", "gang g: no room for one more: 3 nodes: no whole GPU free")


def test_a_member_beyond_the_minimum_that_is_over_quota_is_told_so() -> None:
    cluster = Cluster(nodes=4)
    cluster.scheduling.projects_are(Projects((Project("p", 2000, namespaces=("default",)),)))
    cluster.create("g", 2, 3)
    cluster.turn()
    cluster.turn()
    said = "asks 1 GPU, 2 of 2 are used (1 by default/g-001, 1 by default/g-002), 1 missing"
    assert cluster.told[-1][1] == f"gang g: no room for one more: project p: over quota: {said}"


def test_a_member_that_somebody_else_placed_puts_its_gang_before_nobody() -> None:
    cluster = Cluster(nodes=3)
    cluster.single("first")
    cluster.turn()
    (placed,) = cluster.create("low", 3)
    cluster.put(replace(placed, node="n2", gated=False))
    cluster.create("low", 3, 2)
    cluster.create("high", 2, 2, priority=100)
    cluster.delete("first")
    cluster.turn()
    assert len(cluster.bound("high")) == 2


def test_the_higher_priority_goes_first_then_the_older() -> None:
    cluster = Cluster(nodes=2)
    cluster.create("old", 2, 2)
    cluster.create("older-but-lower", 2, 2, priority=-1)
    cluster.create("urgent", 2, 2, priority=125)
    cluster.turn()
    assert len(cluster.bound("urgent")) == 2
    for uid in cluster.bound():
        cluster.delete(uid)
    cluster.turn()
    assert len(cluster.bound("old")) == 2


def test_members_that_disagree_are_named_and_others_go_on() -> None:
    cluster = Cluster(nodes=4)
    cluster.create("g", 2)
    cluster.create("g", 3)
    cluster.create("other", 1)
    cluster.turn()
    assert cluster.bound() == ["other-003"]
    sentence = "gang g: its members disagree on plimsoll.dev/gang-min: 2 say g-001; 3 say g-002"
    assert ("WaitsForGang", sentence) in cluster.told


@pytest.mark.parametrize(("said", "value"), [("none", "none"), ("0", "0"), ("", "")])
def test_a_minimum_that_is_no_number_is_told_with_its_rule(said: str, value: str) -> None:
    cluster = Cluster(nodes=1)
    cluster.create("g", least_of(said))
    cluster.turn()
    assert cluster.told[0][1] == (
        f'gang g: pod g-001: plimsoll.dev/gang-min: "{value}" must be a whole number from 1 to 10000'
    )
    assert cluster.held() == {}


def test_a_member_that_asks_for_something_malformed_holds_the_gang_back() -> None:
    cluster = Cluster(nodes=2)
    cluster.create("g", 2)
    cluster.create("g", 2, request=Malformed("gpu-fraction", "2", "less"))
    cluster.turn()
    assert cluster.held() == {}
    assert 'pod g-002: gpu-fraction: "2" must be less' in cluster.told[0][1]


def test_a_member_without_gpus_that_went_unseen_holds_its_gang_back_no_longer_than_until_the_next_list() -> None:
    cluster = Cluster(nodes=2)
    cluster.create("g", 2)
    (gone,) = cluster.create("g", 2, request=None)
    del cluster.pods[gone.key.uid]
    cluster.create("g", 2)
    cluster.turn()
    assert cluster.bound() == []
    for key in cluster.scheduling.pods_are(cluster.pods.values(), cluster.now):
        cluster.scheduling.pod_read(key, cluster.pods.get(key.uid), cluster.now)
    cluster.turn()
    assert cluster.bound() == ["g-001", "g-003"]


def test_what_nobody_can_check_is_refused_by_name() -> None:
    cluster = Cluster(nodes=2)
    cluster.create("g", 1)
    cluster.checks.unknown_of["g-001"] = "its claim of the driver x"
    cluster.turn()
    assert cluster.held() == {}
    assert cluster.told[0][1] == "gang g: pod g-001: its claim of the driver x"


def test_a_member_that_is_not_seen_by_all_watches_yet_is_news_only_where_it_lasts() -> None:
    cluster = Cluster(nodes=2)
    cluster.create("g", 1)
    cluster.checks.unknown_of["g-001"] = NOT_SEEN
    cluster.turn()
    cluster.turn()
    assert (cluster.told, cluster.held()) == ([], {})
    cluster.turn(5.0)
    assert cluster.told == [("WaitsForGang", f"gang g: pod g-001: {NOT_SEEN}")]
    cluster.checks.unknown_of.clear()
    cluster.turn()
    assert cluster.bound() == ["g-001"]


def test_nodes_that_kube_scheduler_will_not_accept_are_not_planned_on() -> None:
    cluster = Cluster(nodes=3)
    cluster.checks.refused = {"n1"}
    cluster.create("g", 2, 2)
    cluster.turn()
    assert {cluster.pods[name].node for name in cluster.bound("g")} == {"n0", "n2"}


def test_an_ungated_member_goes_where_the_plan_puts_it_and_nowhere_before() -> None:
    cluster = Cluster(nodes=2)
    (first,) = cluster.create("g", 2, gated=False)
    answer = cluster.scheduling.filter(first, cluster.nodes, 0.0)
    assert isinstance(answer, Refused)
    assert dict(answer.reasons) == dict.fromkeys(cluster.nodes, "its gang g has no plan yet")
    assert cluster.held() == {}
    cluster.create("g", 2, gated=False)
    steps = cluster.steps()
    assert sorted((step.pod.name, step.gated) for step in steps.let_go) == [("g-001", False), ("g-002", False)]
    answer = cluster.scheduling.filter(first, cluster.nodes, 0.0)
    assert isinstance(answer, Chosen)


def test_a_planned_pod_is_bound_nowhere_else() -> None:
    cluster = Cluster(nodes=2)
    (pod,) = cluster.create("g", 1, gated=False)
    cluster.steps()
    (holding,) = cluster.scheduling.ledger.holdings()
    other = next(node for node in cluster.nodes if node != holding.node)
    reason = f"a plan puts it on node {holding.node}"
    assert cluster.scheduling.bind(pod.key.uid, other, 1.0) == BindRefused(reason)
    assert isinstance(answer := cluster.scheduling.filter(pod, [other], 1.0), Refused)
    assert dict(answer.reasons) == {other: f"the plan of its gang g puts it on node {holding.node}"}


# --- another extender takes over ---


def successor(cluster: Cluster) -> Cluster:
    """Return the same cluster with an extender that knows only what is written."""
    other = Cluster(nodes=len(cluster.nodes))
    other.pods, other.created, other.now = cluster.pods, cluster.created, cluster.now
    other.scheduling.pods_are(other.pods.values(), other.now)
    other.scheduling.gangs.take_over()
    return other


@pytest.mark.parametrize("let_go", [0, 1, 3, 7, 8])
def test_a_gang_that_was_being_let_go_is_completed_before_others(let_go: int) -> None:
    cluster = Cluster(nodes=8)
    cluster.create("g", 8, 8)
    cluster.carry_out(cluster.steps(), most=let_go)
    cluster.create("urgent", 8, 8, priority=125)
    other = successor(cluster)
    for _ in range(3):
        other.turn()
    whole = "g" if let_go else "urgent"
    assert len(other.bound(whole)) == 8
    assert len(other.bound()) == 8


def test_a_plan_that_cannot_be_completed_by_another_extender_is_undone() -> None:
    cluster = Cluster(nodes=4)
    cluster.create("g", 4, 4)
    cluster.carry_out(cluster.steps(), most=2)
    other = successor(cluster)
    other.scheduling.node_gone("n3")
    for _ in range(10):
        other.turn(most=0)
    other.turn(GRACE_S)
    other.turn()
    assert other.held() == {}


def test_who_leads_again_goes_by_what_is_written_and_not_by_what_it_promised_before() -> None:
    cluster = Cluster(nodes=2)
    cluster.create("g", 2, 2)
    cluster.carry_out(cluster.steps(), most=1)
    (written, unwritten) = sorted(cluster.scheduling.ledger.holdings(), key=lambda held: held.pod.uid)
    other = cluster.single("other")
    cluster.put(replace(other, node=unwritten.node, placed=Placement(unwritten.devices or (), MilliGpu(1000))))
    cluster.now += START_S + 1
    cluster.scheduling.gangs.take_over()
    assert cluster.held() == {f"{node}/0": 1000 for node in cluster.nodes}
    assert not any(one.reason == "GangUndone" for one in cluster.steps().tell)
    assert cluster.scheduling.ledger.holding(written.pod.uid) is not None
    assert cluster.scheduling.ledger.holding(unwritten.pod.uid) is None


def test_what_serves_is_not_evicted_for_a_replacement_that_a_successor_cannot_place() -> None:
    cluster = Cluster(nodes=9)
    cluster.create("g", 8, 8)
    cluster.turn()
    cluster.turn()
    cluster.delete("g-003", again=True)
    cluster.now += 10.0
    cluster.carry_out(cluster.steps())
    other = successor(cluster)
    gone = next(held.node for held in other.scheduling.ledger.holdings() if held.planned)
    other.scheduling.node_gone(gone)
    other.refuses = set(other.nodes)
    for _ in range(10):
        other.turn(GRACE_S)
    assert other.evicted == []
    assert len(other.bound("g")) == 7


def test_a_gang_that_was_let_go_in_part_runs_whole_or_not_at_all_under_a_successor() -> None:
    cluster = Cluster(nodes=8)
    cluster.create("g", 8, 8)
    cluster.turn(most=3)
    assert len(cluster.bound("g")) == 3
    other = successor(cluster)
    bound = {other.pods[name].node for name in other.bound("g")}
    for node in [node for node in other.nodes if node not in bound][:2]:
        other.scheduling.node_gone(node)
    for _ in range(4):
        other.turn(GRACE_S)
    assert other.bound("g") == []
    assert other.held() == {}


def test_a_plan_that_was_struck_is_not_promised_again() -> None:
    cluster = Cluster(nodes=2)
    cluster.create("g", 2, 2)
    cluster.carry_out(cluster.steps())
    cluster.delete("g-001")
    other = successor(cluster)
    assert len(other.held()) == 1


# --- many gangs ---


def test_gangs_that_are_tried_in_vain_at_every_change_do_not_take_the_turn_of_others() -> None:
    cluster = Cluster(nodes=1, gpus=4)
    for number in range(3):
        cluster.create(f"large-{number}", 1000, 1000)
    cluster.create("small", 1)
    for _ in range(4):
        cluster.checks.version += 1
        cluster.turn()
    assert cluster.bound() == ["small-3001"]


def test_a_gang_of_more_members_than_are_planned_in_one_look_is_planned() -> None:
    cluster = Cluster(nodes=150, gpus=8)
    cluster.create("g", 1100, 1100)
    cluster.steps()
    assert len(cluster.held()) == 1100


# --- who is a member ---


def test_pods_without_gpus_do_not_count() -> None:
    cluster = Cluster(nodes=3)
    cluster.create("g", 3, 1, request=None, gated=False)
    cluster.create("g", 3, 2)
    cluster.turn()
    assert cluster.bound("g") == []
    assert cluster.told == [("WaitsForGang", "gang g: it waits for members: 2 of 3 are there that ask for GPUs")]


def test_pods_that_are_not_ours_are_no_gang() -> None:
    cluster = Cluster(nodes=1)
    cluster.create("g", 1, 1, request=Unmapped(), gated=False)
    cluster.turn()
    assert len(cluster.scheduling.gangs) == 0
    assert cluster.told == []


def test_after_a_takeover_a_member_that_somebody_else_placed_makes_no_gang_whole() -> None:
    cluster = Cluster(nodes=2)
    (placed,) = cluster.create("g", 3)
    cluster.put(replace(placed, node="n1", gated=False))
    cluster.create("g", 3, 2)
    cluster.scheduling.gangs.take_over()
    cluster.turn()
    assert cluster.bound("g") == [placed.key.name]


def test_pods_that_are_not_ours_are_held_back_by_no_gang() -> None:
    cluster = Cluster(nodes=1)
    (pod,) = cluster.create("g", 2, request=Unmapped(), gated=False)
    assert isinstance(cluster.scheduling.filter(pod, ("theirs",), 0.0), Chosen)
    assert isinstance(cluster.scheduling.bind(pod.key.uid, "theirs", 0.0), BindTo)


def test_a_member_that_another_gate_holds_back_too_holds_nothing_until_that_is_off() -> None:
    cluster = Cluster(nodes=1)
    (pod,) = cluster.create("g", 1)
    assert pod.gang is not None
    cluster.put(replace(pod, version="1", gang=replace(pod.gang, held_by="kueue.x-k8s.io/admission")))
    cluster.turn()
    assert cluster.held() == {}
    assert cluster.told[0][1] == "gang g: pod g-001: another gate, kueue.x-k8s.io/admission, holds it back too"
    cluster.put(replace(pod, version="2"))
    cluster.turn()
    assert cluster.bound("g") == ["g-001"]


def test_pods_that_are_made_anew_are_as_old_as_those_before() -> None:
    cluster = Cluster(nodes=3)
    cluster.create("g", 2, 2)
    (gang,) = cluster.scheduling.gangs
    order = gang.order
    cluster.refuses = set(cluster.nodes)
    for _ in range(8):
        cluster.turn()
    assert "GangUndone" in [reason for reason, _ in cluster.told]
    assert not {"g-001", "g-002"} <= set(cluster.pods)
    (gang,) = cluster.scheduling.gangs
    assert gang.order == order


def test_a_gang_that_waits_is_looked_at_again_once_anything_changes_and_else_after_a_while() -> None:
    cluster = Cluster(nodes=1)
    cluster.create("g", 3, 3)
    cluster.turn()
    (gang,) = cluster.scheduling.gangs
    for change in ("nothing", "a node", "what kube-scheduler looks at", "a member", "time"):
        cluster.now += 0.6  # after a plan in vain the next one waits a moment
        cluster.steps()
        looked = gang.rests
        if change == "a node":
            cluster.scheduling.node_seen(GpuNode("n9", alike(1)))
        elif change == "what kube-scheduler looks at":
            cluster.checks.version += 1
        elif change == "a member":
            cluster.put(replace(cluster.pods["g-001"], version="2"))
        elif change == "time":
            cluster.now += 5.0
        cluster.steps()
        assert (gang.rests is looked) == (change == "nothing"), change


def test_a_gang_of_which_anything_is_under_way_is_looked_at_every_time() -> None:
    cluster = Cluster(nodes=1)
    cluster.create("g", 1)
    cluster.steps()
    (gang,) = cluster.scheduling.gangs
    assert not gang.settled
    for _ in range(3):  # it is bound, it is marked, and there is nothing left to do
        cluster.turn()
    assert gang.settled
