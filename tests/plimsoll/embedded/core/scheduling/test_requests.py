"""A pod's requests are counted as kube-scheduler counts them."""

from __future__ import annotations

from typing import Any

import pytest

from plimsoll.embedded.core.scheduling.requests import allocatable_of, requests_of, scored_requests_of


def _container(cpu: str, **more: Any) -> dict[str, Any]:
    return {"name": "c", "resources": {"requests": {"cpu": cpu}}, **more}


def _sidecar(cpu: str) -> dict[str, Any]:
    return _container(cpu, restartPolicy="Always")


@pytest.mark.parametrize(
    ("spec", "cpu"),
    [
        ({"containers": [_container("1"), _container("500m")]}, 1500),
        ({"containers": [_container("1")], "initContainers": [_container("3"), _container("2")]}, 3000),
        ({"containers": [_container("1")], "initContainers": [_sidecar("500m")]}, 1500),
        # An init container runs beside the sidecars that started before it, not beside those that start after it.
        ({"containers": [_container("1")], "initContainers": [_sidecar("1"), _container("2")]}, 3000),
        ({"containers": [_container("1")], "initContainers": [_container("2"), _sidecar("1")]}, 2000),
        ({"containers": [_container("1")], "overhead": {"cpu": "250m"}}, 1250),
        ({"containers": [_container("1")], "resources": {"requests": {"cpu": "4"}}}, 4000),
        ({"containers": [_container("0.1m")]}, 1),
    ],
)
def test_cpu_is_counted_in_thousandths(spec: dict[str, Any], cpu: int) -> None:
    assert requests_of(spec) == {"cpu": cpu}


def test_what_is_not_asked_for_and_what_no_scheduler_counts_is_left_out() -> None:
    asked = {"cpu": "0", "memory": "1Gi", "example.com/card": "2", "hugepages-2Mi": "4Mi", "storage": "1Gi"}
    counted = {"memory": 2**30, "example.com/card": 2, "hugepages-2Mi": 4 * 2**20}
    assert requests_of({"containers": [{"resources": {"requests": asked}}]}) == counted


def test_limits_alone_take_nothing() -> None:
    assert requests_of({"containers": [{"resources": {"limits": {"cpu": "1"}}}]}) == {}


def test_in_scores_a_container_that_asks_for_nothing_counts_as_a_small_one() -> None:
    spec = {"containers": [{"resources": {}}, {"resources": {"requests": {"cpu": "1"}}}]}
    assert scored_requests_of(spec) == {"cpu": 1100, "memory": 400 * 2**20}


def test_a_node_offers_pods_too() -> None:
    node = {"status": {"allocatable": {"cpu": "2", "pods": "110", "memory": "1Gi"}}}
    assert allocatable_of(node) == {"cpu": 2000, "pods": 110, "memory": 2**30}
