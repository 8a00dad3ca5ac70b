"""A large gang is not starved by small pods: room is kept for it once it has waited, if it could ever run."""

from __future__ import annotations

from dataclasses import replace

import pytest

from extender.core.answers import Refused
from extender.core.quota.projects import Project, Projects
from extender.core.settings import Settings
from tests.extender.core.gang.playing import Cluster

PATIENCE_S, LIMIT_S = Settings().gang.patience_s, Settings().gang.keeping_s


def full(*, nodes: int) -> Cluster:
    """Return a cluster with a single pod on every GPU, and a gang that needs all but one of them."""
    cluster = Cluster(nodes=nodes)
    for number in range(nodes):
        cluster.single(f"first-{number}")
    cluster.turn()
    cluster.create("g", nodes - 1, nodes - 1)
    cluster.turn()
    return cluster


def stream(cluster: Cluster, rounds: int) -> None:
    """Let the single pods end one by one, and others wait for their place all the time."""
    for number in range(rounds):
        singles = [name for name in cluster.bound() if not name.startswith("g-")]
        cluster.single(f"late-{number}")
        if singles:
            cluster.delete(singles[0])
        cluster.turn(1.0)


def test_small_pods_take_what_is_free_as_long_as_the_gang_is_patient() -> None:
    cluster = full(nodes=4)
    stream(cluster, 8)
    assert cluster.bound("g") == []
    assert len(cluster.bound()) == 4


def test_once_it_has_waited_room_is_kept_and_the_gang_runs() -> None:
    cluster = full(nodes=4)
    cluster.turn(PATIENCE_S)
    stream(cluster, 5)
    assert len(cluster.bound("g")) == 3


def test_no_room_is_kept_while_nobody_can_check_a_member() -> None:
    cluster = full(nodes=2)
    cluster.turn(PATIENCE_S - 1)
    cluster.checks.unknown_of["g-001"] = "it is gone already"
    cluster.turn(1.0)
    assert cluster.scheduling.gangs.kept is None


def test_a_pod_that_is_kept_out_is_told_for_whom() -> None:
    cluster = full(nodes=2)
    cluster.turn(PATIENCE_S)
    cluster.delete(cluster.bound()[0])
    late = cluster.single("late")
    kept = cluster.scheduling.gangs.kept
    assert kept is not None
    answer = cluster.scheduling.filter(late, sorted(kept.nodes), cluster.now)
    assert isinstance(answer, Refused)
    assert set(dict(answer.reasons).values()) == {"kept for gang default/g, which comes before it"}


def test_who_comes_before_the_gang_is_not_kept_out() -> None:
    cluster = full(nodes=3)
    cluster.turn(PATIENCE_S)
    cluster.delete(cluster.bound()[0])
    cluster.create("urgent", 1, priority=10)
    cluster.turn()
    assert len(cluster.bound("urgent")) == 1


def test_other_gangs_behind_it_are_kept_out_too() -> None:
    cluster = full(nodes=3)
    cluster.turn(PATIENCE_S)
    cluster.delete(cluster.bound()[0])
    cluster.create("later", 1)
    cluster.turn()
    assert cluster.bound("later") == []


def test_a_gang_that_no_present_node_could_hold_keeps_nobody_out() -> None:
    cluster = Cluster(nodes=4)
    cluster.create("g", 8, 8)
    cluster.turn()
    cluster.turn(PATIENCE_S)
    assert cluster.scheduling.gangs.kept is None
    cluster.single("train")
    cluster.turn()
    assert cluster.bound() == ["train"]


@pytest.mark.parametrize("end", ["it runs", "it is deleted"])
def test_nothing_is_kept_any_more_once(end: str) -> None:
    cluster = full(nodes=3)
    cluster.turn(PATIENCE_S)
    assert cluster.scheduling.gangs.kept is not None
    for name in cluster.bound() if end == "it runs" else [uid for uid, pod in cluster.pods.items() if pod.gang]:
        cluster.delete(name)
    cluster.turn()
    cluster.turn()
    assert cluster.scheduling.gangs.kept is None


def test_a_gang_over_its_quota_keeps_nobody_out() -> None:
    cluster = Cluster(nodes=4)
    cluster.scheduling.projects_are(Projects((Project("p", 2000, namespaces=("default",)),)))
    cluster.create("g", 3, 3)
    cluster.turn()
    cluster.turn(PATIENCE_S + 1)
    cluster.turn()
    assert cluster.scheduling.gangs.kept is None


