"""Train leaves so that inference within its project's quota has room: fewest and cheapest, and nobody in vain."""

from __future__ import annotations

import pytest

from extender.core.answers import BindTo, Refused
from extender.core.ledger.holding import State
from extender.core.predicates.budgets import Budget
from extender.core.predicates.selectors import EVERYTHING
from extender.core.preemption.settings import Mode, Scope
from tests.extender.core.preemption.playing import BUILD, SERVE, TRAIN, Cluster, part, until, whole


def promises(cluster: Cluster) -> int:
    return sum(held.promised for held in cluster.scheduling.ledger.holdings())


def reasons(cluster: Cluster, name: str) -> list[str]:
    return [f"{reason}: {sentence}" for told, reason, sentence in cluster.told if told == name]


def test_one_train_pod_leaves_for_an_inference_pod_and_its_device_goes_to_nobody_else() -> None:
    cluster = Cluster()
    cluster.train("t", whole())
    cluster.turn(60.0)
    serve = cluster.pod("serve", whole())
    cluster.turn()
    assert cluster.evicted == ["t"]
    held = cluster.scheduling.ledger.holding(serve.key.uid)
    assert held is not None
    assert held.state is State.NOMINATED
    cluster.pod("greedy", part(100), by=TRAIN, of="vision")
    until(cluster, ["serve"])
    assert cluster.running() == ["serve"]
    assert promises(cluster) == 0
    assert cluster.scheduling.preemptions.needless == 0


def test_of_eight_devices_that_are_half_used_exactly_one_is_freed() -> None:
    cluster = Cluster(gpus=8)
    for number in range(8):
        cluster.train(f"t{number}", part(600))
    cluster.pod("serve", whole())
    until(cluster, ["serve"])
    assert len(cluster.evicted) == 1
    assert len(cluster.running()) == 8


def test_a_gang_gets_eight_whole_devices_of_thirty_two_and_the_fewest_leave() -> None:
    cluster = Cluster(nodes=4, gpus=8)
    for number in range(64):
        cluster.train(f"t{number}", part(500), node=f"n{number // 16}")
    for number in range(8):
        cluster.pod(f"g{number}", whole(), gang=("g", 8))
    until(cluster, [f"g{number}" for number in range(8)])
    assert len(cluster.evicted) == 16
    assert promises(cluster) == 0


def test_a_gang_over_quota_evicts_nobody_and_says_so() -> None:
    cluster = Cluster(gpus=8, quotas={"search": 7, "vision": 8})
    for number in range(8):
        cluster.train(f"t{number}", whole())
    for number in range(8):
        cluster.pod(f"g{number}", whole(), gang=("g", 8))
    for _ in range(5):
        cluster.turn()
    assert cluster.evicted == []
    assert any("needs 8, free 7" in sentence for sentence in reasons(cluster, "g0"))


def test_what_leaves_by_itself_is_waited_for_and_nobody_is_evicted() -> None:
    cluster = Cluster(gpus=2)
    leaving = cluster.train("leaving", whole())
    cluster.train("stays", whole())
    cluster.grace_s = 5.0
    cluster.delete(leaving)
    cluster.pod("serve", whole())
    until(cluster, ["serve"])
    assert cluster.evicted == []
    assert cluster.running() == ["serve", "stays"]


@pytest.mark.parametrize("by", [SERVE, BUILD])
def test_neither_inference_nor_build_ever_leaves(by: str) -> None:
    cluster = Cluster()
    cluster.train("t", whole(), by=by)
    cluster.pod("serve", whole())
    for _ in range(3):
        cluster.turn()
    assert cluster.evicted == []
    assert any("NoPreemption: no train pod may leave for it" in one for one in reasons(cluster, "serve"))


@pytest.mark.parametrize("priority", [125, 200])
def test_train_of_equal_or_higher_priority_stays(priority: int) -> None:
    cluster = Cluster()
    cluster.train("t", whole(), priority=priority)
    cluster.pod("serve", whole())
    cluster.turn()
    assert cluster.evicted == []


@pytest.mark.parametrize("by", [BUILD, TRAIN])
def test_nobody_leaves_for_build_or_train(by: str) -> None:
    cluster = Cluster()
    cluster.train("t", whole())
    cluster.pod("other", whole(), by=by)
    cluster.turn()
    assert cluster.evicted == []


