"""Nobody but Plimsoll says which device a pod has: on a real API server, as a user who may write pods and all of them.

The user is impersonated: the API server asks RBAC and admission as if they had come themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e import impersonation, pods
from tests.e2e.impersonation import Someone

if TYPE_CHECKING:
    from collections.abc import Callable

    from deploy.local import LocalCluster
    from kube.client import Api
    from tests.e2e.impersonation import Answer

    As = Callable[[Someone, str, str, dict[str, Any]], Answer]

USER = Someone("alice")
EXTENDER = Someone("system:serviceaccount:plimsoll-system:plimsoll-extender")
HAMI = Someone("system:serviceaccount:kube-system:hami-device-plugin")
KUBELET = Someone("system:node:gpu-00", "system:nodes")
NODES, MANAGED = "/nodes", "plimsoll.dev/managed"

DEVICE_KEYS = [
    "plimsoll.dev/devices",
    "plimsoll.dev/gpu-milli",
    "nvidia.com/container.main.gpus.devices",
    "nvidia.com/container.main.gpu-memory.request",
    "nvidia.com/container.main.gpu-memory.limit",
    "hami.io/vgpu-node",
    "hami.io/vgpu-time",
    "hami.io/vgpu-devices-to-allocate",
    "hami.io/vgpu-devices-allocated",
    "hami.io/bind-phase",
    "hami.io/bind-time",
]


@pytest.fixture
def ask(cluster: LocalCluster, managed_namespace: str) -> As:
    """Ask the API server of the namespace's pods in the name of somebody."""

    async def allow(api: Api) -> None:
        kind = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": "pods"}}
        every = ["pods", "pods/binding", "bindings", "pods/status", "pods/ephemeralcontainers", "pods/resize"]
        rule = {"apiGroups": [""], "resources": every, "verbs": ["*"]}
        path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{managed_namespace}"
        await api.request("POST", f"{path}/roles", body=kind | {"kind": "Role", "rules": [rule]})
        users = [{"kind": "User", "name": who} for who in (USER.name, HAMI.name, KUBELET.name)]
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "pods"}
        body = kind | {"kind": "RoleBinding", "roleRef": reference, "subjects": users}
        await api.request("POST", f"{path}/rolebindings", body=body)

    cluster.call(allow)
    own = f"/namespaces/{managed_namespace}"

    def ask(who: Someone, verb: str, path: str, body: dict[str, Any]) -> Answer:
        whole = path if path.startswith(NODES) else own + path
        return impersonation.ask(cluster, who, verb, f"/api/v1{whole}", body)

    pods.wait_until("the API server knows the new role", lambda: ask(USER, "PATCH", "/pods/absent", {})[0] == 404)
    return ask


@pytest.fixture
def bound(cluster: LocalCluster, managed_namespace: str) -> str:
    """A pod that Plimsoll placed; its name."""
    if cluster.pid("extender") is None:
        cluster.start_extender()
    pods.create(cluster, managed_namespace, [pods.fraction("placed", "0.5")])
    pods.wait_bound(cluster, managed_namespace, 1)
    return "placed"


@pytest.fixture
def waiting(ask: As) -> str:
    """A pod that no scheduler places; its name."""
    assert ask(USER, "POST", "/pods", unplaced())[0] == 201
    return "waiting"


def unplaced(annotations: dict[str, str] | None = None) -> dict[str, Any]:
    made = pods.pod("waiting", annotations)
    made["spec"]["schedulerName"] = "nobody"
    return made


def annotated(key: str, value: str | None = "1") -> dict[str, Any]:
    return {"metadata": {"annotations": {key: value}}}


def binding(name: str, annotations: dict[str, str]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Binding",
        "metadata": {"name": name, "annotations": annotations},
        "target": {"apiVersion": "v1", "kind": "Node", "name": "gpu-00"},
    }


def refused(answer: Answer, sentence: str) -> bool:
    status, body = answer
    assert status == 422, body
    assert (
        f"ValidatingAdmissionPolicy 'plimsoll-devices' with binding 'plimsoll-devices' denied request: {sentence}"
        in (body["message"])
    )
    return True


def only_we_write(key: str) -> str:
    return f"annotation {key}: only Plimsoll writes which devices a pod has"


@pytest.mark.parametrize("key", DEVICE_KEYS)
def test_a_pod_cannot_be_created_with_devices(ask: As, key: str) -> None:
    assert refused(ask(USER, "POST", "/pods", unplaced({key: "1"})), only_we_write(key))


@pytest.mark.parametrize("key", DEVICE_KEYS)
def test_devices_cannot_be_written_on_a_waiting_pod(ask: As, waiting: str, key: str) -> None:
    assert refused(ask(USER, "PATCH", f"/pods/{waiting}", annotated(key)), only_we_write(key))


