"""What does a Binding do to a pod, and when is it refused?"""

from __future__ import annotations

from typing import Any

import pytest

from kube.client import MERGE_PATCH, Api
from tests.contract.asking import decoded, refusal_of
from tests.contract.objects import NOBODY, Object, pod

NOWHERE = "no-such-node"
ANOTHER_UID = "00000000-0000-0000-0000-000000000000"
CONFLICT = 'Operation cannot be fulfilled on pods/binding "one": '


class Pods:
    """The pods of one namespace, and their Bindings."""

    def __init__(self, api: Api, namespace: str) -> None:
        self.namespace = namespace
        self._api = api
        self._path = f"/api/v1/namespaces/{namespace}/pods"

    async def create(self, annotations: dict[str, str] | None = None, **metadata: Any) -> Object:
        body = pod("one", annotations, schedulerName=NOBODY)
        body["metadata"] |= metadata
        return decoded(await self._api.request("POST", self._path, body=body))

    async def get(self) -> Object:
        return decoded(await self._api.request("GET", f"{self._path}/one"))

    async def patch(self, path: str, body: Object) -> None:
        await self._api.request("PATCH", f"{self._path}/{path}", body=body, content_type=MERGE_PATCH)

    async def delete(self) -> None:
        await self._api.request("DELETE", f"{self._path}/one")

    async def bind(
        self, node: str = NOWHERE, name: str = "one", query: dict[str, str] | None = None, **meta: Any
    ) -> Object:
        target = {"apiVersion": "v1", "kind": "Node", "name": node}
        return await self.post({"metadata": {"name": name, **meta}, "target": target}, name, query)

    async def post(self, body: Object, name: str = "one", query: dict[str, str] | None = None) -> Object:
        return decoded(await self._api.request("POST", f"{self._path}/{name}/binding", body=body, query=query))


@pytest.fixture
def pods(api: Api, namespace: str) -> Pods:
    return Pods(api, namespace)


async def test_a_binding_gives_a_pod_its_node_and_says_that_it_is_scheduled(pods: Pods) -> None:
    made = await pods.create()
    answer = await pods.bind()
    assert (answer["kind"], answer["status"]) == ("Status", "Success")
    bound = await pods.get()
    assert bound["spec"] == {**made["spec"], "nodeName": NOWHERE}
    (condition,) = bound["status"]["conditions"]
    assert condition.pop("lastTransitionTime")
    assert condition == {"type": "PodScheduled", "status": "True", "lastProbeTime": None}
    assert bound["status"]["phase"] == "Pending"
    assert bound["metadata"]["generation"] == 1


async def test_a_bindings_annotations_and_labels_come_over_the_pods_own(pods: Pods) -> None:
    await pods.create({"a": "0", "kept": "1"})
    await pods.bind(annotations={"a": "1", "new": "2"}, labels={"app": "other", "new": "2"})
    meta = (await pods.get())["metadata"]
    assert meta["annotations"] == {"a": "1", "kept": "1", "new": "2"}
    assert meta["labels"] == {"app": "other", "new": "2"}


async def test_a_binding_owns_no_fields(pods: Pods) -> None:
    made = await pods.create()
    await pods.bind(annotations={"a": "1"})
    assert (await pods.get())["metadata"]["managedFields"] == made["metadata"]["managedFields"]


async def test_a_binding_is_one_update(pods: Pods) -> None:
    made = await pods.create()
    await pods.bind(resourceVersion=made["metadata"]["resourceVersion"], uid=made["metadata"]["uid"])
    assert (await pods.get())["spec"]["nodeName"] == NOWHERE


async def test_a_binding_ends_the_nomination(pods: Pods) -> None:
    await pods.create()
    await pods.patch("one/status", {"status": {"nominatedNodeName": "gpu-00"}})
    await pods.bind()
    assert "nominatedNodeName" not in (await pods.get())["status"]


async def test_a_dry_binding_changes_nothing(pods: Pods) -> None:
    made = await pods.create()
    assert (await pods.bind(query={"dryRun": "All"}, annotations={"a": "1"}))["status"] == "Success"
    assert await pods.get() == made


async def test_a_bound_pod_is_not_bound_again_even_to_the_same_node(pods: Pods) -> None:
    await pods.create()
    await pods.bind()
    for node in (NOWHERE, "gpu-01"):
        told = f'{CONFLICT}pod one is already assigned to node "{NOWHERE}"'
        assert await refusal_of(pods.bind(node)) == (409, "Conflict", told)


async def test_a_pod_that_is_not_there_is_not_found(pods: Pods) -> None:
    assert await refusal_of(pods.bind(name="absent")) == (404, "NotFound", 'pods "absent" not found')


async def test_a_pod_that_is_being_deleted_is_not_bound(pods: Pods) -> None:
    await pods.create(finalizers=["example.com/hold"])
    await pods.delete()
    told = f"{CONFLICT}pod one is being deleted, cannot be assigned to a host"
    assert await refusal_of(pods.bind()) == (409, "Conflict", told)
    await pods.patch("one", {"metadata": {"finalizers": None}})


async def test_a_binding_to_another_pod_of_that_name_is_refused(pods: Pods) -> None:
    uid = (await pods.create())["metadata"]["uid"]
    told = (
        f'Operation cannot be fulfilled on pods "one": StorageError: invalid object, Code: 4, Key: /registry/pods/'
        f"{pods.namespace}/one, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: "
        f"{ANOTHER_UID}, UID in object meta: {uid}"
    )
    assert await refusal_of(pods.bind(uid=ANOTHER_UID)) == (409, "Conflict", told)


async def test_a_binding_to_another_version_is_refused(pods: Pods) -> None:
    version = (await pods.create())["metadata"]["resourceVersion"]
    told = (
        f'Operation cannot be fulfilled on pods "one": StorageError: invalid object, Code: 4, Key: /registry/pods/'
        f"{pods.namespace}/one, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: ResourceVersion in "
        f"precondition: 1, ResourceVersion in object meta: {version}"
    )
    assert await refusal_of(pods.bind(resourceVersion="1")) == (409, "Conflict", told)


async def test_a_binding_without_target_is_an_error_without_reason(pods: Pods) -> None:
    await pods.create()
    meta = {"name": "one"}
    for body in ({"metadata": meta}, {"metadata": meta, "target": {"kind": "Node"}}):
        assert await refusal_of(pods.post(body)) == (500, "", "target.name: Required value")
    told = 'target.kind: Unsupported value: "Pod": supported values: "Node", "<empty>"'
    assert await refusal_of(pods.post({"metadata": meta, "target": {"kind": "Pod", "name": "x"}})) == (500, "", told)


async def test_a_binding_names_its_pod_and_namespace(pods: Pods) -> None:
    await pods.create()
    target = {"kind": "Node", "name": NOWHERE}
    told = "name in URL does not match name in Binding object"
    for metadata in ({}, {"name": "other"}):
        assert await refusal_of(pods.post({"metadata": metadata, "target": target})) == (400, "BadRequest", told)
    told = "the namespace of the provided object does not match the namespace sent on the request"
    assert await refusal_of(pods.bind(namespace="default")) == (400, "BadRequest", told)
