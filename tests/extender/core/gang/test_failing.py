"""A plan that fails in the field is undone whole, and tried elsewhere, until it was undone too often."""

from __future__ import annotations

from extender.core.answers import BindRefused, Refused
from extender.core.ledger.nodes import Device, GpuNode
from extender.core.settings import Settings
from kube.gpus import MiB, MilliGpu, Share
from tests.extender.core.gang.playing import Cluster

START_S, GRACE_S = Settings().gang.start_s, Settings().gang.grace_s


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


def test_a_planned_device_that_takes_no_new_pod_any_more_undoes_the_plan() -> None:
    cluster = Cluster(nodes=2)
    cluster.create("g", 1)
    steps = cluster.steps()
    node = steps.let_go[0].planned.node
    cluster.scheduling.node_seen(GpuNode(node, (Device("0", MiB(16384), "unhealthy"),)))
    cluster.carry_out(steps)
    for _ in range(5):
        cluster.turn()
    said = f"a device of node {node}, on which pod g-001 was planned, takes no new pod: unhealthy"
    assert ("GangUndone", f"gang g: its plan was undone: {said}") in cluster.told
    assert {pod.node for pod in cluster.pods.values()} == {"n0", "n1"} - {node}


def test_who_is_refused_again_and_again_in_a_gang_that_runs_is_not_made_anew_every_few_seconds() -> None:
    cluster = Cluster(nodes=20)
    cluster.create("g", 1)
    cluster.turn()
    cluster.refuses = set(cluster.nodes)
    cluster.create("g", 1)
    for _ in range(100):
        cluster.turn()
    assert [reason for reason, _ in cluster.told].count("GangUndone") == 6  # and 2, 4, 8, 16, 32 s between
    assert len(cluster.bound("g")) == 1
    cluster.refuses = set()
    for _ in range(64):
        cluster.turn()
    assert len(cluster.bound("g")) == 2


def test_who_was_bound_before_anybody_saw_it_keeps_its_devices_when_the_plan_is_undone() -> None:
    cluster = Cluster(nodes=2)
    first, _ = cluster.create("g", 2, 2)
    cluster.carry_out(cluster.steps())
    held = cluster.scheduling.ledger.holding(first.key.uid)
    assert held is not None
    assert not isinstance(cluster.scheduling.bind(first.key.uid, held.node, cluster.now), BindRefused)
    cluster.scheduling.bound(first.key.uid)  # the API server said so, and the watch did not yet
    cluster.scheduling.node_gone(next(node for node in cluster.nodes if node != held.node))
    steps = cluster.steps()
    assert [one.reason for one in steps.tell][:1] == ["GangUndone"]
    assert first.key.uid not in {one.pod.uid for one in steps.take_back}
    assert list(cluster.held()) == [f"{held.node}/0"]
