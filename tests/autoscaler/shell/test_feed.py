from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from autoscaler.shell import feed as feeds
from autoscaler.shell.feed import EndedError, Feed, TooManyReadersError, TooSlowError
from tests.autoscaler.recorded import KEY, record, seen

CHAT = record(seen())
SEARCH = record(seen(), replace(KEY, uid="other", namespace="search"))


async def test_a_reader_hears_what_comes_after_it_did() -> None:
    feed = Feed()
    feed.changed(CHAT)
    with feed.reading("", every_decision=False) as reader:
        feed.changed(SEARCH)
        feed.changed(CHAT)
        assert await reader.next() == (SEARCH, CHAT)


async def test_a_reader_waits_for_what_is_not_there_yet() -> None:
    feed = Feed()
    with feed.reading("", every_decision=False) as reader:
        waiting = asyncio.create_task(reader.next())
        await asyncio.sleep(0)
        assert not waiting.done()
        feed.changed(CHAT)
        assert await waiting == (CHAT,)


async def test_a_reader_of_a_namespace_hears_of_no_other() -> None:
    feed = Feed()
    with feed.reading("search", every_decision=False) as reader:
        feed.changed(CHAT)
        feed.changed(SEARCH)
        assert await reader.next() == (SEARCH,)


async def test_every_decision_is_for_those_who_ask_for_it() -> None:
    feed = Feed()
    assert not feed.every_decision_wanted
    with feed.reading("", every_decision=False) as changes, feed.reading("", every_decision=True) as every:
        assert feed.every_decision_wanted
        feed.changed(CHAT)
        feed.decided((CHAT, SEARCH))
        assert await changes.next() == (CHAT,)
        assert await every.next() == (CHAT, SEARCH)
    assert not feed.every_decision_wanted


async def test_who_reads_too_slowly_is_cut_off_and_holds_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "MOST_WAITING", 3)
    feed = Feed()
    with feed.reading("", every_decision=False) as reader:
        for _ in range(4):
            feed.changed(CHAT)
        assert not reader._batches
        with pytest.raises(TooSlowError):
            await reader.next()
        feed.changed(CHAT)
        with pytest.raises(TooSlowError):
            await reader.next()


async def test_one_tick_of_a_very_large_cluster_is_never_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "MOST_WAITING", 3)
    feed = Feed()
    with feed.reading("", every_decision=True) as reader:
        feed.decided((CHAT,) * 9)
        assert len(await reader.next()) == 9


async def test_the_end_comes_after_what_waits() -> None:
    feed = Feed()
    with feed.reading("", every_decision=False) as reader:
        feed.changed(CHAT)
        feed.end()
        assert await reader.next() == (CHAT,)
        with pytest.raises(EndedError):
            await reader.next()
    with pytest.raises(EndedError), feed.reading("", every_decision=False):
        pass


async def test_readers_are_bounded_and_make_room_when_they_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "MOST_READERS", 1)
    feed = Feed()
    with feed.reading("", every_decision=False), pytest.raises(TooManyReadersError):  # noqa: SIM117
        with feed.reading("", every_decision=False):
            pass
    with feed.reading("", every_decision=False):
        pass
