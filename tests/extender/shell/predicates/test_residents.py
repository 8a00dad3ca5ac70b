"""What pods count for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from extender.core.predicates.ports import HostPort
from extender.shell.predicates.residents import counts, resident_of
from tests.extender.shell.predicates.written import pod

if TYPE_CHECKING:
    from extender.core.predicates.demands import Resident


def test_ports_of_containers_and_sidecars_are_taken_and_no_others() -> None:
    ports = [{"containerPort": 1, "hostPort": 8080, "hostIP": "10.0.0.1", "protocol": "UDP"}, {"containerPort": 2}]
    starting = {"name": "a", "ports": [{"containerPort": 1, "hostPort": 1}]}
    sidecar = starting | {"name": "b", "restartPolicy": "Always"}
    found = resident_of(pod({"containers": [{"name": "main", "ports": ports}], "initContainers": [starting, sidecar]}))
    assert found.ports == (HostPort(1), HostPort(8080, "UDP", "10.0.0.1"))


def test_a_pod_that_is_deleted_is_leaving() -> None:
    assert resident_of(pod(deletionTimestamp="2026-01-01T00:00:00Z")).leaving


@pytest.mark.parametrize(
    ("node", "phase", "counted"),
    [
        ("n1", "Running", True),
        ("n1", "Pending", True),
        ("n1", "Succeeded", False),
        ("n1", "Failed", False),
        ("", "", False),
    ],
)
def test_a_pod_counts_while_it_is_on_a_node_and_has_not_ended(node: str, phase: str, *, counted: bool) -> None:
    assert counts(pod({"nodeName": node}, {"phase": phase})) is counted


def test_a_resident_whose_selector_cannot_be_read_counts_as_one_without() -> None:
    selector = {"matchExpressions": [{"key": "app", "operator": "Similar"}]}
    term = {"topologyKey": "zone", "labelSelector": selector}
    spec = {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}}
    assert resident_of(pod(spec)).anti_affinity == ()


def test_replicas_count_for_one_and_the_same() -> None:
    def replica(number: int) -> Resident:
        volumes = [
            {"name": f"token-{number}", "projected": {}},
            {"name": "v", "persistentVolumeClaim": {"claimName": "c"}},
        ]
        spec = {"nodeName": f"n{number}", "volumes": volumes}
        status = {"phase": "Running", "conditions": [{"type": "Ready", "reason": str(number)}]}
        return resident_of(pod(spec, status, name=f"p{number}", uid=str(number)))

    assert replica(1) is replica(2)


def test_one_that_is_too_large_to_be_remembered_counts_all_the_same() -> None:
    containers = [{"name": f"c{number}", "resources": {"requests": {"cpu": "1"}}} for number in range(300)]
    large = pod({"containers": containers})
    assert resident_of(large) is not resident_of(large)
    assert resident_of(large).requests == (("cpu", 300_000),)
