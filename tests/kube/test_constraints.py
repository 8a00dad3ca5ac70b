"""A pod with all that says where it may run, as the API server writes it."""

from __future__ import annotations

import msgspec

from kube.constraints import (
    ContainerPort,
    LabelSelector,
    PodAffinity,
    PodAffinityTerm,
    TopologySpreadConstraint,
    VolumeSource,
    constrained_pod,
)


def test_names_on_the_wire_are_read_as_kubernetes_writes_them() -> None:
    term = {"topologyKey": "zone", "namespaceSelector": {}}
    said = {
        "containers": [{"name": "main", "ports": [{"hostPort": 80, "hostIP": "10.0.0.1"}]}],
        "topologySpreadConstraints": [{"maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule", "minDomains": 2}],
        "affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}},
        "schedulingGroup": {"podGroupName": "g"},
    }
    spec = constrained_pod(msgspec.json.encode({"metadata": {"name": "p"}, "spec": said})).spec
    assert spec.containers[0].ports == [ContainerPort(80, "10.0.0.1")]
    assert spec.topology_spread_constraints == [TopologySpreadConstraint(1, "", "DoNotSchedule", min_domains=2)]
    assert spec.affinity is not None
    found = PodAffinityTerm("zone", namespace_selector=LabelSelector())
    assert spec.affinity.pod_anti_affinity == PodAffinity([found])
    assert spec.scheduling_group is not None


def test_kinds_of_volumes_have_the_names_of_kubernetes() -> None:
    assert {field.encode_name for field in msgspec.structs.fields(VolumeSource)} == {
        "awsElasticBlockStore",
        "azureDisk",
        "azureFile",
        "cinder",
        "gcePersistentDisk",
        "iscsi",
        "portworxVolume",
        "rbd",
        "vsphereVolume",
    }
