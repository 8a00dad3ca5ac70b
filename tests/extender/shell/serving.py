"""How does an API server answer lists and watches that says what a test wants, when the test wants it?"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, cast

from kube.client import Api, ApiError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping


class Serving:
    """An API server's answers to lists and watches, as far as they are set; lists are of `version`."""

    def __init__(self, refuses: Mapping[str, int] | None = None) -> None:
        self.lists: dict[str, list[dict[str, Any]]] = {}
        self.refuses = dict(refuses or {})
        self.asked: list[tuple[str, str]] = []
        self.opened: Counter[str] = Counter()
        self.version = "1"
        self.held: dict[str, asyncio.Event] = {}
        self._news: dict[str, asyncio.Queue[bytes]] = {}

    async def request(self, method: str, path: str, *, query: Mapping[str, str] | None = None, **_: Any) -> bytes:
        self.asked.append((path, (query or {}).get("fieldSelector", "")))
        if path in self.refuses:
            raise ApiError(self.refuses[path], "Refused", f"{method} {path} was refused")
        answer = json.dumps({"metadata": {"resourceVersion": self.version}, "items": self.lists.get(path, [])}).encode()
        if path in self.held:
            await self.held[path].wait()
        return answer

    @asynccontextmanager
    async def stream(self, path: str, **_: Any) -> AsyncIterator[AsyncIterator[bytes]]:
        self.opened[path] += 1
        if path in self.refuses:
            raise ApiError(self.refuses[path], "Refused", f"{path} was refused")

        async def lines() -> AsyncIterator[bytes]:
            while line := await self._queue(path).get():
                yield line

        yield lines()

    def hold(self, path: str) -> asyncio.Event:
        """Let no answer to a list arrive before the event; it tells what was there when it was asked for."""
        self.held[path] = asyncio.Event()
        return self.held[path]

    def cut(self, path: str, status: int) -> None:
        """End the watch and refuse the next ones."""
        self.refuses[path] = status
        self._queue(path).put_nowait(b"")

    def tell(self, path: str, kind: str, body: dict[str, Any]) -> None:
        self._queue(path).put_nowait(json.dumps({"type": kind, "object": body}).encode())

    def _queue(self, path: str) -> asyncio.Queue[bytes]:
        return self._news.setdefault(path, asyncio.Queue())

    @contextmanager
    def as_api(self) -> Iterator[Api]:
        yield cast("Api", self)