@pytest.mark.parametrize("value", ["1", None])
@pytest.mark.parametrize("key", DEVICE_KEYS[:2])
def test_the_devices_of_a_bound_pod_can_neither_be_changed_nor_removed(
    ask: As, bound: str, key: str, value: str | None
) -> None:
    assert refused(ask(USER, "PATCH", f"/pods/{bound}", annotated(key, value)), only_we_write(key))


def test_devices_cannot_be_written_by_an_update_of_the_whole_pod(ask: As, waiting: str) -> None:
    _, whole = ask(USER, "PATCH", f"/pods/{waiting}", {})
    whole["metadata"]["annotations"] = {"plimsoll.dev/devices": "0"}
    assert refused(ask(USER, "PUT", f"/pods/{waiting}", whole), only_we_write("plimsoll.dev/devices"))


@pytest.mark.parametrize("key", DEVICE_KEYS)
def test_devices_cannot_be_written_through_pods_binding(ask: As, waiting: str, key: str) -> None:
    asked = ask(USER, "POST", f"/pods/{waiting}/binding", binding(waiting, {key: "1"}))
    assert refused(asked, only_we_write(key))


@pytest.mark.parametrize("key", ["gpu-fraction", "gpu-memory", "plimsoll.dev/gpus", "plimsoll.dev/enforcement"])
def test_what_is_asked_for_cannot_be_written_through_pods_binding(ask: As, waiting: str, key: str) -> None:
    status, _ = ask(USER, "POST", f"/pods/{waiting}/binding", binding(waiting, {key: "1"}))
    assert status == 422


def test_devices_cannot_be_written_through_bindings(ask: As, waiting: str) -> None:
    asked = ask(USER, "POST", "/bindings", binding(waiting, {"plimsoll.dev/devices": "0"}))
    assert refused(asked, only_we_write("plimsoll.dev/devices"))


@pytest.mark.parametrize("key", DEVICE_KEYS)
def test_devices_cannot_be_written_through_pods_status(ask: As, waiting: str, key: str) -> None:
    status, body = ask(USER, "PATCH", f"/pods/{waiting}/status", annotated(key))
    assert refused((status, body), only_we_write(key))


@pytest.mark.parametrize("key", DEVICE_KEYS)
def test_devices_cannot_be_written_through_pods_ephemeralcontainers(ask: As, waiting: str, key: str) -> None:
    # The API server takes nothing but the containers from such a request, and asks admission about the rest.
    body = annotated(key) | {"spec": {"ephemeralContainers": [{"name": "debug", "image": "none"}]}}
    status, after = ask(USER, "PATCH", f"/pods/{waiting}/ephemeralcontainers", body)
    assert status == 200
    assert "annotations" not in after["metadata"]


@pytest.mark.parametrize("key", DEVICE_KEYS)
def test_devices_cannot_be_written_through_pods_resize(ask: As, waiting: str, key: str) -> None:
    status, after = ask(USER, "PATCH", f"/pods/{waiting}/resize", annotated(key))
    assert status == 200
    assert "annotations" not in after["metadata"]


@pytest.mark.parametrize("place", ["containers", "initContainers"])
def test_a_container_cannot_name_the_devices_that_it_sees(ask: As, place: str) -> None:
    wanted = unplaced()
    sees = {"name": "sees", "image": "none", "env": [{"name": "NVIDIA_VISIBLE_DEVICES", "value": "all"}]}
    wanted["spec"].setdefault(place, []).append(sees)
    assert refused(
        ask(USER, "POST", "/pods", wanted), "container sees: NVIDIA_VISIBLE_DEVICES may only be void or none"
    )


def test_an_ephemeral_container_cannot_name_the_devices_that_it_sees(ask: As, waiting: str) -> None:
    sees = {"name": "sees", "image": "none", "env": [{"name": "NVIDIA_VISIBLE_DEVICES", "value": "0"}]}
    asked = ask(USER, "PATCH", f"/pods/{waiting}/ephemeralcontainers", {"spec": {"ephemeralContainers": [sees]}})
    assert refused(asked, "container sees: NVIDIA_VISIBLE_DEVICES may only be void or none")


def test_a_container_may_say_that_it_sees_no_device(ask: As) -> None:
    wanted = unplaced()
    wanted["spec"]["containers"][0]["env"] = [{"name": "NVIDIA_VISIBLE_DEVICES", "value": "void"}]
    assert ask(USER, "POST", "/pods", wanted)[0] == 201


@pytest.mark.parametrize(
    "key", ["gpu-fraction", "gpu-memory", "gpu-fraction-num-devices", "gpu-fraction-container-name"]
)
def test_what_a_bound_pod_asked_for_cannot_be_changed(ask: As, bound: str, key: str) -> None:
    asked = ask(USER, "PATCH", f"/pods/{bound}", annotated(key, "0.1"))
    assert refused(asked, f"annotation {key}: the pod is bound, and holds what it asked for then")


@pytest.mark.parametrize("key", ["plimsoll.dev/gpus", "plimsoll.dev/enforcement"])
def test_what_admission_made_of_a_pod_cannot_be_changed(ask: As, waiting: str, key: str) -> None:
    asked = ask(USER, "PATCH", f"/pods/{waiting}", annotated(key))
    assert refused(asked, f"annotation {key}: it stays as it was when the pod was created")


