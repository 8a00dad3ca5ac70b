"""What does a dry run leave behind? It is answered like the real thing, and nothing is changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from kube.client import APPLY_PATCH, JSON, MERGE_PATCH, Api
from tests.contract.asking import Object, ask
from tests.contract.objects import NOBODY, pod

_JSON_PATCH = "application/json-patch+json"
_HELD = ["example.com/held"]


@dataclass(frozen=True)
class Case:
    """What is there, and what is asked of it: a method, the rest of its path, a body, and what is answered."""

    plural: str
    there: Object
    method: str
    path: str = ""
    body: Any = None
    kind: str = JSON
    answered: tuple[str, ...] = ()
    deleted: bool = False


def config_map(**meta: Any) -> Object:
    return {"metadata": {"name": "a", **meta}, "data": {"x": "1"}}


def bound(**meta: Any) -> Object:
    """A pod that neither becomes ready nor goes within an hour."""
    slow = {f"pod-{stage}.stage.kwok.x-k8s.io/delay": "1h" for stage in ("ready", "delete")}
    made = pod("a", slow, schedulerName=NOBODY, nodeName="gpu-00", terminationGracePeriodSeconds=60)
    made["metadata"] |= meta
    return made


_APPLIED = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"y": "2"}}
_FAILED = {"status": {"phase": "Failed"}}
_CASES = {
    "a creation": Case("configmaps", config_map(), "POST", "", {"metadata": {"generateName": "b"}}),
    "a put": Case("configmaps", config_map(), "PUT", "/a", config_map() | {"data": {"y": "2"}}),
    "a merge patch": Case("configmaps", config_map(), "PATCH", "/a", {"data": {"y": "2"}}, MERGE_PATCH),
    "a json patch": Case(
        "configmaps", config_map(), "PATCH", "/a", [{"op": "remove", "path": "/data"}], _JSON_PATCH
    ),
    "an apply": Case("configmaps", config_map(), "PATCH", "/a", _APPLIED, APPLY_PATCH),
    "a deletion": Case("configmaps", config_map(), "DELETE", "/a"),
    "a deletion that is held": Case(
        "configmaps", config_map(finalizers=_HELD), "DELETE", "/a", answered=("metadata", "deletionTimestamp")
    ),
    "a deletion of all": Case("configmaps", config_map(), "DELETE"),
    "the end of the last finalizer": Case(
        "configmaps", config_map(finalizers=_HELD), "PATCH", "/a", {"metadata": {"finalizers": None}}, MERGE_PATCH,
        deleted=True,
    ),
    "a bound pods deletion": Case("pods", bound(), "DELETE", "/a", answered=("metadata", "deletionTimestamp")),
    "a shorter grace period": Case(
        "pods", bound(), "DELETE", "/a", {"gracePeriodSeconds": 5, "dryRun": ["All"]},
        answered=("metadata", "deletionTimestamp"), deleted=True,
    ),
    "a status by patch": Case("pods", bound(), "PATCH", "/a/status", _FAILED, MERGE_PATCH, ("status", "phase")),
    "a status by put": Case("pods", bound(), "PUT", "/a/status", bound() | _FAILED, answered=("status", "phase")),
    "a lease that a put creates": Case("leases", {"metadata": {"name": "b"}}, "PUT", "/a", {"metadata": {"name": "a"}}),
}  # fmt: skip


async def everything(api: Api, path: str) -> list[Object]:
    """Return the objects of a kind, but for the one that is in every namespace of the real one."""
    items = (await ask(api, "GET", path))["items"]
    return [each for each in items if each["metadata"]["name"] != "kube-root-ca.crt"]


@pytest.mark.parametrize("what", _CASES)
async def test_a_dry_run_changes_nothing(api: Api, namespace: str, what: str) -> None:
    case = _CASES[what]
    group = "apis/coordination.k8s.io" if case.plural == "leases" else "api"
    path = f"/{group}/v1/namespaces/{namespace}/{case.plural}"
    await ask(api, "POST", path, case.there)
    if case.deleted:
        await ask(api, "DELETE", f"{path}/a")
    before = await everything(api, path)
    query = {"fieldManager": "test", "force": "true"} if case.kind == APPLY_PATCH else {}
    told: Any = await ask(api, case.method, path + case.path, case.body, case.kind, dryRun="All", **query)
    for key in case.answered:
        told = told[key]
    assert await everything(api, path) == before
    if case.there["metadata"].get("finalizers"):
        await ask(api, "PATCH", f"{path}/a", {"metadata": {"finalizers": None}}, MERGE_PATCH)


async def test_a_dry_finalize_changes_nothing(api: Api, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}"
    before = await ask(api, "GET", path)
    for finalizers in ([], ["kubernetes", "example.com/more"]):
        body = {"metadata": {"name": namespace}, "spec": {"finalizers": finalizers}}
        assert (await ask(api, "PUT", f"{path}/finalize", body, dryRun="All"))["spec"].get(
            "finalizers", []
        ) == finalizers
    assert await ask(api, "GET", path) == before
