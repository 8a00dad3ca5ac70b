"""The refusals of types and the objects as they are held were compared with a Kubernetes 1.36 API server.

Statuses, which it does not take on create, and the ends of the sentences about times were not.
"""

from __future__ import annotations

from typing import Any

import pytest
from kubernetes.aio import client

from plimsoll.embedded.core import kinds
from plimsoll.embedded.core.notation import go_types
from plimsoll.embedded.core.notation.schema import read, shape
from plimsoll.embedded.core.problem import Object, Problem


def _pod(container: Object | None = None, **spec: Any) -> Object:
    return {"spec": {"containers": [{"name": "c", "image": "i", **(container or {})}], **spec}}


def _deployment(**spec: Any) -> Object:
    return {"spec": spec}


REFUSED = [
    ("V1ConfigMap", {"data": {"a": 1}}, "number into Go struct field ConfigMap.data of type string"),
    ("V1ConfigMap", {"data": ["a"]}, "array into Go struct field ConfigMap.data of type map[string]string"),
    ("V1ConfigMap", {"data": "a"}, "string into Go struct field ConfigMap.data of type map[string]string"),
    ("V1ConfigMap", {"immutable": "true"}, "string into Go struct field ConfigMap.immutable of type bool"),
    (
        "V1ConfigMap",
        {"metadata": {"labels": {"x": True}}},
        "bool into Go struct field ObjectMeta.metadata.labels of type string",
    ),
    (
        "V1ConfigMap",
        {"metadata": {"deletionTimestamp": 5}},
        "number into Go struct field ObjectMeta.metadata.deletionTimestamp of type string",
    ),
    (
        "V1Deployment",
        _deployment(replicas="3"),
        "string into Go struct field DeploymentSpec.spec.replicas of type int32",
    ),
    (
        "V1Deployment",
        _deployment(replicas=3.5),
        "number 3.5 into Go struct field DeploymentSpec.spec.replicas of type int32",
    ),
    (
        "V1Deployment",
        _deployment(replicas=3.0),
        "number 3.0 into Go struct field DeploymentSpec.spec.replicas of type int32",
    ),
    (
        "V1Deployment",
        _deployment(replicas=3000000000),
        "number 3000000000 into Go struct field DeploymentSpec.spec.replicas of type int32",
    ),
    (
        "V1Deployment",
        _deployment(template="x"),
        "string into Go struct field DeploymentSpec.spec.template of type v1.PodTemplateSpec",
    ),
    (
        "V1Deployment",
        _deployment(strategy={"rollingUpdate": {"maxSurge": True}}),
        "bool into Go struct field RollingUpdateDeployment.spec.strategy.rollingUpdate.maxSurge of type int32",
    ),
    (
        "V1Deployment",
        _deployment(strategy={"rollingUpdate": {"maxSurge": 1.5}}),
        "number 1.5 into Go struct field RollingUpdateDeployment.spec.strategy.rollingUpdate.maxSurge of type int32",
    ),
    ("V1Pod", _pod(containers="x"), "string into Go struct field PodSpec.spec.containers of type []v1.Container"),
    ("V1Pod", _pod(containers=[3]), "number into Go struct field PodSpec.spec.containers of type v1.Container"),
    ("V1Pod", _pod({"image": 7}), "number into Go struct field Container.spec.containers.image of type string"),
    ("V1Pod", _pod({"command": "x"}), "string into Go struct field Container.spec.containers.command of type []string"),
    ("V1Pod", _pod({"command": [1]}), "number into Go struct field Container.spec.containers.command of type string"),
    (
        "V1Pod",
        _pod({"env": [{"name": "A", "value": 3}]}),
        "number into Go struct field EnvVar.spec.containers.env.value of type string",
    ),
    (
        "V1Pod",
        _pod(activeDeadlineSeconds="a"),
        "string into Go struct field PodSpec.spec.activeDeadlineSeconds of type int64",
    ),
    ("V1Pod", _pod(hostNetwork="a"), "string into Go struct field PodSpec.spec.hostNetwork of type bool"),
    ("V1Pod", _pod(tolerations={}), "object into Go struct field PodSpec.spec.tolerations of type []v1.Toleration"),
    ("V1Pod", _pod(affinity=[]), "array into Go struct field PodSpec.spec.affinity of type v1.Affinity"),
    (
        "V1Lease",
        {"spec": {"renewTime": 7}},
        "number into Go struct field LeaseSpec.spec.renewTime of type string",
    ),
]


@pytest.mark.parametrize(("model", "sent", "sentence"), REFUSED, ids=[row[2] for row in REFUSED])
def test_another_type_is_refused_in_the_real_ones_words(model: str, sent: Object, sentence: str) -> None:
    with pytest.raises(Problem) as refused:
        read(shape(model), sent, "")
    name = model.removeprefix("V1")
    begins = f'{name} in version "v1" cannot be handled as a {name}: '
    assert refused.value.message == f"{begins}json: cannot unmarshal {sentence}"
    assert (refused.value.status, refused.value.reason) == (400, "BadRequest")


@pytest.mark.parametrize("quantity", ["x", True, {}, "", "1 Gi"])
def test_what_is_no_quantity_is_refused(quantity: Any) -> None:
    with pytest.raises(Problem, match=r"quantities must match the regular expression"):
        read(shape("V1Pod"), _pod({"resources": {"limits": {"cpu": quantity}}}), "")