def test_what_a_waiting_pod_asks_for_can_be_corrected(ask: As, waiting: str) -> None:
    assert ask(USER, "PATCH", f"/pods/{waiting}", annotated("gpu-fraction", "0.5"))[0] == 200


def test_other_annotations_are_the_users(ask: As, bound: str) -> None:
    assert ask(USER, "PATCH", f"/pods/{bound}", annotated("nvidia.com/container.main.gpu-compute.mode"))[0] == 200


def test_a_user_may_write_status_and_bind_without_devices(ask: As, waiting: str) -> None:
    condition = {"type": "example.com/Seen", "status": "True"}
    assert ask(USER, "PATCH", f"/pods/{waiting}/status", {"status": {"conditions": [condition]}})[0] == 200
    assert ask(USER, "POST", f"/pods/{waiting}/binding", binding(waiting, {"mine": "1"}))[0] == 201


def test_a_kubelet_reports_the_status_of_a_pod_with_devices(ask: As, bound: str) -> None:
    condition = {"type": "example.com/Seen", "status": "True"}
    assert ask(KUBELET, "PATCH", f"/pods/{bound}/status", {"status": {"conditions": [condition]}})[0] == 200


def test_plimsoll_binds_with_devices(ask: As, waiting: str) -> None:
    written = {"plimsoll.dev/devices": "0", "plimsoll.dev/gpu-milli": "500", "hami.io/bind-phase": "allocating"}
    assert ask(EXTENDER, "POST", f"/pods/{waiting}/binding", binding(waiting, written))[0] == 201
    assert ask(USER, "PATCH", f"/pods/{waiting}", {})[1]["metadata"]["annotations"] == written


def test_hamis_device_plugin_writes_what_became_of_a_pod(ask: As, waiting: str) -> None:
    assert ask(HAMI, "PATCH", f"/pods/{waiting}", annotated("hami.io/bind-phase", "success"))[0] == 200


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"spec": {"unschedulable": True}}, id="spec"),
        pytest.param({"metadata": {"labels": {"mine": "1"}}}, id="labels"),
        pytest.param({"metadata": {"annotations": {"mine": "1"}}}, id="annotations"),
    ],
)
def test_of_a_node_the_extender_changes_hamis_lock_alone(ask: As, change: dict[str, Any]) -> None:
    status, body = ask(EXTENDER, "PATCH", f"{NODES}/gpu-00", change)
    assert status == 422
    assert "of a node Plimsoll may change the annotation hami.io/mutex.lock alone" in body["message"]
    for lock in ("2026-01-02T03:04:05Z,a,b", None):
        assert ask(EXTENDER, "PATCH", f"{NODES}/gpu-00", annotated("hami.io/mutex.lock", lock))[0] == 200


def test_a_pod_that_is_older_than_the_policy_is_still_reported_on(
    cluster: LocalCluster, ask: As, managed_namespace: str
) -> None:
    def managed(value: str | None) -> None:
        pods.patch(cluster, f"/api/v1/namespaces/{managed_namespace}", {"metadata": {"labels": {MANAGED: value}}})

    older = unplaced({"plimsoll.dev/devices": "0"})
    older["spec"]["containers"][0]["env"] = [{"name": "NVIDIA_VISIBLE_DEVICES", "value": "all"}]
    managed(None)
    # The API server looks at the namespace in its cache, which hears of the label a moment later.
    pods.wait_until("a pod as in any namespace", lambda: ask(USER, "POST", "/pods", older)[0] == 201)
    managed("true")
    refusal = unplaced({"plimsoll.dev/devices": "0"})
    refusal["metadata"]["name"] = "newer"
    pods.wait_until("the namespace is managed", lambda: ask(USER, "POST", "/pods?dryRun=All", refusal)[0] == 422)
    condition = {"type": "example.com/Seen", "status": "True"}
    assert ask(USER, "PATCH", "/pods/waiting/status", {"status": {"conditions": [condition]}})[0] == 200
    assert ask(USER, "PATCH", "/pods/waiting", annotated("mine"))[0] == 200


def labelled(key: str, value: str | None) -> dict[str, Any]:
    return {"metadata": {"labels": {key: value}}}


def test_a_bound_pod_stays_in_its_project_and_a_waiting_one_may_choose(ask: As, bound: str, waiting: str) -> None:
    said = "label plimsoll.dev/project: the pod is bound, and counts for the project that it was placed for"
    assert refused(ask(USER, "PATCH", f"/pods/{bound}", labelled("plimsoll.dev/project", "other")), said)
    assert ask(USER, "PATCH", f"/pods/{bound}", labelled("app", "other"))[0] == 200
    for project in ("search", "vision", None):
        assert ask(USER, "PATCH", f"/pods/{waiting}", labelled("plimsoll.dev/project", project))[0] == 200