def test_nobody_leaves_for_a_pod_in_no_project() -> None:
    cluster = Cluster()
    cluster.train("t", whole())
    cluster.pod("serve", whole(), of="elsewhere")
    cluster.turn()
    assert cluster.evicted == []


def test_train_of_the_lowest_priority_leaves_first() -> None:
    cluster = Cluster(gpus=2)
    cluster.train("high", whole(), priority=60)
    cluster.train("low", whole(), priority=40)
    cluster.pod("serve", whole())
    until(cluster, ["serve"])
    assert cluster.evicted == ["low"]


def test_what_other_projects_borrowed_and_ones_own_train_leave_before_what_others_hold_within_their_quota() -> None:
    for lender in ("borrower", "search"):
        cluster = Cluster(gpus=2, quotas={"search": 2, "vision": 2, "borrower": 0})
        cluster.train("within", whole(), of="vision")
        cluster.turn(100.0)
        cluster.train("other", whole(), of=lender)
        cluster.turn(100.0)
        cluster.pod("serve", whole())
        until(cluster, ["serve"])
        assert cluster.evicted == ["other"]


def test_within_the_scope_borrowed_no_other_project_loses_of_its_quota() -> None:
    cluster = Cluster(scope=Scope.BORROWED, quotas={"search": 2, "vision": 2})
    cluster.train("within", whole(), of="vision")
    cluster.pod("serve", whole())
    cluster.turn()
    assert cluster.evicted == []
    assert any("preemption-scope: borrowed" in one for one in reasons(cluster, "serve"))
    cluster = Cluster(scope=Scope.BORROWED, quotas={"search": 2, "vision": 0})
    cluster.train("beyond", whole(), of="vision")
    cluster.pod("serve", whole())
    until(cluster, ["serve"])
    assert cluster.evicted == ["beyond"]


def test_the_least_work_is_lost() -> None:
    cluster = Cluster(gpus=2)
    cluster.train("old", whole())
    cluster.turn(600.0)
    cluster.train("young", whole())
    cluster.turn(60.0)
    cluster.pod("serve", whole())
    until(cluster, ["serve"])
    assert cluster.evicted == ["young"]


def test_a_train_pod_leaves_only_after_min_run_time() -> None:
    cluster = Cluster(min_run_s=30.0)
    cluster.train("t", whole())
    cluster.pod("serve", whole())
    for _ in range(25):
        cluster.turn()
    assert cluster.evicted == []
    assert any("have not run for min-run-time yet" in one for one in reasons(cluster, "serve"))
    until(cluster, ["serve"], 40)
    assert cluster.now > 30.0


def test_others_leave_only_after_preemption_delay_and_a_node_that_comes_wins() -> None:
    cluster = Cluster(delay_s=10.0)
    cluster.train("t", whole())
    cluster.turn(100.0)
    cluster.pod("serve", whole())
    for _ in range(9):
        cluster.turn()
    assert cluster.evicted == []
    cluster.add_node("new")
    until(cluster, ["serve"], 3)
    for _ in range(9):
        cluster.turn()
    assert cluster.evicted == []


def test_a_training_gang_counts_with_all_its_members_and_leaves_whole() -> None:
    cluster = Cluster(nodes=2, gpus=2)
    for number in range(3):
        cluster.pod(f"g{number}", whole(), by=TRAIN, of="vision", gang=("train", 3))
    until(cluster, [f"g{number}" for number in range(3)])
    cluster.turn(600.0)
    free = next(node for node in cluster.nodes if cluster.scheduling.ledger.room(node).max() == 1000)
    cluster.train("single", whole(), node=free, priority=50)
    cluster.turn(600.0)
    cluster.pod("serve", whole())
    until(cluster, ["serve"])
    assert cluster.evicted == ["single"]
    cluster.pod("serve2", whole())
    until(cluster, ["serve2"])
    assert sorted(cluster.evicted) == ["g0", "g1", "g2", "single"]


def test_members_beyond_the_minimum_of_a_training_gang_leave_one_by_one() -> None:
    cluster = Cluster(gpus=4)
    for number in range(4):
        cluster.pod(f"g{number}", whole(), by=TRAIN, of="vision", gang=("train", 2))
    until(cluster, [f"g{number}" for number in range(4)])
    cluster.turn(60.0)
    cluster.pod("serve", whole())
    until(cluster, ["serve"])
    assert cluster.evicted in (["g2"], ["g3"])


