"""What a review of preemption found broken; each stays as it was mended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from extender.core.answers import BindTo
from extender.core.preemption import records, searching
from kube.gpus import Malformed
from tests.extender.core.preemption.playing import TRAIN, Cluster, part, until, whole

if TYPE_CHECKING:
    import pytest


def test_a_member_whose_request_becomes_malformed_ends_no_look() -> None:
    cluster = Cluster(nodes=2, delay_s=7.0)
    for at in range(2):
        cluster.train(f"t{at}", whole(), f"n{at}")
    gang = [cluster.pod(f"g{at}", whole(), gang=("g", 2)) for at in range(2)]
    cluster.now += 6.9
    cluster.look()
    malformed = Malformed("plimsoll.dev/gpu-fraction", "x", "no")
    cluster._put(replace(gang[0], request=malformed))
    cluster.now += 0.2
    assert not cluster.look().displace


def test_nobody_leaves_for_a_member_that_another_gate_holds_by_now() -> None:
    cluster = Cluster(nodes=2, delay_s=7.0)
    for at in range(2):
        cluster.train(f"t{at}", whole(), f"n{at}")
    gang = [cluster.pod(f"g{at}", whole(), gang=("g", 2)) for at in range(2)]
    cluster.now += 6.9
    cluster.carry_out(cluster.look())
    assert not cluster.evicted
    one = gang[0]
    assert one.gang is not None
    cluster._put(replace(one, gang=replace(one.gang, held_by="other.dev/gate")))
    cluster.now += 0.2
    cluster.carry_out(cluster.look())
    assert not cluster.evicted


def test_nobody_leaves_for_a_pod_that_is_being_deleted_and_waits_for_a_finalizer() -> None:
    cluster = Cluster()
    train = cluster.train("t", whole())
    pod = cluster.pod("serve", whole())
    moves = cluster.look()
    assert moves.displace
    cluster._put(replace(pod, leaving=True))
    cluster.now += 0.25
    moves = cluster.look()
    assert not moves.displace
    assert cluster.scheduling.ledger.holding(pod.key.uid) is None
    assert train.key.name in cluster.running()


def test_a_binding_that_outlasts_its_plan_and_does_not_arrive_leaves_no_promise_behind() -> None:
    cluster = Cluster()
    cluster.train("t", whole())
    pod = cluster.pod("serve", whole())
    cluster.carry_out(cluster.look())
    cluster.now += 3.0
    for uid in list(cluster.ends):
        del cluster.ends[uid]
        cluster._gone(cluster.pods[uid])
    cluster.look()
    scheduling = cluster.scheduling
    scheduling.filter(pod, cluster.nodes, cluster.now)
    asked = scheduling.bind(pod.key.uid, "n0", cluster.now)
    assert isinstance(asked, BindTo)
    scheduling.unknown(asked)
    for _at in range(130):  # the API server cannot tell what became of it
        cluster.now += 1.0
        cluster.look()
        scheduling.pod_read(pod.key, pod, cluster.now)
    for _at in range(60):  # nor does kube-scheduler place it from then on
        cluster.now += 1.0
        cluster.look()
    held = scheduling.ledger.holding(pod.key.uid)
    assert held is None or scheduling.preemptions.plan_of(pod.key.uid) is not None, held


def test_it_is_told_that_a_plan_is_given_up_as_an_eviction_was_refused() -> None:
    cluster = Cluster()
    cluster.train("t", whole())
    cluster.pod("serve", whole())
    cluster.refuses = {"t"}
    cluster.turn()
    cluster.turn()
    assert "PreemptionUndone" in [reason for name, reason, why in cluster.told if name == "serve"], cluster.told


def test_where_evictions_are_refused_and_nothing_else_helps_it_is_told_whose_and_why() -> None:
    cluster = Cluster(nodes=4)
    for at in range(4):
        cluster.train(f"t{at}", whole(), f"n{at}")
    cluster.refuses = {"t0", "t1", "t2", "t3"}
    serve = cluster.pod("serve", whole())
    cluster.turn()
    assert cluster.scheduling.preemptions.reason(serve.key.uid).startswith("an eviction was refused: pod t")
    for _ in range(20):
        cluster.turn()
    told = (
        "no train pod may leave for it; of the other train pods 4 were not let go by the API server "
        "(pod t0: not now, pod t1: not now, pod t2: not now and 1 more)"
    )
    assert ("serve", "NoPreemption", told) in cluster.told
    assert cluster.scheduling.preemptions.reason(serve.key.uid) == told


def test_a_node_that_goes_ends_the_plan_before_all_have_left() -> None:
    cluster = Cluster(nodes=2)
    cluster.grace_s = 600.0
    cluster.train("a", whole(), "n0")
    cluster.train("b", whole(), "n1", priority=60)
    cluster.pod("serve", whole())
    cluster.turn()
    assert cluster.evicted == ["a"]
    cluster.scheduling.node_gone("n0")
    cluster.grace_s = 2.0
    until(cluster, ["serve"], turns=20)


def test_hundreds_that_are_searched_for_in_vain_again_and_again_keep_nobody_from_a_plan() -> None:
    cluster = Cluster(nodes=3)
    for at in range(3):
        cluster.train(f"t{at}", whole(), f"n{at}")
    for at in range(600):
        cluster.pod(f"big{at}", whole(), cpu=64_001, labels={"pod": str(at)}, priority=130)
    cluster.pod("late", whole())
    for _ in range(100):
        cluster.now += 0.5
        cluster.carry_out(cluster.look())
        if cluster.evicted:
            break
    assert cluster.evicted


def test_of_hundreds_that_are_alike_those_get_room_for_whom_there_is_some_however_large_the_cluster_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(searching, "_MOST_WORK", 0)  # two searches a look, as with thousands of pods
    cluster = Cluster(nodes=3)
    for at in range(3):
        cluster.train(f"t{at}", whole(), f"n{at}")
    for at in range(50):
        cluster.pod(f"s{at}", whole())
    for _ in range(20):
        cluster.turn()
    assert len(cluster.evicted) == 3
    assert len(cluster.running()) == 3


def test_a_pod_runs_on_room_that_came_free_while_others_take_long_to_leave_for_it() -> None:
    cluster = Cluster(nodes=2)
    cluster.grace_s = 600.0
    cluster.train("a", whole(), "n0")
    cluster.now += 10.0
    other = cluster.train("b", whole(), "n1", priority=60)
    cluster.pod("serve", whole())
    cluster.turn()
    assert cluster.evicted == ["a"]
    cluster.ends[other.key.uid] = cluster.now + 1.0  # it ends by itself
    until(cluster, ["serve"], turns=10)


def test_train_is_not_put_off_for_ever_where_room_keeps_coming_free_and_does_not_do_for_inference() -> None:
    cluster = Cluster(nodes=2)
    cluster.pod("no-node-has-so-much-cpu", part(500), cpu=64_001)
    cluster.turn()
    train = cluster.pod("t", part(500), by=TRAIN, of="vision")
    ledger = cluster.scheduling.ledger
    for _ in range(40):  # ten seconds
        cluster.now += 0.25
        cluster.look()
        ledger.freed += 1  # somewhere a pod ends between two looks
        if cluster.schedule(train):
            return
    raise AssertionError(cluster.running())


def test_train_is_not_put_off_while_nobody_looks_at_who_comes_before_it() -> None:
    cluster = Cluster(nodes=2)
    cluster.pod("no-node-has-so-much-cpu", part(500), cpu=64_001)
    cluster.turn()
    train = cluster.pod("t", part(500), by=TRAIN, of="vision")
    cluster.scheduling.ledger.freed += 1
    cluster.now += 60.0  # what kube-scheduler looks at cannot be listed
    cluster.schedule(train)
    cluster.now += 5.0
    assert cluster.schedule(train)


def test_however_many_have_to_leave_each_is_told_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "_REMEMBERED", 2)
    cluster = Cluster(gpus=4)
    for at in range(4):
        cluster.train(f"t{at}", whole())
        cluster.pod(f"s{at}", whole())
    moves = cluster.look()
    leave = [one for plan in moves.displace for one in plan]
    assert len(leave) == 4
    assert all(one.because for one in leave)
