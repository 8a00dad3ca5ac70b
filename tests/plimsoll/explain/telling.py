"""How do the command's tests come by an autoscaler that tells decisions? The real service, on a loop in a thread."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from threading import Event, Thread
from typing import TYPE_CHECKING

from autoscaler.shell import rpc
from autoscaler.shell.feed import Feed
from deploy.local.ports import free_ports
from kube.rpc_address import RpcAddress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grpc import ServerCredentials

    from autoscaler.core.decisions.record import Book
    from kube.gate import Gate


@contextmanager
def telling(book: Book, gate: Gate | None = None, credentials: ServerCredentials | None = None) -> Iterator[str]:
    """Tell what is in the book as long as the block lasts; give the address."""
    (port,) = free_ports(1)
    at = RpcAddress(f"127.0.0.1:{port}", credentials)
    begun, loop, over = Event(), asyncio.new_event_loop(), asyncio.Event()

    async def serve() -> None:
        feed = Feed()
        async with rpc.serving(at, rpc.DecisionService(book, feed, gate), feed):
            begun.set()
            await over.wait()

    thread = Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    assert begun.wait(10)
    try:
        yield at.address
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(10)
        loop.close()
