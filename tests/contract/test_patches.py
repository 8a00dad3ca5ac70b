"""What do merge patches and JSON patches make of an object, and which are refused?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from kube.client import MERGE_PATCH
from tests.contract.asking import Object, decoded, refusal_of

if TYPE_CHECKING:
    from kube.client import Api

_JSON_PATCH = "application/json-patch+json"
_REFUSED = (422, "Invalid", "the server rejected our request due to an error in our request")
_UID = "11111111-1111-4111-8111-111111111111"


class Map:
    """One config map, named "a"."""

    def __init__(self, api: Api, namespace: str) -> None:
        self.api = api
        self.path = f"/api/v1/namespaces/{namespace}/configmaps/a"
        self.body = {"metadata": {"name": "a", "labels": {"x": "y"}}, "data": {"a": "1", "b": "2"}}

    async def create(self) -> Object:
        return decoded(await self.api.request("POST", self.path.removesuffix("/a"), body=self.body))

    async def get(self) -> Object:
        return decoded(await self.api.request("GET", self.path))

    async def merge(self, patch: Any) -> Object:
        return decoded(await self.api.request("PATCH", self.path, body=patch, content_type=MERGE_PATCH))

    async def patch(self, *operations: Any) -> Object:
        return await self.send_operations(list(operations))

    async def send_operations(self, operations: Any) -> Object:
        return decoded(await self.api.request("PATCH", self.path, body=operations, content_type=_JSON_PATCH))


@pytest.fixture
async def kept(api: Api, namespace: str) -> Map:
    created = Map(api, namespace)
    await created.create()
    return created


async def test_a_merge_patch_sets_keys_and_takes_those_away_that_are_null(kept: Map) -> None:
    made = await kept.merge({"metadata": {"labels": {"x": None, "new": "z"}}, "data": {"b": None, "c": "3"}})
    assert made["data"] == {"a": "1", "c": "3"}
    assert made["metadata"]["labels"] == {"new": "z"}
    assert await kept.get() == made


async def test_a_merge_patch_of_what_is_already_so_keeps_the_version(kept: Map) -> None:
    was = await kept.get()
    for patch in ({}, {"data": {"a": "1"}}, {"data": {"no": None}}, {"no": "such field"}, {"kind": None}):
        assert await kept.merge(patch) == was


async def test_a_merge_patch_of_a_stale_version_is_refused(kept: Map) -> None:
    stale = (await kept.get())["metadata"]["resourceVersion"]
    await kept.merge({"data": {"c": "3"}})
    sentence = (
        'Operation cannot be fulfilled on configmaps "a": the object has been modified; please apply your changes to '
        "the latest version and try again"
    )
    call = kept.merge({"metadata": {"resourceVersion": stale}, "data": {"d": "4"}})
    assert await refusal_of(call) == (409, "Conflict", sentence)


@pytest.mark.parametrize("version", [None, "", "0"])
async def test_a_merge_patch_may_take_the_version_away(kept: Map, version: str | None) -> None:
    await kept.merge({"metadata": {"resourceVersion": version}, "data": {"d": "4"}})
    assert (await kept.get())["data"]["d"] == "4"


async def test_a_patch_must_keep_uid_and_end_of_life(kept: Map) -> None:
    sentence = f'ConfigMap "a" is invalid: metadata.uid: Invalid value: "{_UID}": field is immutable'
    assert await refusal_of(kept.merge({"metadata": {"uid": _UID}})) == (422, "Invalid", sentence)
    operation = {"op": "replace", "path": "/metadata/uid", "value": _UID}
    assert await refusal_of(kept.patch(operation)) == (422, "Invalid", sentence)
    call = kept.merge({"metadata": {"deletionTimestamp": "2001-01-01T00:00:00Z"}})
    assert (await refusal_of(call))[:2] == (422, "Invalid")


async def test_what_the_server_sets_comes_back_where_a_patch_takes_it_away(kept: Map) -> None:
    was = await kept.get()
    taken = {"uid": None, "creationTimestamp": None, "namespace": None, "generation": 5}
    assert await kept.merge({"metadata": taken}) == was


async def test_a_patch_must_keep_name_and_namespace(kept: Map) -> None:
    sentence = "the name of the object (b) does not match the name on the URL (a)"
    assert await refusal_of(kept.merge({"metadata": {"name": "b"}})) == (400, "BadRequest", sentence)
    sentence = "the namespace of the provided object does not match the namespace sent on the request"
    assert await refusal_of(kept.merge({"metadata": {"namespace": "default"}})) == (400, "BadRequest", sentence)
    sentence = "the name of the object (a based on URL) was undeterminable: name must be provided"
    for patch in ({"metadata": None}, {"metadata": {"name": None}}):
        assert await refusal_of(kept.merge(patch)) == (400, "BadRequest", sentence)


@pytest.mark.parametrize(
    ("patch", "why"),
    [
        ({"kind": "Pod"}, ": converting (v1.Pod) to (core.ConfigMap): unknown conversion"),
        ({"data": {"a": 5}}, ": json: cannot unmarshal number into Go struct field ConfigMap.data of type string"),
        (
            {"data": []},
            ": json: cannot unmarshal array into Go struct field ConfigMap.data of type map[string]string",
        ),
    ],
)
async def test_what_a_patch_makes_must_be_of_the_kind(kept: Map, patch: Object, why: str) -> None:
    status, reason, message = await refusal_of(kept.merge(patch))
    assert (status, reason) == (422, "Invalid")
    assert message.startswith(' "" is invalid: patch: Invalid value: "{')
    assert message.endswith(why)


async def test_what_a_patch_makes_is_held_against_the_rules(kept: Map) -> None:
    status, _, message = await refusal_of(kept.merge({"metadata": {"labels": {"a": "b b"}}}))
    assert status == 422
    assert message.startswith('ConfigMap "a" is invalid: metadata.labels: Invalid value: "b b": a valid label must be ')


@pytest.mark.parametrize(("patch", "got"), [([], "array"), ([1], "array")])
async def test_a_merge_patch_is_an_object(kept: Map, patch: Any, got: str) -> None:
    sentence = f"error decoding patch: json: cannot unmarshal {got} into Go value of type map[string]interface {{}}"
    assert await refusal_of(kept.merge(patch)) == (400, "BadRequest", sentence)


async def test_a_patch_of_what_is_not_there_is_refused(api: Api, namespace: str) -> None:
    told = (404, "NotFound", 'configmaps "a" not found')
    assert await refusal_of(Map(api, namespace).merge({})) == told
    assert await refusal_of(Map(api, namespace).patch()) == told


async def test_force_is_of_server_side_apply_alone(kept: Map) -> None:
    sentence = 'PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified for non-apply patch'
    call = kept.api.request("PATCH", kept.path, body={}, content_type=MERGE_PATCH, query={"force": "true"})
    assert await refusal_of(call) == (422, "Invalid", sentence)


async def test_the_operations_of_a_json_patch_are_carried_out_in_order(kept: Map) -> None:
    made = await kept.patch(
        {"op": "test", "path": "/data/a", "value": "1"},
        {"op": "add", "path": "/data/c", "value": "3"},
        {"op": "replace", "path": "/data/a", "value": "5"},
        {"op": "move", "from": "/data/b", "path": "/data/d"},
        {"op": "copy", "from": "/data/c", "path": "/data/e"},
        {"op": "remove", "path": "/data/c"},
    )
    assert made["data"] == {"a": "5", "d": "2", "e": "3"}
    assert await kept.get() == made


async def test_a_json_pointer_escapes_slashes_and_tildes(kept: Map) -> None:
    made = await kept.patch(
        {"op": "add", "path": "/metadata/annotations", "value": {}},
        {"op": "add", "path": "/metadata/annotations/a~1b", "value": "v"},
    )
    assert made["metadata"]["annotations"] == {"a/b": "v"}


async def test_a_json_patch_reaches_into_lists(kept: Map) -> None:
    made = await kept.patch(
        {"op": "add", "path": "/metadata/finalizers", "value": ["x.y/b"]},
        {"op": "add", "path": "/metadata/finalizers/-", "value": "x.y/c"},
        {"op": "add", "path": "/metadata/finalizers/0", "value": "x.y/a"},
    )
    assert made["metadata"]["finalizers"] == ["x.y/a", "x.y/b", "x.y/c"]
    assert await refusal_of(kept.patch({"op": "remove", "path": "/metadata/finalizers/7"})) == _REFUSED
    await kept.patch({"op": "remove", "path": "/metadata/finalizers"})


async def test_replace_also_adds_a_key(kept: Map) -> None:
    assert (await kept.patch({"op": "replace", "path": "/data/c", "value": "3"}))["data"]["c"] == "3"


async def test_no_operation_keeps_the_version(kept: Map) -> None:
    was = await kept.get()
    assert await kept.patch() == was
    assert await kept.patch({"op": "test", "path": "/data/a", "value": "1"}) == was


_CANNOT = {
    "a test that fails": {"op": "test", "path": "/data/a", "value": "2"},
    "a test of what is not there": {"op": "test", "path": "/data/no", "value": "2"},
    "a removal of what is not there": {"op": "remove", "path": "/data/no"},
    "a move of what is not there": {"op": "move", "from": "/data/no", "path": "/data/c"},
    "an addition where nothing is around": {"op": "add", "path": "/metadata/annotations/a", "value": "b"},
    "an operation that there is not": {"op": "no", "path": "/data/c", "value": "3"},
    "no operation's name": {"path": "/data/c", "value": "3"},
    "no path": {"op": "add", "value": "3"},
    "a path without a slash": {"op": "add", "path": "data", "value": "3"},
    "a removal of everything": {"op": "remove", "path": ""},
}


@pytest.mark.parametrize("what", _CANNOT)
async def test_a_json_patch_that_cannot_be_carried_out_changes_nothing(kept: Map, what: str) -> None:
    was = await kept.get()
    first = {"op": "add", "path": "/data/first", "value": "1"}
    assert await refusal_of(kept.patch(first, _CANNOT[what])) == _REFUSED
    assert await kept.get() == was


async def test_a_json_patch_of_a_stale_version_is_refused(kept: Map) -> None:
    stale = (await kept.get())["metadata"]["resourceVersion"]
    await kept.merge({"data": {"c": "3"}})
    call = kept.patch({"op": "replace", "path": "/metadata/resourceVersion", "value": stale})
    assert (await refusal_of(call))[:2] == (409, "Conflict")


async def test_a_json_patch_is_a_list_of_operations(kept: Map) -> None:
    sentence = "error decoding patch: json: cannot unmarshal string into Go value of type handlers.jsonPatchOp"
    assert await refusal_of(kept.send_operations(["a"])) == (400, "BadRequest", sentence)


@pytest.mark.parametrize("key", ["op", "path", "from"])
async def test_operations_and_pointers_are_texts(kept: Map, key: str) -> None:
    told = f"error decoding patch: json: cannot unmarshal number into Go struct field jsonPatchOp.{key} of type string"
    operation = {"op": "remove", "path": "/data/a", key: 1}
    assert await refusal_of(kept.patch(operation)) == (400, "BadRequest", told)


async def test_nothing_is_added_to_the_whole(kept: Map) -> None:
    assert await refusal_of(kept.patch({"op": "add", "path": "", "value": {}})) == _REFUSED


async def test_a_json_patch_has_at_most_10000_operations(kept: Map) -> None:
    sentence = "Request entity too large: The allowed maximum operations in a JSON patch is 10000, got 10001"
    operations = [{"op": "test", "path": "/data/a", "value": "1"}] * 10_001
    assert await refusal_of(kept.send_operations(operations)) == (413, "RequestEntityTooLarge", sentence)
