"""What volumes demand, and what of them nobody answers for."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from extender.core.predicates.node_affinity import NodeTerm
from extender.core.predicates.selectors import equal_to
from extender.core.predicates.volumes import BoundVolume
from extender.shell.predicates.volumes import BIND_COMPLETED, Storage, claims_of, limited_drivers, volumes_of
from kube.constraints import CsiNode, PersistentVolume, PersistentVolumeClaim
from tests.extender.shell.predicates.written import NAMESPACE, pod

ZONE = "topology.kubernetes.io/zone"
BY_CLAIM = {"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]}
BOUND = {"metadata": {"name": "c", "annotations": {BIND_COMPLETED: "yes"}}, "spec": {"volumeName": "pv"}}


def storage(claim: dict[str, Any], volume: dict[str, Any], *limited: str) -> Storage:
    """Return what there is: one claim and one volume."""
    claims = {(NAMESPACE, "c"): msgspec.convert(claim, PersistentVolumeClaim)}
    found = msgspec.convert({"metadata": {"name": "pv"}} | volume, PersistentVolume)
    return Storage(claims, {"pv": found}, frozenset(limited))


def test_a_pod_without_claims_demands_nothing() -> None:
    found = volumes_of(pod({"volumes": [{"name": "scratch", "emptyDir": {}}]}), Storage())
    assert (found.bound, found.exclusive, found.unmodelled) == ((), frozenset(), ())


def test_a_bound_volume_demands_its_affinity_and_its_zones() -> None:
    term = {"matchExpressions": [{"key": "disk", "operator": "In", "values": ["a"]}]}
    volume = {
        "metadata": {"name": "pv", "labels": {ZONE: "z1__z2", "failure-domain.beta.kubernetes.io/zone": "z1____z2"}},
        "spec": {"nodeAffinity": {"required": {"nodeSelectorTerms": [term]}}},
    }
    found = volumes_of(pod(BY_CLAIM), storage(BOUND, volume))
    zones = ((ZONE, frozenset({"z1", "z2"})),)  # a list with a gap is passed over
    assert found.bound == (BoundVolume((NodeTerm(equal_to({"disk": "a"})),), zones),)
    assert found.unmodelled == ()


def test_a_claim_for_one_pod_alone_is_exclusive() -> None:
    claim = BOUND | {"spec": {"volumeName": "pv", "accessModes": ["ReadWriteOncePod"]}}
    assert volumes_of(pod(BY_CLAIM), storage(claim, {})).exclusive == {"c"}
    assert volumes_of(pod(BY_CLAIM), storage(BOUND, {})).exclusive == frozenset()


@pytest.mark.parametrize(
    "claim",
    [
        {"metadata": {"name": "c"}},
        {"metadata": {"name": "c"}, "spec": {"volumeName": "pv"}},
        BOUND | {"spec": {"volumeName": "gone"}},
        BOUND | {"status": {"phase": "Lost"}},
        BOUND | {"metadata": {"name": "c", "annotations": {BIND_COMPLETED: "yes"}, "deletionTimestamp": "now"}},
    ],
)
def test_a_claim_that_is_not_bound_is_named(claim: dict[str, Any]) -> None:
    found = volumes_of(pod(BY_CLAIM), storage(claim, {}))
    assert found.unmodelled == ("PersistentVolumeClaim c, which is not bound",)


def test_a_claim_that_nobody_knows_is_named() -> None:
    assert volumes_of(pod(BY_CLAIM), Storage()).unmodelled == ("PersistentVolumeClaim c, which is not bound",)


def test_a_driver_of_which_nodes_take_only_so_many_volumes_is_named() -> None:
    volume = {"spec": {"csi": {"driver": "disk.example.com"}}}
    found = volumes_of(pod(BY_CLAIM), storage(BOUND, volume, "disk.example.com"))
    assert found.unmodelled == (
        "how many volumes of CSI driver disk.example.com a node takes (PersistentVolumeClaim c)",
    )
    assert volumes_of(pod(BY_CLAIM), storage(BOUND, volume, "other.example.com")).unmodelled == ()


def test_drivers_with_a_limit_on_any_node_are_found() -> None:
    drivers = [{"name": "a", "allocatable": {"count": 3}}, {"name": "b", "allocatable": {}}, {"name": "c"}]
    nodes = [{"metadata": {"name": "n"}, "spec": {"drivers": drivers}}, {"metadata": {"name": "m"}}]
    assert limited_drivers(msgspec.convert(nodes, list[CsiNode])) == {"a"}


def test_volumes_of_kinds_that_kube_scheduler_treats_apart_are_named() -> None:
    volume = {"spec": {"awsElasticBlockStore": {"volumeID": "v"}}}
    assert volumes_of(pod(BY_CLAIM), storage(BOUND, volume)).unmodelled == (
        "volume of kind awsElasticBlockStore (PersistentVolumeClaim c)",
    )
    inline = [{"name": "a", "rbd": {}}, {"name": "b", "ephemeral": {}}, {"name": "c", "gcePersistentDisk": {}}]
    assert volumes_of(pod({"volumes": inline}), Storage()).unmodelled == (
        "volume a of kind rbd",
        "volume b of kind ephemeral",
        "volume c of kind gcePersistentDisk",
    )


def test_a_claim_that_is_used_twice_is_one() -> None:
    twice = [{"name": name, "persistentVolumeClaim": {"claimName": "c"}} for name in ("a", "b")]
    assert claims_of(pod({"volumes": twice})) == ("c",)
