"""Train leaves for inference within its project's quota: on a real control plane, with an unmodified kube-scheduler."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from deploy.local import LocalCluster
from tests.e2e import gangs, pods
from tests.e2e.preempting import (
    MEMBERS,
    NEEDED,
    TRAIN,
    Mishap,
    Phase,
    Point,
    needless,
    points,
    promised,
    serving,
    spec,
    struck,
    tune,
    watching,
)
from tests.e2e.test_projects import configure, of_kind, project, told

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_NODE, _GPUS = "gpu-00", 8
_WHILE_S = 1.5  # six looks of the planner


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    """Four nodes with eight GPUs each, and an extender by which others leave at once."""
    with LocalCluster.start(spec("e2e-preemption"), progress=print) as running:
        tune(running)
        running.start_extender()
        yield running


@pytest.fixture(autouse=True)
def whole_extender(cluster: LocalCluster, managed_namespace: str) -> Iterator[None]:
    """Run the extender with a project that serves.

    Afterwards look that no device held more than it has, and that nobody left for somebody who never ran.
    """
    if cluster.pid("extender") is None:
        cluster.start_extender()
    serving(cluster, managed_namespace)
    yield
    configure(cluster, None)
    tune(cluster)
    assert max(pods.used(cluster).values(), default=0) <= 1000
    assert needless(cluster) == 0


@pytest.fixture
def theirs(cluster: LocalCluster) -> Iterator[str]:
    """Another namespace."""
    pods.create_namespace(cluster, "theirs")
    yield "theirs"
    pods.empty(cluster, "theirs")


def train(name: str, *, gpus: int = 1, node: str = _NODE, leaves_after: str = "", label: str = "") -> dict[str, Any]:
    """Return a train pod for a node: of half a GPU where it asks for no whole ones."""
    made = of_kind("train", _on(node, pods.pod(name, gpus=gpus) if gpus else pods.fraction(name, "0.5")))
    made["metadata"]["labels"] = {"app": label}
    if leaves_after:
        made["metadata"]["annotations"]["pod-delete.stage.kwok.x-k8s.io/delay"] = leaves_after
    return made


def serve(name: str, *, share: str = "") -> dict[str, Any]:
    """Return an inference pod for the one node: of a GPU where it asks for no share."""
    return of_kind("inference", _on(_NODE, pods.fraction(name, share) if share else pods.pod(name, gpus=1)))


def run(cluster: LocalCluster, namespace: str, wanted: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Create pods and wait until they run; return the versions of all there are, by name."""
    pods.create(cluster, namespace, wanted)
    names = {one["metadata"]["name"] for one in wanted}

    def all_run() -> bool:
        found = pods.pods_of(cluster, namespace)
        return names <= {one.metadata.name for one in found if one.status.phase == "Running"}

    pods.wait_until(f"{len(names)} pods run", all_run)
    return versions(cluster, namespace)


def versions(cluster: LocalCluster, namespace: str) -> dict[str, str]:
    """Return what tells a pod from any other, and from what it was before anybody wrote to it, by name."""
    found = pods.pods_of(cluster, namespace)
    return {one.metadata.name: f"{one.metadata.uid} {one.metadata.resource_version}" for one in found}


def wait_runs(cluster: LocalCluster, namespace: str, name: str) -> None:
    pods.wait_until(f"{name} has a node", lambda: name in gangs.bound(cluster, namespace))


def left(cluster: LocalCluster, namespace: str, before: dict[str, str]) -> list[str]:
    """Return who is not there any more; all others are as they were."""
    after = versions(cluster, namespace)
    gone = before.keys() - after.keys()
    assert {name: after[name] for name in before.keys() - gone} == {name: before[name] for name in before.keys() - gone}
    return sorted(gone)


def test_a_gang_of_eight_whole_gpus_makes_the_fewest_leave_and_runs_within_30_s_of_the_last(
    cluster: LocalCluster, managed_namespace: str
) -> None:
    before = run(cluster, managed_namespace, _halves())
    pods.create(cluster, managed_namespace, [of_kind("inference", one) for one in gangs.members("g", MEMBERS)])
    pods.wait_until(
        "enough have left", lambda: len(before.keys() & versions(cluster, managed_namespace).keys()) <= TRAIN - NEEDED
    )
    took = pods.wait_until("the gang runs", lambda: len(gangs.bound(cluster, managed_namespace, "g")) == MEMBERS)
    assert took < 30.0
    time.sleep(_WHILE_S)
    assert len(left(cluster, managed_namespace, before)) == NEEDED
    assert promised(cluster) == 0


