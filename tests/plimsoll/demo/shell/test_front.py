from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import web

from plimsoll.demo.core.arrivals import Arrival
from plimsoll.demo.core.spread import Server
from plimsoll.demo.shell import front as front_module
from plimsoll.demo.shell.front import Front
from plimsoll.demo.shell.load import Users

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import pytest


class Servers:
    """As much of a fleet as the front asks for."""

    def __init__(self, *servers: Server) -> None:
        self.servers = list(servers)
        self.changed = asyncio.Event()
        self.asked = asyncio.Event()

    def ready(self, workload: str) -> list[Server]:
        return [server for server in self.servers if server.workload == workload]

    async def until_changed(self) -> None:
        self.asked.set()
        await self.changed.wait()


def play(scenario: Callable[[str], Awaitable[None]]) -> None:
    """Run `scenario` with the URL of a server that answers with its name."""

    async def with_server() -> None:
        async def answer(request: web.Request) -> web.Response:
            return web.json_response({"got": (await request.read()).decode()})

        app = web.Application()
        app.router.add_post("/v1/completions", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            async with asyncio.timeout(30):
                await scenario(f"http://127.0.0.1:{runner.addresses[0][1]}")
        finally:
            await runner.cleanup()

    asyncio.run(with_server())


def refusing() -> str:
    """Return the URL of a port where nobody listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{unused.getsockname()[1]}"


async def post(front: Front) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{front.url}/chat/v1/completions", data=b"q") as answer,
    ):
        return answer.status, await answer.text()


def test_a_server_that_refuses_is_passed_over() -> None:
    async def scenario(url: str) -> None:
        broken, good = Server("a", "chat", refusing()), Server("b", "chat", url, in_flight=5)
        async with Front(Servers(broken, good)) as front:
            assert await post(front) == (200, '{"got": "q"}')
        assert (broken.taken, good.taken) == (1, 1)
        assert (broken.in_flight, good.in_flight) == (0, 5)

    play(scenario)


def test_a_request_waits_for_the_first_server() -> None:
    async def scenario(url: str) -> None:
        servers = Servers()
        async with Front(servers) as front:
            waiting = asyncio.create_task(post(front))
            await servers.asked.wait()
            servers.servers.append(Server("a", "chat", url))
            servers.changed.set()
            assert (await waiting)[0] == 200

    play(scenario)


def test_where_nobody_comes_a_request_is_told_when_to_try_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front_module, "_HOLD_S", 0.0)

    async def scenario(_url: str) -> None:
        async with Front(Servers()) as front:
            status, text = await post(front)
            assert (status, "no model server was ready" in text) == (503, True)

    play(scenario)


def test_users_ask_every_workload_and_count_what_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front_module, "_HOLD_S", 0.0)

    async def scenario(url: str) -> None:
        async with Front(Servers(Server("a", "chat", url))) as front:
            users = Users(front.url, lambda: 100.0)
            await users.ask([Arrival(0.0, 1, 1)] * 3)
        assert (
            sorted((each.workload, each.served) for each in users.answers)
            == [("chat", True)] * 3 + [("embed", False)] * 3
        )
        traffic = users.traffic()
        assert (traffic.per_s, traffic.in_flight, traffic.served, traffic.failed) == (6, 0, 3, 3)

    play(scenario)
