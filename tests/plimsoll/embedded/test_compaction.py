"""What becomes of open lists and watches when the API server forgets the past?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from kube.client import Api, ApiError

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