def test_for_a_gang_over_its_quota_nobody_leaves_and_it_is_told(cluster: LocalCluster, managed_namespace: str) -> None:
    serving(cluster, managed_namespace, 7)
    before = run(cluster, managed_namespace, _halves())
    pods.create(cluster, managed_namespace, [of_kind("inference", one) for one in gangs.members("g", MEMBERS)])
    said = "needs 8, free 7"
    pods.wait_until("it is told", lambda: any(said in one.message for one in pods.events(cluster, managed_namespace)))
    time.sleep(_WHILE_S)
    assert left(cluster, managed_namespace, before) == []
    assert gangs.bound(cluster, managed_namespace, "g") == []


def test_of_eight_half_used_devices_of_a_node_one_is_cleared(cluster: LocalCluster, managed_namespace: str) -> None:
    run(cluster, managed_namespace, [train(f"t-{number:02}", gpus=0) for number in range(2 * _GPUS)])
    by_device = {devices: name for name, devices in pods.placed(pods.pods_of(cluster, managed_namespace)).items()}
    assert len(by_device) == _GPUS
    for name in by_device.values():
        pods.delete(cluster, managed_namespace, name)
    pods.wait_until("half of them are gone", lambda: pods.holdings(cluster)["bound"] == _GPUS)
    assert set(pods.used(cluster).values()) == {500}
    before = versions(cluster, managed_namespace)
    pods.create(cluster, managed_namespace, [serve("one")])
    wait_runs(cluster, managed_namespace, "one")
    assert len(left(cluster, managed_namespace, before)) == 1


def test_where_a_budget_forbids_the_cheapest_another_leaves(cluster: LocalCluster, managed_namespace: str) -> None:
    _old_and_young(cluster, managed_namespace)
    before = versions(cluster, managed_namespace)
    pods.create(cluster, managed_namespace, [serve("first")])
    wait_runs(cluster, managed_namespace, "first")
    (cheapest,) = left(cluster, managed_namespace, before)
    assert cheapest.startswith("young"), "least work is lost"
    _budget(cluster, managed_namespace, "young", 1)
    before = versions(cluster, managed_namespace)
    pods.create(cluster, managed_namespace, [serve("second")])
    wait_runs(cluster, managed_namespace, "second")
    (other,) = left(cluster, managed_namespace, before)
    assert other.startswith("old")


def test_where_a_budget_forbids_all_nobody_leaves_and_an_event_names_it(
    cluster: LocalCluster, managed_namespace: str
) -> None:
    wanted = [train(f"t-{number}", label="all") for number in range(_GPUS)]
    before = run(cluster, managed_namespace, wanted)
    _budget(cluster, managed_namespace, "all", _GPUS)
    pods.create(cluster, managed_namespace, [serve("one")])
    said = f"PodDisruptionBudgets keep too many ({managed_namespace}/all lets 0 go)"
    pods.wait_until("it is told", lambda: said in "".join(told(cluster, managed_namespace, "one", "NoPreemption")))
    time.sleep(_WHILE_S)
    assert left(cluster, managed_namespace, before) == []


def test_the_device_of_a_victim_is_given_to_nobody_before_it_is_gone(
    cluster: LocalCluster, managed_namespace: str
) -> None:
    victim = train("victim", leaves_after="5s")
    victim["spec"]["terminationGracePeriodSeconds"] = 60
    run(cluster, managed_namespace, [victim, *(serve(f"serves-{number}") for number in range(_GPUS - 1))])
    device = pods.placed(pods.pods_of(cluster, managed_namespace))["victim"]
    with watching(cluster, managed_namespace) as seen:
        pods.create(cluster, managed_namespace, [serve("first")])
        pods.wait_until("it is leaving", lambda: seen.count(Phase.LEAVING) == 1)
        # Whoever comes now and would fit, of a lower priority and of the same.
        others = [train("train"), train("half", gpus=0), serve("younger"), serve("small", share="0.25")]
        pods.create(cluster, managed_namespace, others)
        while "victim" in (placed := pods.placed(pods.pods_of(cluster, managed_namespace))):
            assert not placed.keys() & {"first", *(one["metadata"]["name"] for one in others)}
            time.sleep(0.1)
        wait_runs(cluster, managed_namespace, "first")
        time.sleep(_WHILE_S)
    placed = pods.placed(pods.pods_of(cluster, managed_namespace))
    assert placed["first"] == device
    assert not placed.keys() & {one["metadata"]["name"] for one in others}


