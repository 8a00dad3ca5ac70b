"""What a watch shows is what is there: also after it was cut, and after the server has forgotten its version."""

from __future__ import annotations

import asyncio
import contextlib
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

import msgspec
import pytest

from kube import client as client_module
from kube import watch as watch_module
from kube.client import MERGE_PATCH, Api, ApiError
from kube.objects import ConfigMap
from kube.watch import Gone, Put, Relisted, listed, watch
from tests.kube.mirroring import mirror
from tests.story.programs import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from kube.watch import Change
    from plimsoll.embedded import EmbeddedCluster

MAPS = "/api/v1/namespaces/default/configmaps"


async def put(api: Api, name: str, value: str) -> None:
    try:
        await api.request("POST", MAPS, body={"metadata": {"name": name}, "data": {"value": value}})
    except ApiError:
        await api.request("PATCH", f"{MAPS}/{name}", body={"data": {"value": value}}, content_type=MERGE_PATCH)


def read(found: ConfigMap) -> tuple[str, str]:
    return found.metadata.name, (found.data or {}).get("value", "")


class Followed:
    """What a watch has shown so far."""

    def __init__(self) -> None:
        self.table: dict[str, tuple[str, str]] = {}
        self.kinds: list[str] = []
        self.troubles: list[ApiError | None] = []

    def values(self) -> set[tuple[str, str]]:
        return set(self.table.values())


@asynccontextmanager
async def following(api: Api) -> AsyncIterator[Followed]:
    followed = Followed()

    async def noted(changes: AsyncIterator[Change[ConfigMap]]) -> AsyncIterator[Change[ConfigMap]]:
        async for change in changes:
            followed.kinds.append(type(change).__name__)
            yield change

    changes = noted(watch(api, MAPS, ConfigMap, on_trouble=followed.troubles.append))
    task = asyncio.create_task(mirror(changes, read, followed.table))
    await until(lambda: bool(followed.kinds))
    try:
        yield followed
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_changes_come_in_their_order(api: Api) -> None:
    await put(api, "a", "1")
    changes = watch(api, MAPS, ConfigMap, query={"fieldSelector": "metadata.name=a"})
    first = await anext(changes)
    assert isinstance(first, Relisted)
    assert [read(found) for found in first.objects] == [("a", "1")]
    await put(api, "b", "1")
    await put(api, "a", "2")
    await api.request("DELETE", f"{MAPS}/a")
    second, third = await anext(changes), await anext(changes)
    assert isinstance(second, Put)
    assert read(second.object) == ("a", "2")
    assert isinstance(third, Gone)
    await changes.aclose()


async def test_a_watch_that_was_cut_goes_on_where_it_was(embedded: EmbeddedCluster, api: Api) -> None:
    async with following(api) as followed:
        await put(api, "a", "1")
        await until(lambda: followed.values() == {("a", "1")})
        embedded._serving.cut_watches()
        await put(api, "a", "2")
        await put(api, "b", "1")
        await until(lambda: followed.values() == {("a", "2"), ("b", "1")})
        assert followed.kinds.count("Relisted") == 1


async def test_an_object_whose_line_is_too_long_is_seen_in_a_new_list(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "_LINE_LIMIT", 8 * 1024)
    long = "<" * 10_000
    async with following(api) as followed:
        await put(api, "long", long)
        await until(lambda: followed.values() == {("long", long)})
        await put(api, "a", "1")
        await until(lambda: followed.values() == {("long", long), ("a", "1")})
        told = next(error for error in followed.troubles if error is not None)
        assert told.message == "the API server sent a line of more than 8192 bytes"


async def test_a_version_that_is_forgotten_means_a_new_list(embedded: EmbeddedCluster, api: Api) -> None:
    async with following(api) as followed:
        await put(api, "stays", "1")
        await put(api, "goes", "1")
        await until(lambda: len(followed.values()) == 2)
        embedded.faults.stall()
        embedded._serving.cut_watches()
        await embedded.api.request("DELETE", f"{MAPS}/goes")
        await put(embedded.api, "comes", "1")
        embedded.restart_api_server()
        embedded.faults.flow()
        await until(lambda: followed.values() == {("stays", "1"), ("comes", "1")})
        assert followed.kinds.count("Relisted") == 2


async def test_troubles_are_told_and_so_is_their_end(embedded: EmbeddedCluster, api: Api) -> None:
    async with following(api) as followed:
        embedded.faults.refuse = lambda _method, _path: True

        def troubled() -> bool:
            embedded._serving.cut_watches()  # again and again: a watch that is only being opened cannot be cut yet
            return bool(followed.troubles) and followed.troubles[-1] is not None

        await until(troubled)
        embedded.faults.clear()
        await until(lambda: followed.troubles[-1] is None)


async def test_a_list_of_many_pages_is_whole(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_module, "_PAGE", "10")
    for number in range(35):
        await put(api, f"m{number:02}", "1")
    changes = watch(api, MAPS, ConfigMap)
    first = await anext(changes)
    assert isinstance(first, Relisted)
    assert len(first.objects) == 35
    await changes.aclose()


