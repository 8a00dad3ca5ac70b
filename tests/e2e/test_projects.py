"""Quotas are kept whatever comes at once, train goes beyond them, and who waits is told why and woken."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e import pods

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deploy.local import LocalCluster

MAP = "/api/v1/namespaces/plimsoll-system/configmaps/config-projects"


@pytest.fixture(autouse=True)
def running_extender(cluster: LocalCluster, managed_namespace: str) -> Iterator[None]:
    """Run the extender, and leave no project behind."""
    if cluster.pid("extender") is None:
        cluster.start_extender()
    yield
    configure(cluster, None)
    del managed_namespace


def configure(cluster: LocalCluster, projects: list[dict[str, Any]] | None) -> None:
    """Set the projects; JSON is YAML."""
    pods.patch(cluster, MAP, {"data": {"projects": None if projects is None else json.dumps(projects)}})


def project(name: str, quota: object, *namespaces: str) -> dict[str, Any]:
    return {"name": name, "quota": quota, "namespaces": list(namespaces)}


def of_kind(kind: str, one: dict[str, Any], label: str = "") -> dict[str, Any]:
    one["spec"]["priorityClassName"] = f"plimsoll-{kind}"
    if label:
        one["metadata"]["labels"] = {"plimsoll.dev/project": label}
    return one


def account(cluster: LocalCluster, name: str) -> dict[str, Any]:
    """Return how a project stands, as `plimsoll projects` tells it; {} where there is none of that name."""
    command = [sys.executable, "-m", "plimsoll", "projects", name, "-o", "json", "--server", cluster.devices_address]
    answer = subprocess.run(command, capture_output=True, check=True, timeout=60.0)
    found: list[dict[str, Any]] = json.loads(answer.stdout)["projects"]
    return found[0] if found else {}


def in_force(cluster: LocalCluster, name: str, quota_milli: int) -> None:
    pods.wait_until("the quota is in force", lambda: account(cluster, name).get("quota_milli") == quota_milli)


def told(cluster: LocalCluster, namespace: str, name: str, reason: str) -> list[str]:
    return [one.message for one in pods.events_about(cluster, namespace, name) if one.reason == reason]


def test_a_burst_stays_within_the_quota_and_the_rest_is_told_and_runs_when_it_is_raised(
    cluster: LocalCluster, managed_namespace: str
) -> None:
    configure(cluster, [project("search", 3.5, managed_namespace)])
    in_force(cluster, "search", 3500)
    burst = [of_kind("inference", pods.fraction(f"p{i:02}", "0.5")) for i in range(12)]
    pods.create(cluster, managed_namespace, burst)
    waiting = {f"p{i:02}" for i in range(12)} - set(pods.wait_bound(cluster, managed_namespace, 7))
    assert len(waiting) == 5
    sentences: dict[str, list[str]] = {}

    def every_one_is_told() -> bool:
        for name in waiting:
            sentences[name] = told(cluster, managed_namespace, name, "WaitsForQuota")
        return all(sentences.values())

    pods.wait_until("an Event on each pod that waits", every_one_is_told)
    pods.wait_until("they wait", lambda: account(cluster, "search")["waiting_pods"] == 5)
    said = sentences[min(waiting)][-1]
    assert said.startswith("project search: over quota: asks 0.5 GPUs, ")
    assert f"by {managed_namespace}/p" in said
    assert said.endswith(" missing")
    assert len(pods.placed(pods.pods_of(cluster, managed_namespace))) == 7
    configure(cluster, [project("search", 5, managed_namespace)])
    assert len(pods.wait_bound(cluster, managed_namespace, 10, seconds=15.0)) == 10
    in_force(cluster, "search", 5000)
    assert account(cluster, "search")["inference_milli"] == 5000


def test_room_that_a_pod_leaves_goes_to_one_that_waits_for_its_project(
    cluster: LocalCluster, managed_namespace: str
) -> None:
    configure(cluster, [project("search", 1, managed_namespace)])
    in_force(cluster, "search", 1000)
    pods.create(cluster, managed_namespace, [of_kind("build", pods.pod("first", gpus=1))])
    pods.wait_bound(cluster, managed_namespace, 1)
    pods.create(cluster, managed_namespace, [of_kind("inference", pods.pod("second", gpus=1))])
    pods.wait_until("it is told", lambda: bool(told(cluster, managed_namespace, "second", "WaitsForQuota")))
    pods.delete(cluster, managed_namespace, "first")
    pods.wait_until(
        "the second runs", lambda: set(pods.placed(pods.pods_of(cluster, managed_namespace))) == {"second"}, 30.0
    )


def test_train_runs_beyond_the_quota_and_takes_none_of_it_from_inference(
    cluster: LocalCluster, managed_namespace: str
) -> None:
    configure(cluster, [project("search", 1, managed_namespace)])
    in_force(cluster, "search", 1000)
    pods.create(cluster, managed_namespace, [of_kind("train", pods.pod(f"t{i}", gpus=1)) for i in range(3)])
    pods.wait_bound(cluster, managed_namespace, 3)
    pods.create(cluster, managed_namespace, [of_kind("inference", pods.pod("serves", gpus=1))])
    pods.wait_bound(cluster, managed_namespace, 4)
    stands = account(cluster, "search")
    assert (stands["train_milli"], stands["inference_milli"], stands["over_milli"]) == (3000, 1000, 3000)


def test_a_lowered_quota_evicts_nothing_and_admits_nothing(cluster: LocalCluster, managed_namespace: str) -> None:
    configure(cluster, [project("search", 2, managed_namespace)])
    in_force(cluster, "search", 2000)
    pods.create(cluster, managed_namespace, [of_kind("inference", pods.pod(f"p{i}", gpus=1)) for i in range(2)])
    pods.wait_bound(cluster, managed_namespace, 2)
    configure(cluster, [project("search", 1, managed_namespace)])
    in_force(cluster, "search", 1000)
    pods.create(cluster, managed_namespace, [of_kind("inference", pods.fraction("late", "0.1"))])
    pods.wait_until("it is told", lambda: bool(told(cluster, managed_namespace, "late", "WaitsForQuota")))
    assert told(cluster, managed_namespace, "late", "WaitsForQuota")[-1].endswith(", 1.1 missing")
    assert set(pods.placed(pods.pods_of(cluster, managed_namespace))) == {"p0", "p1"}


def test_a_label_that_nothing_authorises_is_named_and_the_pod_runs_once_it_is_authorised(
    cluster: LocalCluster, managed_namespace: str
) -> None:
    configure(cluster, [project("search", 1, managed_namespace), project("vision", 1, "elsewhere")])
    in_force(cluster, "vision", 1000)
    pods.create(cluster, managed_namespace, [of_kind("inference", pods.fraction("p", "0.5"), label="vision")])
    pods.wait_until("it is told", lambda: bool(told(cluster, managed_namespace, "p", "UnauthorisedProject")))
    assert told(cluster, managed_namespace, "p", "UnauthorisedProject")[-1] == (
        'label plimsoll.dev/project of the pod: "vision" must be a project that config-projects authorises for '
        f"namespace {managed_namespace} (search)"
    )
    configure(cluster, [project("search", 1, managed_namespace), project("vision", 1, managed_namespace)])
    assert set(pods.wait_bound(cluster, managed_namespace, 1, seconds=30.0)) == {"p"}
    assert account(cluster, "vision")["inference_milli"] == 500


def test_a_label_that_is_corrected_lets_the_pod_run(cluster: LocalCluster, managed_namespace: str) -> None:
    configure(cluster, [project("search", 1, managed_namespace)])
    in_force(cluster, "search", 1000)
    pods.create(cluster, managed_namespace, [of_kind("inference", pods.fraction("p", "0.5"), label="serach")])
    pods.wait_until("it is told", lambda: bool(told(cluster, managed_namespace, "p", "UnauthorisedProject")))
    corrected = {"metadata": {"labels": {"plimsoll.dev/project": "search"}}}
    pods.patch(cluster, f"/api/v1/namespaces/{managed_namespace}/pods/p", corrected)
    assert set(pods.wait_bound(cluster, managed_namespace, 1, seconds=30.0)) == {"p"}


def test_the_label_of_a_namespace_chooses_among_several_and_wakes_what_waited_for_it(
    cluster: LocalCluster, managed_namespace: str
) -> None:
    configure(cluster, [project("search", 1, managed_namespace), project("vision", 1, managed_namespace)])
    in_force(cluster, "vision", 1000)
    pods.create(cluster, managed_namespace, [of_kind("inference", pods.fraction("p", "0.5"))])
    pods.wait_until("it is told", lambda: bool(told(cluster, managed_namespace, "p", "UnauthorisedProject")))
    labels = {"metadata": {"labels": {"plimsoll.dev/project": "vision"}}}
    pods.patch(cluster, f"/api/v1/namespaces/{managed_namespace}", labels)
    assert set(pods.wait_bound(cluster, managed_namespace, 1, seconds=30.0)) == {"p"}
    assert account(cluster, "vision")["inference_milli"] == 500


def test_a_bad_map_is_told_whole_and_the_last_good_one_stays_in_force(
    cluster: LocalCluster, managed_namespace: str
) -> None:
    configure(cluster, [project("search", 1, managed_namespace)])
    in_force(cluster, "search", 1000)
    configure(cluster, [project("search", -1, managed_namespace), project("search", 1)])

    def events() -> list[str]:
        found = pods.events_about(cluster, "plimsoll-system", "config-projects")
        return [one.message for one in found if one.reason == "BadConfiguration"]

    pods.wait_until("an Event on the map", lambda: bool(events()))
    message = events()[-1]
    for said in ('projects[0].quota: "-1"', "projects[1].name", "projects[1].namespaces", "stays in force"):
        assert said in message
    assert account(cluster, "search")["quota_milli"] == 1000
    pods.create(cluster, managed_namespace, [of_kind("inference", pods.pod(f"p{i}", gpus=1)) for i in range(2)])
    pods.wait_bound(cluster, managed_namespace, 1)
    waiting = ({"p0", "p1"} - set(pods.placed(pods.pods_of(cluster, managed_namespace)))).pop()
    pods.wait_until("the other is told", lambda: bool(told(cluster, managed_namespace, waiting, "WaitsForQuota")))
