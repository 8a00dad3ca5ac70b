"""What would fit if train left is counted as a plan would have it, and nothing changes by the question."""

from __future__ import annotations

import pytest

from extender.core.fits_by_preemption import MOST, NOT_SEEN, Asked, FitsSo, fits_by_preemption
from extender.core.ledger.nodes import GpuNode, alike
from extender.core.model import Ask, Shape
from extender.core.predicates.budgets import Budget
from extender.core.predicates.selectors import Selector
from extender.core.preemption.moment import Moment
from extender.core.preemption.settings import Mode, Scope
from extender.core.quota.projects import Project, Projects
from kube.gpus import MemoryShare, MiB, Share
from tests.extender.core.preemption.playing import SERVE, Cluster, part, until, whole

BEGAN = 1_767_225_600.0


def asked(request: Share | MemoryShare, *, of: str = "search", by: str = SERVE, cpu: int = 0, gang: int = 0) -> Asked:
    ask = Ask(of, "", by, request)
    return Asked(ask, Shape(request, cpu), ("g", gang) if gang else None)


def fitting(cluster: Cluster, what: Asked, most: int = 10) -> FitsSo:
    at = Moment(cluster.now, BEGAN + cluster.now)
    return fits_by_preemption(cluster.scheduling, what, most, cluster.surroundings(), at)


def names(found: FitsSo) -> list[str]:
    return [one.pod.name for one in found.victims]


def full(nodes: int = 2, gpus: int = 2, **tuned: object) -> Cluster:
    """Return a cluster whose every device is held by two train pods."""
    cluster = Cluster(nodes=nodes, gpus=gpus, **tuned)  # type: ignore[arg-type]
    for number in range(2 * nodes * gpus):
        cluster.train(f"t{number}", part(500), f"n{number // (2 * gpus)}")
    return cluster


def test_what_fits_anyhow_makes_nobody_leave() -> None:
    assert fitting(Cluster(gpus=2), asked(whole()), 2) == FitsSo(2)


def test_as_many_are_counted_as_fit_when_train_has_left_and_those_alone_would_go_that_must() -> None:
    cluster = full()
    one = fitting(cluster, asked(whole()), 1)
    assert (one.count, one.reason, len(one.victims)) == (1, "", 2)
    assert len({(victim.node, victim.devices) for victim in one.victims}) == 1
    every = fitting(cluster, asked(whole()))
    assert (every.count, every.reason, len(every.victims)) == (4, "2 nodes: full after these", 8)


def test_free_room_is_used_before_anybody_leaves() -> None:
    cluster = Cluster(gpus=2)
    cluster.train("t", whole())
    found = fitting(cluster, asked(whole()), 2)
    assert (found.count, names(found)) == (2, ["t"])


def test_the_same_pods_leave_as_by_the_plan_for_such_a_pod() -> None:
    cluster = full(nodes=3)
    cluster.turn(60.0)
    found = fitting(cluster, asked(whole(2)), 1)
    cluster.pod("serve", whole(2))
    cluster.turn()
    assert sorted(names(found)) == sorted(cluster.evicted)


def test_a_gang_fits_whole_or_not_at_all() -> None:
    cluster = full()
    whole_gang = fitting(cluster, asked(whole(), gang=4), 4)
    assert (whole_gang.count, len(whole_gang.victims)) == (4, 8)
    too_large = fitting(cluster, asked(whole(), gang=5), 5)
    assert (too_large.count, too_large.victims) == (0, ())
    assert too_large.reason.startswith("gang g: 5 pods needed at once, 0 fit")
    assert too_large.reason.endswith("no room could be made for them if all 8 train pods left that may")


def test_the_quota_bounds_what_is_counted_and_says_so() -> None:
    found = fitting(full(quotas={"search": 2, "vision": 100}), asked(whole()))
    assert (found.count, len(found.victims)) == (2, 4)
    assert found.reason == "project search: over quota: asks 3 GPUs, 0 of 2 are used, 1 missing"
    none = fitting(full(quotas={"search": 0, "vision": 100}), asked(whole()))
    assert (none.count, none.victims) == (0, ())
    assert "over quota" in none.reason


def test_of_a_model_with_a_quota_no_more_are_counted_than_that_has_room_for() -> None:
    cluster = Cluster(gpus=2)
    cluster.scheduling.nodes_are((GpuNode("n0", alike(2, MiB(16_384)), "T4", cpu=64_000),))
    cluster.scheduling.projects_are(
        Projects((Project("search", 9000, (("T4", 1000),), ("search",)), Project("vision", 9000, (), ("vision",))))
    )
    for name in "ab":
        cluster.train(name, whole())
    found = fitting(cluster, asked(whole()))
    assert (found.count, len(found.victims)) == (1, 1)


