"""What may a ConfigMap hold, and when may it change?"""

from __future__ import annotations

from typing import Any

import pytest

from kube.client import MERGE_PATCH, Api
from tests.contract.asking import Object, ask, refusal


@pytest.fixture
def path(namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}/configmaps"


def config_map(name: str, data: Object | None = None, **rest: Any) -> Object:
    return {"metadata": {"name": name}, **({"data": data} if data is not None else {}), **rest}


async def test_a_config_map_holds_text_and_bytes(api: Api, path: str) -> None:
    made = await ask(api, "POST", path, config_map("a", {"x": "y"}, binaryData={"b": "aGk="}))
    assert (made["data"], made["binaryData"]) == ({"x": "y"}, {"b": "aGk="})
    assert "generation" not in made["metadata"]


async def test_a_key_is_changed_and_taken_away(api: Api, path: str) -> None:
    await ask(api, "POST", path, config_map("a", {"x": "y", "z": "1"}))
    patched = await ask(api, "PATCH", f"{path}/a", {"data": {"x": None, "z": "2", "q": "r"}}, MERGE_PATCH)
    assert patched["data"] == {"z": "2", "q": "r"}
    assert "data" not in await ask(api, "PATCH", f"{path}/a", {"data": None}, MERGE_PATCH)


_KEY = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or "
    "'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)
_LONG = "a" * 254


@pytest.mark.parametrize(
    ("rest", "sentence"),
    [
        ({"data": {"x/y": "1"}}, f'data[x/y]: Invalid value: "x/y": {_KEY}'),
        ({"data": {"": "1"}}, f'data[]: Invalid value: "": {_KEY}'),
        ({"data": {"..": "1"}}, "data[..]: Invalid value: \"..\": must not be '..'"),
        ({"data": {"..x": "1"}}, "data[..x]: Invalid value: \"..x\": must not start with '..'"),
        ({"data": {_LONG: "1"}}, f'data[{_LONG}]: Invalid value: "{_LONG}": must be no more than 253 characters'),
        ({"binaryData": {"x/y": "aGk="}}, f'binaryData[x/y]: Invalid value: "x/y": {_KEY}'),
        (
            {"data": {"x": "1"}, "binaryData": {"x": "aGk="}},
            'data[x]: Invalid value: "x": duplicate of key present in binaryData',
        ),
    ],
    ids=["a slash", "nothing", "two dots", "two dots and more", "too long", "of bytes", "of both"],
)
async def test_a_bad_key_is_refused(api: Api, path: str, rest: Object, sentence: str) -> None:
    answer = (422, "Invalid", f'ConfigMap "a" is invalid: {sentence}')
    assert await refusal(api, "POST", path, config_map("a", **rest)) == answer


async def test_a_config_map_of_more_than_a_mebibyte_is_refused(api: Api, path: str) -> None:
    sentence = 'ConfigMap "a" is invalid: []: Too long: may not be more than 1048576 bytes'
    assert await refusal(api, "POST", path, config_map("a", {"x": "y" * 1_048_577})) == (422, "Invalid", sentence)
    await api.request("POST", path, body=config_map("a", {"x": "y" * 1_048_576}))


async def test_a_value_that_is_no_text_is_refused(api: Api, path: str) -> None:
    assert await refusal(api, "POST", path, config_map("a", {"x": 1})) == (
        400,
        "BadRequest",
        (
            'ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal number into Go struct '
            "field ConfigMap.data of type string"
        ),
    )


@pytest.mark.parametrize(
    ("patch", "sentence"),
    [
        ({"data": {"x": "z"}}, "data: Forbidden: field is immutable when `immutable` is set"),
        ({"binaryData": {"b": "aGk="}}, "binaryData: Forbidden: field is immutable when `immutable` is set"),
        ({"immutable": False}, "immutable: Forbidden: field is immutable when `immutable` is set"),
        ({"immutable": None}, "immutable: Forbidden: field is immutable when `immutable` is set"),
    ],
    ids=["its data", "its bytes", "that it is", "that it was said to be"],
)
async def test_an_immutable_config_map_stays_what_it_is(api: Api, path: str, patch: Object, sentence: str) -> None:
    await ask(api, "POST", path, config_map("a", {"x": "y"}, immutable=True))
    answer = (422, "Invalid", f'ConfigMap "a" is invalid: {sentence}')
    assert await refusal(api, "PATCH", f"{path}/a", patch, MERGE_PATCH) == answer


async def test_an_immutable_config_map_may_be_labelled(api: Api, path: str) -> None:
    await ask(api, "POST", path, config_map("a", {"x": "y"}, immutable=True))
    labels = {"metadata": {"labels": {"a": "b"}}}
    assert (await ask(api, "PATCH", f"{path}/a", labels, MERGE_PATCH))["metadata"]["labels"] == {"a": "b"}
