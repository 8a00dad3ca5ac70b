"""One object that breaks its type hides no other, and is told once by its name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from kube.client import ApiError
from kube.objects import ConfigMap
from kube.reading import Reading, decoded

if TYPE_CHECKING:
    from collections.abc import Mapping


def named(name: str, value: object, **metadata: str) -> dict[str, Any]:
    return {"metadata": {"name": name, **metadata}, "data": {"key": value}}


def page(*objects: Mapping[str, Any]) -> bytes:
    return json.dumps({"metadata": {"resourceVersion": "5", "continue": "next"}, "items": objects}).encode()


def test_of_a_page_all_objects_are_read_but_the_odd_one(caplog: pytest.LogCaptureFixture) -> None:
    reading = Reading(ConfigMap, "/maps")
    odd = named("odd", 1, namespace="ns")
    found = reading.page(page(named("a", "1"), odd, named("b", "2")))
    assert [each.metadata.name for each in found.items or ()] == ["a", "b"]
    assert (found.metadata.resource_version, found.metadata.continue_) == ("5", "next")
    (told,) = caplog.records
    assert told.getMessage() == "an object cannot be read: it is passed over, and all others are read"
    assert (told.__dict__["path"], told.__dict__["object"], told.__dict__["count"]) == ("/maps", "ns/odd", 1)
    assert "Expected `str`, got `int`" in told.__dict__["error"]


def test_what_is_passed_over_is_told_once_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    reading = Reading(ConfigMap, "/maps")
    for body in (named("odd", 1), named("odd", 2), named("other", 1), {"metadata": 7}):
        assert reading.object(msgspec.Raw(json.dumps(body).encode())) is None
    told = [(record.__dict__["object"], record.__dict__["count"]) for record in caplog.records]
    assert told == [("odd", 1), ("other", 2), ("(without a name that can be read)", 3)]


def test_an_object_that_cannot_be_made_into_what_is_wanted_is_passed_over_too(caplog: pytest.LogCaptureFixture) -> None:
    reading = Reading(ConfigMap, "/maps", lambda found: msgspec.json.decode((found.data or {})["key"]))
    found = reading.page(page(named("a", "1"), named("odd", "<"), named("b", "[2]")))
    assert (found.items, found.metadata.resource_version) == ([1, [2]], "5")
    assert [record.__dict__["object"] for record in caplog.records] == ["odd"]


def test_of_a_page_all_objects_are_read_but_one_that_is_no_text() -> None:
    odd = b'{"metadata":{"name":"\xff"}}'
    text = b'{"metadata":{"resourceVersion":"5"},"items":[{"metadata":{"name":"a"}},%b]}' % odd
    assert Reading(ConfigMap, "/maps").object(msgspec.Raw(odd)) is None
    with pytest.raises(ApiError, match="sent what we cannot read"):
        decoded(ConfigMap, odd)
    assert [each.metadata.name for each in Reading(ConfigMap, "/maps").page(text).items or ()] == ["a"]


@pytest.mark.parametrize("text", [b"", b"<html>", b'{"items": 7}'])
def test_what_is_no_list_is_an_error(text: bytes) -> None:
    with pytest.raises(ApiError, match="sent what we cannot read"):
        Reading(ConfigMap, "/maps").page(text)
