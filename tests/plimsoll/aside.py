"""How does a command's test come by a server? It runs on a loop in a thread, beside the command."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractAsyncContextManager


@contextmanager
def aside(
    server: Callable[[], AbstractAsyncContextManager[Any]],
) -> Iterator[Callable[[Callable[[], Any]], None]]:
    """Keep a server's block open as long as this block lasts; give what does something on its loop, and waits."""
    begun, loop, over = Event(), asyncio.new_event_loop(), asyncio.Event()

    async def serve() -> None:
        async with server():
            begun.set()
            await over.wait()

    def there(work: Callable[[], Any]) -> None:
        async def working() -> None:
            work()

        asyncio.run_coroutine_threadsafe(working(), loop).result(10)

    thread = Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    assert begun.wait(10)
    try:
        yield there
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(10)
        loop.close()