def test_where_it_is_observed_nobody_leaves_and_it_is_told(cluster: LocalCluster, managed_namespace: str) -> None:
    tune(cluster, mode="observe")
    before = run(cluster, managed_namespace, [train(f"t-{number}") for number in range(_GPUS)])
    pods.create(cluster, managed_namespace, [serve("one")])
    said = f"mode: observe: 1 train pod would leave for it: {managed_namespace}/t-"
    pods.wait_until("it is told", lambda: said in "".join(told(cluster, managed_namespace, "one", "WouldPreempt")))
    time.sleep(_WHILE_S)
    assert left(cluster, managed_namespace, before) == []
    assert promised(cluster) == 0


def test_where_only_what_is_borrowed_may_go_others_keep_their_quota(
    cluster: LocalCluster, managed_namespace: str, theirs: str
) -> None:
    tune(cluster, preemption_scope="borrowed")
    serving(cluster, managed_namespace, 4, project("theirs", _GPUS, theirs))
    before = run(cluster, theirs, [train(f"t-{number}") for number in range(_GPUS)])
    pods.create(cluster, managed_namespace, [serve("one")])
    said = "other projects hold too little beyond their quotas (preemption-scope: borrowed)"
    pods.wait_until("it is told", lambda: said in "".join(told(cluster, managed_namespace, "one", "NoPreemption")))
    assert left(cluster, theirs, before) == []
    serving(cluster, managed_namespace, 4, project("theirs", _GPUS - 1, theirs))
    wait_runs(cluster, managed_namespace, "one")
    assert len(left(cluster, theirs, before)) == 1


def test_a_train_gang_leaves_whole_and_only_where_single_pods_do_not_do(
    cluster: LocalCluster, managed_namespace: str
) -> None:
    gang = [of_kind("train", _on(_NODE, one)) for one in gangs.members("g", 4)]
    rest = [train("single"), *(serve(f"serves-{number}") for number in range(3))]
    before = run(cluster, managed_namespace, [*gang, *rest])
    pods.create(cluster, managed_namespace, [serve("first")])
    wait_runs(cluster, managed_namespace, "first")
    # What let the gang go is taken off its members later on, so that they are not as they were.
    assert before.keys() - versions(cluster, managed_namespace).keys() == {"single"}
    pods.create(cluster, managed_namespace, [serve("second")])
    wait_runs(cluster, managed_namespace, "second")
    assert before.keys() - versions(cluster, managed_namespace).keys() == {"single", "g-0", "g-1", "g-2", "g-3"}


@pytest.mark.parametrize(
    ("mishap", "point"),
    [(mishap, point) for seed, mishap in enumerate(Mishap) for point in points(seed, 3)],
    ids=str,
)
def test_whatever_happens_to_the_extender_all_run_and_no_second_round_leaves(
    cluster: LocalCluster, managed_namespace: str, mishap: Mishap, point: Point
) -> None:
    found = struck(cluster, managed_namespace, mishap, point)
    assert found.shown[point.phase] >= point.count
    assert (found.bound, found.evicted, found.promised) == (MEMBERS, NEEDED, 0)


def _halves() -> list[dict[str, Any]]:
    """Return train pods of half a GPU that fill the cluster."""
    return [of_kind("train", pods.fraction(f"t-{number:02}", "0.5")) for number in range(TRAIN)]


def _old_and_young(cluster: LocalCluster, namespace: str) -> None:
    """Fill the node with train pods, of which two have run a shorter time."""
    run(cluster, namespace, [train(f"old-{number}") for number in range(_GPUS - 2)])
    time.sleep(2.0)  # what they have run is told apart by the second
    run(cluster, namespace, [train(f"young-{number}", label="young") for number in range(2)])


def _budget(cluster: LocalCluster, namespace: str, label: str, least: int) -> None:
    """Create a disruption budget, and wait until the controller has counted its pods."""
    path = f"/apis/policy/v1/namespaces/{namespace}/poddisruptionbudgets"
    made = {
        "metadata": {"name": label},
        "spec": {"minAvailable": least, "selector": {"matchLabels": {"app": label}}},
    }
    cluster.call(lambda api: api.request("POST", path, body=made))
    pods.wait_until("it is counted", lambda: b'"expectedPods"' in cluster.call(lambda api: api.request("GET", path)))


def _on(node: str, one: dict[str, Any]) -> dict[str, Any]:
    one["spec"]["nodeSelector"] = {"kubernetes.io/hostname": node}
    return one
