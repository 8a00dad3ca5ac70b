"""Which mistakes in what is sent are refused, and are none of them a defect of the server?"""

from __future__ import annotations

import contextlib
import uuid
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from kube.client import APPLY_PATCH, JSON, MERGE_PATCH, Api, ApiError
from tests.contract.objects import NOBODY, Object, deployment, pod

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Refused = Callable[..., Awaitable[tuple[int, str, str]]]

_NOT_NEGATIVE = "must be greater than or equal to 0"
_NAME_PART = "name part must consist of alphanumeric characters"


@pytest.fixture
def refused(api: Api, namespace: str) -> Refused:
    """Ask in vain; return status, reason and sentence. A path that begins with no "/" is of the namespace."""

    async def asked(method: str, path: str, body: Any = None, kind: str = JSON, **query: str) -> tuple[int, str, str]:
        if not path.startswith("/"):
            group = "/apis/apps/v1" if path.startswith(("deployments", "replicasets")) else "/api/v1"
            path = f"{group}/namespaces/{namespace}/{path}"
        with pytest.raises(ApiError) as caught:
            await api.request(method, path, body=body, content_type=kind, query=query)
        return caught.value.status, caught.value.reason, caught.value.message

    return asked


def config_map(**meta: Any) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", **meta}}


# --- owners ---


async def test_an_object_has_one_controller(refused: Refused) -> None:
    owners = [{"apiVersion": "v1", "kind": "A", "name": name, "uid": name, "controller": True} for name in "ab"]
    status, reason, message = await refused("POST", "configmaps", config_map(ownerReferences=owners))
    assert (status, reason) == (422, "Invalid")
    assert message == (
        'ConfigMap "a" is invalid: metadata.ownerReferences: Invalid value: '
        '[{"apiVersion":"v1","kind":"A","name":"a","uid":"a","controller":true},'
        '{"apiVersion":"v1","kind":"A","name":"b","uid":"b","controller":true}]: Only one reference can have '
        'Controller set to true. Found "true" in references for A/a and A/b'
    )


async def test_an_event_owns_nothing(refused: Refused) -> None:
    owner = {"apiVersion": "v1", "kind": "Event", "name": "a", "uid": "u"}
    _, _, message = await refused("POST", "configmaps", config_map(ownerReferences=[owner]))
    assert message.endswith('"uid":"u"}: /v1, Kind=Event is disallowed from being an owner')


# --- kinds ---


@pytest.mark.parametrize(
    ("path", "kind", "version"),
    [("pods/one/eviction", "Eviction", "v1"), ("pods/one/binding", "Binding", "v2")],
)
async def test_what_is_posted_to_a_pod_is_of_a_known_version(
    refused: Refused, path: str, kind: str, version: str
) -> None:
    body = {"apiVersion": version, "kind": kind, "metadata": {"name": "one"}, "target": {"name": "gpu-00"}}
    assert await refused("POST", path, body) == (
        400,
        "BadRequest",
        (
            f'{kind} in version "{version}" cannot be handled as a {kind}: no kind "{kind}" is registered for version '
            f'"{version}" in scheme "pkg/runtime/scheme.go:111"'
        ),
    )


async def test_what_is_posted_to_a_pod_names_it_even_where_it_is_missing(refused: Refused) -> None:
    for kind in ("Eviction", "Binding"):
        body = {"metadata": {"name": "other"}, "target": {"name": "gpu-00"}}
        told = (400, "BadRequest", f"name in URL does not match name in {kind} object")
        assert await refused("POST", f"pods/one/{kind.lower()}", body) == told


# --- server-side apply ---


@pytest.mark.parametrize("metadata", ["x", [], 1, True])
async def test_applied_metadata_is_an_object(refused: Refused, metadata: object) -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
    status, reason, message = await refused("PATCH", "configmaps/a", body, APPLY_PATCH, fieldManager="one")
    assert (status, reason) == (500, "")
    assert message.startswith("failed to create typed patch object (/; /v1, Kind=ConfigMap): .metadata: expected map")


