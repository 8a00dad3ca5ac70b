"""What becomes of open lists and watches when the past is forgotten, and of the cluster when an object is strange?"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec
import pytest

from kube.client import MERGE_PATCH, Api, ApiError

if TYPE_CHECKING:
    from plimsoll.embedded import EmbeddedCluster


async def test_a_page_that_is_asked_for_after_a_compaction_is_gone(embedded: EmbeddedCluster, api: Api) -> None:
    first = msgspec.json.decode(await api.request("GET", "/api/v1/namespaces", query={"limit": "1"}))
    embedded.compact()
    query = {"limit": "1", "continue": first["metadata"]["continue"]}
    with pytest.raises(ApiError) as told:
        await api.request("GET", "/api/v1/namespaces", query=query)
    assert (told.value.status, told.value.reason) == (410, "Expired")
    assert told.value.message.startswith("The provided continue parameter is too old")


async def test_a_watch_from_before_a_compaction_is_told_so(embedded: EmbeddedCluster, api: Api) -> None:
    listed = msgspec.json.decode(await api.request("GET", "/api/v1/namespaces"))
    await api.request("POST", "/api/v1/namespaces", body={"metadata": {"name": "another"}})
    embedded.compact()
    query = {"watch": "true", "resourceVersion": listed["metadata"]["resourceVersion"]}
    async with api.stream("/api/v1/namespaces", query=query, silence_s=30.0) as lines:
        event = msgspec.json.decode(await anext(lines))
    assert event["type"] == "ERROR"
    assert (event["object"]["code"], event["object"]["reason"]) == (410, "Expired")


async def test_a_condition_that_says_nothing_stops_nobody(embedded: EmbeddedCluster, api: Api) -> None:
    pods = "/api/v1/namespaces/default/pods"
    spec = {"containers": [{"name": "main", "image": "none"}]}
    await api.request("POST", pods, body={"metadata": {"name": "a"}, "spec": spec})
    strange = {"status": {"conditions": [{"type": "Odd"}]}}
    await api.request("PATCH", f"{pods}/a/status", body=strange, content_type=MERGE_PATCH)
    await api.request("POST", pods, body={"metadata": {"name": "b"}, "spec": spec})
    async with asyncio.timeout(5.0):
        while b'"Running"' not in await api.request("GET", f"{pods}/b"):  # noqa: ASYNC110  asked of the API server
            await asyncio.sleep(0.005)
    assert embedded.ended() == []