def test_nothing_is_kept_for_a_gang_that_is_gone_although_nobody_looks_at_gangs_any_more() -> None:
    cluster = full(nodes=2)
    cluster.turn(PATIENCE_S)
    cluster.delete(cluster.bound()[0])
    for uid in [uid for uid, pod in cluster.pods.items() if pod.gang]:
        cluster.delete(uid)
    assert cluster.schedule(cluster.single("late"))


def test_other_nodes_are_kept_where_these_take_no_pod_any_more() -> None:
    cluster = full(nodes=4)
    cluster.create("small", 1, priority=10)
    cluster.turn()
    cluster.turn(PATIENCE_S)
    kept = cluster.scheduling.gangs.kept
    assert kept is not None
    cluster.checks.refused |= kept.nodes
    cluster.turn(10.0)
    now = cluster.scheduling.gangs.kept
    assert now is not None
    assert not now.nodes & kept.nodes


def test_as_many_nodes_are_kept_as_the_gang_needs_now() -> None:
    cluster = Cluster(nodes=4)
    for number in range(4):
        cluster.single(f"first-{number}")
    cluster.turn()
    (first,) = cluster.create("g", 1)
    cluster.turn()
    cluster.turn(PATIENCE_S)
    cluster.create("g", 3, 3)
    cluster.delete(first.key.uid)
    cluster.turn()
    cluster.turn(PATIENCE_S)
    kept = cluster.scheduling.gangs.kept
    assert kept is not None
    assert len(kept.nodes) >= 3


def test_nothing_is_kept_for_members_that_disagree() -> None:
    cluster = full(nodes=4)
    cluster.turn(PATIENCE_S)
    assert cluster.scheduling.gangs.kept is not None
    cluster.create("g", 2)
    cluster.turn()
    assert cluster.scheduling.gangs.kept is None


def test_nodes_that_are_kept_are_told_once_by_name() -> None:
    cluster = full(nodes=3)
    cluster.turn(PATIENCE_S)
    cluster.turn()
    assert [one for one in cluster.told if one[0] == "NodesKept"] == [
        ("NodesKept", "gang g: 2 nodes kept for it, from pods that come after it: n0, n1")
    ]


def test_nodes_are_kept_to_the_limit_and_for_as_long_not_again() -> None:
    cluster = full(nodes=3)
    cluster.turn(PATIENCE_S)
    cluster.delete(cluster.bound()[0])
    cluster.turn(LIMIT_S - 1)
    assert cluster.scheduling.gangs.kept is not None
    cluster.turn()
    reason, sentence = cluster.told[-1]
    assert reason == "NodesNotKept"
    assert "it did not run within 86400 s (gang-keeping-limit), and others may have its room for as long" in sentence
    assert cluster.schedule(cluster.single("late"))
    cluster.turn(LIMIT_S - 1)
    assert cluster.scheduling.gangs.kept is None
    cluster.turn()
    assert cluster.scheduling.gangs.kept is not None


def test_other_nodes_for_the_same_gang_do_not_begin_the_limit_anew() -> None:
    cluster = full(nodes=4)
    cluster.create("small", 1, priority=10)
    cluster.turn()
    cluster.turn(PATIENCE_S)
    before = cluster.scheduling.gangs.kept
    assert before is not None
    cluster.checks.refused.add(min(before.nodes))
    cluster.turn(10.0)
    kept = cluster.scheduling.gangs.kept
    assert kept is not None
    assert (kept.nodes != before.nodes, kept.since) == (True, before.since)


def test_the_next_gang_has_nodes_kept_once_the_first_was_waited_for_in_vain() -> None:
    cluster = full(nodes=3)
    cluster.create("next", 1)
    cluster.turn()
    cluster.turn(PATIENCE_S)
    cluster.turn(LIMIT_S)
    kept = cluster.scheduling.gangs.kept
    assert kept is not None
    assert kept.gang.name == "next"


def test_with_no_limit_nodes_are_kept_without_an_end() -> None:
    cluster = full(nodes=3)
    cluster.scheduling.gangs.settings = replace(Settings().gang, keeping_s=0.0)
    cluster.turn(PATIENCE_S)
    cluster.turn(10 * LIMIT_S)
    assert cluster.scheduling.gangs.kept is not None


def test_who_takes_over_counts_the_limit_from_its_own_start_also_where_it_led_before() -> None:
    cluster = full(nodes=3)
    cluster.turn(PATIENCE_S)
    cluster.turn(LIMIT_S - 1)
    cluster.scheduling.gangs.take_over()
    cluster.turn()
    cluster.turn(LIMIT_S - 1)
    assert cluster.scheduling.gangs.kept is not None
    cluster.turn()
    assert cluster.scheduling.gangs.kept is None
    cluster.scheduling.gangs.take_over()
    cluster.turn()
    assert cluster.scheduling.gangs.kept is not None
