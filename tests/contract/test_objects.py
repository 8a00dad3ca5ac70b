"""How is an object created and read: what the server sets, what it refuses, what it drops?"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.asking import Object, decoded, refusal_of

if TYPE_CHECKING:
    from kube.client import Api

_SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
_NAME_PART = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
_LABEL_KEY = (
    "a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. "
    "'example.com/MyName')"
)
_LABEL_VALUE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)


class Maps:
    """The config maps of one namespace."""

    def __init__(self, api: Api, namespace: str) -> None:
        self.api = api
        self.namespace = namespace
        self.path = f"/api/v1/namespaces/{namespace}/configmaps"

    async def create(self, name: str, query: dict[str, str] | None = None, **meta: Any) -> Object:
        return await self.send({"metadata": {"name": name, **meta}, "data": {"a": "1"}}, query)

    async def send(self, body: Object, query: dict[str, str] | None = None) -> Object:
        return decoded(await self.api.request("POST", self.path, body=body, query=query))

    async def get(self, name: str) -> Object:
        return decoded(await self.api.request("GET", f"{self.path}/{name}"))

    async def delete(self, name: str, body: Object | None = None, query: dict[str, str] | None = None) -> Object:
        return decoded(await self.api.request("DELETE", f"{self.path}/{name}", body=body, query=query))


@pytest.fixture
def maps(api: Api, namespace: str) -> Maps:
    return Maps(api, namespace)


async def test_what_is_created_is_what_is_read(maps: Maps) -> None:
    made = await maps.create("a", labels={"b": "c"}, annotations={"d": "e"})
    assert made["kind"] == "ConfigMap"
    assert made["apiVersion"] == "v1"
    assert made["data"] == {"a": "1"}
    assert made["metadata"]["labels"] == {"b": "c"}
    assert made["metadata"]["annotations"] == {"d": "e"}
    assert await maps.get("a") == made


async def test_the_server_gives_uid_time_version_and_namespace(maps: Maps) -> None:
    meta = (await maps.create("a"))["metadata"]
    assert meta.keys() == {"name", "namespace", "uid", "creationTimestamp", "resourceVersion", "managedFields"}
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", meta["uid"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", meta["creationTimestamp"])
    assert meta["namespace"] == maps.namespace


async def test_what_the_server_sets_cannot_be_sent(maps: Maps) -> None:
    uid, past = "11111111-1111-4111-8111-111111111111", "2001-01-01T00:00:00Z"
    meta = (await maps.create("a", uid=uid, creationTimestamp=past, deletionTimestamp=past, selfLink="/x"))["metadata"]
    assert meta["uid"] != uid
    assert meta["creationTimestamp"] != past
    assert not {"deletionTimestamp", "selfLink"} & meta.keys()


async def test_versions_grow_over_kinds_and_namespaces(maps: Maps) -> None:
    first = await maps.create("a")
    label = {"metadata": {"labels": {"x": "y"}}}
    path = f"/api/v1/namespaces/{maps.namespace}"
    between = decoded(await maps.api.request("PATCH", path, body=label, content_type="application/merge-patch+json"))
    second = await maps.create("b")
    versions = [int(each["metadata"]["resourceVersion"]) for each in (first, between, second)]
    assert versions == sorted(set(versions))


async def test_a_name_is_generated_from_its_beginning(maps: Maps) -> None:
    names = [(await maps.send({"metadata": {"generateName": "g-"}}))["metadata"] for _ in range(2)]
    assert len({each["name"] for each in names}) == 2
    for each in names:
        assert re.fullmatch(r"g-[bcdfghjklmnpqrstvwxz2456789]{5}", each["name"])
        assert each["generateName"] == "g-"


async def test_a_generated_name_is_at_most_63_long(maps: Maps) -> None:
    name = (await maps.send({"metadata": {"generateName": "g" * 80}}))["metadata"]["name"]
    assert re.fullmatch(r"g{58}[bcdfghjklmnpqrstvwxz2456789]{5}", name)


async def test_a_name_goes_before_a_beginning_of_one(maps: Maps) -> None:
    assert (await maps.create("a", generateName="g-"))["metadata"]["name"] == "a"


async def test_an_object_needs_a_name(maps: Maps) -> None:
    sentence = 'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required'
    for meta in ({}, {"name": ""}):
        assert await refusal_of(maps.send({"metadata": meta})) == (422, "Invalid", sentence)


async def test_a_version_cannot_be_sent_with_a_new_object(maps: Maps) -> None:
    sentence = "resourceVersion should not be set on objects to be created"
    assert await refusal_of(maps.create("a", resourceVersion="5")) == (500, "", sentence)
    await maps.create("b", resourceVersion="0")


async def test_a_second_object_of_a_name_is_refused(maps: Maps) -> None:
    await maps.create("a")
    assert await refusal_of(maps.create("a")) == (409, "AlreadyExists", 'configmaps "a" already exists')


async def test_rules_go_before_the_name_being_taken(maps: Maps) -> None:
    await maps.create("a")
    assert (await refusal_of(maps.create("a", labels={"-": "b"})))[0] == 422


async def test_nothing_is_created_in_a_namespace_that_is_missing(maps: Maps) -> None:
    elsewhere = Maps(maps.api, "no-such-namespace")
    assert await refusal_of(elsewhere.create("a")) == (404, "NotFound", 'namespaces "no-such-namespace" not found')


async def test_a_namespace_that_is_missing_is_empty_to_read(maps: Maps) -> None:
    elsewhere = Maps(maps.api, "no-such-namespace")
    assert decoded(await maps.api.request("GET", elsewhere.path))["items"] == []
    assert await refusal_of(elsewhere.get("a")) == (404, "NotFound", 'configmaps "a" not found')


async def test_an_object_of_another_namespace_is_refused(maps: Maps) -> None:
    sentence = "the namespace of the provided object does not match the namespace sent on the request"
    assert await refusal_of(maps.create("a", namespace="default")) == (400, "BadRequest", sentence)


_UNQUALIFIED = "name is neither a standard finalizer name nor is it fully qualified"
_BAD_METADATA: dict[str, tuple[Object, str]] = {
    "a name": ({"name": "A_b"}, f'metadata.name: Invalid value: "A_b": {_SUBDOMAIN}'),
    "a long name": (
        {"name": "a" * 254},
        f'metadata.name: Invalid value: "{"a" * 254}": must be no more than 253 characters',
    ),
    "a label's key": ({"labels": {"-a": "b"}}, f'metadata.labels: Invalid value: "-a": {_NAME_PART}'),
    "a label's key with two slashes": (
        {"labels": {"a/b/c": "b"}},
        f'metadata.labels: Invalid value: "a/b/c": {_LABEL_KEY}',
    ),
    "a label's value": ({"labels": {"a": "b b"}}, f'metadata.labels: Invalid value: "b b": {_LABEL_VALUE}'),
    "a long label's value": (
        {"labels": {"a": "b" * 64}},
        f'metadata.labels: Invalid value: "{"b" * 64}": must be no more than 63 bytes',
    ),
    "an annotation's key": (
        {"annotations": {"a/b/c": "b"}},
        f'metadata.annotations: Invalid value: "a/b/c": {_LABEL_KEY}',
    ),
    "annotations beyond 256 KiB": (
        {"annotations": {"a": "b" * 262_144}},
        "metadata.annotations: Too long: may not be more than 262144 bytes",
    ),
    "a finalizer without a domain": (
        {"finalizers": ["a"]},
        f'metadata.finalizers[0]: Invalid value: "a": {_UNQUALIFIED}',
    ),
    "an owner without a name": (
        {"ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "", "uid": "u"}]},
        'metadata.ownerReferences.name: Invalid value: "": must not be empty',
    ),
    "an empty owner": (
        {"ownerReferences": [{}]},
        (
            '[metadata.ownerReferences.apiVersion: Invalid value: "": version must not be empty, '
            'metadata.ownerReferences.kind: Invalid value: "": must not be empty, '
            'metadata.ownerReferences.name: Invalid value: "": must not be empty, '
            'metadata.ownerReferences.uid: Invalid value: "": must not be empty]'
        ),
    ),
}


@pytest.mark.parametrize("what", _BAD_METADATA)
async def test_metadata_that_breaks_a_rule_is_refused(maps: Maps, what: str) -> None:
    meta, sentence = _BAD_METADATA[what]
    named: Object = {"name": "a", **meta}
    told = f'ConfigMap "{named["name"]}" is invalid: {sentence}'
    assert await refusal_of(maps.send({"metadata": named})) == (422, "Invalid", told)


async def test_every_broken_rule_is_told(maps: Maps) -> None:
    status, _, message = await refusal_of(maps.create("A_b", labels={"a": "b b"}, annotations={"x y": "1"}))
    assert status == 422
    assert message.startswith('ConfigMap "A_b" is invalid: [metadata.name: Invalid value: "A_b": ')
    assert ', metadata.labels: Invalid value: "b b": ' in message
    assert ', metadata.annotations: Invalid value: "x y": ' in message


async def test_a_generated_name_is_held_against_the_rules(maps: Maps) -> None:
    status, _, message = await refusal_of(maps.send({"metadata": {"generateName": "G_"}}))
    assert status == 422
    assert re.fullmatch(
        r'ConfigMap "G_\w{5}" is invalid: \[metadata.generateName: Invalid value: "G_": .+, '
        r'metadata.name: Invalid value: "G_\w{5}": .+\]',
        message,
    )