@pytest.mark.parametrize("uid", [{"a": 1}, ["x"]])
async def test_applied_keys_of_items_are_strings(refused: Refused, uid: object) -> None:
    owner = {"apiVersion": "v1", "kind": "A", "name": "a", "uid": uid}
    body = config_map(ownerReferences=[owner])
    status, reason, message = await refused("PATCH", "configmaps/a", body, APPLY_PATCH, fieldManager="one")
    assert (status, reason) == (500, "")
    assert "].uid: expected string, got " in message


@pytest.mark.parametrize("metadata", [None, {}, {"name": ""}])
async def test_an_apply_that_creates_says_the_name(refused: Refused, metadata: object) -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
    sentence = "the name of the object (a based on URL) was undeterminable: name must be provided"
    told = (400, "BadRequest", sentence)
    assert await refused("PATCH", "configmaps/a", body, APPLY_PATCH, fieldManager="one") == told


async def test_an_apply_of_an_object_that_is_gone_does_not_make_another(refused: Refused) -> None:
    told = (
        409,
        "Conflict",
        (
            'Operation cannot be fulfilled on configmaps "a": uid mismatch: the provided object specified uid x, and '
            "no existing object was found"
        ),
    )
    assert await refused("PATCH", "configmaps/a", config_map(uid="x"), APPLY_PATCH, fieldManager="one") == told


