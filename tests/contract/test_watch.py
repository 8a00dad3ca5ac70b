"""What is a watcher told: from where on, in which order, of which objects, until when?"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from kube.client import MERGE_PATCH, ApiError
from tests.contract.asking import Object, decoded

if TYPE_CHECKING:
    from kube.client import Api

_INITIAL_END = {"k8s.io/initial-events-end": "true"}
_PATIENCE_S = "60"
"""How long a watch stays open for what must come; on a busy machine that is not at once."""


class Maps:
    """The config maps of one namespace, and watches of them."""

    def __init__(self, api: Api, namespace: str) -> None:
        self.api = api
        self.path = f"/api/v1/namespaces/{namespace}/configmaps"

    async def create(self, name: str, **labels: str) -> Object:
        body = {"metadata": {"name": name, "labels": {"own": "yes", **labels}}}
        return decoded(await self.api.request("POST", self.path, body=body))

    async def label(self, name: str, **labels: str | None) -> Object:
        body = {"metadata": {"labels": labels}}
        path = f"{self.path}/{name}"
        return decoded(await self.api.request("PATCH", path, body=body, content_type=MERGE_PATCH))

    async def delete(self, name: str) -> None:
        await self.api.request("DELETE", f"{self.path}/{name}")

    async def version(self) -> str:
        listed = decoded(await self.api.request("GET", self.path))
        return str(listed["metadata"]["resourceVersion"])

    async def watch(self, path: str = "", enough: str = "", **asked: str) -> list[Object]:
        """Return the events of a watch: all that come within a second, or the first `enough`, whenever they come."""
        events: list[Object] = []
        seconds = _PATIENCE_S if enough else "1"
        query = {"watch": "true", "timeoutSeconds": seconds, "labelSelector": "own", **asked}
        async with self.api.stream(path or self.path, query=query, silence_s=90.0) as lines:
            async for line in lines:
                events.append(decoded(line))
                if enough and len(events) == int(enough):
                    break
        return events


@pytest.fixture
def maps(api: Api, namespace: str) -> Maps:
    return Maps(api, namespace)


def told(events: list[Object]) -> list[tuple[str, str]]:
    return [(each["type"], each["object"]["metadata"]["name"]) for each in events]


def versions(events: list[Object]) -> list[int]:
    return [int(each["object"]["metadata"]["resourceVersion"]) for each in events]


async def test_a_watch_from_a_lists_version_tells_what_follows_in_order(maps: Maps) -> None:
    await maps.create("before")
    version = await maps.version()
    made = await maps.create("a")
    changed = await maps.label("before", x="y")
    await maps.delete("a")
    await maps.create("a")
    events = await maps.watch(resourceVersion=version, enough="4")
    assert told(events) == [("ADDED", "a"), ("MODIFIED", "before"), ("DELETED", "a"), ("ADDED", "a")]
    assert events[0]["object"] == made
    assert events[1]["object"] == changed
    assert versions(events) == sorted(set(versions(events)))


async def test_a_deleted_object_is_told_in_its_last_state_at_a_newer_version(maps: Maps) -> None:
    made = await maps.create("a", x="y")
    await maps.delete("a")
    version = made["metadata"]["resourceVersion"]
    (event,) = await maps.watch(resourceVersion=version, enough="1")
    assert event["type"] == "DELETED"
    assert int(event["object"]["metadata"].pop("resourceVersion")) > int(version)
    made["metadata"].pop("resourceVersion")
    assert event["object"] == made


@pytest.mark.parametrize("query", [{}, {"resourceVersion": "0"}])
async def test_a_watch_from_nowhere_begins_with_what_is_there(maps: Maps, query: dict[str, str]) -> None:
    there = [await maps.create(name) for name in ("b", "a")]
    await maps.create("gone")
    await maps.delete("gone")
    await maps.version()  # a list has the real server's memory catch up, which version 0 begins with
    events = await maps.watch(**query, enough="2")
    assert told(events) == [("ADDED", "a"), ("ADDED", "b")]
    assert [each["object"] for each in events] == there[::-1]


async def test_a_watch_from_nowhere_goes_on_with_what_follows(maps: Maps) -> None:
    await maps.create("a")
    query = {"watch": "true", "timeoutSeconds": _PATIENCE_S, "labelSelector": "own"}
    async with maps.api.stream(maps.path, query=query, silence_s=90.0) as lines:
        first = decoded(await anext(lines))
        await maps.label("a", x="y")
        second = decoded(await anext(lines))
    assert told([first, second]) == [("ADDED", "a"), ("MODIFIED", "a")]


async def test_a_watch_from_a_version_long_gone_is_told_so_in_an_event(
    maps: Maps,
    request: pytest.FixtureRequest,
    on_real: bool,  # noqa: FBT001
) -> None:
    if on_real:  # a real server remembers everything while it is young; one that was restarted nothing from before
        await asyncio.to_thread(request.getfixturevalue("cluster").restart, "kube-apiserver")
    (event,) = await maps.watch(resourceVersion="1", timeoutSeconds=_PATIENCE_S)
    assert event["type"] == "ERROR"
    status = event["object"]
    assert (status["kind"], status["code"], status["reason"]) == ("Status", 410, "Expired")
    assert status["message"].startswith("too old resource version: 1 (")


async def test_a_watch_from_a_version_to_come_waits(maps: Maps) -> None:
    version = await maps.version()
    await maps.create("a")
    assert await maps.watch(resourceVersion=f"1{version}") == []


async def test_a_watch_ends_after_its_timeout(maps: Maps) -> None:
    assert await maps.watch(resourceVersion=await maps.version()) == []


async def test_what_comes_into_a_selection_is_added_and_what_goes_out_is_deleted(maps: Maps) -> None:
    version = await maps.version()
    await maps.create("a", k="no")
    inside = await maps.label("a", k="yes")
    changed = await maps.label("a", more="yes")
    outside = await maps.label("a", k="no")
    await maps.label("a", more="no")
    await maps.label("a", k="yes")
    events = await maps.watch(labelSelector="k=yes", resourceVersion=version, enough="4")
    assert told(events) == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a"), ("ADDED", "a")]
    assert [each["object"] for each in events[:2]] == [inside, changed]
    # What goes out is told as it was inside, at the version at which it went.
    gone = events[2]["object"]["metadata"]
    assert gone["labels"] == changed["metadata"]["labels"]
    assert gone["resourceVersion"] == outside["metadata"]["resourceVersion"]


async def test_what_is_outside_a_selection_is_deleted_in_silence(maps: Maps) -> None:
    version = await maps.version()
    await maps.create("a", k="no")
    await maps.delete("a")
    await maps.create("b", k="yes")
    events = await maps.watch(labelSelector="k=yes", resourceVersion=version, enough="1")
    assert told(events) == [("ADDED", "b")]


async def test_one_object_is_watched_by_its_name(maps: Maps) -> None:
    version = await maps.version()
    await maps.create("a")
    await maps.create("b")
    await maps.label("a", x="y")
    query = {"fieldSelector": "metadata.name=a", "resourceVersion": version}
    assert told(await maps.watch(**query, enough="2")) == [("ADDED", "a"), ("MODIFIED", "a")]


async def test_a_namespace_does_not_see_another(maps: Maps, managed_namespace: str) -> None:
    version = await maps.version()
    await Maps(maps.api, managed_namespace).create("other")
    await maps.create("a")
    assert told(await maps.watch(resourceVersion=version, enough="1")) == [("ADDED", "a")]


async def test_all_namespaces_are_watched_at_once(maps: Maps, managed_namespace: str) -> None:
    version = await maps.version()
    this = {"test": managed_namespace}  # what other tests left behind may be deleted meanwhile
    await Maps(maps.api, managed_namespace).create("other", **this)
    await maps.create("a", **this)
    selector = f"test={managed_namespace}"
    events = await maps.watch("/api/v1/configmaps", labelSelector=selector, resourceVersion=version, enough="2")
    assert told(events) == [("ADDED", "other"), ("ADDED", "a")]


async def test_a_watch_of_a_namespace_that_is_missing_is_silent(maps: Maps) -> None:
    assert await Maps(maps.api, "no-such-namespace").watch() == []


@pytest.mark.parametrize("query", [{}, {"resourceVersion": "0"}])
async def test_a_bookmark_tells_where_what_is_there_ends(maps: Maps, query: dict[str, str]) -> None:
    made = await maps.create("a")
    await maps.version()  # a list has the real server's memory catch up, which version 0 begins with
    added, bookmark = await maps.watch(**query, allowWatchBookmarks="true", enough="2")
    assert added["type"] == "ADDED"
    assert bookmark["type"] == "BOOKMARK"
    assert bookmark["object"].keys() == {"kind", "apiVersion", "metadata"}
    assert bookmark["object"]["kind"] == "ConfigMap"
    meta = bookmark["object"]["metadata"]
    assert meta["annotations"] == _INITIAL_END
    assert int(meta["resourceVersion"]) >= int(made["metadata"]["resourceVersion"])


async def test_bookmarks_that_are_asked_for_come_before_the_end(maps: Maps, on_real: bool) -> None:  # noqa: FBT001
    version = await maps.version()
    await maps.create("a")

    async def rest(seconds: str, **asked: str) -> list[Object]:
        """Return what a watch tells after the first event, while something changes that it does not see."""
        query = {"watch": "true", "labelSelector": "own=yes", "resourceVersion": version, "timeoutSeconds": seconds}
        async with maps.api.stream(maps.path, query=query | asked, silence_s=90.0) as lines:
            assert told([decoded(await anext(lines))]) == [("ADDED", "a")]
            changes.append(await maps.create(f"unseen-{len(changes)}", own="no"))
            return [decoded(line) async for line in lines]

    changes: list[Object] = []
    # The real one tells about two seconds before the end, and owes none: a busy machine may miss that moment.
    tries = ("5", "6", "8", "12", "20") if on_real else ("1",)
    assert await rest(tries[0]) == []
    for seconds in tries:
        if bookmarks := await rest(seconds, allowWatchBookmarks="true"):
            break
    # The real one's bookmark of every minute may fall into these seconds too.
    assert {each["type"] for each in bookmarks} == {"BOOKMARK"}
    assert all("annotations" not in each["object"]["metadata"] for each in bookmarks)
    assert versions(bookmarks)[-1] >= int(changes[-1]["metadata"]["resourceVersion"])


@pytest.mark.parametrize("value", ["true", "1", "True", "yes", ""])
async def test_any_value_but_false_and_0_asks_for_a_watch(maps: Maps, value: str) -> None:
    await maps.create("a")
    assert told(await maps.watch(watch=value, enough="1")) == [("ADDED", "a")]


@pytest.mark.parametrize("value", ["false", "0"])
async def test_false_and_0_ask_for_a_list(maps: Maps, value: str) -> None:
    (listed,) = await maps.watch(watch=value)
    assert listed["kind"] == "ConfigMapList"


@pytest.mark.parametrize(
    ("query", "refusal"),
    [
        (
            {"resourceVersion": "abc"},
            (
                500,
                "",
                'resourceVersion: Invalid value: "abc": strconv.ParseUint: parsing "abc": invalid syntax',
            ),
        ),
        ({"timeoutSeconds": "x"}, (400, "BadRequest", 'strconv.ParseInt: parsing "x": invalid syntax')),
        (
            {"labelSelector": "k==="},
            (400, "BadRequest", "unable to parse requirement: found '=', expected: identifier"),
        ),
    ],
)
async def test_a_malformed_watch_is_refused_at_once(
    maps: Maps, query: dict[str, str], refusal: tuple[int, str, str]
) -> None:
    with pytest.raises(ApiError) as error:
        await maps.watch(**query)
    assert (error.value.status, error.value.reason, error.value.message) == refusal
