"""How do tests run our programs in their own process? As `__main__` does, on sockets of loopback, for one block."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from extender.app import Extender
from extender.shell.http import Asgi
from kube.client import Api
from kube.http import server_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

POLL_S = 0.005


@asynccontextmanager
async def running_extender(kubeconfig: Path, listener: socket.socket) -> AsyncIterator[Extender]:
    """Run an extender until the block ends, as suddenly as a killed one; `listener` is left open for the next."""
    api = await Api.connect(kubeconfig)
    extender = Extender(api, "plimsoll-system")
    running = asyncio.create_task(extender.run())
    try:
        async with server_of(Asgi(extender, extender.telemetry)).serving(listener.dup()):
            await until(lambda: not extender.unready())
            yield extender
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        await api.close()


async def until(true: Callable[[], bool], seconds: float = 20.0, what: str = "") -> None:
    """Wait until something holds; what is waited for happens on this loop."""
    async with asyncio.timeout(seconds) as limit:
        try:
            while not true():  # noqa: ASYNC110  polled: any of many things may make it true
                await asyncio.sleep(POLL_S)
        except asyncio.CancelledError:
            if limit.expired():
                raise AssertionError(f"waited {seconds:g} s in vain: {what or true}") from None
            raise


def a_listener() -> socket.socket:
    """Return a listening socket on a free port of loopback."""
    return socket.create_server(("127.0.0.1", 0), backlog=256)


def url_of(listener: socket.socket) -> str:
    """Return where a socket listens."""
    return "http://{}:{}".format(*listener.getsockname()[:2])