async def test_an_apply_that_creates_may_say_any_version(api: Api, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps/a"
    query = {"fieldManager": "one"}
    await api.request("PATCH", path, body=config_map(resourceVersion="5"), content_type=APPLY_PATCH, query=query)


# --- pods and their templates ---


@pytest.mark.parametrize("gate", [None, {}])
async def test_a_gate_has_a_name(api: Api, namespace: str, refused: Refused, gate: object) -> None:
    body = pod("one", schedulerName=NOBODY, schedulingGates=[{"name": "a"}])
    await api.request("POST", f"/api/v1/namespaces/{namespace}/pods", body=body)
    change = {"spec": {"schedulingGates": [gate]}}
    status, _, message = await refused("PATCH", "pods/one", change, MERGE_PATCH)
    assert status == 422
    assert "spec.schedulingGates[0].name: Forbidden: only deletion is allowed, but found new scheduling gate ''" in (
        message
    )


@pytest.mark.parametrize("resource", ["deployments", "replicasets"])
async def test_a_templates_labels_and_annotations_are_held_against_the_rules(refused: Refused, resource: str) -> None:
    body = deployment("web", 0, {"a b": "x"})
    body["spec"]["template"]["metadata"]["labels"]["c d"] = "x"
    status, _, message = await refused("POST", resource, body)
    assert status == 422
    assert f'spec.template.annotations: Invalid value: "a b": {_NAME_PART}' in message
    assert f'spec.template.labels: Invalid value: "c d": {_NAME_PART}' in message


async def test_replicas_have_no_deadline(refused: Refused) -> None:
    body = deployment("web", 0)
    body["spec"]["template"]["spec"]["activeDeadlineSeconds"] = 5
    _, _, message = await refused("POST", "deployments", body)
    sentence = (
        "spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in ReplicaSet is not Supported"
    )
    assert message == f'Deployment.apps "web" is invalid: {sentence}'


async def test_a_managed_pod_has_a_container(api: Api, managed_namespace: str) -> None:
    body = {"metadata": {"name": "a", "annotations": {"gpu-fraction": "0.5"}}, "spec": {}}
    with pytest.raises(ApiError) as caught:
        await api.request("POST", f"/api/v1/namespaces/{managed_namespace}/pods", body=body)
    assert (caught.value.status, caught.value.reason) == (403, "Invalid")


# --- numbers ---


@pytest.mark.parametrize("resource", ["deployments", "replicasets"])
async def test_the_numbers_of_a_status_are_not_negative(
    api: Api, namespace: str, refused: Refused, resource: str
) -> None:
    path = f"/apis/apps/v1/namespaces/{namespace}/{resource}"
    await api.request("POST", path, body=deployment("web", 0))
    status = {"status": {"availableReplicas": -1}}
    _, _, message = await refused("PATCH", f"{resource}/web/status", status, MERGE_PATCH, dryRun="All")
    assert message.endswith(f'"web" is invalid: status.availableReplicas: Invalid value: -1: {_NOT_NEGATIVE}')


async def test_no_more_replicas_are_ready_than_there_are(api: Api, namespace: str, refused: Refused) -> None:
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    await api.request("POST", path, body=deployment("web", 0))
    status = {"status": {"replicas": 1, "readyReplicas": 2}}
    _, _, message = await refused("PATCH", "deployments/web/status", status, MERGE_PATCH, dryRun="All")
    sentence = "status.readyReplicas: Invalid value: 2: cannot be greater than status.replicas"
    assert message == f'Deployment.apps "web" is invalid: {sentence}'


async def test_a_node_has_whole_gpus(api: Api, refused: Refused) -> None:
    name = f"node-{uuid.uuid4().hex[:8]}"
    try:
        await api.request("POST", "/api/v1/nodes", body={"metadata": {"name": name}})
        for kind in ("capacity", "allocatable"):
            status = {"status": {"capacity": {"cpu": "1"}, kind: {"nvidia.com/gpu": "1.5"}}}
            code, _, message = await refused("PATCH", f"/api/v1/nodes/{name}/status", status, MERGE_PATCH)
            assert code == 422
            assert f'status.{kind}.nvidia.com/gpu: Invalid value: "1500m": must be an integer' in message
    finally:
        with contextlib.suppress(ApiError):
            await api.request("DELETE", f"/api/v1/nodes/{name}")


# --- deletions ---


async def test_dependents_and_propagation_are_not_said_both(api: Api, namespace: str, refused: Refused) -> None:
    await api.request("POST", f"/api/v1/namespaces/{namespace}/configmaps", body={"metadata": {"name": "a"}})
    told = (
        422,
        "Invalid",
        (
            'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Invalid value: "Background": orphanDependents '
            "and deletionPropagation cannot be both set"
        ),
    )
    both = {"orphanDependents": False, "propagationPolicy": "Background"}
    assert await refused("DELETE", "configmaps/a", both) == told
    query = {"orphanDependents": "true", "propagationPolicy": "Background"}
    assert await refused("DELETE", "configmaps/a", **query) == told


async def test_a_propagation_policy_in_a_body_is_one_of_three(api: Api, namespace: str, refused: Refused) -> None:
    await api.request("POST", f"/api/v1/namespaces/{namespace}/configmaps", body={"metadata": {"name": "a"}})
    status, _, message = await refused("DELETE", "configmaps/a", {"propagationPolicy": "Foo"})
    assert status == 422
    assert message.endswith('Unsupported value: "Foo": supported values: "Foreground", "Background", "Orphan", "nil"')


async def test_a_name_is_not_free_while_its_object_is_going(api: Api, namespace: str, refused: Refused) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    await api.request("POST", path, body={"metadata": {"name": "a", "finalizers": ["plimsoll.dev/x"]}})
    await api.request("DELETE", f"{path}/a")
    told = (409, "AlreadyExists", 'object is being deleted: configmaps "a" already exists')
    assert await refused("POST", "configmaps", {"metadata": {"name": "a"}}) == told
    await api.request("PATCH", f"{path}/a", body={"metadata": {"finalizers": None}}, content_type=MERGE_PATCH)


# --- how a pod runs ---


_MISTAKEN: list[tuple[Object, str]] = [
    ({"dnsPolicy": "X"}, "dnsPolicy: Unsupported value"),
    ({"hostname": "A b"}, "hostname: Invalid value"),
    ({"os": {"name": "x"}}, "os: Unsupported value"),
    ({"readinessGates": [{}]}, "readinessGates[0].conditionType: Invalid value"),
    ({"ephemeralContainers": [{"name": "e", "image": "x"}]}, "ephemeralContainers: Forbidden: cannot be set on create"),
    ({"nodeName": "A b"}, 'nodeName: Invalid value: "A b": a lowercase RFC 1123 subdomain'),
    ({"serviceAccountName": "A b"}, 'serviceAccountName: Invalid value: "A b": a lowercase RFC 1123 subdomain'),
    ({"volumes": [{"emptyDir": {}}]}, "volumes[0].name: Required value"),
    ({"volumes": [{"name": "a"}, {"name": "a"}]}, 'volumes[1].name: Duplicate value: "a"'),
    ({"volumes": [{"name": "a", "emptyDir": {}, "hostPath": {"path": "/"}}]}, "volumes[0].hostPath: Forbidden"),
]
_MISTAKEN_IN_A_CONTAINER: list[tuple[Object, str]] = [
    ({"image": " x"}, 'image: Invalid value: " x": must not have leading or trailing whitespace'),
    ({"imagePullPolicy": "X"}, "imagePullPolicy: Unsupported value"),
    ({"terminationMessagePolicy": "X"}, "terminationMessagePolicy: Unsupported value"),
    ({"ports": [{}]}, "ports[0].containerPort: Required value"),
    ({"ports": [{"containerPort": 70000}]}, "ports[0].containerPort: Invalid value: 70000"),
    ({"ports": [{"containerPort": 80, "protocol": "X"}]}, "ports[0].protocol: Unsupported value"),
    ({"ports": [{"containerPort": 1, "name": "a"}, {"containerPort": 2, "name": "a"}]}, "ports[1].name: Duplicate"),
    ({"ports": [{"containerPort": 1, "name": "a_b"}]}, 'ports[0].name: Invalid value: "a_b": must contain only alpha'),
    ({"ports": [{"containerPort": 1, "name": "1-2"}]}, 'ports[0].name: Invalid value: "1-2": must contain at least'),
    ({"ports": [{"containerPort": 1, "name": "a--b"}]}, 'ports[0].name: Invalid value: "a--b": must not contain cons'),
    ({"ports": [{"containerPort": 1, "name": "a" * 16}]}, "must be no more than 15 characters"),
    ({"env": [{"name": "a=b"}]}, 'env[0].name: Invalid value: "a=b": a valid environment variable name must consist'),
    ({"env": [{"value": "x"}]}, "env[0].name: Required value"),
    ({"volumeMounts": [{"name": "a", "mountPath": "/x"}]}, 'volumeMounts[0].name: Not found: "a"'),
    ({"livenessProbe": {}}, "livenessProbe: Required value: must specify a handler type"),
    ({"readinessProbe": {"exec": {}, "periodSeconds": -1}}, "readinessProbe.periodSeconds: Invalid value: -1"),
    ({"lifecycle": {"preStop": {}}}, "lifecycle.preStop: Required value: must specify a handler type"),
    ({"securityContext": {"privileged": True}}, "securityContext.privileged: Forbidden: disallowed by cluster policy"),
]


@pytest.mark.parametrize(("said", "told"), _MISTAKEN)
async def test_how_a_pod_runs_is_held_against_the_rules(refused: Refused, said: Object, told: str) -> None:
    status, _, message = await refused("POST", "pods", pod("one", **said), dryRun="All")
    assert status == 422
    assert f"spec.{told}" in message


@pytest.mark.parametrize(("said", "told"), _MISTAKEN_IN_A_CONTAINER)
async def test_how_a_container_runs_is_held_against_the_rules(refused: Refused, said: Object, told: str) -> None:
    body = pod("one", containers=[{"name": "main", "image": "x", **said}])
    status, _, message = await refused("POST", "pods", body, dryRun="All")
    assert status == 422
    assert message.startswith('Pod "one" is invalid: ')
    assert "spec.containers[0]." in message
    assert told in message


async def test_an_init_container_that_ends_is_not_probed(refused: Refused) -> None:
    init = {"name": "first", "image": "x", "livenessProbe": {"tcpSocket": {"port": 1}}}
    _, _, message = await refused("POST", "pods", pod("one", initContainers=[init]), dryRun="All")
    where = "spec.initContainers[0].livenessProbe"
    assert message == (
        f'Pod "one" is invalid: {where}: Forbidden: may not be set for init containers without restartPolicy=Always'
    )


async def test_a_node_is_required_by_labels_that_there_can_be_and_preferred_by_any(
    api: Api, namespace: str, refused: Refused
) -> None:
    term = {"matchExpressions": [{"key": "a", "operator": "In", "values": ["b", "x y!"]}]}
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
    status, _, message = await refused("POST", "pods", pod("one", affinity={"nodeAffinity": required}))
    assert status == 422
    assert '.matchExpressions[0].values[1]: Invalid value: "x y!": a valid label must be' in message
    preferred = {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "preference": term}]}
    body = pod("one", schedulerName=NOBODY, affinity={"nodeAffinity": preferred})
    await api.request("POST", f"/api/v1/namespaces/{namespace}/pods", body=body)


