"""What does the embedded cluster not do? It says so with 501 and a sentence, and guesses nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from kube.client import ApiError

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from kube.client import Api
    from tests.contract.wire import Wire

_BEGINS = "the embedded cluster does not do this: "


@pytest.fixture(autouse=True)
def _embedded_alone(on_real: bool) -> None:  # noqa: FBT001
    if on_real:
        pytest.skip("the real control plane does all of this")


async def undone(call: Awaitable[object]) -> str:
    """Return the sentence that says what is not done."""
    with pytest.raises(ApiError) as told:
        await call
    assert (told.value.status, told.value.reason) == (501, "NotImplemented")
    assert told.value.message.startswith(_BEGINS)
    return told.value.message.removeprefix(_BEGINS)


# --- requests ---


async def test_strategic_merge_patches_are_not_done(api: Api, namespace: str) -> None:
    kind = "application/strategic-merge-patch+json"
    call = api.request("PATCH", f"/api/v1/namespaces/{namespace}", body={}, content_type=kind)
    sentence = "strategic merge patches; merge patches, JSON patches and server-side apply are there"
    assert await undone(call) == sentence


@pytest.mark.parametrize(
    "query",
    [
        {"resourceVersionMatch": "Exact", "resourceVersion": "1"},
        {"sendInitialEvents": "true", "watch": "true"},
    ],
)
async def test_some_query_parameters_are_not_done(api: Api, query: dict[str, str]) -> None:
    name = next(iter(query))
    assert await undone(api.request("GET", "/api/v1/pods", query=query)) == f"the query parameter {name}"


async def test_strict_validation_of_fields_is_not_done(api: Api, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    call = api.request("POST", path, body={"metadata": {"name": "a"}}, query={"fieldValidation": "Strict"})
    assert await undone(call) == "fieldValidation=Strict; unknown fields are dropped"


@pytest.mark.parametrize(
    "accept",
    [
        "application/yaml",
        "application/vnd.kubernetes.protobuf",
        "application/json;as=Table;v=v1;g=meta.k8s.io",
        "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io, application/yaml",
    ],
)
async def test_answers_in_another_form_than_plain_json_are_not_done(api: Api, accept: str) -> None:
    told = f"answers as {accept.partition(',')[0]}; application/json is there"
    assert await undone(api.request("GET", "/api/v1/configmaps", accept=accept)) == told
    assert await api.request("GET", "/api/v1/configmaps", accept=f"{accept}, application/json")


async def test_bodies_that_are_nested_deeply_are_not_read(wire: Wire) -> None:
    assert (await wire.send("POST", wire.maps, b'{"metadata":{"name":"a"}}'))[0] == 201
    told = (501, "NotImplemented", f"{_BEGINS}it reads no body that is nested as deeply as this one")
    nested = b'{"metadata":{"name":"b"},"x":' + b'{"y":' * 9000 + b"0" + b"}" * 9000 + b"}"
    assert await wire.status("POST", wire.maps, nested) == told
    assert await wire.status("PATCH", f"{wire.maps}/a", nested, "application/merge-patch+json") == told


async def test_pages_of_another_list_or_another_time_are_not_given(api: Api, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    for name in "abc":
        version = msgspec.json.decode(await api.request("POST", path, body={"metadata": {"name": name}}))["metadata"]
    first = msgspec.json.decode(await api.request("GET", path, query={"limit": "1"}))
    following = {"continue": first["metadata"]["continue"]}
    told = "a later page of a list that was selected otherwise"
    assert await undone(api.request("GET", "/api/v1/configmaps", query=following)) == told
    assert await undone(api.request("GET", path.replace("configmaps", "events"), query=following)) == told
    for selector in ("labelSelector", "fieldSelector"):
        assert await undone(api.request("GET", path, query={**following, selector: "metadata.name=a"})) == told
    query = {"limit": "1", "resourceVersion": str(int(version["resourceVersion"]) - 1)}
    told = "pages of what was there at another version than now"
    assert await undone(api.request("GET", path, query=query)) == told


@pytest.mark.parametrize("query", [{"limit": "1"}, {"resourceVersion": "1"}, {"continue": "x"}])
async def test_many_are_not_deleted_in_parts(api: Api, namespace: str, query: dict[str, str]) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    await api.request("POST", path, body={"metadata": {"name": "a"}})
    told = await undone(api.request("DELETE", path, query=query))
    assert told == f"deleting many with {next(iter(query))}: all that are selected now go at once"
    await api.request("GET", f"{path}/a")


async def test_a_watch_of_less_than_no_time_is_not_done(api: Api) -> None:
    call = api.request("GET", "/api/v1/configmaps", query={"watch": "1", "timeoutSeconds": "-1"})
    assert await undone(call) == "a watch that has ended before it began"


@pytest.mark.parametrize("policy", ["Foreground", "Orphan"])
async def test_propagation_other_than_in_the_background_is_not_done(api: Api, namespace: str, policy: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    await api.request("POST", path, body={"metadata": {"name": "a"}})
    assert policy in await undone(api.request("DELETE", f"{path}/a", query={"propagationPolicy": policy}))


async def test_dependents_are_not_orphaned(api: Api, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    await api.request("POST", path, body={"metadata": {"name": "a"}})
    assert "Orphan" in await undone(api.request("DELETE", f"{path}/a", query={"orphanDependents": "true"}))
    assert "Orphan" in await undone(api.request("DELETE", f"{path}/a", body={"orphanDependents": True}))


# --- paths ---


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/secrets",
        "/api/v1/namespaces/default/serviceaccounts/x",
        "/api/v1/watch/pods",
        "/apis/batch",
        "/apis/storage.k8s.io/v1",
        "/apis/apps/v1/statefulsets",
        "/apis/batch/v1/jobs",
        "/apis/rbac.authorization.k8s.io/v1/clusterroles",
        "/api/v1/namespaces/default/pods/x/log",
        "/api/v1/nodes/x/proxy",
    ],
)
async def test_kinds_and_subresources_that_the_real_one_has_besides_are_not_done(api: Api, path: str) -> None:
    assert (await undone(api.request("GET", path))).startswith("it has no ")


async def test_bindings_are_posted_to_their_pods_alone(api: Api, namespace: str) -> None:
    binding = {"metadata": {"name": "one"}, "target": {"name": "gpu-00"}}
    call = api.request("POST", f"/api/v1/namespaces/{namespace}/bindings", body=binding)
    assert await undone(call) == "it has no v1/bindings"


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/metrics",
        "/openapi/v2",
        "/openapi/v3/api/v1",
        "/healthz/etcd",
        "/livez/poststarthook/rbac/bootstrap-roles",
        "/readyz/informer-sync",
        "/.well-known/openid-configuration",
        "/statusz",
    ],
)
async def test_pages_that_the_real_one_has_besides_are_not_done(api: Api, path: str) -> None:
    assert await undone(api.request("GET", path)) == f"it has no page {path}"


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/api/v1/nodes", "spec.unschedulable"),
        ("/api/v1/pods", "spec.hostNetwork"),
        ("/api/v1/events", "source"),
        ("/api/v1/services", "spec.type"),
        ("/apis/apps/v1/replicasets", "status.replicas"),
    ],
)
async def test_some_fields_are_not_selected_by(api: Api, path: str, field: str) -> None:
    call = api.request("GET", path, query={"fieldSelector": f"{field}=x"})
    assert await undone(call) == f"it selects {path.rpartition('/')[2]} by no {field}"


# --- pods ---


@pytest.mark.parametrize("subresource", ["attach", "ephemeralcontainers", "exec", "log", "portforward", "resize"])
async def test_a_pods_containers_are_neither_reached_nor_resized(api: Api, namespace: str, subresource: str) -> None:
    call = api.request("GET", f"/api/v1/namespaces/{namespace}/pods/one/{subresource}")
    assert await undone(call) == f"it has no pods/{subresource}"


@pytest.mark.parametrize("said", [{"runtimeClassName": "x"}, {"overhead": {"cpu": "1"}}])
async def test_runtime_classes_are_not_done(api: Api, namespace: str, said: dict[str, object]) -> None:
    body = {"metadata": {"name": "a"}, "spec": {"containers": [{"name": "main", "image": "x"}], **said}}
    call = api.request("POST", f"/api/v1/namespaces/{namespace}/pods", body=body)
    assert await undone(call) == f"pods with {next(iter(said))}; it has no runtime classes"


async def test_a_pod_has_no_resources_of_its_own(api: Api, namespace: str) -> None:
    spec = {"containers": [{"name": "main", "image": "x"}], "resources": {"requests": {"cpu": "1"}}}
    call = api.request("POST", f"/api/v1/namespaces/{namespace}/pods", body={"metadata": {"name": "a"}, "spec": spec})
    assert await undone(call) == "pods with resources of their own, beside those of their containers"


# --- workloads and services ---

_WEB = {
    "metadata": {"name": "web"},
    "spec": {
        "replicas": 0,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "main", "image": "x"}]},
        },
    },
}


async def _undone(api: Api, method: str, path: str, body: object, kind: str = "application/json") -> str:
    """Ask in vain; return what is not done."""
    with pytest.raises(ApiError) as caught:
        await api.request(method, path, body=body, content_type=kind)
    assert (caught.value.status, caught.value.reason) == (501, "NotImplemented")
    return caught.value.message.removeprefix("the embedded cluster does not do this: ")


async def test_a_changed_pod_template_is_not_rolled_out(api: Api, namespace: str) -> None:
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    await api.request("POST", path, body=_WEB)
    patch = {"spec": {"template": {"metadata": {"labels": {"x": "y"}}}}}
    assert await _undone(api, "PATCH", f"{path}/web", patch, "application/merge-patch+json") == (
        "it rolls out no changed pod template (Deployment web); a Deployment under another name can be created"
    )


async def test_a_scale_is_not_applied(api: Api, namespace: str) -> None:
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    await api.request("POST", path, body=_WEB)
    scale = {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "web"}, "spec": {"replicas": 1}}
    told = await _undone(api, "PATCH", f"{path}/web/scale?fieldManager=one", scale, "application/apply-patch+yaml")
    assert told == "server-side apply to a scale; it merges patches and applies to the object itself"


@pytest.mark.parametrize(
    ("spec", "what"),
    [
        ({"type": "NodePort"}, "services of type NodePort; ClusterIP is there"),
        ({"type": "LoadBalancer"}, "services of type LoadBalancer; ClusterIP is there"),
        ({"type": "ExternalName"}, "services of type ExternalName; ClusterIP is there"),
        ({"ipFamilies": ["IPv6"]}, "services of another family than IPv4"),
        ({"ipFamilyPolicy": "RequireDualStack"}, "services of another family than IPv4"),
        ({"clusterIP": "None"}, "headless services without selector"),
    ],
)
async def test_some_services_are_not_done(api: Api, namespace: str, spec: dict[str, object], what: str) -> None:
    body = {"metadata": {"name": "a"}, "spec": {"ports": [{"port": 80}], **spec}}
    assert await _undone(api, "POST", f"/api/v1/namespaces/{namespace}/services", body) == what


@pytest.mark.parametrize("spec", [{"metrics": [{"type": "Pods"}]}, {"behavior": {"scaleDown": {}}}, {"behavior": {}}])
async def test_autoscalers_with_metrics_or_behavior_are_not_done(
    api: Api, namespace: str, spec: dict[str, object]
) -> None:
    path = f"/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers"
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    body = {"metadata": {"name": "a"}, "spec": {"maxReplicas": 1, "scaleTargetRef": reference, **spec}}
    call = api.request("POST", path, body=body)
    assert await undone(call) == "a HorizontalPodAutoscaler with metrics or behavior of its own"
