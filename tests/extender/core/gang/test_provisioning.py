"""Nodes are bought for what no present node could hold, within quota, one member at a time, and for nothing else."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from extender.core.answers import Refused
from extender.core.gang.settings import Provision
from extender.core.gang.settings import Settings as Gang
from extender.core.ledger.nodes import GpuNode, alike
from extender.core.quota.projects import Project, Projects
from extender.core.settings import Settings
from kube.gpus import MemoryShare, MiB, MilliGpu, Share
from tests.extender.core.gang.playing import Cluster

STALLED_S, SETTLED_S = 600.0, 10.0
MODEL = "A100"


def provisioning(*, nodes: int) -> Cluster:
    cluster = Cluster(nodes=nodes)
    cluster.scheduling.tune(Settings(gang=Gang(provision=Provision.PLACEHOLDER)))
    return cluster


def add_node(cluster: Cluster, name: str, gpus: int = 1, model: str = "") -> None:
    cluster.scheduling.node_seen(GpuNode(name, alike(gpus, MiB(16384)), model=model))


def project(cluster: Cluster, quota: int, models: tuple[tuple[str, int], ...] = ()) -> None:
    cluster.scheduling.projects_are(Projects((Project("p", quota, models, ("default",)),)))


def create(cluster: Cluster, count: int, priority_class: str = "") -> None:
    for pod in cluster.create("g", count, count):
        cluster.put(replace(pod, priority_class=priority_class))


def shown(cluster: Cluster) -> list[str]:
    return sorted(pod.key.name for pod in cluster.pods.values() if pod.gang and pod.gang.shown and not pod.node)


def test_one_member_is_shown_of_a_gang_that_no_present_node_could_hold() -> None:
    cluster = provisioning(nodes=4)
    create(cluster, 8)
    for _ in range(5):
        cluster.turn()
    assert shown(cluster) == ["g-001"]
    assert cluster.held() == {}
    assert [reason for reason, _ in cluster.told].count("GangNeedsNodes") == 1


def test_where_there_is_no_node_at_all_too() -> None:
    cluster = provisioning(nodes=0)
    create(cluster, 2)
    cluster.turn()
    assert shown(cluster) == ["g-001"]


def test_the_member_that_is_shown_is_refused_everywhere() -> None:
    cluster = provisioning(nodes=1)
    create(cluster, 2)
    cluster.turn()
    answer = cluster.scheduling.filter(cluster.pods["g-001"], cluster.nodes, cluster.now)
    assert isinstance(answer, Refused)
    assert dict(answer.reasons) == {"n0": "its gang g has no plan yet"}


def test_it_is_bound_with_the_others_once_there_are_nodes() -> None:
    cluster = provisioning(nodes=1)
    create(cluster, 3)
    cluster.turn()
    add_node(cluster, "n1", gpus=2)
    for _ in range(3):
        cluster.turn()
    assert len(cluster.bound("g")) == 3
    assert shown(cluster) == []


def test_by_default_none_is_shown() -> None:
    cluster = Cluster(nodes=1)
    create(cluster, 2)
    cluster.turn()
    assert shown(cluster) == []


def test_none_is_shown_of_a_gang_that_would_fit_if_others_left() -> None:
    cluster = provisioning(nodes=2)
    cluster.single("train")
    cluster.turn()
    create(cluster, 2)
    cluster.turn(SETTLED_S)
    assert shown(cluster) == []


def test_none_is_shown_without_a_controller_that_makes_it_anew() -> None:
    cluster = provisioning(nodes=1)
    cluster.create("g", 2, 2, owned=False)
    cluster.turn()
    assert shown(cluster) == []


def test_none_is_shown_of_a_gang_that_lacks_members_or_that_nobody_can_check() -> None:
    cluster = provisioning(nodes=1)
    cluster.create("few", 3, 2)
    cluster.create("unknown", 2, 2)
    cluster.checks.unknown_of["unknown-003"] = "its claim of the driver x"
    cluster.turn()
    assert shown(cluster) == []


# --- one at a time ---


def test_the_next_one_is_shown_where_a_node_came_and_for_a_while_no_other() -> None:
    cluster = provisioning(nodes=1)
    create(cluster, 8)
    cluster.turn()
    cluster.turn(STALLED_S)
    assert shown(cluster) == ["g-001"], "no node came: another member would not change that"
    add_node(cluster, "n1")
    cluster.turn()
    cluster.turn(STALLED_S - 1)
    assert shown(cluster) == ["g-001"]
    cluster.turn(1.0)
    assert shown(cluster) == ["g-001", "g-002"]
    cluster.turn(STALLED_S)
    assert shown(cluster) == ["g-001", "g-002"]


def test_none_is_shown_more_while_nodes_keep_coming() -> None:
    cluster = provisioning(nodes=1)
    create(cluster, 8)
    for number in range(6):
        cluster.turn(STALLED_S / 2)
        add_node(cluster, f"more-{number}")
    assert shown(cluster) == ["g-001"]
    add_node(cluster, "last")
    cluster.turn()
    assert len(cluster.bound("g")) == 8


# --- quota ---


@pytest.mark.parametrize("kind", ["plimsoll-inference", "plimsoll-train"])
def test_nobody_buys_nodes_for_what_is_over_its_projects_quota(kind: str) -> None:
    cluster = provisioning(nodes=1)
    project(cluster, 2999)
    create(cluster, 3, kind)
    cluster.turn()
    assert shown(cluster) == []
    project(cluster, 3000)
    cluster.turn()
    assert shown(cluster) == ["g-001"]


def test_what_train_holds_of_a_quota_keeps_train_from_more_nodes_and_inference_not() -> None:
    for kind, expected in (("plimsoll-train", []), ("plimsoll-inference", ["g-002"])):
        cluster = provisioning(nodes=1)
        project(cluster, 2000)
        before = cluster.create("before", 1, priority=1)[0]
        cluster.put(replace(before, priority_class="plimsoll-train"))
        cluster.turn()
        create(cluster, 2, kind)
        cluster.turn()
        assert shown(cluster) == expected, kind


def test_the_quota_of_a_model_keeps_nodes_from_being_bought_too() -> None:
    cluster = provisioning(nodes=0)
    add_node(cluster, "n0", model=MODEL)
    project(cluster, 9000, ((MODEL, 1000),))
    create(cluster, 2)
    cluster.turn()
    assert shown(cluster) == []
    project(cluster, 9000, ((MODEL, 2000),))
    cluster.turn()
    assert shown(cluster) == ["g-001"]


def test_none_is_shown_where_nobody_can_tell_the_project() -> None:
    cluster = provisioning(nodes=1)
    both = tuple(Project(name, 9000, (), ("default",)) for name in ("p", "q"))
    cluster.scheduling.projects_are(Projects(both))
    create(cluster, 2)
    cluster.turn()
    assert shown(cluster) == []


# --- when no node is to be bought any more ---


def test_what_was_shown_is_taken_back_where_the_quota_is_lowered() -> None:
    cluster = provisioning(nodes=1)
    project(cluster, 2000)
    create(cluster, 2)
    cluster.turn()
    assert shown(cluster) == ["g-001"]
    project(cluster, 1000)
    cluster.turn()
    cluster.turn(SETTLED_S - 1)
    assert shown(cluster) == ["g-001"], "it may be raised again in a moment"
    cluster.turn(1.0)
    assert shown(cluster) == []
    assert all(pod.gated for pod in cluster.pods.values())
    assert len(cluster.pods) == 2


def test_what_was_shown_is_taken_back_where_the_gang_only_waits_for_others_to_leave() -> None:
    cluster = provisioning(nodes=1)
    create(cluster, 2)
    cluster.turn()
    cluster.scheduling.filter(cluster.single("train"), ["n0"], cluster.now)
    add_node(cluster, "n1")
    cluster.turn(1.0)
    cluster.turn(SETTLED_S)
    assert shown(cluster) == []


def test_what_was_shown_is_taken_back_where_provisioning_is_turned_off() -> None:
    cluster = provisioning(nodes=1)
    create(cluster, 2)
    cluster.turn()
    cluster.scheduling.tune(Settings())
    cluster.turn()
    cluster.turn(SETTLED_S)
    assert shown(cluster) == []


def test_what_was_shown_is_taken_back_where_nobody_can_check_a_member_any_more() -> None:
    cluster = provisioning(nodes=1)
    create(cluster, 2)
    cluster.turn()
    cluster.checks.unknown_of["g-002"] = "its claim of the driver x"
    cluster.turn()
    cluster.turn(SETTLED_S)
    assert shown(cluster) == []


def test_what_was_shown_and_lost_its_controller_since_is_not_deleted() -> None:
    cluster = provisioning(nodes=1)
    create(cluster, 2)
    cluster.turn()
    (pod,) = (one for one in cluster.pods.values() if not one.gated)
    assert pod.gang is not None
    cluster.put(replace(pod, gang=replace(pod.gang, owned=False)))
    cluster.scheduling.tune(Settings())
    cluster.turn()
    cluster.turn(SETTLED_S)
    assert pod.key.uid in cluster.pods


def test_a_member_that_came_without_a_gate_is_never_deleted_for_it() -> None:
    cluster = provisioning(nodes=1)
    made = cluster.create("g", 2, 2, gated=False)
    cluster.scheduling.tune(Settings())
    cluster.turn()
    cluster.turn(SETTLED_S)
    assert {pod.key.uid for pod in made} == set(cluster.pods)


def test_a_restart_forgets_nothing_of_who_is_shown() -> None:
    cluster = provisioning(nodes=1)
    create(cluster, 4)
    cluster.turn()
    again = provisioning(nodes=1)
    again.now = cluster.now
    for pod in cluster.pods.values():
        again.put(pod)
    again.turn()
    assert shown(again) == ["g-001"]


def test_a_gang_of_one_that_asks_for_more_than_any_node_has_is_shown() -> None:
    cluster = provisioning(nodes=4)
    cluster.create("g", 1, request=Share(2, MilliGpu(1000)))
    cluster.turn()
    assert shown(cluster) == ["g-001"]


# --- as a ProvisioningRequest ---


def asking(*, nodes: int) -> Cluster:
    cluster = Cluster(nodes=nodes)
    cluster.scheduling.tune(Settings(gang=Gang(provision=Provision.REQUEST, provision_class="example.com")))
    return cluster


def wanted(cluster: Cluster, seconds: float = 1.0) -> list[tuple[str, list[tuple[int, int, int]]]]:
    """Let time go by; return of each gang what is asked for: count, GPUs, and how many pods together."""
    cluster.now += seconds
    steps = cluster.steps()
    cluster.carry_out(steps)
    assert all(want.class_name == "example.com" for want in steps.want)
    return [(want.gang, [(one.count, one.gpus, one.together) for one in want.sets]) for want in steps.want]


def test_the_whole_minimum_is_asked_for_as_long_as_it_is_wanted_and_told_once() -> None:
    cluster = asking(nodes=4)
    create(cluster, 8)
    for _ in range(3):
        assert wanted(cluster) == [("g", [(8, 1, 1)])]
    assert shown(cluster) == []
    assert [reason for reason, _ in cluster.told].count("GangNeedsNodes") == 1


def test_shares_are_asked_for_on_as_few_whole_gpus_as_hold_them() -> None:
    cluster = asking(nodes=1)
    cluster.create("g", 11, 11, request=Share(1, MilliGpu(300)))
    assert wanted(cluster) == [("g", [(3, 1, 3), (1, 1, 2)])]


def test_pods_that_are_not_alike_are_asked_for_apart() -> None:
    cluster = asking(nodes=1)
    cluster.create("g", 3, 2)
    cluster.create("g", 3, request=Share(4, MilliGpu(1000)))
    assert wanted(cluster) == [("g", [(2, 1, 1), (1, 4, 1)])]


def test_more_kinds_of_pods_than_a_request_takes_are_not_asked_for() -> None:
    cluster = asking(nodes=1)
    for milli in range(501, 534):
        cluster.create("g", 33, request=Share(1, MilliGpu(milli)))
    assert wanted(cluster) == []


def test_mib_are_not_asked_for_as_nobody_knows_of_which_model() -> None:
    cluster = asking(nodes=1)
    cluster.create("g", 2, 2, request=MemoryShare(1, MiB(16384)))
    assert wanted(cluster) == []


def test_nothing_is_asked_for_over_the_quota_and_what_was_is_taken_away() -> None:
    cluster = asking(nodes=1)
    project(cluster, 2000)
    create(cluster, 2)
    assert wanted(cluster) == [("g", [(2, 1, 1)])]
    project(cluster, 1000)
    wanted(cluster)
    assert wanted(cluster, SETTLED_S) == []


def test_what_was_asked_for_is_taken_away_when_the_gang_has_its_plan_or_is_gone() -> None:
    cluster = asking(nodes=1)
    create(cluster, 2)
    cluster.create("h", 2, 2)
    assert [gang for gang, _ in wanted(cluster)] == ["g", "h"]
    add_node(cluster, "n1")
    wanted(cluster)
    assert len(cluster.held()) == 2
    for name in ("h-003", "h-004"):
        cluster.delete(name)
    assert [gang for gang, _ in wanted(cluster)] == ["g"], "it is settled in a moment"
    assert wanted(cluster, SETTLED_S) == []