# --- what a status says ---


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"conditions": [{"type": "x y!", "status": "True"}]}, 'conditions[0].Type: Invalid value: "x y!": name part'),
        ({"conditions": [{"status": "True"}]}, 'conditions[0].Type: Invalid value: "": name part must be non-empty'),
        ({"nominatedNodeName": "A b"}, 'nominatedNodeName: Invalid value: "A b": a lowercase RFC 1123 subdomain'),
        ({"podIP": "here"}, 'podIPs[0]: Invalid value: "here": must be a valid IP address'),
    ],
)
async def test_what_a_pods_status_says_is_held_against_the_rules(
    api: Api, namespace: str, refused: Refused, said: Object, told: str
) -> None:
    await api.request("POST", f"/api/v1/namespaces/{namespace}/pods", body=pod("one", schedulerName=NOBODY))
    status, _, message = await refused("PATCH", "pods/one/status", {"status": said}, MERGE_PATCH)
    assert status == 422
    assert f"status.{told}" in message


# --- counts, ports and names ---


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"maxSurge": ""}, 'maxSurge: Invalid value: "": a valid percent string must be'),
        ({"maxSurge": "half"}, 'maxSurge: Invalid value: "half": a valid percent string must be'),
        ({"maxSurge": -1}, f"maxSurge: Invalid value: -1: {_NOT_NEGATIVE}"),
        ({"maxUnavailable": "half"}, 'maxUnavailable: Invalid value: "half": a valid percent string must be'),
        ({"maxUnavailable": -1}, f"maxUnavailable: Invalid value: -1: {_NOT_NEGATIVE}"),
        ({"maxUnavailable": "101%"}, 'maxUnavailable: Invalid value: "101%": must not be greater than 100%'),
    ],
)
async def test_a_strategy_counts_pods_or_says_a_share_of_them(refused: Refused, said: Object, told: str) -> None:
    body = deployment("a", 0, strategy={"rollingUpdate": said})
    assert (await refused("POST", "deployments", body, dryRun="All"))[:2] == (422, "Invalid")
    assert f"spec.strategy.rollingUpdate.{told}" in (await refused("POST", "deployments", body, dryRun="All"))[2]


