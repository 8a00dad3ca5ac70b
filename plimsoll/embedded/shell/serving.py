"""How do requests and watchers reach the objects? With the clock of this machine; watchers are woken by writes."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from plimsoll.embedded.core import kinds
from plimsoll.embedded.core.api.exchange import Answer, Request
from plimsoll.embedded.core.api.server import ApiServer
from plimsoll.embedded.core.api.watching import Watching, line
from plimsoll.embedded.core.problem import Problem

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from plimsoll.embedded.core.api.objects import Chance
    from plimsoll.embedded.core.kinds import Kind

_BOOKMARK_S = 30.0  # about as often as the real one, which takes a minute
_LONGEST_WATCH_S = 1800.0


class Serving:
    """The API server on the running loop."""

    def __init__(self, chance: Chance) -> None:
        self.server = ApiServer(chance)
        self._changed: defaultdict[Kind, asyncio.Event] = defaultdict(asyncio.Event)
        self._watches_cut = asyncio.Event()
        self._closed = False

    def answer(  # noqa: PLR0913  a request has these parts
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        *,
        body: bytes,
        content_type: str,
        agent: str,
        accept: str = "",
    ) -> Answer | Watching:
        """Answer one request, and wake the watchers of what it changed."""
        before = self.server.store.version
        manager = agent.partition("/")[0]
        answer = self.server.answer(Request(method, path, query, body, content_type, manager, _now(), accept))
        if self.server.store.version != before:
            for kind in kinds.KINDS:
                if kind in self._changed and self.server.store.newest(kind) > before:
                    self._changed.pop(kind).set()
        return answer

    async def lines(self, watching: Watching) -> AsyncIterator[bytes]:
        """Yield what a watcher is told, one or more whole lines at a time, until its time is over."""
        loop, store = asyncio.get_running_loop(), self.server.store
        ends = loop.time() + (watching.timeout_s or _LONGEST_WATCH_S)
        cut, seen = self._watches_cut, watching.after
        if start := watching.start():
            yield start
        bookmark_at = loop.time() + _BOOKMARK_S if watching.bookmarks else ends
        while not (cut.is_set() or self._closed):
            changed = self._changed[watching.kind]
            try:
                changes = store.changes(watching.kind, seen)
            except Problem as problem:
                yield line("ERROR", msgspec.json.encode(problem.body()))
                return
            seen = max(seen, store.version)
            if told := b"".join(filter(None, map(watching.event, changes))):
                yield told
            now = loop.time()
            if watching.bookmarks and now >= min(bookmark_at, ends):
                yield watching.bookmark(seen)
                bookmark_at = now + _BOOKMARK_S
            if now >= ends:
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(bookmark_at, ends) - now):
                    await changed.wait()

    def close(self) -> None:
        """End every watch, also those that are still to be opened."""
        self._closed = True
        self.cut_watches()

    def cut_watches(self) -> None:
        """End every watch that is open now, as a restart of the API server does."""
        self._watches_cut.set()
        self._watches_cut = asyncio.Event()
        for event in self._changed.values():
            event.set()
        self._changed.clear()


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