def test_a_disruption_budget_that_forbids_the_cheapest_lets_another_leave() -> None:
    cluster = Cluster(gpus=2)
    cluster.budgets = [Budget("vision", "guard", EVERYTHING, 0)]
    cluster.train("guarded", whole(), priority=10)
    cluster.train("other", whole(), of="search")
    cluster.pod("serve", whole())
    until(cluster, ["serve"])
    assert cluster.evicted == ["other"]


def test_where_budgets_forbid_all_nobody_leaves_and_it_is_told_which() -> None:
    cluster = Cluster()
    cluster.budgets = [Budget("elsewhere", "guard", EVERYTHING, 0), Budget("vision", "guard", EVERYTHING, 0)]
    cluster.train("guarded", whole())
    cluster.pod("serve", whole())
    cluster.turn()
    assert cluster.evicted == []
    assert any("keep too many (vision/guard lets 0 go)" in one for one in reasons(cluster, "serve"))


def test_an_eviction_that_is_refused_makes_for_another_plan_and_takes_no_room_away() -> None:
    cluster = Cluster(gpus=2)
    cluster.refuses = {"stubborn"}
    cluster.train("stubborn", whole(), priority=10)
    cluster.train("other", whole())
    cluster.pod("serve", whole())
    until(cluster, ["serve"])
    assert cluster.evicted == ["other"]
    assert cluster.running() == ["serve", "stubborn"]
    assert promises(cluster) == 0


def test_what_was_made_anew_for_an_evicted_pod_is_left_alone_for_a_while() -> None:
    cluster = Cluster(gpus=1, cool_down_s=60.0)
    cluster.train("t", whole(), owner="job")
    first = cluster.pod("first", whole())
    until(cluster, ["first"])
    cluster.delete(cluster.pods[first.key.uid])
    cluster.turn(3.0)
    cluster.train("t-again", whole(), owner="job")
    cluster.pod("second", whole())
    for _ in range(50):
        cluster.turn()
    assert cluster.evicted == ["t"]
    assert any("made anew for an evicted pod" in one for one in reasons(cluster, "second"))
    until(cluster, ["second"], 40)
    assert cluster.evicted == ["t", "t-again"]


def test_in_observe_mode_it_is_told_and_nobody_leaves() -> None:
    cluster = Cluster(mode=Mode.OBSERVE)
    cluster.train("t", whole())
    cluster.pod("serve", whole())
    for _ in range(5):
        cluster.turn()
    assert cluster.evicted == []
    assert promises(cluster) == 0
    assert reasons(cluster, "serve").count("WouldPreempt: mode: observe: 1 train pod would leave for it: vision/t") == 1
    record = cluster.scheduling.preemptions.records.named("vision", "t")
    assert record is not None
    assert (record.observed, record.evicted_at) == (True, None)


def test_the_room_of_a_pod_that_is_deleted_meanwhile_is_free_and_its_evictions_were_needless() -> None:
    cluster = Cluster()
    cluster.train("t", whole())
    serve = cluster.pod("serve", whole())
    cluster.turn()
    cluster.delete(cluster.pods[serve.key.uid])
    for _ in range(5):
        cluster.turn()
    assert promises(cluster) == 0
    assert cluster.scheduling.preemptions.needless == 1


def test_a_pod_of_higher_priority_takes_the_room_that_is_being_made_for_one_of_lower() -> None:
    cluster = Cluster(gpus=2)
    cluster.grace_s = 10.0
    cluster.train("t", whole())
    cluster.train("build", whole(), by=BUILD)
    cluster.pod("low", whole(), priority=110)
    cluster.turn()
    cluster.pod("high", whole(), priority=130)
    until(cluster, ["high"])
    assert cluster.evicted == ["t"]
    assert "low" not in cluster.running()


def test_who_takes_over_evicts_nobody_again() -> None:
    cluster = Cluster(gpus=2)
    cluster.grace_s = 5.0
    cluster.train("t", whole())
    cluster.train("u", whole())
    cluster.pod("serve", whole())
    cluster.turn()
    cluster.scheduling.take_over()
    assert promises(cluster) == 0
    until(cluster, ["serve"])
    assert len(cluster.evicted) == 1


def test_filter_and_bind_give_a_nominated_pod_nothing_before_others_have_left() -> None:
    cluster = Cluster()
    cluster.train("t", whole())
    serve = cluster.pod("serve", whole())
    cluster.turn()
    answer = cluster.scheduling.filter(cluster.pods[serve.key.uid], cluster.nodes, cluster.now)
    assert isinstance(answer, Refused)
    assert dict(answer.reasons) == {"n0": "others are leaving node n0 for it"}


