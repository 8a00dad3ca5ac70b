"""How much pods take and nodes give."""

from __future__ import annotations

from typing import Any

import pytest

from extender.shell.predicates.requests import MOST, allocatable, requested
from tests.extender.shell.predicates.written import pod


def container(name: str = "main", restart: str = "", **requests: str) -> dict[str, Any]:
    return {"name": name, "resources": {"requests": requests}} | ({"restartPolicy": restart} if restart else {})


def taken(spec: dict[str, Any], status: dict[str, Any] | None = None) -> dict[str, int]:
    return dict(requested(pod(spec, status)))


def test_containers_add_up_and_are_rounded_up_once() -> None:
    one, other = container(cpu="100m", memory="1.5"), container("other", cpu="1", memory="1.5")
    assert taken({"containers": [one, other]}) == {"cpu": 1100, "memory": 3}


def test_every_resource_that_is_compared_counts_and_no_other() -> None:
    names = {
        "ephemeral-storage": "1Gi",
        "hugepages-2Mi": "4Mi",
        "example.com/widget": "2",
        "attachable-volumes-nfs": "1",
        "kubernetes.io/batch-cpu": "3",
        "nvidia.com/gpu": "1",
        "plimsoll.dev/gpu": "1",  # kube-scheduler is told to pass over it
        "storage": "1Gi",
        "requests.example.com/widget": "1",
    }
    assert taken({"containers": [container(**names)]}) == {
        "ephemeral-storage": 2**30,
        "hugepages-2Mi": 2**22,
        "example.com/widget": 2,
        "attachable-volumes-nfs": 1,
        "kubernetes.io/batch-cpu": 3,
        "nvidia.com/gpu": 1,
    }


def test_what_is_asked_as_zero_is_not_asked() -> None:
    assert taken({"containers": [container(**{"cpu": "0", "example.com/widget": "0"})]}) == {}


def test_init_containers_run_one_by_one_beside_the_sidecars_before_them() -> None:
    init = [container("a", cpu="4"), container("s", "Always", cpu="1"), container("b", cpu="3500m")]
    assert taken({"containers": [container(cpu="2")], "initContainers": init}) == {"cpu": 4500}
    assert taken({"containers": [container(cpu="4")], "initContainers": init}) == {"cpu": 5000}


def test_requests_of_the_pod_stand_for_those_of_its_containers_and_overhead_comes_on_top() -> None:
    spec = {
        "containers": [container(**{"cpu": "2", "memory": "1Gi", "example.com/widget": "1"})],
        "resources": {"requests": {"cpu": "1", "hugepages-2Mi": "2Mi", "example.com/widget": "9"}},
        "overhead": {"cpu": "250m", "memory": "1Mi"},
    }
    assert taken(spec) == {"cpu": 1250, "hugepages-2Mi": 2**21, "memory": 2**30 + 2**20, "example.com/widget": 1}


@pytest.mark.parametrize(
    ("asked", "has", "promised", "reason", "counted"),
    [
        ("1", "2", "1500m", "", 2000),
        ("3", "2", "1500m", "", 3000),
        ("1", "1", "4", "Deferred", 4000),
        ("8", "2", "1500m", "Infeasible", 2000),
    ],
)
def test_a_container_that_is_resized_counts_as_the_most_unless_it_cannot_grow(
    asked: str, has: str, promised: str, reason: str, counted: int
) -> None:
    given = {"name": "main", "resources": {"requests": {"cpu": has}}, "allocatedResources": {"cpu": promised}}
    conditions = [{"type": "PodResizePending", "status": "True", "reason": reason}] if reason else []
    status = {"containerStatuses": [given], "conditions": conditions}
    assert taken({"containers": [container(cpu=asked)]}, status) == {"cpu": counted}


def test_a_sidecar_that_is_resized_counts_so_too_and_another_init_container_does_not() -> None:
    given = [{"name": name, "resources": {"requests": {"cpu": "9"}}} for name in ("a", "s")]
    init = [container("a", cpu="1"), container("s", "Always", cpu="1")]
    assert taken({"initContainers": init}, {"initContainerStatuses": given}) == {"cpu": 9000}
    assert taken({"initContainers": init[:1]}, {"initContainerStatuses": given}) == {"cpu": 1000}


def test_a_pod_that_is_resized_as_a_whole_counts_as_the_most() -> None:
    spec = {"resources": {"requests": {"cpu": "1"}}}
    status = {"resources": {"requests": {"cpu": "2"}}, "allocatedResources": {"cpu": "3"}}
    assert taken(spec, status) == {"cpu": 3000}


def test_a_node_gives_what_it_says_and_places_for_pods() -> None:
    given = {"cpu": "3500m", "memory": "2Gi", "pods": "110", "example.com/widget": "2", "unheard": "1"}
    assert dict(allocatable(given)) == {"cpu": 3500, "memory": 2**31, "pods": 110, "example.com/widget": 2}
    assert allocatable(None) == ()


def test_more_than_anybody_has_is_capped() -> None:
    assert taken({"containers": [container(memory="9E")]}) == {"memory": MOST}
