"""The same sentence about the same object is one Event with a count; no decision waits for it."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, cast

import msgspec

from kube.events import MESSAGE_LIMIT, EventWriter, Notice
from kube.objects import Event, ObjectList, ObjectReference
from tests.story.programs import POLL_S

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    import pytest

    from kube.client import Api
    from plimsoll.embedded import EmbeddedCluster

ABOUT = ObjectReference(api_version="v1", kind="Pod", namespace="default", name="p", uid="u-1")


@asynccontextmanager
async def writing(api: Api, may_write: Callable[[], bool] = lambda: True) -> AsyncIterator[EventWriter]:
    writer = EventWriter(api, "tester", may_write)
    task = asyncio.create_task(writer.run())
    try:
        yield writer
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def written(api: Api, count: int) -> list[Event]:
    """Return the Events once they count `count` sentences together."""
    async with asyncio.timeout(5.0):
        while True:
            answer = await api.request("GET", "/api/v1/namespaces/default/events")
            events = msgspec.json.decode(answer, type=ObjectList[Event]).items or []
            if sum(event.count or 0 for event in events) >= count:
                return events
            await asyncio.sleep(POLL_S)


async def test_a_notice_becomes_an_event_about_its_object(api: Api) -> None:
    async with writing(api) as writer:
        writer.write(Notice(ABOUT, "Held", "no samples", "Warning"))
        (event,) = await written(api, 1)
        assert (event.reason, event.message, event.type) == ("Held", "no samples", "Warning")
        assert event.involved_object == ABOUT


async def test_the_same_sentence_is_counted_and_another_is_another_event(api: Api) -> None:
    async with writing(api) as writer:
        for message in ("one", "one", "two"):
            writer.write(Notice(ABOUT, "Said", message))
        events = await written(api, 3)
        assert sorted((event.message, event.count) for event in events) == [("one", 2), ("two", 1)]


async def test_old_news_is_not_written_again(api: Api) -> None:
    async with writing(api) as writer:
        for message in ("one", "one", "two"):
            writer.write(Notice(ABOUT, "Said", message, old_for_s=60.0))
        events = await written(api, 2)
        assert sorted((event.message, event.count) for event in events) == [("one", 1), ("two", 1)]


async def test_a_sentence_that_stands_there_since_before_our_restart_is_taken_up(api: Api) -> None:
    for _ in range(2):
        async with writing(api) as writer:
            writer.write(Notice(ABOUT, "Said", "one"))
            await written(api, 1)
            writer.write(Notice(ABOUT, "Said", "end of this run"))
            await written(api, 2)
    assert len(await written(api, 2)) == 2


async def test_an_event_that_expired_is_written_anew(api: Api) -> None:
    async with writing(api) as writer:
        writer.write(Notice(ABOUT, "Said", "one"))
        (event,) = await written(api, 1)
        await api.request("DELETE", f"/api/v1/namespaces/default/events/{event.metadata.name}")
        writer.write(Notice(ABOUT, "Said", "one"))
        (event,) = await written(api, 2)
        assert event.count == 2


async def test_events_that_are_refused_are_logged_together_and_the_next_one_written(
    embedded: EmbeddedCluster, api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    nowhere = ObjectReference(api_version="v1", kind="Pod", namespace="absent", name="p", uid="u-2")
    async with writing(api) as writer:
        for i in range(100):
            writer.write(Notice(nowhere, "Said", f"lost {i}"))
        writer.write(Notice(ABOUT, "Said", "one"))
        await written(embedded.api, 1)
    (line,) = (record for record in caplog.records if record.levelname == "WARNING")
    assert "lost 0" in getattr(line, "error")  # noqa: B009  a field of the log


async def test_events_without_room_are_logged_together(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    writer = EventWriter(api, "tester")  # which writes nothing yet
    for i in range(5000):
        writer.write(Notice(ABOUT, "Said", f"sentence {i}"))
    assert [record.message for record in caplog.records] == ["event queue full, not written"]


async def test_what_is_told_without_the_right_to_write_is_not_written_later_either(api: Api) -> None:
    may = [False]
    async with writing(api, lambda: may[0]) as writer:
        writer.write(Notice(ABOUT, "Told", "too early", old_for_s=60.0))
        may[0] = True
        writer.write(Notice(ABOUT, "Told", "in time"))
        assert [event.message for event in await written(api, 1)] == ["in time"]
        # What was not written is still news.
        writer.write(Notice(ABOUT, "Told", "too early", old_for_s=60.0))
        assert len(await written(api, 2)) == 2


async def test_what_waits_when_the_right_to_write_ends_is_let_go(api: Api) -> None:
    may = [True]
    async with writing(api, lambda: may[0]) as writer:
        writer.write(Notice(ABOUT, "Told", "too late"))
        may[0] = False
        await asyncio.sleep(0)
        may[0] = True
        writer.write(Notice(ABOUT, "Told", "in time"))
        assert [event.message for event in await written(api, 1)] == ["in time"]


async def test_of_what_was_written_no_longer_sentences_are_remembered_than_are_written() -> None:
    writer = EventWriter(cast("Api", None), "test")
    writer.write(Notice(ABOUT, "Said", "x" * 100_000, old_for_s=60.0))
    writer.write(Notice(ABOUT, "Said", "x" * 100_001, old_for_s=60.0))
    assert [len(sentence) for _, sentence in writer._written_at] == [MESSAGE_LIMIT]
    assert writer._queue.qsize() == 1