def test_who_has_room_is_tried_again_until_a_binding_is_under_way() -> None:
    cluster = Cluster()
    cluster.train("t", whole())
    serve = cluster.pod("serve", whole())
    cluster.turn()
    cluster.now += cluster.grace_s
    cluster.leave()
    assert cluster.look().kick == (), "kube-scheduler saw it go as well, and tries it"
    cluster.now += 1.0
    assert cluster.look().kick == (serve.key,)
    assert cluster.look().kick == (), "kube-scheduler has heard of it"
    cluster.now += 6.0
    assert cluster.look().kick == (serve.key,)
    assert isinstance(cluster.scheduling.bind(serve.key.uid, "n0", cluster.now), BindTo)
    cluster.now += 6.0
    assert cluster.look().kick == (), "a change of the pod would end its Binding"


def test_nobody_left_in_vain_for_a_pod_that_is_deleted_right_after_it_was_bound() -> None:
    cluster = Cluster()
    cluster.grace_s = 1.0
    cluster.train("t", whole())
    cluster.pod("serve", whole())
    until(cluster, ["serve"])
    cluster.delete(cluster.named("serve"))
    cluster.turn()
    cluster.turn()
    assert cluster.evicted == ["t"]
    assert cluster.running() == []
    assert cluster.scheduling.preemptions.needless == 0


def test_cpu_is_freed_too() -> None:
    cluster = Cluster(gpus=2, cpu=1000)
    cluster.train("t", whole(), cpu=900)
    cluster.pod("serve", whole(), cpu=500)
    until(cluster, ["serve"])
    assert cluster.evicted == ["t"]


def test_room_that_comes_free_goes_to_inference_before_train_gets_it() -> None:
    cluster = Cluster(gpus=1, quotas={"search": 4, "vision": 4})
    build = cluster.train("build", whole(), by=BUILD, of="search")
    cluster.pod("serve", whole())
    cluster.pod("t", whole(), by=TRAIN, of="vision")
    for _ in range(8):
        cluster.turn()
    gone = cluster.pods.pop(build.key.uid)
    cluster.scheduling.pod_gone(gone.key.uid, cluster.now, ended=True)
    train = cluster.named("t")
    assert not cluster.schedule(train), "it comes first, and was not looked at yet"
    until(cluster, ["serve"], 3)
    assert cluster.evicted == []


def test_train_is_not_put_off_for_long_by_a_pod_that_the_room_does_not_do_for() -> None:
    cluster = Cluster(nodes=1, gpus=2, cpu=1000)
    cluster.train("build", part(500), by=BUILD, of="search", cpu=800)
    cluster.pod("serve", whole(), cpu=900)
    for _ in range(3):
        cluster.turn()
    train = cluster.pod("t", part(500), by=TRAIN, of="vision", cpu=50)
    cluster.turn()
    assert cluster.named("t").node or cluster.schedule(cluster.pods[train.key.uid])


def test_pods_that_differ_in_their_labels_alone_are_searched_for_at_once() -> None:
    cluster = Cluster(nodes=6, gpus=4)
    for number in range(24):
        cluster.train(f"t{number}", whole(), node=f"n{number // 4}")
    for number in range(20):
        cluster.pod(f"s{number}", whole(), labels={"index": str(number)})
    cluster.turn()
    assert len(cluster.evicted) == 20
    until(cluster, [f"s{number}" for number in range(20)])


def test_a_pod_that_lacks_cpu_waits_for_whoever_leaves_its_node_with_some() -> None:
    cluster = Cluster(gpus=2, cpu=1000)
    cluster.grace_s = 20.0
    first = cluster.train("first", whole(), cpu=50)
    leaving = cluster.train("leaving", whole(), cpu=900)
    cluster.delete(leaving)
    cluster.pods.pop(first.key.uid)
    cluster.scheduling.pod_gone(first.key.uid, cluster.now, ended=True)  # its device is free, and the first in order
    serve = cluster.pod("serve", whole(), cpu=500)
    cluster.turn()
    plan = cluster.scheduling.preemptions.plan_of(serve.key.uid)
    assert plan is not None
    assert plan.ready_at is None
    assert plan.plan.awaits == {leaving.key.uid}
    until(cluster, ["serve"], 30)
    assert cluster.evicted == []
