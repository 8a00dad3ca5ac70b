"""What is answered to HTTP itself: bodies, media types, methods, paths, and those who do not say who they are?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

if TYPE_CHECKING:
    from tests.contract.wire import Wire

_NO_RESOURCE = (404, "NotFound", "the server could not find the requested resource")
_NOT_ALLOWED = (405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
_UNKNOWN_FORMAT = (
    "the body of the request was in an unknown format - accepted media types include: application/json, "
    "application/yaml, application/vnd.kubernetes.protobuf"
)


@pytest.mark.parametrize("body", [b"", b"xxx", b'{"metadata": ', b"{} {}", b'{"a":1,}', b"[]", b"3", b'"a"'])
async def test_a_body_that_is_no_json_object_is_refused(wire: Wire, body: bytes) -> None:
    status, reason, message = await wire.status("POST", wire.maps, body)
    assert (status, reason) == (400, "BadRequest")
    begins = "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse"
    assert message.startswith(f"{begins} error: ")


async def test_a_null_is_an_empty_object(wire: Wire) -> None:
    sentence = 'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required'
    assert await wire.status("POST", wire.maps, b"null") == (422, "Invalid", sentence)


async def test_what_is_no_utf_8_is_replaced(wire: Wire) -> None:
    status, body = await wire.send("POST", wire.maps, b'{"metadata":{"name":"a"},"data":{"a":"\xff"}}')
    assert status == 201
    assert msgspec.json.decode(body)["data"] == {"a": "\ufffd"}


async def test_the_last_of_two_equal_keys_counts(wire: Wire) -> None:
    _, body = await wire.send("POST", wire.maps, b'{"metadata":{"name":"a"},"data":{"a":"1","a":"2"}}')
    assert msgspec.json.decode(body)["data"] == {"a": "2"}


async def test_unknown_fields_are_dropped(wire: Wire) -> None:
    status, body = await wire.send("POST", wire.maps, b'{"metadata":{"name":"a","foo":1},"bar":{"x":[]},"Data":{}}')
    made = msgspec.json.decode(body)
    assert status == 201
    assert made.keys() == {"kind", "apiVersion", "metadata"}
    assert "foo" not in made["metadata"]


async def test_nulls_are_dropped_and_are_empty_in_a_map(wire: Wire) -> None:
    sent = b'{"metadata":{"name":"a","labels":null,"annotations":{"a":null}},"data":{"x":null},"binaryData":null}'
    _, body = await wire.send("POST", wire.maps, sent)
    made = msgspec.json.decode(body)
    assert "labels" not in made["metadata"]
    assert made["metadata"]["annotations"] == {"a": ""}
    assert made["data"] == {"x": ""}
    assert "binaryData" not in made


_OF_WRONG_TYPE = {
    b'{"metadata":{"name":5}}': "number into Go struct field ObjectMeta.metadata.name of type string",
    b'{"metadata":[]}': "array into Go struct field ConfigMap.metadata of type v1.ObjectMeta",
    b'{"metadata":{"labels":["a"]}}': "array into Go struct field ObjectMeta.metadata.labels of type map[string]string",
}


@pytest.mark.parametrize("body", _OF_WRONG_TYPE)
async def test_a_field_of_another_type_is_refused(wire: Wire, body: bytes) -> None:
    begins = 'ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal'
    told = (400, "BadRequest", f"{begins} {_OF_WRONG_TYPE[body]}")
    assert await wire.status("POST", wire.maps, body) == told


_OF_ANOTHER_KIND = {
    b'"kind":"Pod","apiVersion":"v1"': (
        'Pod in version "v1" cannot be handled as a ConfigMap: converting (v1.Pod) to (core.ConfigMap): unknown '
        "conversion"
    ),
    b'"kind":"Deployment","apiVersion":"apps/v1"': (
        'Deployment in version "v1" cannot be handled as a ConfigMap: converting (v1.Deployment) to (core.ConfigMap): '
        "unknown conversion"
    ),
    b'"kind":"Foo"': (
        'Foo in version "v1" cannot be handled as a ConfigMap: no kind "Foo" is registered for version "v1" in scheme '
        '"pkg/runtime/scheme.go:111"'
    ),
    b'"apiVersion":"apps/v1"': (
        'ConfigMap in version "v1" cannot be handled as a ConfigMap: no kind "ConfigMap" is registered for version '
        '"apps/v1" in scheme "pkg/runtime/scheme.go:111"'
    ),
}


@pytest.mark.parametrize("kind", _OF_ANOTHER_KIND)
async def test_an_object_of_another_kind_is_refused(wire: Wire, kind: bytes) -> None:
    told = await wire.status("POST", wire.maps, b'{"metadata":{"name":"a"},' + kind + b"}")
    assert told == (400, "BadRequest", _OF_ANOTHER_KIND[kind])


@pytest.mark.parametrize("kind", ["", "application/json", "application/json; charset=utf-8"])
async def test_a_body_is_json(wire: Wire, kind: str) -> None:
    assert (await wire.send("POST", wire.maps, b'{"metadata":{"name":"a"},"kind":"ConfigMap"}', kind))[0] == 201


async def test_a_body_may_be_yaml(wire: Wire) -> None:
    status, body = await wire.send("POST", wire.maps, b"metadata: {name: a}\ndata: {a: b}\n", "application/yaml")
    assert status == 201
    assert msgspec.json.decode(body)["data"] == {"a": "b"}


async def test_what_looks_like_a_time_in_yaml_is_text_and_so_is_every_key(wire: Wire) -> None:
    sent = b"metadata: {name: a}\ndata: {a: 2020-01-01, 1: b, yes: c, 2020-01-01: d}\n"
    for kind, method, path in (
        ("application/yaml", "POST", wire.maps),
        ("application/apply-patch+yaml", "PATCH", f"{wire.maps}/b?fieldManager=m"),
    ):
        body = sent if method == "POST" else b"apiVersion: v1\nkind: ConfigMap\n" + sent.replace(b"name: a", b"name: b")
        status, answer = await wire.send(method, path, body, kind)
        assert status == 201
        assert msgspec.json.decode(answer)["data"] == {"a": "2020-01-01", "1": "b", "true": "c", "2020-01-01": "d"}


async def test_the_first_document_of_yaml_counts(wire: Wire) -> None:
    body = b"metadata: {name: a}\n---\nmetadata: {name: b}\n"
    status, answer = await wire.send("POST", wire.maps, body, "application/yaml")
    assert (status, msgspec.json.decode(answer)["metadata"]["name"]) == (201, "a")


async def test_a_number_that_json_does_not_know_is_refused(wire: Wire) -> None:
    status, reason, _ = await wire.status("POST", wire.maps, b"metadata: {name: a}\nx: .inf\n", "application/yaml")
    assert (status, reason) == (400, "BadRequest")


@pytest.mark.parametrize("kind", ["Application/JSON", "APPLICATION/YAML;charset=utf-8"])
async def test_a_media_type_is_read_in_any_case(wire: Wire, kind: str) -> None:
    assert (await wire.send("POST", wire.maps, b'{"metadata":{"name":"a"}}', kind))[0] == 201


@pytest.mark.parametrize("kind", ["text/plain", "application/merge-patch+json"])
async def test_a_body_of_another_media_type_is_refused(wire: Wire, kind: str) -> None:
    told = (415, "UnsupportedMediaType", _UNKNOWN_FORMAT)
    assert await wire.status("POST", wire.maps, b'{"metadata":{"name":"a"}}', kind) == told


@pytest.mark.parametrize("kind", ["", "application/json", "text/plain"])
async def test_a_patch_of_another_media_type_is_refused(wire: Wire, kind: str) -> None:
    await wire.send("POST", wire.maps, b'{"metadata":{"name":"a"}}')
    told = (415, "UnsupportedMediaType", "415: Unsupported Media Type")
    assert await wire.status("PATCH", f"{wire.maps}/a", b"{}", kind) == told


async def test_a_patch_of_another_media_type_is_refused_whether_its_object_is_there_or_not(wire: Wire) -> None:
    told = (415, "UnsupportedMediaType", "415: Unsupported Media Type")
    for kind in ("application/json", "Application/merge-patch+json", "application/apply-patch+json"):
        assert await wire.status("PATCH", f"{wire.maps}/none", b"{}", kind) == told


_SENT = "application/json, application/yaml, application/vnd.kubernetes.protobuf"


@pytest.mark.parametrize("accept", ["text/html", "application/cbor", "application/*", "application/JSON", "json"])
async def test_who_takes_nothing_that_is_sent_gets_nothing(wire: Wire, accept: str) -> None:
    for path in (wire.maps, "/api", "/apis/apps/v1", f"{wire.maps}?watch=1"):
        status, reason, sentence = await wire.status("GET", path, accept=accept)
        assert (status, reason) == (406, "NotAcceptable")
        assert sentence.startswith(f"406: Not Acceptable\n\nAvailable representations: {_SENT}")


@pytest.mark.parametrize("accept", ["*/*", "text/*, application/json;q=0.5", "application/json;stream=watch"])
async def test_who_takes_json_besides_gets_json(wire: Wire, accept: str) -> None:
    for path in (wire.maps, "/version"):
        status, answer = await wire.send("GET", path, accept=accept)
        assert status == 200
        assert msgspec.json.decode(answer)


async def test_a_body_is_at_most_3_mib(wire: Wire) -> None:
    told = (413, "RequestEntityTooLarge", "Request entity too large: limit is 3145728")
    assert await wire.status("POST", wire.maps, b'{"data":{"a":"' + b"x" * 3 * 1024 * 1024 + b'"}}') == told


@pytest.mark.parametrize(("method", "name"), [("PUT", ""), ("PATCH", ""), ("POST", "/a"), ("OPTIONS", "/a")])
async def test_a_method_that_a_path_does_not_know_is_refused(wire: Wire, method: str, name: str) -> None:
    assert await wire.status(method, wire.maps + name, b"{}", "application/merge-patch+json") == _NOT_ALLOWED


_NOWHERE = (
    "/api/v2", "/api/v1/foos", "/api/v1/configmaps/a", "/api/v1/namespaces/default/nodes",
    "/api/v1/namespaces/default/configmaps/a/status", "/api/v1/namespaces/default/configmaps/a/b/c",
    "/apis/apps/v2/deployments", "/apis/apps/v1/namespaces/default/deployments/a/foo",
)  # fmt: skip


@pytest.mark.parametrize("path", _NOWHERE)
async def test_a_path_that_names_no_resource_is_not_found(wire: Wire, path: str) -> None:
    assert await wire.status("GET", path) == _NO_RESOURCE


@pytest.mark.parametrize("path", ["/nope", "/apis/foo.bar/v1/foos"])
async def test_a_path_of_no_part_of_the_server_is_not_found(wire: Wire, path: str) -> None:
    assert await wire.send("GET", path) == (404, b"404 page not found\n")


async def test_a_wrong_token_is_unauthorized(wire: Wire) -> None:
    other = wire.token[::-1]
    for path in (wire.maps, "/nope"):
        assert await wire.status("GET", path, token=other) == (401, "Unauthorized", "Unauthorized")


async def test_whoever_sends_no_token_is_anonymous_and_may_do_nothing(wire: Wire) -> None:
    who = 'User "system:anonymous" cannot'
    at = f'in API group "" in the namespace "{wire.namespace}"'
    calls = {
        ("GET", wire.maps): f'configmaps is forbidden: {who} list resource "configmaps" {at}',
        ("GET", f"{wire.maps}/a"): f'configmaps "a" is forbidden: {who} get resource "configmaps" {at}',
        ("GET", f"{wire.maps}?watch=1"): f'configmaps is forbidden: {who} watch resource "configmaps" {at}',
        ("POST", wire.maps): f'configmaps is forbidden: {who} create resource "configmaps" {at}',
        ("PUT", f"{wire.maps}/a"): f'configmaps "a" is forbidden: {who} update resource "configmaps" {at}',
        ("DELETE", wire.maps): f'configmaps is forbidden: {who} deletecollection resource "configmaps" {at}',
        ("GET", "/api/v1/nodes/gpu-00"): (
            f'nodes "gpu-00" is forbidden: {who} get resource "nodes" in API group "" at the cluster scope'
        ),
        ("GET", "/nope"): f'forbidden: {who} get path "/nope"',
    }
    for (method, path), sentence in calls.items():
        body = b"{}" if method in ("POST", "PUT") else None
        assert await wire.status(method, path, body, token="") == (403, "Forbidden", sentence)


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz", "/version"])
async def test_anybody_may_ask_for_health_and_version(wire: Wire, path: str) -> None:
    assert (await wire.send("GET", path, token=""))[0] == 200


_NO_PAGE = b"404 page not found\n"


@pytest.mark.parametrize("path", ["/foo", "/openapi", "/healthz/nope", "/readyz/nope", "/apis/foo.k8s.io/v1/x"])
async def test_where_there_is_no_page_is_said_in_plain_text(wire: Wire, path: str) -> None:
    assert await wire.send("GET", path) == (404, _NO_PAGE)


@pytest.mark.parametrize("path", ["/api", "/api/v1", "/apis/apps/v1", "/version"])
async def test_what_is_served_is_only_read(wire: Wire, path: str) -> None:
    assert await wire.status("POST", path, b"{}") == _NOT_ALLOWED


async def test_a_body_is_read_before_its_object_is_looked_for(wire: Wire) -> None:
    pod = f"/api/v1/namespaces/{wire.namespace}/pods/none"
    scale = f"/apis/apps/v1/namespaces/{wire.namespace}/deployments/none/scale"
    for method, path in (("PUT", f"{pod}/status"), ("POST", f"{pod}/eviction"), ("PUT", scale)):
        status, reason, _ = await wire.status(method, path, b"{")
        assert (status, reason) == (400, "BadRequest")


async def test_bytes_that_are_no_base64_are_refused(wire: Wire) -> None:
    for text in ("?", "1\u00b2"):
        body = f'{{"metadata":{{"name":"a"}},"binaryData":{{"x":"{text}"}}}}'.encode()
        status, reason, message = await wire.status("POST", wire.maps, body)
        assert (status, reason) == (400, "BadRequest")
        assert "cannot be handled as a ConfigMap: illegal base64 data" in message