@pytest.mark.parametrize(
    ("what", "why"),
    [
        (asked(whole(), by="plimsoll-train"), "nobody leaves for pods of the kind train"),
        (asked(whole(), of="elsewhere"), "nobody leaves for pods of no project"),
        (Asked(None, Shape(whole())), "nobody says in which namespace they are"),
    ],
)
def test_for_others_than_inference_of_a_project_nobody_leaves(what: Asked, why: str) -> None:
    found = fitting(full(), what)
    assert (found.count, found.victims) == (0, ())
    assert found.reason.endswith(f"preemption: {why}")


def test_where_it_is_observed_only_or_not_seen_what_fits_is_told_without_it() -> None:
    observed = fitting(full(mode=Mode.OBSERVE), asked(whole()))
    assert observed == FitsSo(0, "2 nodes: no whole GPU free; preemption: mode: observe")
    cluster = full()
    unseen = fits_by_preemption(cluster.scheduling, asked(whole()), 9, None, Moment(0.0, 0.0))
    assert unseen == FitsSo(0, f"2 nodes: no whole GPU free; preemption: {NOT_SEEN}")


def test_a_budget_keeps_those_that_it_guards_and_fewer_fit() -> None:
    cluster = Cluster(gpus=4)
    for number in range(4):
        cluster.train(f"t{number}", whole(), labels={"app": "kept"})
    cluster.budgets = [Budget("vision", "two", Selector(), 2)]
    found = fitting(cluster, asked(whole()))
    assert (found.count, len(found.victims)) == (2, 2)
    assert "PodDisruptionBudgets" in found.reason


def test_where_only_what_is_borrowed_may_go_the_others_stay() -> None:
    cluster = full(nodes=1, scope=Scope.BORROWED)
    found = fitting(cluster, asked(whole()))
    assert (found.count, found.victims) == (0, ())
    assert found.reason.startswith("1 node: no whole GPU free; preemption: ")


def test_train_of_higher_priority_stays_and_is_counted() -> None:
    cluster = Cluster()
    cluster.train("t", whole(), priority=200)
    cluster.pod("other", whole(), of="search", cpu=1_000_000)
    found = fitting(cluster, asked(whole()))
    assert found == FitsSo(
        0,
        "1 node: no whole GPU free; preemption: no train pod may leave for them; of the train pods 1 are of no lower "
        "priority",
    )


def test_cpu_that_train_holds_comes_free_with_it() -> None:
    cluster = Cluster(gpus=2, cpu=4000)
    cluster.train("t", part(100), cpu=3500)
    found = fitting(cluster, asked(whole(), cpu=2000), 1)
    assert (found.count, names(found)) == (1, ["t"])
    assert fitting(cluster, asked(whole(), cpu=400), 1).victims == ()


def test_what_leaves_by_itself_is_counted_and_nobody_else_leaves() -> None:
    cluster = Cluster(gpus=2)
    leaving = cluster.train("a", whole())
    cluster.train("b", whole())
    cluster.delete(leaving)
    found = fitting(cluster, asked(whole()), 1)
    assert (found.count, found.victims) == (1, ())


def test_a_share_in_mib_is_counted_by_the_memory_of_the_devices() -> None:
    found = fitting(full(nodes=1, gpus=1), asked(MemoryShare(1, MiB(8192))), 2)
    assert (found.count, len(found.victims)) == (2, 2)


def test_more_than_can_be_searched_for_are_not_counted_and_it_is_said() -> None:
    cluster = Cluster(nodes=2, gpus=2)
    cluster.train("t", whole())
    found = fitting(cluster, asked(part(10)), MOST + 100)
    assert (found.count, found.victims) == (300, ())
    assert found.reason.endswith(f"preemption: no more than {MOST} pods are looked at")


def test_the_question_changes_nothing() -> None:
    cluster = full()
    version, holdings = cluster.scheduling.ledger.version, list(cluster.scheduling.ledger.holdings())
    fitting(cluster, asked(whole()))
    assert (cluster.scheduling.ledger.version, list(cluster.scheduling.ledger.holdings())) == (version, holdings)
    assert not list(cluster.scheduling.preemptions.plans())
    cluster.pod("serve", whole())
    until(cluster, ["serve"])


@pytest.mark.parametrize(("needed", "count"), [(MOST, MOST), (MOST + 1, 0)])
def test_a_gang_of_as_many_as_are_looked_at_is_the_largest(needed: int, count: int) -> None:
    cluster = Cluster(nodes=33, gpus=8, quotas={"search": 1000, "vision": 1000})
    for node in range(33):
        for number in range(8):
            cluster.train(f"t{node}-{number}", whole(), f"n{node}")
    assert fitting(cluster, asked(whole(), gang=needed), needed).count == count