@pytest.mark.parametrize(
    ("field", "time", "held"),
    [
        ("metadata.creationTimestamp", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
        ("metadata.creationTimestamp", "2026-01-01T02:00:00.5+02:00", "2026-01-01T00:00:00Z"),
        ("metadata.creationTimestamp", "2026-01-01T00:00:00.5Z", "2026-01-01T00:00:00Z"),
        ("metadata.creationTimestamp", "gestern", None),
        ("metadata.creationTimestamp", "2026-13-01T00:00:00Z", None),
        ("metadata.creationTimestamp", "2026-01-01", None),
        ("spec.renewTime", "2026-01-01T00:00:00.000001Z", "2026-01-01T00:00:00.000001Z"),
        ("spec.renewTime", "2026-01-01T02:00:00.123456+02:00", "2026-01-01T00:00:00.123456Z"),
        ("spec.renewTime", "2026-01-01T00:00:00Z", None),
        ("spec.renewTime", "2026-01-01T00:00:00.123Z", None),
        ("spec.renewTime", "x", None),
    ],
)
def test_times_are_held_in_utc_and_microtimes_have_six_digits(field: str, time: str, held: str | None) -> None:
    outer, inner = field.split(".")
    sent = {outer: {inner: time}}
    if held is not None:
        assert read(shape("V1Lease"), sent, "") == {outer: {inner: held}}
        return
    with pytest.raises(Problem, match=f'parsing time "{time}"'):
        read(shape("V1Lease"), sent, "")


@pytest.mark.parametrize(
    ("model", "sent", "held"),
    [
        ("V1ConfigMap", {"foo": 1, "data": {"a": "b"}}, {"data": {"a": "b"}}),
        ("V1ConfigMap", {"data": None, "immutable": None}, {}),
        ("V1ConfigMap", {"data": {"a": None}}, {"data": {"a": ""}}),
        ("V1ConfigMap", {"data": {}, "metadata": {"labels": {}, "finalizers": []}}, {"metadata": {}}),
        ("V1ConfigMap", {"immutable": False}, {"immutable": False}),
        ("V1Pod", _pod(volumes=[{"name": "v", "emptyDir": {}}]), _pod(volumes=[{"name": "v", "emptyDir": {}}])),
        ("V1Pod", _pod(nodeSelector={}, tolerations=[], hostNetwork=False, nodeName=""), _pod()),
        ("V1Pod", _pod(affinity={"nodeAffinity": {}}), _pod(affinity={"nodeAffinity": {}})),
        ("V1Pod", _pod({"securityContext": {"runAsUser": 0}}), _pod({"securityContext": {"runAsUser": 0}})),
        (
            "V1Pod",
            _pod({"resources": {"limits": {"cpu": 2, "memory": 1.5e9}}}),
            _pod({"resources": {"limits": {"cpu": "2", "memory": "1500M"}}}),
        ),
        ("V1Pod", _pod({"resources": {"limits": {"cpu": 0.5}}}), _pod({"resources": {"limits": {"cpu": "500m"}}})),
        ("V1Pod", _pod({"env": [{"name": "A", "value": ""}]}), _pod({"env": [{"name": "A"}]})),
        ("V1Pod", _pod(evictionResponders=[{"name": "x"}]), _pod()),
        ("V1Deployment", _deployment(replicas=0, paused=False), _deployment(replicas=0)),
        (
            "V1Deployment",
            _deployment(strategy={"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "50%"}}),
            _deployment(strategy={"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "50%"}}),
        ),
        ("V1ReplicaSet", {"status": {"replicas": 0, "readyReplicas": 0}}, {"status": {"replicas": 0}}),
        ("CoreV1Event", {"count": 0, "reportingComponent": ""}, {"reportingComponent": ""}),
    ],
)
def test_an_object_is_held_as_gos_json_holds_it(model: str, sent: Object, held: Object) -> None:
    assert read(shape(model), sent, "") == held
    assert read(shape(model), held, "") == held


def test_a_shape_that_contains_itself_is_resolved_as_far_as_it_is_asked() -> None:
    inner = shape("V1JSONSchemaProps").fields["properties"].item
    assert inner is not None
    assert inner.fields["properties"].item is inner


def test_every_kind_that_is_served_has_a_shape() -> None:
    for kind in kinds.KINDS:
        assert shape(kind.model).name == kind.name
        assert {"metadata", "kind", "apiVersion"} <= shape(kind.model).fields.keys()


def test_the_tables_speak_of_fields_that_there_are() -> None:
    rows = {
        (model, name)
        for table in (go_types.ALWAYS, go_types.TOLD_APART, go_types.LATER)
        for model, names in table.items()
        for name in names.split()
    }
    rows |= {(model, name) for place in [*go_types.KEYS, *go_types.SETS] for model, name in [place.split(".")]}
    # The client is of 1.37, which has this one no more.
    rows -= {("V1NodeAllocatableResourceClaimStatus", "resources")}
    missing = {(model, name) for model, name in rows if name not in getattr(client, model).attribute_map.values()}
    assert not missing
    for place in go_types.ATOMIC:
        assert hasattr(client, place.partition(".")[0])


def test_the_items_of_keyed_lists_have_their_keys() -> None:
    for place, keys in go_types.KEYS.items():
        model, name = place.split(".")
        item = shape(model).fields[name].item
        assert item is not None
        assert set(keys) <= item.fields.keys(), place
