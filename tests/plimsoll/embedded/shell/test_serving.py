"""When is a watcher told something though nothing happens, and how long may it watch? On a clock that jumps."""

from __future__ import annotations

import asyncio
import random
import selectors
from typing import TYPE_CHECKING, Any

import msgspec

from plimsoll.embedded.core.api.watching import Watching
from plimsoll.embedded.shell.serving import Serving

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

_PATH = "/api/v1/configmaps"


class _Jumping(selectors.SelectSelector):
    """Does not wait: says that the time is over, and puts the clock there."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        assert timeout is not None, "nothing will ever happen"
        self.now += max(0.0, timeout)
        return super().select(0)


class _JumpingLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._clock = _Jumping()
        super().__init__(self._clock)

    def time(self) -> float:
        return self._clock.now


def jumping(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run what takes hours, at once."""
    with asyncio.Runner(loop_factory=_JumpingLoop) as runner:
        runner.run(scenario())


async def watched(**query: str) -> list[tuple[int, str]]:
    """Watch what never changes to the end; return when something was told and what, and when it ended."""
    serving = Serving(random.Random(0))  # noqa: S311  no secrets
    asked = {"watch": "1", "resourceVersion": str(serving.server.store.version), **query}
    watching = serving.answer("GET", _PATH, asked, body=b"", content_type="", agent="test")
    assert isinstance(watching, Watching)
    loop = asyncio.get_running_loop()
    told = [(round(loop.time()), msgspec.json.decode(line)["type"]) async for line in serving.lines(watching)]
    return [*told, (round(loop.time()), "end")]


def test_a_quiet_watch_is_told_every_30_seconds_and_at_its_end_how_far_it_is() -> None:
    async def scenario() -> None:
        told = await watched(allowWatchBookmarks="true", timeoutSeconds="100")
        assert told == [*((second, "BOOKMARK") for second in (30, 60, 90, 100)), (100, "end")]

    jumping(scenario)


def test_who_asks_for_no_bookmarks_is_told_nothing() -> None:
    async def scenario() -> None:
        assert await watched(timeoutSeconds="100") == [(100, "end")]

    jumping(scenario)


def test_a_watch_of_no_length_ends_after_half_an_hour() -> None:
    async def scenario() -> None:
        assert await watched() == [(1800, "end")]

    jumping(scenario)
