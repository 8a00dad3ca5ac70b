"""What pods demand and count for."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from extender.core.predicates.demands import PodDemands, Resident
from extender.core.predicates.nodes import NodeFacts
from extender.core.predicates.selectors import Labels, Selector, equal_to
from extender.core.predicates.terms import PodTerm
from extender.shell.predicates.demands import demands_of, node_of, resources_by_class
from extender.shell.predicates.residents import resident_of
from kube.constraints import DeviceClass
from kube.objects import Node
from kube.taints import Taint, Toleration
from tests.extender.shell.predicates.written import NAMESPACE, pod

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


def apart(**selector: Any) -> dict[str, Any]:
    return {"podAntiAffinity": {REQUIRED: [{"topologyKey": "zone", "labelSelector": selector}]}}


def test_a_pod_that_says_nothing_demands_nothing() -> None:
    assert demands_of(pod()) == PodDemands(Resident(NAMESPACE))


def test_what_it_says_is_what_it_demands() -> None:
    spec = {
        "containers": [{"name": "main", "resources": {"requests": {"cpu": "1"}}}],
        "tolerations": [{"key": "gpu", "operator": "Exists"}],
        "affinity": apart(matchLabels={"app": "web"}),
        "nodeName": "n1",
    }
    demands = demands_of(pod(spec, labels={"app": "web"}))
    term = PodTerm("zone", Selector(equal_to({"app": "web"})), frozenset({NAMESPACE}))
    resident = Resident(NAMESPACE, Labels({"app": "web"}), (("cpu", 1000),), anti_affinity=(term,))
    assert demands == PodDemands(resident, node_name="n1", tolerations=(Toleration("gpu", "Exists"),))
    assert resident_of(pod(spec, labels={"app": "web"})) == resident


def test_pods_that_are_alike_have_equal_demands() -> None:
    assert hash(demands_of(pod(name="a", uid="1"))) == hash(demands_of(pod(name="b", uid="2")))
    assert demands_of(pod(name="a", uid="1")) == demands_of(pod(name="b", uid="2"))


def test_what_the_node_must_be_able_to_do_is_read_of_the_spec() -> None:
    rules = {"name": "main", "restartPolicyRules": [{"action": "RestartAllContainers"}]}
    found = demands_of(pod({"containers": [rules], "hostNetwork": True, "hostUsers": False}))
    assert found.features == {"RestartAllContainersOnContainerExits", "UserNamespacesHostNetworkSupport"}
    assert demands_of(pod({"hostNetwork": True})).features == frozenset()


@pytest.mark.parametrize(
    ("spec", "named"),
    [
        ({"schedulingGroup": {"podGroupName": "g"}}, "spec.schedulingGroup"),
        ({"resourceClaims": [{"name": "gpu", "resourceClaimName": "c"}]}, "ResourceClaim gpu"),
        (
            {"containers": [{"resources": {"requests": {"nvidia.com/gpu": "1"}}}]},
            "resource nvidia.com/gpu, which a DeviceClass provides",
        ),
        (
            {"containers": [{"resources": {"requests": {"deviceclass.resource.kubernetes.io/a": "1"}}}]},
            "resource deviceclass.resource.kubernetes.io/a, which a DeviceClass provides",
        ),
        (
            {"affinity": apart(matchExpressions=[{"key": "app", "operator": "Similar"}])},
            "a label selector: operator 'Similar' of label app",
        ),
        (
            {"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]},
            "PersistentVolumeClaim c, which is not bound",
        ),
    ],
)
def test_what_nobody_answers_for_is_named(spec: dict[str, Any], named: str) -> None:
    assert demands_of(pod(spec), by_class=frozenset({"nvidia.com/gpu"})).unmodelled == (named,)


def test_resources_that_classes_provide_are_found() -> None:
    classes = [
        {"metadata": {"name": "a"}, "spec": {"extendedResourceName": "example.com/a"}},
        {"metadata": {"name": "b"}},
    ]
    assert resources_by_class(msgspec.convert(classes, list[DeviceClass])) == {"example.com/a"}


def test_a_node_is_what_it_says_of_itself() -> None:
    said = {
        "metadata": {"name": "n1", "labels": {"zone": "z1"}},
        "spec": {"unschedulable": True, "taints": [{"key": "gpu", "effect": "NoSchedule"}]},
        "status": {"allocatable": {"cpu": "2", "pods": "9"}, "declaredFeatures": ["f"]},
    }
    assert node_of(msgspec.convert(said, Node)) == NodeFacts(
        "n1",
        Labels({"zone": "z1"}),
        (("cpu", 2000), ("pods", 9)),
        (Taint("gpu", "", "NoSchedule"),),
        cordoned=True,
        features=frozenset({"f"}),
    )
