"""What do the unit tests of Prometheus' shell have in common? A query API that answers, hangs or drips as told."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Awaitable, Callable

    Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]

SERIES = {"__name__": "vllm:num_requests_running", "namespace": "ns", "pod": "a"}


def found(kind: str, result: Any) -> Answering:
    async def answering(_: web.Request) -> web.StreamResponse:
        return web.json_response({"status": "success", "data": {"resultType": kind, "result": result}})

    return answering


def matrix(*values: tuple[float, str]) -> Answering:
    return found("matrix", [{"metric": SERIES, "values": values}])


def failing(status: int, text: str) -> Answering:
    async def answering(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text=text)

    return answering


class Server:
    """A query API: a query is answered by who is named by a part of its text, with nothing otherwise."""

    def __init__(self) -> None:
        self.address = ""
        self.answers: dict[str, Answering] = {}
        self.asked: list[str] = []
        self.requests: list[web.Request] = []
        self.came: asyncio.Queue[str] = asyncio.Queue()
        self.ended = asyncio.Event()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        query = request.query["query"]
        self.asked.append(query)
        self.requests.append(request)
        self.came.put_nowait(query)
        default = found("matrix", []) if "__name__" in query else found("scalar", [10.5, "1"])
        answering = next((answering for part, answering in self.answers.items() if part in query), default)
        return await answering(request)

    async def hang(self, _: web.Request) -> web.StreamResponse:
        await self.ended.wait()
        return web.Response()

    async def drip(self, request: web.Request) -> web.StreamResponse:
        """Send a byte now and then: each read of it succeeds in time, so that only a limit on the whole helps."""
        response = web.StreamResponse()
        await response.prepare(request)
        while not self.ended.is_set():
            await response.write(b" ")
            await asyncio.sleep(0.02)
        return response


@asynccontextmanager
async def serving(tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    server = Server()
    app = web.Application()
    app.router.add_get("/api/v1/query", server.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    server.address = f"{'https' if tls else 'http'}://127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with asyncio.timeout(60):
            yield server
    finally:
        server.ended.set()
        await runner.cleanup()
