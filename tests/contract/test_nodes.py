"""What does the API server keep of a node, and what may a node not say?"""

from __future__ import annotations

import contextlib
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from kube.client import MERGE_PATCH, Api, ApiError
from tests.contract.asking import Object, ask, refusal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


_NODES = "/api/v1/nodes"
_CAPACITY = {"cpu": "2", "memory": "1Mi", "nvidia.com/gpu": "4"}


@pytest.fixture
async def name(api: Api) -> AsyncIterator[str]:
    """The name of a node that is gone afterwards, if it was there."""
    unique = f"node-{uuid.uuid4().hex[:8]}"
    yield unique
    with contextlib.suppress(ApiError):
        await api.request("DELETE", f"{_NODES}/{unique}")


def node(name: str, **spec: Any) -> Object:
    capacity = {"cpu": 2, "memory": "1024Ki", "nvidia.com/gpu": "4"}
    return {"metadata": {"name": name}, "spec": spec, "status": {"capacity": capacity}}


async def test_a_node_keeps_the_status_that_it_was_created_with(api: Api, name: str) -> None:
    status = (await ask(api, "POST", _NODES, node(name)))["status"]
    assert (status["capacity"], status["allocatable"]) == (_CAPACITY, _CAPACITY)


async def test_a_nodes_labels_annotations_and_unschedulable_are_patched(api: Api, name: str) -> None:
    await ask(api, "POST", _NODES, node(name))
    patch = {"metadata": {"labels": {"a": "b"}, "annotations": {"x": "y"}}, "spec": {"unschedulable": True}}
    patched = await ask(api, "PATCH", f"{_NODES}/{name}", patch, MERGE_PATCH)
    assert patched["metadata"]["labels"]["a"] == "b"
    assert patched["metadata"]["annotations"]["x"] == "y"
    assert patched["spec"]["unschedulable"] is True
    back = await ask(api, "PATCH", f"{_NODES}/{name}", {"spec": {"unschedulable": None}}, MERGE_PATCH)
    assert "unschedulable" not in back["spec"]


async def test_a_nodes_main_path_keeps_its_status(api: Api, name: str) -> None:
    await ask(api, "POST", _NODES, node(name))
    patch = {"status": {"capacity": {"cpu": "9"}}}
    assert (await ask(api, "PATCH", f"{_NODES}/{name}", patch, MERGE_PATCH))["status"]["capacity"] == _CAPACITY


async def test_a_nodes_status_path_keeps_its_spec_and_changes_its_labels(api: Api, name: str) -> None:
    await ask(api, "POST", _NODES, node(name, unschedulable=True))
    patch = {
        "metadata": {"labels": {"a": "c"}},
        "spec": {"unschedulable": None},
        "status": {"capacity": {"cpu": "9"}},
    }
    patched = await ask(api, "PATCH", f"{_NODES}/{name}/status", patch, MERGE_PATCH)
    assert patched["spec"]["unschedulable"] is True
    assert patched["metadata"]["labels"]["a"] == "c"
    assert patched["status"]["capacity"] == {**_CAPACITY, "cpu": "9"}


async def test_a_node_has_no_generation(api: Api, name: str) -> None:
    assert "generation" not in (await ask(api, "POST", _NODES, node(name)))["metadata"]


async def test_a_deleted_node_is_gone_at_once(api: Api, name: str) -> None:
    uid = (await ask(api, "POST", _NODES, node(name)))["metadata"]["uid"]
    told = await ask(api, "DELETE", f"{_NODES}/{name}")
    assert (told["status"], told["details"]) == ("Success", {"name": name, "kind": "nodes", "uid": uid})
    assert await refusal(api, "GET", f"{_NODES}/{name}") == (404, "NotFound", f'nodes "{name}" not found')


_TAINTS: dict[str, tuple[list[Object], str]] = {
    "of an unknown effect": (
        [{"key": "a", "effect": "Bad"}],
        (
            'metadata.taints[0].effect: Unsupported value: "Bad": supported values: "NoSchedule", "PreferNoSchedule", '
            '"NoExecute"'
        ),
    ),
    "without effect": ([{"key": "a"}], "metadata.taints[0].effect: Required value"),
    "that is there twice": (
        [{"key": "a", "effect": "NoSchedule"}, {"key": "a", "effect": "NoSchedule", "value": "v"}],
        (
            'metadata.taints[1]: Duplicate value: {"Key":"a","Value":"v","Effect":"NoSchedule","TimeAdded":null}: '
            "taints must be unique by key and effect pair"
        ),
    ),
    "of a bad value": (
        [{"key": "a", "value": "b c", "effect": "NoSchedule"}],
        (
            'metadata.taints[0].value: Invalid value: "b c": a valid label must be an empty string or consist of '
            "alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. "
            "'MyValue',  or 'my_value',  or '12345', regex used for validation is "
            "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
        ),
    ),
}


@pytest.mark.parametrize("which", _TAINTS)
async def test_a_bad_taint_is_refused(api: Api, name: str, which: str) -> None:
    taints, sentence = _TAINTS[which]
    answer = (422, "Invalid", f'Node "{name}" is invalid: {sentence}')
    assert await refusal(api, "POST", _NODES, node(name, taints=taints)) == answer


async def test_a_negative_capacity_is_refused(api: Api, name: str) -> None:
    body = node(name) | {"status": {"capacity": {"cpu": "-1"}}}
    low = 'Invalid value: "-1": must be greater than or equal to 0'
    causes = f"[status.capacity.cpu: {low}, status.allocatable.cpu: {low}]"
    assert await refusal(api, "POST", _NODES, body) == (422, "Invalid", f'Node "{name}" is invalid: {causes}')


@pytest.mark.parametrize(
    ("first", "then", "told"),
    [
        ({"providerID": "a"}, {"providerID": "b"}, ("providerID", "providerID")),
        (
            {"podCIDR": "10.1.0.0/24", "podCIDRs": ["10.1.0.0/24"]},
            {"podCIDR": "10.2.0.0/24", "podCIDRs": ["10.2.0.0/24"]},
            ("podCIDRs", "podCIDR"),
        ),
    ],
    ids=["provider", "addresses"],
)
async def test_what_a_node_is_cannot_change(
    api: Api, name: str, first: Object, then: Object, told: tuple[str, str]
) -> None:
    await ask(api, "POST", _NODES, node(name, **first))
    field, word = told
    sentence = f'spec.{field}: Forbidden: node updates may not change {word} except from "" to valid'
    answer = (422, "Invalid", f'Node "{name}" is invalid: {sentence}')
    assert await refusal(api, "PATCH", f"{_NODES}/{name}", {"spec": then}, MERGE_PATCH) == answer
