"""How does a namespace begin, and what is refused while it ends?"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import aiohttp
import pytest

from kube.client import JSON, MERGE_PATCH, Api
from tests.contract.asking import Object, ask, refusal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


_NAMESPACES = "/api/v1/namespaces"
_LIMITS = aiohttp.ClientTimeout(total=10.0)


@pytest.fixture
async def ending(api: Api) -> AsyncIterator[Object]:
    """A namespace that is deleted, and kept by what is in it until the end of the test."""
    name = f"ending-{uuid.uuid4().hex[:8]}"
    await ask(api, "POST", _NAMESPACES, {"metadata": {"name": name}})
    held = {"metadata": {"name": "held", "finalizers": ["plimsoll.dev/test"]}}
    await ask(api, "POST", f"{_NAMESPACES}/{name}/configmaps", held)
    yield await ask(api, "DELETE", f"{_NAMESPACES}/{name}")
    released = {"metadata": {"finalizers": None}}
    await ask(api, "PATCH", f"{_NAMESPACES}/{name}/configmaps/held", released, MERGE_PATCH)


async def test_a_namespace_begins_active_with_its_name_as_a_label(api: Api) -> None:
    name = f"new-{uuid.uuid4().hex[:8]}"
    body = {
        "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": "x", "a": "b"}},
        "status": {"phase": "Terminating"},
    }
    made = await ask(api, "POST", _NAMESPACES, body)
    await ask(api, "DELETE", f"{_NAMESPACES}/{name}")
    assert made["metadata"]["labels"] == {"kubernetes.io/metadata.name": name, "a": "b"}
    assert (made["spec"], made["status"]) == ({"finalizers": ["kubernetes"]}, {"phase": "Active"})


@pytest.mark.parametrize("label", [None, "x"])
async def test_a_namespaces_name_stays_a_label(api: Api, namespace: str, label: str | None) -> None:
    patch = {"metadata": {"labels": {"kubernetes.io/metadata.name": label}}}
    patched = await ask(api, "PATCH", f"{_NAMESPACES}/{namespace}", patch, MERGE_PATCH)
    assert patched["metadata"]["labels"] == {"kubernetes.io/metadata.name": namespace}


async def test_a_namespaces_main_path_keeps_its_finalizers(api: Api, namespace: str) -> None:
    patched = await ask(api, "PATCH", f"{_NAMESPACES}/{namespace}", {"spec": {"finalizers": []}}, MERGE_PATCH)
    assert patched["spec"] == {"finalizers": ["kubernetes"]}


@pytest.mark.parametrize("phase", ["Terminating", "X"])
async def test_a_namespace_that_is_not_deleted_is_active(api: Api, namespace: str, phase: str) -> None:
    sentence = f"status.Phase: Invalid value: \"{phase}\": may only be 'Active' if `deletionTimestamp` is empty"
    answer = (422, "Invalid", f'Namespace "{namespace}" is invalid: {sentence}')
    patch = {"status": {"phase": phase}}
    assert await refusal(api, "PATCH", f"{_NAMESPACES}/{namespace}/status", patch, MERGE_PATCH) == answer


async def test_a_namespace_of_the_same_name_is_refused(api: Api, namespace: str) -> None:
    answer = (409, "AlreadyExists", f'namespaces "{namespace}" already exists')
    assert await refusal(api, "POST", _NAMESPACES, {"metadata": {"name": namespace}}) == answer


async def test_a_namespaces_name_has_no_dots(api: Api) -> None:
    sentence = 'Namespace "a.b" is invalid: metadata.name: Invalid value: "a.b": must not contain dots'
    assert await refusal(api, "POST", _NAMESPACES, {"metadata": {"name": "a.b"}}) == (422, "Invalid", sentence)


async def test_a_deleted_namespace_is_terminating(ending: Object) -> None:
    assert ending["status"] == {"phase": "Terminating"}
    assert ending["spec"] == {"finalizers": ["kubernetes"]}
    assert "deletionTimestamp" in ending["metadata"]


async def test_a_namespace_may_be_deleted_again(api: Api, ending: Object) -> None:
    again = await ask(api, "DELETE", f"{_NAMESPACES}/{ending['metadata']['name']}")
    assert again["metadata"]["deletionTimestamp"] == ending["metadata"]["deletionTimestamp"]


@pytest.mark.parametrize(
    ("group", "resource", "body"),
    [
        ("api", "configmaps", {"metadata": {"name": "x"}}),
        ("api", "configmaps", {"metadata": {"generateName": "x"}}),
        ("apis/apps", "deployments.apps", {"metadata": {"name": "x"}}),
        ("apis/coordination.k8s.io", "leases.coordination.k8s.io", {"metadata": {"name": "x"}}),
    ],
    ids=["a config map", "one whose name is made", "a bad deployment", "a lease"],
)
async def test_nothing_is_created_in_a_namespace_that_ends(
    api: Api, ending: Object, group: str, resource: str, body: Object
) -> None:
    name = ending["metadata"]["name"]
    path = f"/{group}/v1/namespaces/{name}/{resource.partition('.')[0]}"
    why = f"unable to create new content in namespace {name} because it is being terminated"
    assert await refusal(api, "POST", path, body) == (403, "Forbidden", f'{resource} "x" is forbidden: {why}')


async def test_that_a_namespace_ends_is_a_cause_to_read(api: Api, ending: Object) -> None:
    name = ending["metadata"]["name"]
    answer = await api._send(
        "POST",
        f"{_NAMESPACES}/{name}/configmaps",
        body={"metadata": {"name": "x"}},
        headers={"Content-Type": JSON},
        limits=_LIMITS,
    )
    assert (await answer.json())["details"] == {
        "name": "x",
        "kind": "configmaps",
        "causes": [
            {
                "reason": "NamespaceTerminating",
                "message": f"namespace {name} is being terminated",
                "field": "metadata.namespace",
            }
        ],
    }


async def test_a_namespace_without_finalizers_is_gone(api: Api, ending: Object) -> None:
    path = f"{_NAMESPACES}/{ending['metadata']['name']}"
    body = {"metadata": {"name": ending["metadata"]["name"]}, "spec": {"finalizers": []}}
    told = await ask(api, "PUT", f"{path}/finalize", body)
    assert told["spec"] == {}
    assert (await refusal(api, "GET", path))[:2] == (404, "NotFound")
    await ask(api, "POST", _NAMESPACES, {"metadata": body["metadata"]})  # so that the rest can go
    await ask(api, "DELETE", path)


async def test_finalize_changes_finalizers_and_labels(api: Api, namespace: str) -> None:
    body = {
        "metadata": {"name": namespace, "labels": {"a": "b"}},
        "spec": {"finalizers": ["kubernetes", "plimsoll.dev/test"]},
    }
    told = await ask(api, "PUT", f"{_NAMESPACES}/{namespace}/finalize", body)
    assert told["spec"] == body["spec"]
    assert told["metadata"]["labels"] == {"kubernetes.io/metadata.name": namespace, "a": "b"}
    await ask(api, "PUT", f"{_NAMESPACES}/{namespace}/finalize", body | {"spec": {"finalizers": ["kubernetes"]}})


async def test_a_finalizer_of_nobody_is_refused(api: Api, namespace: str) -> None:
    body = {"metadata": {"name": namespace}, "spec": {"finalizers": ["kubernetes", "xy"]}}
    sentence = (
        'spec.finalizers[1]: Invalid value: "xy": name is neither a standard finalizer name nor is it fully qualified'
    )
    answer = (422, "Invalid", f'Namespace "{namespace}" is invalid: {sentence}')
    assert await refusal(api, "PUT", f"{_NAMESPACES}/{namespace}/finalize", body) == answer


@pytest.mark.parametrize("name", ["default", "kube-system", "kube-public"])
async def test_a_namespace_that_the_cluster_needs_is_not_deleted(api: Api, name: str) -> None:
    sentence = f'namespaces "{name}" is forbidden: this namespace may not be deleted'
    assert await refusal(api, "DELETE", f"{_NAMESPACES}/{name}") == (403, "Forbidden", sentence)


async def test_namespaces_are_not_deleted_all_at_once(api: Api) -> None:
    status, reason, _ = await refusal(api, "DELETE", _NAMESPACES, labelSelector="no-such=label")
    assert (status, reason) == (405, "MethodNotAllowed")


async def test_a_dry_deletion_leaves_a_namespace(api: Api, namespace: str) -> None:
    await ask(api, "DELETE", f"{_NAMESPACES}/{namespace}", dryRun="All")
    assert (await ask(api, "GET", f"{_NAMESPACES}/{namespace}"))["status"] == {"phase": "Active"}


async def test_a_namespace_that_is_not_there_is_not_deleted(api: Api) -> None:
    answer = (404, "NotFound", 'namespaces "no-such" not found')
    assert await refusal(api, "DELETE", f"{_NAMESPACES}/no-such") == answer
