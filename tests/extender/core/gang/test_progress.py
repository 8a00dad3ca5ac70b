"""How far a gang has come is told as it is."""

from __future__ import annotations

from msgspec.structs import replace

from extender.core.gang.gang import GangKey
from extender.core.gang.progress import Progress, Stage, all_progress
from extender.core.settings import Settings
from tests.extender.core.gang.playing import Cluster

PATIENCE_S = Settings().gang.patience_s


def only(cluster: Cluster, gang: str = "g") -> Progress:
    of = cluster.scheduling
    (found,) = (one for one in all_progress(of.gangs, of.ledger) if one.gang == GangKey("default", gang))
    return found


def counts(found: Progress) -> tuple[Stage, int, int, int, int]:
    return found.stage, found.needed, found.bound, found.promised, found.waiting


def test_a_gang_that_nobody_looked_at_says_so() -> None:
    cluster = Cluster(nodes=1)
    cluster.create("g", 2, 2)
    assert counts(only(cluster)) == (Stage.WAITING, 2, 0, 0, 2)
    assert only(cluster).reason.startswith("it was not looked at yet")


def test_a_gang_without_room_waits_since_it_could_have_been_planned() -> None:
    cluster = Cluster(nodes=1)
    cluster.create("g", 2)
    cluster.turn()
    assert only(cluster).reason == "it waits for members: 1 of 2 are there that ask for GPUs"
    assert only(cluster).since is None
    cluster.create("g", 2)
    cluster.turn()
    cluster.turn()
    found = only(cluster)
    assert counts(found) == (Stage.WAITING, 2, 0, 0, 2)
    assert found.members == 2
    assert found.since == 2.0
    assert found.reason == "2 pods needed at once, 1 fit; the next: 1 node: no whole GPU free"


def test_a_plan_is_told_pod_by_pod_until_all_of_it_runs() -> None:
    cluster = Cluster(nodes=1, gpus=4)
    cluster.create("g", 3, 3)
    cluster.turn(most=1)
    assert counts(only(cluster)) == (Stage.PLANNED, 3, 1, 2, 0)
    assert (only(cluster).reason, only(cluster).since) == ("", None)
    cluster.turn()
    assert counts(only(cluster)) == (Stage.WHOLE, 3, 3, 0, 0)


def test_members_beyond_the_minimum_wait_in_a_gang_that_runs() -> None:
    cluster = Cluster(nodes=1, gpus=2)
    cluster.create("g", 2, 3)
    cluster.turn()
    cluster.turn()
    assert counts(only(cluster)) == (Stage.WHOLE, 2, 2, 0, 1)
    assert only(cluster).reason == "no room for one more: 1 node: no whole GPU free"


def test_members_that_disagree_need_nobody_knows_how_many() -> None:
    cluster = Cluster(nodes=1)
    cluster.create("g", 2)
    cluster.create("g", 3)
    cluster.turn()
    assert only(cluster).needed == 0
    assert only(cluster).reason.startswith("its members disagree on plimsoll.dev/gang-min")


def test_what_runs_short_is_told_until_it_is_evicted() -> None:
    cluster = Cluster(nodes=1, gpus=2)
    first, second = cluster.create("g", 2, 2, owned=False)
    cluster.carry_out(cluster.steps())
    assert cluster.schedule(cluster.pods[first.key.uid])
    cluster.delete(second.key.uid)
    cluster.turn()
    assert counts(only(cluster)) == (Stage.SHORT, 2, 1, 0, 0)


def test_undone_plans_are_counted_until_the_gang_is_stopped() -> None:
    cluster = Cluster(nodes=8)
    cluster.refuses = set(cluster.nodes)
    cluster.create("g", 2, 2)
    stages = []
    for _ in range(60):
        cluster.turn()
        stages.append((only(cluster).undone, only(cluster).stage))
    assert stages[0] == (0, Stage.PLANNED)
    assert {(1, Stage.WAITING), (2, Stage.PLANNED)} <= set(stages)
    assert stages[-1] == (3, Stage.STOPPED)
    assert only(cluster).reason.startswith("it is stopped: its plan was undone 3 times")


def test_a_gang_for_which_nodes_are_kept_names_them_and_no_other_does() -> None:
    cluster = Cluster(nodes=3)
    cluster.single("train")
    cluster.turn()
    cluster.create("g", 3, 3)
    cluster.create("h", 3, 3)
    cluster.turn()
    cluster.turn(PATIENCE_S)
    assert only(cluster).kept == ("n0", "n1", "n2")
    assert only(cluster, "h").kept == ()


def test_a_member_that_leaves_counts_as_one_that_waits() -> None:
    cluster = Cluster(nodes=1)
    (pod, _) = cluster.create("g", 2, 2)
    cluster.put(replace(pod, leaving=True))
    assert counts(only(cluster)) == (Stage.WAITING, 2, 0, 0, 2)
