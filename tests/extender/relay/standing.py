"""An extender that does as the test says, and a relay before it."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from extender.relay.far import Far, Trust
from extender.relay.relaying import Relay
from kube.http import server_of
from kube.pages import JSON, Page, problem, respond
from tests.story.programs import a_listener, url_of

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator

    from kube.tls import ServerTls


class StandIn:
    """What the extender would be: `hangs`, and it answers nothing; `unready`, and it says why; `asked` of it so far."""

    def __init__(self) -> None:
        self.hangs = False
        self.unready = ""
        self.asked: list[tuple[str, bytes]] = []
        self.callers: list[int] = []

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["method"] == "POST":
            self.asked.append((scope["path"], (await receive())["body"]))
            self.callers.append(scope["client"][1])
        if self.hangs:
            await asyncio.Event().wait()
        if self.unready:
            await respond(Page(503, "text/plain", self.unready.encode()), send)
        elif scope["path"] == "/prioritize":
            await respond(problem(500, "a defect"), send)
        else:
            await respond(Page(200, JSON, b'{"from":"the extender"}'), send)


@asynccontextmanager
async def relay_to(url: str, trust: Trust | None = None) -> AsyncIterator[tuple[Relay, str]]:
    """Run a relay; give it, and where it answers."""
    far = Far(url, trust or Trust())
    relay = Relay(far)
    running = asyncio.create_task(relay.run())
    try:
        with a_listener() as listener:
            async with server_of(relay).serving(listener):
                yield relay, url_of(listener)
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        await far.close()


@asynccontextmanager
async def standing_in(
    tls: ServerTls | None = None, listener: socket.socket | None = None
) -> AsyncIterator[tuple[StandIn, str]]:
    """Run a stand-in; give it, and where it answers."""
    stand_in = StandIn()
    with listener or a_listener() as mine:
        async with server_of(stand_in, tls).serving(mine):
            yield stand_in, url_of(mine).replace("http:", "https:" if tls else "http:")
