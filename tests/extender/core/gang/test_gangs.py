"""A gang gets its minimum at once or holds nothing; what does not come to be is undone whole."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from extender.core.answers import BindRefused, BindTo, Chosen, Refused
from extender.core.ledger.nodes import GpuNode, alike
from extender.core.model import Membership, PodKey
from extender.core.settings import Settings
from kube.gangs import least_of
from kube.gpus import Malformed, MiB, MilliGpu, Placement, Share
from tests.extender.core.gang.playing import Cluster

START_S, GRACE_S = Settings().gang.start_s, Settings().gang.grace_s
LONG_S = 300.0


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
    assert cluster.told[-1] == ("WaitsForGang", "gang g: no room for one more")


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
    reason = f"the plan of its gang puts it on node {holding.node}"
    assert cluster.scheduling.bind(pod.key.uid, other, 1.0) == BindRefused(reason)
    assert isinstance(answer := cluster.scheduling.filter(pod, [other], 1.0), Refused)
    assert dict(answer.reasons) == {other: f"the plan of its gang g puts it on node {holding.node}"}


# --- plans that fail in the field ---


def test_a_plan_that_kube_scheduler_refuses_is_undone_whole_and_tried_elsewhere() -> None:
    cluster = Cluster(nodes=3)
    cluster.create("g", 2, 2)
    cluster.carry_out(cluster.steps())
    refusing = next(holding.node for holding in cluster.scheduling.ledger.holdings())
    cluster.refuses = {refusing}
    for _ in range(10):
        cluster.turn()
        if ("GangUndone" in [reason for reason, _ in cluster.told]) and not cluster.bound("g"):
            assert cluster.held() == {}
    undone = [sentence for reason, sentence in cluster.told if reason == "GangUndone"]
    assert len(undone) == 1
    assert f"on node {refusing}: 0/1 nodes are available" in undone[0]
    assert len(cluster.bound("g")) == 2
    assert refusing not in {cluster.pods[name].node for name in cluster.bound("g")}


def test_bare_pods_of_an_undone_plan_stay_pending() -> None:
    cluster = Cluster(nodes=2)
    made = cluster.create("g", 2, 2, owned=False)
    cluster.refuses = {"n0"}
    for _ in range(6):
        cluster.turn(most=1)
    assert {pod.key.uid for pod in made} <= set(cluster.pods)


def test_a_lost_node_undoes_the_plan_at_once() -> None:
    cluster = Cluster(nodes=3)
    cluster.create("g", 2, 2)
    cluster.carry_out(cluster.steps())
    gone = next(holding.node for holding in cluster.scheduling.ledger.holdings())
    cluster.scheduling.node_gone(gone)
    cluster.carry_out(cluster.steps())
    assert cluster.held() == {}
    for _ in range(4):
        cluster.turn()
    assert len(cluster.bound("g")) == 2


def test_a_plan_that_does_not_move_is_undone_within_the_stated_time() -> None:
    cluster = Cluster(nodes=2)
    cluster.create("g", 2, 2)
    cluster.carry_out(cluster.steps())
    cluster.steps()
    cluster.now += START_S
    cluster.carry_out(cluster.steps())
    assert len(cluster.held()) == 2
    cluster.now += 1
    cluster.carry_out(cluster.steps())
    assert cluster.held() == {}
    (undone,) = (sentence for reason, sentence in cluster.told if reason == "GangUndone")
    assert undone.endswith(f" within {START_S:g} s")


def test_a_member_that_is_made_anew_in_time_takes_the_place_of_a_lost_one() -> None:
    cluster = Cluster(nodes=3)
    cluster.create("g", 3, 3)
    cluster.carry_out(cluster.steps(), most=1)
    cluster.delete("g-003")
    cluster.turn(most=1)
    cluster.create("g", 3)
    for _ in range(4):
        cluster.turn()
    assert len(cluster.bound("g")) == 3
    assert not any(reason == "GangUndone" for reason, _ in cluster.told)


def test_bound_members_below_the_minimum_are_evicted_after_a_grace() -> None:
    cluster = Cluster(nodes=3)
    cluster.create("g", 3, 3, owned=False)
    cluster.turn(most=1)
    assert cluster.bound("g") == ["g-001"]
    cluster.delete("g-003")
    for _ in range(8):
        cluster.turn(most=0)
    assert list(cluster.held().values()) == [1000]
    assert cluster.evicted == []
    cluster.turn(GRACE_S)
    assert cluster.evicted == ["g-001"]


def test_a_gang_that_was_whole_keeps_what_runs_and_replaces_what_is_lost() -> None:
    cluster = Cluster(nodes=3)
    cluster.create("g", 3, 3)
    cluster.turn()
    cluster.delete("g-002", again=True)
    cluster.single("train")
    cluster.schedule(cluster.pods["train"])
    for _ in range(4):
        cluster.turn(GRACE_S)
    assert len(cluster.bound("g")) == 2
    assert cluster.evicted == []
    cluster.delete("train")
    cluster.turn()
    assert len(cluster.bound("g")) == 3


def test_three_undos_stop_a_gang_with_a_reason_until_all_of_it_is_made_anew() -> None:
    cluster = Cluster(nodes=9)
    cluster.create("g", 2, 2)
    cluster.refuses = set(cluster.nodes)
    for _ in range(60):
        cluster.turn()
    assert sum(reason == "GangUndone" for reason, _ in cluster.told) == 3
    assert "gang g: it is stopped: its plan was undone 3 times" in cluster.told[-1][1]
    assert cluster.held() == {}
    cluster.refuses = set()
    cluster.turn()
    assert cluster.bound("g") == []
    for uid in list(cluster.pods):
        cluster.delete(uid)
    cluster.create("g", 2, 2)
    cluster.turn()
    assert len(cluster.bound("g")) == 2


def test_a_binding_that_was_refused_leaves_the_promise() -> None:
    cluster = Cluster(nodes=1)
    (pod,) = cluster.create("g", 1)
    cluster.carry_out(cluster.steps())
    answer = cluster.scheduling.bind(pod.key.uid, "n0", cluster.now)
    assert not isinstance(answer, BindRefused)
    cluster.scheduling.not_bound(answer)
    other = cluster.single("other", Share(1, MilliGpu(100)))
    assert isinstance(cluster.scheduling.filter(other, ["n0"], 0.0), Refused)
    cluster.turn()
    assert cluster.bound("g") == ["g-001"]


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


def test_a_plan_that_was_struck_is_not_promised_again() -> None:
    cluster = Cluster(nodes=2)
    cluster.create("g", 2, 2)
    cluster.carry_out(cluster.steps())
    cluster.delete("g-001")
    other = successor(cluster)
    assert len(other.held()) == 1


# --- what is seen late, twice, or not as it was ---


def changed(cluster: Cluster, name: str, gang: Membership | None, **fields: Any) -> None:
    """Have a member say something else of its gang."""
    cluster.put(replace(cluster.pods[name], gang=gang, **fields))


@pytest.mark.parametrize("to", [None, Membership("other", 9)])
def test_a_pod_that_leaves_its_gang_holds_nothing_of_its_plan(to: Membership | None) -> None:
    cluster = Cluster(nodes=2)
    cluster.create("g", 2, 2)
    cluster.steps()
    changed(cluster, "g-001", to)
    assert list(cluster.held().values()) == [1000]


def test_an_older_sight_of_a_pod_brings_it_into_no_other_gang() -> None:
    cluster = Cluster(nodes=2)
    (pod,) = cluster.create("old", 1)
    new = replace(pod, version="12", gang=Membership("new", 1))
    cluster.put(new)
    cluster.scheduling.pod_seen(replace(pod, version="9"))
    assert [gang.key.name for gang in cluster.scheduling.gangs] == ["new"]
    changed(cluster, pod.key.uid, None, version="13")
    cluster.scheduling.pod_seen(new)
    assert len(cluster.scheduling.gangs) == 0


def test_gangs_of_the_same_name_in_two_namespaces_are_two() -> None:
    cluster = Cluster(nodes=2)
    (pod,) = cluster.create("g", 2)
    elsewhere = PodKey("u", "elsewhere", "p")
    cluster.put(replace(pod, key=elsewhere))
    cluster.turn()
    assert len(cluster.scheduling.gangs) == 2
    assert cluster.held() == {}
    cluster.create("g", 2)
    cluster.turn()
    assert cluster.bound() == ["g-001", "g-002"]


def test_a_member_that_a_list_lacks_is_read_even_where_it_asks_for_nothing() -> None:
    cluster = Cluster(nodes=1)
    (pod,) = cluster.create("g", 1, request=None)
    assert cluster.scheduling.pods_are([], 0.0) == (pod.key,)
    cluster.scheduling.pod_read(pod.key, None, 0.0)
    assert len(cluster.scheduling.gangs) == 0


def test_a_gate_without_a_gang_is_told_with_its_rule() -> None:
    cluster = Cluster(nodes=1)
    cluster.create("", Malformed("plimsoll.dev/gang", "", "there"))
    cluster.turn()
    sentence = 'a gang without a name: pod -001: plimsoll.dev/gang: "" must be there'
    assert cluster.told == [("WaitsForGang", sentence)]


def test_a_member_that_asks_for_something_else_meanwhile_is_planned_for_that() -> None:
    cluster = Cluster(nodes=1)
    (first, second) = cluster.create("g", 2, 2)
    cluster.turn()
    assert cluster.held() == {}
    for pod in (first, second):
        cluster.put(replace(pod, version="2", request=Share(1, MilliGpu(500))))
    cluster.turn()
    assert len(cluster.bound("g")) == 2


@pytest.mark.parametrize("gated", [True, False])
def test_a_planned_member_that_asks_for_something_else_undoes_the_plan(gated: bool) -> None:  # noqa: FBT001
    cluster = Cluster(nodes=2)
    cluster.create("g", 2, 2, gated=gated)
    cluster.steps()
    changed(cluster, "g-001", cluster.pods["g-001"].gang, request=Share(1, MilliGpu(100)))
    if not gated:
        (held,) = (one for one in cluster.scheduling.ledger.holdings() if one.pod.uid == "g-001")
        assert isinstance(cluster.scheduling.bind("g-001", held.node, cluster.now), BindRefused)
    cluster.carry_out(cluster.steps())
    undone = [sentence for reason, sentence in cluster.told if reason == "GangUndone"]
    assert undone == ["gang g: its plan was undone: pod g-001 asks for something else than when it was planned"]
    assert cluster.held() == {}
    for _ in range(4):
        cluster.turn()
    assert len(cluster.bound("g")) == 2


def test_a_device_that_is_gone_undoes_the_plan_at_once() -> None:
    cluster = Cluster(nodes=1, gpus=2)
    cluster.create("g", 2, 2)
    cluster.steps()
    cluster.scheduling.node_seen(GpuNode("n0", alike(1, MiB(16384))))
    cluster.carry_out(cluster.steps())
    assert cluster.held() == {}
    assert cluster.told[-1][1].startswith("gang g: its plan was undone: devices of node n0, on which pod ")


def test_a_member_that_is_deleted_before_it_has_a_node_gives_its_place_to_the_next() -> None:
    cluster = Cluster(nodes=2)
    cluster.create("g", 2, 2)
    cluster.carry_out(cluster.steps(), most=1)
    leaving = cluster.pods["g-002"]
    cluster.put(replace(leaving, leaving=True))  # a finalizer keeps it
    cluster.create("g", 2)
    cluster.turn()
    assert cluster.bound("g") == ["g-001", "g-003"]
    assert not any(reason == "GangUndone" for reason, _ in cluster.told)


def test_a_begun_gang_whose_members_come_to_disagree_is_undone_and_evicted_like_a_short_one() -> None:
    cluster = Cluster(nodes=3)
    cluster.create("g", 3, 3, owned=False)
    cluster.turn(most=1)
    assert cluster.bound("g") == ["g-001"]
    changed(cluster, "g-003", Membership("g", 4))
    cluster.turn(most=0)
    assert len(cluster.held()) == 3
    cluster.turn(5.0, most=0)
    assert len(cluster.held()) == 1
    assert "its members disagree" in next(sentence for reason, sentence in cluster.told if reason == "GangUndone")
    cluster.turn(1.0, most=0)
    cluster.turn(GRACE_S, most=0)
    assert cluster.evicted == ["g-001"]


def test_a_gang_that_is_whole_outlives_members_that_disagree() -> None:
    cluster = Cluster(nodes=2)
    cluster.create("g", 2, 2)
    cluster.turn()
    changed(cluster, "g-002", Membership("g", 3))
    for _ in range(4):
        cluster.turn(GRACE_S)
    assert len(cluster.bound("g")) == 2


def test_a_binding_under_way_at_an_undo_may_arrive_or_its_pod_is_taken_back_after_it() -> None:
    for arrives in (True, False):
        cluster = Cluster(nodes=2)
        cluster.create("g", 2, 2)
        cluster.carry_out(cluster.steps())
        (held, other) = sorted(cluster.scheduling.ledger.holdings(), key=lambda one: one.pod.uid)
        asked = cluster.scheduling.bind(held.pod.uid, held.node, cluster.now)
        assert isinstance(asked, BindTo)
        cluster.scheduling.node_gone(other.node)
        steps = cluster.steps()
        assert [back.pod.uid for back in steps.take_back] == [other.pod.uid]
        cluster.carry_out(steps)
        assert list(cluster.held()) == [f"{held.node}/0"]
        if arrives:
            cluster.scheduling.bound(held.pod.uid)
            cluster.put(replace(cluster.pods[held.pod.uid], node=held.node, placed=asked.placed))
            assert cluster.steps().take_back == ()
        else:
            cluster.scheduling.not_bound(asked)
            assert cluster.held() == {}
            assert [back.pod.uid for back in cluster.steps().take_back] == [held.pod.uid]


def test_what_the_api_server_refuses_is_told_and_no_node_is_blamed() -> None:
    cluster = Cluster(nodes=1)
    (pod,) = cluster.create("g", 1)
    cluster.steps()
    cluster.steps()
    cluster.scheduling.gangs.not_changed(pod.key.uid, "admission webhook denied it")
    cluster.now += START_S + 1
    cluster.carry_out(cluster.steps())
    sentence = f"pod g-001 was not let go on node n0 within {START_S:g} s: admission webhook denied it"
    assert ("GangUndone", f"gang g: its plan was undone: {sentence}") in cluster.told
    cluster.turn(5.0)
    assert cluster.bound("g") == ["g-001"]


def test_a_gang_of_one_is_stopped_too_although_no_pod_of_it_is_left_in_between() -> None:
    cluster = Cluster(nodes=9)
    cluster.create("g", 1)
    cluster.refuses = set(cluster.nodes)
    for _ in range(60):
        cluster.turn()
    assert sum(reason == "GangUndone" for reason, _ in cluster.told) == 3
    assert "it is stopped" in cluster.told[-1][1]
    (uid,) = cluster.pods
    cluster.refuses = set()
    cluster.delete(uid)
    cluster.create("g", 1)
    cluster.turn()
    assert len(cluster.bound("g")) == 1


def test_nothing_is_remembered_of_gangs_that_are_gone() -> None:
    cluster = Cluster(nodes=3)
    cluster.create("g", 1)
    cluster.refuses = set(cluster.nodes)
    while not any(reason == "GangUndone" for reason, _ in cluster.told):
        cluster.turn()
    for uid in list(cluster.pods):
        cluster.delete(uid)
    cluster.turn(LONG_S)
    gangs = cluster.scheduling.gangs
    assert (len(gangs), gangs._key_of, gangs._taken_back, list(gangs.members())) == (0, {}, {}, [])


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