async def test_more_than_all_pods_may_be_made_at_once(api: Api, namespace: str) -> None:
    body = deployment("a", 0, strategy={"rollingUpdate": {"maxSurge": "200%"}})
    await api.request("POST", f"/apis/apps/v1/namespaces/{namespace}/deployments", body=body)


async def test_a_replica_set_waits_for_no_less_than_no_time(refused: Refused) -> None:
    told = f'ReplicaSet.apps "a" is invalid: spec.minReadySeconds: Invalid value: -1: {_NOT_NEGATIVE}'
    assert await refused("POST", "replicasets", deployment("a", 0, minReadySeconds=-1)) == (422, "Invalid", told)


async def test_a_service_sends_to_a_port_that_there_can_be(refused: Refused) -> None:
    body = {"metadata": {"name": "a"}, "spec": {"ports": [{"port": 80, "targetPort": "x y"}]}}
    rule = "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)"
    told = f'Service "a" is invalid: spec.ports[0].targetPort: Invalid value: "x y": {rule}'
    assert await refused("POST", "services", body) == (422, "Invalid", told)


async def test_nobody_looks_at_the_names_of_events_and_budgets(api: Api, namespace: str) -> None:
    event = {"metadata": {"name": "A b"}, "involvedObject": {"namespace": namespace}}
    await api.request("POST", f"/api/v1/namespaces/{namespace}/events", body=event)
    budgets = f"/apis/policy/v1/namespaces/{namespace}/poddisruptionbudgets"
    await api.request("POST", budgets, body={"metadata": {"name": "A b"}})


async def test_the_one_range_of_a_nodes_pods_is_the_first_of_many(api: Api) -> None:
    body = {"metadata": {"name": "one"}, "spec": {"podCIDR": "10.1.0.0/24", "podCIDRs": ["10.2.0.0/24"]}}
    answer = await api.request("POST", "/api/v1/nodes", body=body, query={"dryRun": "All"})
    assert msgspec.json.decode(answer)["spec"] == {"podCIDR": "10.1.0.0/24", "podCIDRs": ["10.1.0.0/24"]}
