"""How is an object replaced and deleted: versions, preconditions, finalizers, dry runs, generations?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from kube.client import MERGE_PATCH
from tests.contract.asking import Object, refusal_of

if TYPE_CHECKING:
    from kube.client import Api

_OTHER_UID = "11111111-1111-4111-8111-111111111111"
_STALE = (
    'Operation cannot be fulfilled on configmaps "a": the object has been modified; please apply your changes to the '
    "latest version and try again"
)


class Maps:
    """The config maps of one namespace."""

    def __init__(self, api: Api, namespace: str) -> None:
        self.api = api
        self.namespace = namespace
        self.path = f"/api/v1/namespaces/{namespace}/configmaps"

    async def send(self, method: str, name: str, body: Object | None = None, **query: str) -> Object:
        kind = MERGE_PATCH if method == "PATCH" else "application/json"
        path = f"{self.path}/{name}".removesuffix("/")
        answer = await self.api.request(method, path, body=body, query=query, content_type=kind)
        decoded: Object = msgspec.json.decode(answer)
        return decoded

    async def create(self, name: str, **meta: Any) -> Object:
        return await self.send("POST", "", {"metadata": {"name": name, **meta}, "data": {"a": "1"}})

    async def put(self, name: str, body: Object, **query: str) -> Object:
        return await self.send("PUT", name, body, **query)

    async def names(self) -> list[str]:
        found = (each["metadata"]["name"] for each in (await self.send("GET", ""))["items"])
        return [name for name in found if name != "kube-root-ca.crt"]


@pytest.fixture
def maps(api: Api, namespace: str) -> Maps:
    return Maps(api, namespace)


def named(name: str, **meta: Any) -> Object:
    return {"metadata": {"name": name, **meta}, "data": {"b": "2"}}


async def test_an_object_is_replaced_as_a_whole(maps: Maps) -> None:
    was = await maps.create("a", labels={"x": "y"})
    made = await maps.put("a", named("a", resourceVersion=was["metadata"]["resourceVersion"]))
    assert made["data"] == {"b": "2"}
    assert "labels" not in made["metadata"]
    assert made["metadata"]["namespace"] == maps.namespace
    for kept in ("uid", "creationTimestamp"):
        assert made["metadata"][kept] == was["metadata"][kept]
    assert int(made["metadata"]["resourceVersion"]) > int(was["metadata"]["resourceVersion"])
    assert await maps.send("GET", "a") == made


async def test_an_update_that_changes_nothing_keeps_the_version(maps: Maps) -> None:
    was = await maps.create("a")
    assert (await maps.put("a", was))["metadata"]["resourceVersion"] == was["metadata"]["resourceVersion"]


async def test_an_update_of_a_stale_version_is_refused(maps: Maps) -> None:
    was = await maps.create("a")
    await maps.put("a", named("a"))
    assert await refusal_of(maps.put("a", was)) == (409, "Conflict", _STALE)


@pytest.mark.parametrize("version", [None, "", "0"])
async def test_an_update_without_a_version_is_taken_whatever_is_there(maps: Maps, version: str | None) -> None:
    await maps.create("a")
    await maps.put("a", {**named("a"), "data": {"c": "3"}})
    await maps.put("a", named("a", resourceVersion=version))
    assert (await maps.send("GET", "a"))["data"] == {"b": "2"}
    assert await maps.names() == ["a"]


async def test_a_version_that_is_no_number_is_refused(maps: Maps) -> None:
    await maps.create("a")
    sentence = 'strconv.ParseUint: parsing "abc": invalid syntax'
    assert await refusal_of(maps.put("a", named("a", resourceVersion="abc"))) == (500, "", sentence)


async def test_an_update_must_bear_the_name_of_its_path(maps: Maps) -> None:
    await maps.create("a")
    sentence = "the name of the object (b) does not match the name on the URL (a)"
    assert await refusal_of(maps.put("a", named("b"))) == (400, "BadRequest", sentence)
    sentence = "the name of the object (a based on URL) was undeterminable: name must be provided"
    assert await refusal_of(maps.put("a", {"data": {}})) == (400, "BadRequest", sentence)


async def test_an_update_must_be_of_the_namespace_of_its_path(maps: Maps) -> None:
    await maps.create("a")
    sentence = "the namespace of the provided object does not match the namespace sent on the request"
    assert await refusal_of(maps.put("a", named("a", namespace="default"))) == (400, "BadRequest", sentence)


async def test_an_update_of_what_is_not_there_is_refused(maps: Maps) -> None:
    assert await refusal_of(maps.put("a", named("a"))) == (404, "NotFound", 'configmaps "a" not found')


async def test_an_update_of_another_object_of_the_name_is_refused(maps: Maps) -> None:
    uid = (await maps.create("a"))["metadata"]["uid"]
    sentence = (
        'Operation cannot be fulfilled on configmaps "a": StorageError: invalid object, Code: 4, Key: '
        f"/registry/configmaps/{maps.namespace}/a, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in "
        f"precondition: {_OTHER_UID}, UID in object meta: {uid}"
    )
    assert await refusal_of(maps.put("a", named("a", uid=_OTHER_UID))) == (409, "Conflict", sentence)


async def test_an_update_is_held_against_the_rules(maps: Maps) -> None:
    await maps.create("a")
    status, reason, message = await refusal_of(maps.put("a", named("a", finalizers=["x"])))
    assert (status, reason) == (422, "Invalid")
    rule = 'Invalid value: "x": name is neither a standard finalizer name nor is it fully qualified'
    assert message == f'ConfigMap "a" is invalid: metadata.finalizers[0]: {rule}'


async def test_a_dry_run_writes_nothing(maps: Maps) -> None:
    dry = await maps.send("POST", "", named("a"), dryRun="All")
    assert "resourceVersion" not in dry["metadata"]
    assert dry["metadata"]["uid"]
    assert await maps.names() == []
    was = await maps.create("a")
    assert (await maps.put("a", named("a"), dryRun="All"))["data"] == {"b": "2"}
    assert (await maps.send("PATCH", "a", {"data": {"a": "5"}}, dryRun="All"))["data"] == {"a": "5"}
    assert (await maps.send("DELETE", "a", dryRun="All"))["status"] == "Success"
    assert (await maps.send("DELETE", "a", {"dryRun": ["All"]}))["status"] == "Success"
    assert await maps.send("GET", "a") == was


_METHODS = {"POST": "CreateOptions", "PUT": "UpdateOptions", "PATCH": "PatchOptions", "DELETE": "DeleteOptions"}


@pytest.mark.parametrize("method", _METHODS)
async def test_a_dry_run_is_of_everything_or_refused(maps: Maps, method: str) -> None:
    await maps.create("a")
    options = f"{_METHODS[method]}.meta.k8s.io"
    sentence = f'{options} "" is invalid: dryRun: Unsupported value: ["some"]: supported values: "All"'
    body = None if method == "DELETE" else named("a")
    call = maps.send(method, "" if method == "POST" else "a", body, dryRun="some")
    assert await refusal_of(call) == (422, "Invalid", sentence)


async def test_reading_knows_no_dry_run(maps: Maps) -> None:
    made = await maps.create("a")
    assert await maps.send("GET", "a", dryRun="some") == made


async def test_a_field_manager_is_at_most_128_long(maps: Maps) -> None:
    sentence = 'CreateOptions.meta.k8s.io "" is invalid: fieldManager: Too long: may not be more than 128 bytes'
    call = maps.send("POST", "", named("a"), fieldManager="x" * 129)
    assert await refusal_of(call) == (422, "Invalid", sentence)


async def test_a_query_parameter_that_there_is_not_is_ignored(maps: Maps) -> None:
    made = await maps.create("a")
    assert await maps.send("GET", "a", foo="bar") == made


async def test_a_change_of_the_spec_raises_the_generation(api: Api, namespace: str) -> None:
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    spec = {
        "replicas": 0,
        "selector": {"matchLabels": {"a": "b"}},
        "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "m", "image": "x"}]}},
    }
    await api.request("POST", path, body={"metadata": {"name": "a", "generation": 7}, "spec": spec})
    changes: list[tuple[Object, int]] = [
        ({}, 1),
        ({"spec": {"replicas": 0}}, 1),
        ({"spec": {"minReadySeconds": 3}}, 2),
        ({"metadata": {"labels": {"a": "b"}}}, 2),
        ({"metadata": {"generation": 9}}, 2),
        ({"status": {"replicas": 3}}, 2),
    ]
    for change, generation in changes:
        answer = await api.request("PATCH", f"{path}/a", body=change, content_type=MERGE_PATCH)
        assert msgspec.json.decode(answer)["metadata"]["generation"] == generation, change


async def test_a_deletion_tells_what_is_gone(maps: Maps) -> None:
    uid = (await maps.create("a"))["metadata"]["uid"]
    told = await maps.send("DELETE", "a")
    assert told["status"] == "Success"
    assert told["details"] == {"name": "a", "kind": "configmaps", "uid": uid}
    for method in ("GET", "DELETE"):
        assert await refusal_of(maps.send(method, "a")) == (404, "NotFound", 'configmaps "a" not found')


async def test_a_deletion_is_held_against_the_uid(maps: Maps) -> None:
    uid = (await maps.create("a"))["metadata"]["uid"]
    sentence = (
        f'Operation cannot be fulfilled on ConfigMap "a": the UID in the precondition ({_OTHER_UID}) does not match '
        f"the UID in record ({uid}). The object might have been deleted and then recreated"
    )
    call = maps.send("DELETE", "a", {"preconditions": {"uid": _OTHER_UID}})
    assert await refusal_of(call) == (409, "Conflict", sentence)
    await maps.send("DELETE", "a", {"preconditions": {"uid": uid}})
    assert await maps.names() == []


async def test_no_object_has_an_empty_uid(maps: Maps) -> None:
    await maps.create("a")
    assert (await refusal_of(maps.send("DELETE", "a", {"preconditions": {"uid": ""}})))[:2] == (409, "Conflict")
    assert await maps.names() == ["a"]


async def test_a_deletion_is_held_against_the_version(maps: Maps) -> None:
    was = (await maps.create("a"))["metadata"]["resourceVersion"]
    version = (await maps.put("a", named("a")))["metadata"]["resourceVersion"]
    sentence = (
        f'Operation cannot be fulfilled on ConfigMap "a": the ResourceVersion in the precondition ({was}) does not '
        f"match the ResourceVersion in record ({version}). The object might have been modified"
    )
    call = maps.send("DELETE", "a", {"preconditions": {"resourceVersion": was}})
    assert await refusal_of(call) == (409, "Conflict", sentence)
    await maps.send("DELETE", "a", {"preconditions": {"resourceVersion": version}})
    assert await maps.names() == []


async def test_a_propagation_policy_is_one_of_three(maps: Maps) -> None:
    await maps.create("a")
    sentence = (
        'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: "x": supported values: '
        '"Foreground", "Background", "Orphan", "nil"'
    )
    assert await refusal_of(maps.send("DELETE", "a", propagationPolicy="x")) == (422, "Invalid", sentence)


@pytest.mark.parametrize(
    "query", [{"dryRun": "All"}, {"dryRun": "some"}, {"gracePeriodSeconds": "x"}, {"propagationPolicy": "x"}]
)
async def test_a_deletions_body_hides_the_options_of_its_query(maps: Maps, query: dict[str, str]) -> None:
    await maps.create("a")
    await maps.send("DELETE", "a", {"gracePeriodSeconds": 0}, **query)
    assert await maps.names() == []


async def test_finalizers_hold_what_is_deleted_until_they_are_gone(maps: Maps) -> None:
    await maps.create("a", finalizers=["x.y/z"])
    meta = (await maps.send("DELETE", "a"))["metadata"]
    assert meta["deletionGracePeriodSeconds"] == 0
    assert (await maps.send("DELETE", "a"))["metadata"] == meta
    assert (await maps.send("PATCH", "a", {"data": {"c": "d"}}))["metadata"]["deletionTimestamp"]
    last = await maps.send("PATCH", "a", {"metadata": {"finalizers": None}})
    assert last["metadata"]["deletionTimestamp"] == meta["deletionTimestamp"]
    assert await maps.names() == []


async def test_what_is_being_deleted_gets_no_finalizer(maps: Maps) -> None:
    await maps.create("a", finalizers=["x.y/z"])
    await maps.send("DELETE", "a")
    sentence = (
        'ConfigMap "a" is invalid: metadata.finalizers: Forbidden: no new finalizers can be added if the object is '
        'being deleted, found new finalizers []string{"x.y/new"}'
    )
    call = maps.send("PATCH", "a", {"metadata": {"finalizers": ["x.y/z", "x.y/new"]}})
    assert await refusal_of(call) == (422, "Invalid", sentence)
    await maps.send("PATCH", "a", {"metadata": {"finalizers": None}})


async def test_many_are_deleted_by_selectors(maps: Maps) -> None:
    for name in ("a", "b", "c", "d"):
        await maps.create(name, labels={"k": name})
    told = await maps.send("DELETE", "", labelSelector="k in (a,b)")
    assert told["kind"] == "ConfigMapList"
    assert [each["metadata"]["name"] for each in told["items"]] == ["a", "b"]
    assert await maps.names() == ["c", "d"]
    await maps.send("DELETE", "", fieldSelector="metadata.name=c", dryRun="All")
    await maps.send("DELETE", "", fieldSelector="metadata.name=d")
    assert await maps.names() == ["c"]


@pytest.mark.parametrize("method", ["POST", "DELETE"])
async def test_nothing_is_written_in_all_namespaces_at_once(maps: Maps, method: str) -> None:
    await maps.create("a")
    body = named("b", namespace=maps.namespace) if method == "POST" else None
    told = await refusal_of(maps.api.request(method, "/api/v1/configmaps", body=body))
    assert told == (405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
    assert await maps.names() == ["a"]


async def test_namespaces_are_deleted_one_by_one(maps: Maps) -> None:
    call = maps.api.request("DELETE", "/api/v1/namespaces", query={"labelSelector": "no=such"})
    assert (await refusal_of(call))[:2] == (405, "MethodNotAllowed")
