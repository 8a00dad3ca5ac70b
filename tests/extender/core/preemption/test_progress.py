from __future__ import annotations

from extender.core.explaining import GonePod, Holder, UnknownPod, Waiter, explain
from extender.core.preemption.outstanding import Stage
from extender.core.preemption.progress import Progress
from extender.core.preemption.settings import Mode
from extender.core.quota.projects import Project, Projects
from tests.extender.core.preemption.playing import Cluster, part, until, whole


def told(cluster: Cluster, name: str, of: str = "search") -> Waiter | Holder | GonePod | UnknownPod:
    return explain(cluster.scheduling, of, name)


def made_for(cluster: Cluster, name: str) -> Progress:
    found = told(cluster, name)
    assert isinstance(found, Waiter | Holder)
    assert found.preemption is not None
    return found.preemption


def test_a_pod_that_others_leave_for_waits_and_says_where_and_for_how_many() -> None:
    cluster = Cluster(gpus=2)
    for name in "ab":
        cluster.train(name, whole())
    cluster.pod("serve", whole(2))
    cluster.carry_out(cluster.look(), most=0)
    found = told(cluster, "serve")
    assert isinstance(found, Waiter)
    assert found.reason == "room is made for it on node n0: 2 pods have yet to leave"
    made = made_for(cluster, "serve")
    assert (made.stage, made.there, made.candidates, made.made_at) == (Stage.EVICTING, 2, 2, cluster.now)
    assert [one.pod.name for one in made.victims] == ["a", "b"]
    cluster.turn(0.0)
    assert made_for(cluster, "serve").stage is Stage.LEAVING


def test_one_that_has_its_room_stands_there_and_still_says_who_left() -> None:
    cluster = Cluster()
    cluster.train("t", whole())
    cluster.pod("serve", whole())
    until(cluster, ["serve"])
    assert made_for(cluster, "serve").stage is Stage.READY
    cluster.turn()
    assert isinstance(told(cluster, "serve"), Holder)
    made = made_for(cluster, "serve")
    assert (made.stage, made.there) == (None, 0)
    assert [one.pod.name for one in made.victims] == ["t"]


def test_why_nobody_leaves_is_added_to_why_a_pod_waits() -> None:
    cluster = Cluster(min_run_s=3600.0)
    cluster.train("t", whole())
    cluster.pod("serve", whole())
    cluster.turn()
    found = told(cluster, "serve")
    assert isinstance(found, Waiter)
    why = "no train pod may leave for it; of the other train pods 1 have not run for min-run-time yet"
    assert found.reason == f"1 node: no whole GPU free; preemption: {why}"
    assert made_for(cluster, "serve") == Progress(why)


def test_what_was_found_of_a_pod_that_is_over_quota_by_now_is_not_told() -> None:
    cluster = Cluster(min_run_s=3600.0)
    cluster.train("t", whole())
    cluster.pod("serve", whole())
    cluster.turn()
    cluster.scheduling.projects_are(Projects((Project("search", 500, (), ("search",)),)))
    cluster.place()
    found = told(cluster, "serve")
    assert isinstance(found, Waiter)
    assert found.reason.startswith("project search: over quota")
    assert ("preemption" in found.reason, found.preemption) == (False, None)


def test_of_a_pod_for_whom_nobody_may_leave_nothing_is_told() -> None:
    cluster = Cluster()
    cluster.train("t", whole())
    cluster.pod("batch", whole(), by="plimsoll-train")
    cluster.turn()
    found = told(cluster, "batch")
    assert isinstance(found, Waiter)
    assert (found.preemption, found.reason) == (None, "1 node: no whole GPU free")


def test_where_it_is_observed_only_both_say_what_would_be() -> None:
    cluster = Cluster(mode=Mode.OBSERVE)
    cluster.train("t", whole())
    cluster.pod("serve", whole())
    cluster.turn()
    made = made_for(cluster, "serve")
    assert (made.stage, made.observed, [one.pod.name for one in made.victims]) == (None, True, ["t"])
    victim = told(cluster, "t", "vision")
    assert isinstance(victim, Holder)
    assert victim.eviction is not None
    assert (victim.eviction.observed, victim.eviction.evicted_at) == (True, None)
    assert cluster.evicted == []


def test_a_plan_that_was_only_observed_is_forgotten_once_the_pod_runs() -> None:
    cluster = Cluster(mode=Mode.OBSERVE)
    gone = cluster.train("t", whole())
    cluster.pod("serve", whole())
    cluster.turn()
    cluster.delete(gone)
    until(cluster, ["serve"])
    cluster.turn()
    found = told(cluster, "serve")
    assert isinstance(found, Holder)
    assert found.preemption is None


def test_a_pod_that_was_evicted_is_told_of_when_it_is_gone() -> None:
    cluster = Cluster(gpus=2)
    cluster.train("a", part(600))
    cluster.train("b", whole())
    cluster.pod("serve", whole())
    until(cluster, ["serve"])
    (name,) = cluster.evicted
    found = told(cluster, name, "vision")
    assert isinstance(found, GonePod)
    record = found.eviction
    assert (record.victim.pod.name, record.made_for, record.project) == (name, "pod search/serve", "search")
    assert record.evicted_at is not None
    assert record.because.startswith("it makes room on node n0 for pod search/serve of project search")
    assert [one.pod.name for one in record.plan.passed_over] == [one for one in "ab" if one != name]


def test_a_new_pod_of_the_name_of_one_that_was_evicted_tells_of_both() -> None:
    cluster = Cluster()
    old = cluster.train("t", whole())
    cluster.pod("serve", whole())
    until(cluster, ["serve"])
    new = cluster.pod("t", whole(), by="plimsoll-train", of="vision")
    cluster.turn()
    found = told(cluster, "t", "vision")
    assert isinstance(found, Waiter)
    assert found.pod.uid == new.key.uid
    assert found.eviction is not None
    assert found.eviction.victim.pod.uid == old.key.uid


def test_who_was_to_leave_by_a_plan_that_was_given_up_was_not_evicted() -> None:
    cluster = Cluster()
    cluster.train("t", whole())
    serve = cluster.pod("serve", whole())
    cluster.carry_out(cluster.look(), most=0)
    found = told(cluster, "t", "vision")
    assert isinstance(found, Holder)
    assert found.eviction is not None, "it is to leave"
    cluster.delete(serve)
    cluster.look()
    found = told(cluster, "t", "vision")
    assert isinstance(found, Holder)
    assert found.eviction is None


def test_members_of_a_gang_tell_of_the_plan_of_their_gang() -> None:
    cluster = Cluster(gpus=2)
    for name in "ab":
        cluster.train(name, whole())
    for name in ("g-0", "g-1"):
        cluster.pod(name, whole(), gang=("g", 2))
    cluster.carry_out(cluster.look(), most=1)
    found = told(cluster, "g-1")
    assert isinstance(found, Waiter)
    assert found.reason == "room is made for it on node n0: 2 pods have yet to leave"
    assert made_for(cluster, "g-0") == made_for(cluster, "g-1")
    record = cluster.scheduling.preemptions.records.named("vision", cluster.evicted[0])
    assert record is not None
    assert record.made_for == "gang search/g"
    until(cluster, ["g-0", "g-1"])
    placed = told(cluster, "g-0")
    assert isinstance(placed, Holder)
    assert placed.by_plan
    assert placed.preemption is not None
    assert [one.pod.name for one in placed.preemption.victims] == ["a", "b"]
