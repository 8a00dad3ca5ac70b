"""How are events written, counted up and found?"""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from kube.client import MERGE_PATCH, Api
from tests.contract.asking import Object, ask, refusal


@pytest.fixture
def path(namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}/events"


def event(name: str, namespace: str, **rest: Any) -> Object:
    """An event as kube/events.py writes it."""
    return {
        "metadata": {"name": name, "namespace": namespace},
        "involvedObject": about(namespace),
        "reason": "R",
        "message": "m",
        "type": "Normal",
        "source": {"component": "plimsoll"},
        "firstTimestamp": "2024-01-01T00:00:00Z",
        "lastTimestamp": "2024-01-01T00:00:00Z",
        "count": 1,
        **rest,
    }


def about(namespace: str, name: str = "p1", uid: str = "u1") -> Object:
    return {"apiVersion": "v1", "kind": "Pod", "name": name, "namespace": namespace, "uid": uid}


async def test_an_event_is_kept_with_the_fields_of_the_newer_kind(api: Api, path: str, namespace: str) -> None:
    made = await ask(api, "POST", path, event("a", namespace))
    sent = event("a", namespace)
    assert {key: made[key] for key in sent if key != "metadata"} == {k: v for k, v in sent.items() if k != "metadata"}
    assert (made["eventTime"], made["reportingComponent"], made["reportingInstance"]) == (None, "", "")


async def test_an_event_that_says_little_has_empty_fields(api: Api, path: str, namespace: str) -> None:
    made = await ask(api, "POST", path, {"metadata": {"name": "a"}, "involvedObject": about(namespace)})
    assert [made[key] for key in ("source", "firstTimestamp", "lastTimestamp", "eventTime")] == [{}, None, None, None]


async def test_an_event_is_counted_up(api: Api, path: str, namespace: str) -> None:
    await ask(api, "POST", path, event("a", namespace))
    seen = {"count": 2, "lastTimestamp": "2024-01-01T00:00:05Z"}
    counted = await ask(api, "PATCH", f"{path}/a", seen, MERGE_PATCH)
    assert {key: counted[key] for key in seen} == seen
    assert counted["firstTimestamp"] == "2024-01-01T00:00:00Z"


async def test_an_event_of_the_same_name_is_refused(api: Api, path: str, namespace: str) -> None:
    await ask(api, "POST", path, event("a", namespace))
    answer = (409, "AlreadyExists", 'events "a" already exists')
    assert await refusal(api, "POST", path, event("a", namespace)) == answer


async def test_an_event_that_is_not_there_is_not_counted_up(api: Api, path: str) -> None:
    answer = (404, "NotFound", 'events "a" not found')
    assert await refusal(api, "PATCH", f"{path}/a", {"count": 2}, MERGE_PATCH) == answer


@pytest.mark.parametrize("other", ["other", ""])
async def test_an_event_of_another_namespaces_object_is_refused(
    api: Api, path: str, namespace: str, other: str
) -> None:
    body = event("a", namespace, involvedObject=about(other))
    sentence = f'involvedObject.namespace: Invalid value: "{other}": does not match event.namespace'
    assert await refusal(api, "POST", path, body) == (422, "Invalid", f'Event "a" is invalid: {sentence}')


async def test_an_event_of_another_namespace_than_its_path_is_refused(api: Api, path: str) -> None:
    sentence = "the namespace of the provided object does not match the namespace sent on the request"
    assert await refusal(api, "POST", path, event("a", "other")) == (400, "BadRequest", sentence)


async def test_an_event_of_what_has_no_namespace_is_in_default(api: Api) -> None:
    name = f"node.{uuid.uuid4().hex}"
    path = "/api/v1/namespaces/default/events"
    made = await ask(api, "POST", path, event(name, "default", involvedObject={"kind": "Node", "name": name}))
    assert made["involvedObject"] == {"kind": "Node", "name": name}
    await ask(api, "DELETE", f"{path}/{name}")


async def test_an_event_of_what_has_no_namespace_is_nowhere_else(api: Api) -> None:
    body = event("a", "kube-system", involvedObject={"kind": "Node", "name": "a"})
    sentence = 'Event "a" is invalid: involvedObject.namespace: Invalid value: "": does not match event.namespace'
    answer = await refusal(api, "POST", "/api/v1/namespaces/kube-system/events", body)
    assert answer == (422, "Invalid", sentence)


async def test_an_events_count_is_a_number(api: Api, path: str, namespace: str) -> None:
    assert await refusal(api, "POST", path, event("a", namespace, count="1")) == (
        400,
        "BadRequest",
        (
            'Event in version "v1" cannot be handled as a Event: json: cannot unmarshal string into Go struct field '
            "Event.count of type int32"
        ),
    )


async def test_an_event_of_the_newer_kind_says_who_reports_what(api: Api, path: str, namespace: str) -> None:
    status, reason, message = await refusal(
        api, "POST", path, event("a", namespace, eventTime="2024-01-01T00:00:00.000000Z")
    )
    assert (status, reason) == (422, "Invalid")
    for field in ("reportingComponent", "reportingInstance", "action"):
        assert f"{field}: Required value" in message


@pytest.mark.parametrize(
    ("selector", "found"),
    [
        ("involvedObject.name=p2", ["second"]),
        ("involvedObject.name!=p2", ["first"]),
        ("involvedObject.uid=u1", ["first"]),
        ("involvedObject.kind=Pod,involvedObject.name=p1", ["first"]),
        ("involvedObject.kind=Node", []),
        ("involvedObject.apiVersion=v1", ["first", "second"]),
        ("involvedObject.fieldPath=", ["first", "second"]),
        ("involvedObject.resourceVersion=", ["first", "second"]),
        ("reason=Q", ["second"]),
        ("type=Warning", ["second"]),
        ("reportingComponent=", ["first", "second"]),
        ("metadata.name=first", ["first"]),
    ],
)
async def test_events_are_found_by_what_they_are_about(
    api: Api, path: str, namespace: str, selector: str, found: list[str]
) -> None:
    await ask(api, "POST", path, event("first", namespace))
    second = {"type": "Warning", "reason": "Q", "source": {"component": "other"}}
    await ask(api, "POST", path, event("second", namespace, involvedObject=about(namespace, "p2", "u2"), **second))
    items = (await ask(api, "GET", path, fieldSelector=selector))["items"]
    assert sorted(each["metadata"]["name"] for each in items) == found


async def test_events_are_not_found_by_their_count(api: Api, path: str) -> None:
    answer = (400, "BadRequest", "field label not supported: count")
    assert await refusal(api, "GET", path, fieldSelector="count=1") == answer
