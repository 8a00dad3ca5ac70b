"""What is known of a gang is what its members say now, and nothing is promised that they do not ask for any more."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from extender.core.answers import BindRefused, BindTo
from extender.core.ledger.nodes import GpuNode, alike
from extender.core.model import Membership, PodKey
from extender.core.settings import Settings
from kube.gpus import Malformed, MiB, MilliGpu, Share
from tests.extender.core.gang.playing import Cluster

START_S, GRACE_S = Settings().gang.start_s, Settings().gang.grace_s
LONG_S = 300.0


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
