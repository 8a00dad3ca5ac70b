"""What a pod takes of its node is what Kubernetes counts."""

from __future__ import annotations

from math import ceil
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube.objects import PodSpec
from kube.resources import Asked, requests_of
from plimsoll.embedded.core.scheduling import requests as embedded


def of(spec: dict[str, Any]) -> Asked:
    return requests_of(msgspec.convert(spec, PodSpec))


def container(cpu: str = "0", memory: str = "0", **more: Any) -> dict[str, Any]:
    return {"name": "c", "resources": {"requests": {"cpu": cpu, "memory": memory}}, **more}


SIDECAR = {"restartPolicy": "Always"}


@pytest.mark.parametrize(
    ("spec", "cpu", "memory"),
    [
        pytest.param({"containers": []}, 0, 0, id="nothing"),
        pytest.param({"containers": [{"name": "c"}]}, 0, 0, id="a container without resources"),
        pytest.param({"containers": [container("100m", "1Gi"), container("1.5", "500M")]}, 1600, 1501, id="a sum"),
        pytest.param(
            {"containers": [container("1", "1Gi")], "initContainers": [container("3", "1Mi"), container("2", "2Gi")]},
            3000,
            2048,
            id="init containers run one after the other: the largest of each resource",
        ),
        pytest.param(
            {"containers": [container("1", "1Gi")], "initContainers": [container("500m", "1Gi", **SIDECAR)]},
            1500,
            2048,
            id="a sidecar runs beside the containers",
        ),
        pytest.param(
            {"containers": [container("1")], "initContainers": [container("1", **SIDECAR), container("3")]},
            4000,
            0,
            id="an init container runs beside the sidecars that were started before it",
        ),
        pytest.param(
            {"containers": [container("1")], "initContainers": [container("3"), container("1", **SIDECAR)]},
            3000,
            0,
            id="and not beside those that are started after it",
        ),
        pytest.param(
            {
                "containers": [container("1")],
                "initContainers": [container("1", **SIDECAR), container("3"), container("4", **SIDECAR)],
            },
            6000,
            0,
            id="all sidecars run beside the containers",
        ),
        pytest.param(
            {"containers": [container("1", "1Gi")], "overhead": {"cpu": "250m", "memory": "120Mi"}},
            1250,
            1144,
            id="the overhead comes on top",
        ),
        pytest.param(
            {"containers": [container("1", "1Gi")], "resources": {"requests": {"cpu": "4"}}, "overhead": {"cpu": "1"}},
            5000,
            1024,
            id="requests of the whole pod stand for those of its containers",
        ),
        pytest.param({"containers": [container("0.0001", "1")]}, 1, 1, id="rounded up"),
    ],
)
def test_cpu_and_memory_are_counted(spec: dict[str, Any], cpu: int, memory: int) -> None:
    assert of(spec) == Asked(cpu, memory)


@pytest.mark.parametrize(
    ("resources", "gpus"),
    [
        ({"limits": {"nvidia.com/gpu": "2"}}, 2),
        ({"requests": {"nvidia.com/gpu": "2"}}, 2),
        ({"requests": {"nvidia.com/gpu": "2"}, "limits": {"nvidia.com/gpu": "2"}}, 2),
        ({"limits": {"nvidia.com/gpu": "0"}}, 0),
        ({"limits": {"cpu": "2"}}, 0),
        ({}, 0),
    ],
)
def test_the_limit_of_gpus_stands_for_their_request(resources: dict[str, Any], gpus: int) -> None:
    assert of({"containers": [{"name": "c", "resources": resources}]}) == Asked(gpus=gpus)


def test_gpus_of_init_containers_are_counted_as_any_resource() -> None:
    one, four = ({"name": "c", "resources": {"limits": {"nvidia.com/gpu": n}}} for n in ("1", "4"))
    assert of({"containers": [one, one], "initContainers": [four]}).gpus == 4
    assert of({"containers": [one, one], "initContainers": [one]}).gpus == 2
    assert of({"containers": [one, one], "initContainers": [one | SIDECAR]}).gpus == 3


def test_what_nobody_has_is_a_number_all_the_same() -> None:
    assert of({"containers": [container("1e30", "1E")] * 100}) == Asked(2**40, 2**40)


containers = st.builds(
    container,
    st.sampled_from(["0", "100m", "1", "1.5", "3"]),
    st.sampled_from(["0", "1", "1Gi", "500M", "1.5Gi"]),
)
inits = st.lists(st.builds(lambda c, s: c | (SIDECAR if s else {}), containers, st.booleans()), max_size=5)


@given(st.lists(containers, min_size=1, max_size=4), inits, st.sampled_from([{}, {"cpu": "1", "memory": "1Gi"}]))
def test_a_pod_takes_what_the_embedded_kube_scheduler_counts(
    running: list[dict[str, Any]], starting: list[dict[str, Any]], overhead: dict[str, str]
) -> None:
    spec = {"containers": running, "initContainers": starting, "overhead": overhead}
    counted = embedded.requests_of(spec)
    assert of(spec) == Asked(counted.get("cpu", 0), ceil(counted.get("memory", 0) / 2**20))