async def test_what_the_reader_makes_of_an_object_is_what_is_told(api: Api) -> None:
    await put(api, "a", "1")
    changes = watch(api, MAPS, ConfigMap, read=read)
    first = await anext(changes)
    assert isinstance(first, Relisted)
    assert ("a", "1") in first.objects
    await put(api, "a", "2")
    assert await anext(changes) == Put(("a", "2"))
    await api.request("DELETE", f"{MAPS}/a")
    assert await anext(changes) == Gone(("a", "2"))
    await changes.aclose()


def line(what: str, name: str, value: object, version: str) -> bytes:
    body = {"metadata": {"name": name, "uid": name, "resourceVersion": version}, "data": {"value": value}}
    return json.dumps({"type": what, "object": body}).encode()


class Odd:
    """An API server that has an odd object: its lists and watches, in their order."""

    def __init__(self, lists: list[list[dict[str, Any]]], watches: list[list[bytes]]) -> None:
        self._lists, self._watches = lists, watches
        self.from_versions: list[str] = []

    async def request(self, *_: Any, **__: Any) -> bytes:
        return json.dumps({"metadata": {"resourceVersion": "10"}, "items": self._lists.pop(0)}).encode()

    @asynccontextmanager
    async def stream(self, _path: str, *, query: Mapping[str, str], **__: Any) -> AsyncIterator[AsyncIterator[bytes]]:
        self.from_versions.append(query["resourceVersion"])

        async def lines() -> AsyncIterator[bytes]:
            for each in self._watches.pop(0):
                yield each

        yield lines()


async def test_an_object_that_cannot_be_read_hides_no_other_and_does_not_come_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watch_module, "_SHORT_S", -1.0)  # no pauses
    odd = {"metadata": {"name": "odd"}, "data": {"value": 1}}
    server = Odd(
        [[odd, {"metadata": {"name": "a"}, "data": {"value": "1"}}], []],
        [
            [line("ADDED", "b", "1", "11"), line("MODIFIED", "odd", 2, "12")],
            [line("MODIFIED", "b", "2", "13"), line("DELETED", "odd", 2, "14")],
            [line("ADDED", "c", "1", "15")],
        ],
    )
    changes = watch(cast("Api", server), MAPS, ConfigMap, read=read)
    assert [await anext(changes) for _ in range(5)] == [
        Relisted((("a", "1"),), "10"),
        Put(("b", "1")),
        Put(("b", "2")),
        Relisted((), "10"),
        Put(("c", "1")),
    ]
    assert server.from_versions == ["10", "12", "10"]
    await changes.aclose()


class Forgetful:
    """An API server that has forgotten every list by its second page, `times` times."""

    def __init__(self, times: int) -> None:
        self._left = times
        self.asked = 0

    async def request(self, *_: Any, query: Mapping[str, str], **__: Any) -> bytes:
        self.asked += 1
        if "continue" not in query:
            return json.dumps({"metadata": {"resourceVersion": "10", "continue": "more"}}).encode()
        if self._left:
            self._left -= 1
            raise ApiError(410, "Expired", "the continue token is too old")
        return json.dumps({"metadata": {"resourceVersion": "10"}}).encode()


@pytest.mark.parametrize(("times", "asked"), [(0, 2), (1, 4)])
async def test_a_list_whose_pages_are_forgotten_begins_again(times: int, asked: int) -> None:
    server = Forgetful(times)
    assert await listed(cast("Api", server), MAPS, ConfigMap) == ((), "10")
    assert server.asked == asked


async def test_a_list_whose_pages_are_forgotten_again_is_a_trouble() -> None:
    server = Forgetful(100)
    with pytest.raises(ApiError, match="too old"):
        await listed(cast("Api", server), MAPS, ConfigMap)
    assert server.asked == 4


def digits(found: ConfigMap) -> tuple[str, int]:
    """Decode a part of an object late, as readers do that seldom want it."""
    return found.metadata.name, msgspec.json.decode((found.data or {})["value"], type=int)


async def test_an_object_that_its_reader_cannot_read_hides_no_other_and_is_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(watch_module, "_SHORT_S", -1.0)  # no pauses
    odd, a = ({"metadata": {"name": name}, "data": {"value": value}} for name, value in (("odd", "<"), ("a", "1")))
    server = Odd(
        [[odd, a], [a]],
        [
            [line("MODIFIED", "odd", "<<", "11"), line("MODIFIED", "a", "2", "12"), line("DELETED", "odd", "<<", "13")],
            [],
        ],
    )
    changes = watch(cast("Api", server), MAPS, ConfigMap, read=digits)
    assert [await anext(changes) for _ in range(3)] == [
        Relisted((("a", 1),), "10"),
        Put(("a", 2)),
        Relisted((("a", 1),), "10"),
    ]
    told = [record for record in caplog.records if "passed over" in record.getMessage()]
    assert {record.__dict__["object"] for record in told} == {"odd"}
    await changes.aclose()
