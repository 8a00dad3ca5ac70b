"""What does the scale of a ReplicaSet say, and who is said to have written it? A Deployment's: test_deployments.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kube.client import MERGE_PATCH
from tests.contract.asking import ask, refusal
from tests.contract.objects import deployment

if TYPE_CHECKING:
    from kube.client import Api


@pytest.fixture
async def path(api: Api, namespace: str) -> str:
    """A ReplicaSet without pods, and its place."""
    sets = f"/apis/apps/v1/namespaces/{namespace}/replicasets"
    await ask(api, "POST", sets, deployment("set", 0))
    return f"{sets}/set"


async def test_a_replica_set_has_a_scale_too(api: Api, path: str) -> None:
    scale = await ask(api, "GET", f"{path}/scale")
    assert (scale["kind"], scale["spec"], scale["status"]) == ("Scale", {}, {"replicas": 0, "selector": "app=set"})


async def test_a_count_is_not_written_over_a_newer_version(api: Api, path: str) -> None:
    seen = await ask(api, "GET", f"{path}/scale")
    await ask(api, "PATCH", path, {"metadata": {"labels": {"new": "version"}}}, MERGE_PATCH)
    body = {"metadata": {"resourceVersion": seen["metadata"]["resourceVersion"]}, "spec": {"replicas": 1}}
    assert (await refusal(api, "PATCH", f"{path}/scale", body, MERGE_PATCH))[:2] == (409, "Conflict")
    assert (await ask(api, "GET", path))["spec"]["replicas"] == 0


async def test_who_scales_owns_the_count_through_the_scale(api: Api, path: str) -> None:
    await ask(api, "PATCH", f"{path}/scale", {"spec": {"replicas": 1}}, MERGE_PATCH, fieldManager="somebody")
    entries = (await ask(api, "GET", path))["metadata"]["managedFields"]
    (owner,) = (each for each in entries if "f:replicas" in each["fieldsV1"].get("f:spec", {}))
    assert (owner["manager"], owner["subresource"], owner["operation"]) == ("somebody", "scale", "Update")


async def test_who_writes_the_same_count_does_not_own_it(api: Api, path: str) -> None:
    for manager in ("somebody", "another"):
        await ask(api, "PATCH", f"{path}/scale", {"spec": {"replicas": 1}}, MERGE_PATCH, fieldManager=manager)
    entries = (await ask(api, "GET", path))["metadata"]["managedFields"]
    assert "another" not in {each["manager"] for each in entries}
