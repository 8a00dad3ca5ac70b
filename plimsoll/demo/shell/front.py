"""The one door to all replicas: each request goes to the ready server with the fewest in flight.

A server that breaks the connection is passed over for that request, and where none is ready the request waits a
while: a replica that comes or goes costs nobody an answer.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol, Self

import aiohttp
from aiohttp import web

from plimsoll.demo.core.spread import Server, least_in_flight

if TYPE_CHECKING:
    from collections.abc import Sequence

_HOLD_S = 30.0  # how long a request waits for a server before it is turned away
_ALIVE_S = 15.0  # less than the servers' own, so that no request goes into a connection that is being closed
_CLOSE_S = 0.1  # for requests whose users are gone already; 0 would mean without end


class Servers(Protocol):
    """Who can take requests; the fleet is one."""

    def ready(self, workload: str) -> Sequence[Server]:
        """Return the servers that take requests for `workload`."""

    async def until_changed(self) -> None:
        """Wait until a server becomes ready from now on."""


class Front:
    """An HTTP reverse proxy for `/{workload}/v1/completions`; use it as an asynchronous context."""

    def __init__(self, servers: Servers) -> None:
        self._servers = servers
        self.url = ""

    async def __aenter__(self) -> Self:
        """Listen on a free port of the loopback interface."""
        connections = aiohttp.TCPConnector(limit=0, keepalive_timeout=_ALIVE_S)
        self._session = aiohttp.ClientSession(connector=connections, timeout=aiohttp.ClientTimeout(None))
        app = web.Application()
        app.router.add_post("/{workload}/v1/completions", self._forward)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=_CLOSE_S)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the door and every connection."""
        await self._runner.cleanup()
        await self._session.close()

    async def _forward(self, request: web.Request) -> web.Response:
        body = await request.read()
        broken: frozenset[str] = frozenset()
        try:
            async with asyncio.timeout(_HOLD_S) as hold:
                while True:
                    server = least_in_flight(self._servers.ready(request.match_info["workload"]), but=broken)
                    if server is None:
                        await self._servers.until_changed()
                        continue
                    hold.reschedule(None)
                    try:
                        return await self._ask(server, body)
                    except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError):
                        broken |= {server.pod}
                        hold.reschedule(asyncio.get_running_loop().time() + _HOLD_S)
        except TimeoutError:
            return web.json_response(
                {"error": f"no model server was ready within {_HOLD_S:g} s"}, status=503, headers={"Retry-After": "5"}
            )

    async def _ask(self, server: Server, body: bytes) -> web.Response:
        server.in_flight += 1
        server.taken += 1
        try:
            async with self._session.post(f"{server.url}/v1/completions", data=body) as answer:
                return web.Response(body=await answer.read(), status=answer.status, content_type=answer.content_type)
        finally:
            server.in_flight -= 1
