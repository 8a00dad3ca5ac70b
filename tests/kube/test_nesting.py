"""What nests deeper than any field that is read is left out of JSON that a decoder cannot go down."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube import nesting
from kube.objects import Pod, WatchEvent
from kube.reading import Reading, decoded

if TYPE_CHECKING:
    from collections.abc import Callable

DEEP = 10_000  # levels that the API server takes
_pod = msgspec.json.Decoder(Pod)


def nested(depth: int, inside: bytes = b"{}") -> bytes:
    return b'{"f:\\"[a":[' * (depth // 2) + inside + b"]}" * (depth // 2)


def pod(fields: bytes) -> bytes:
    return b'{"metadata":{"managedFields":[{"fieldsV1":%b}],"name":"p"},"spec":{"nodeName":"n"}}' % fields


@pytest.mark.parametrize("fields", [nested(DEEP), b'{"a":%b,"b":[%b,"}"]}' % (nested(DEEP), nested(5000))])
def test_a_pod_is_read_however_deep_its_managed_fields_nest(fields: bytes) -> None:
    text = pod(fields)
    page = b'{"metadata":{"resourceVersion":"5"},"items":[%b,%b]}' % (text, text)
    reading = Reading(Pod, "/pods")
    assert [each.metadata.name for each in reading.page(page).items or ()] == ["p", "p"]
    event = decoded(WatchEvent, b'{"type":"ADDED","object":%b}' % text)
    seen = reading.object(event.object)
    assert seen is not None
    assert (seen.made.metadata.name, seen.made.spec.node_name) == ("p", "n")
    assert nesting.decoded(_pod.decode, text).spec.node_name == "n"


def test_what_is_no_json_stays_none() -> None:
    for text in (pod(nested(DEEP))[:-1], pod(nested(DEEP)) + b"}", b'{"a":' * DEEP, b'["' * DEEP):
        with pytest.raises(msgspec.DecodeError):
            nesting.decoded(_pod.decode, text)


def failing_once(decode: Callable[[Any], Any]) -> Callable[[Any], Any]:
    tries = iter((True,))

    def decoding(text: Any) -> Any:
        if next(tries, False):
            raise RecursionError
        return decode(text)

    return decoding


plain = st.recursive(
    st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)


@given(plain, st.integers(0, 3))
def test_what_is_not_so_deep_is_as_it_was(value: Any, indent: int) -> None:
    text = json.dumps(value, indent=indent or None).encode()
    assert nesting.decoded(failing_once(msgspec.json.decode), text) == value


@given(plain, plain)
def test_null_stands_where_it_is_too_deep(before: Any, after: Any) -> None:
    deep = "[" * 300 + "1" + "]" * 300
    text = f'{{"before": {json.dumps(before)}, "deep": {deep}, "after": {json.dumps(after)}}}'.encode()
    found = nesting.decoded(failing_once(msgspec.json.decode), text)
    assert (found["before"], found["after"]) == (before, after)
    depth, inner = 0, found["deep"]
    while inner is not None:
        (inner,), depth = inner, depth + 1
    assert depth == 199
