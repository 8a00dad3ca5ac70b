"""How do we serve HTTP? By uvicorn on the loop that runs already, one system call an answer, signals left to others."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator, Collection, Iterator

_TURNS = 20  # of the loop, in which an answer that can end has ended and a closed connection is gone


def server_of(application: Any) -> Server:
    """Return a server of an ASGI application; `await server.serve(sockets=[listener])` serves until `server.end()`."""
    return Server(
        uvicorn.Config(
            application,
            http=_OneWriteProtocol,
            proxy_headers=False,
            interface="asgi3",
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            date_header=False,
            timeout_keep_alive=600,  # a caller's idle connection closed under its feet would cost it a failed call
            timeout_graceful_shutdown=5,
        )
    )


class Server(uvicorn.Server):
    """uvicorn, which leaves signals to us: its own way raises them again after the end and so kills the clean-up."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield

    def end(self) -> None:
        """Answer what was begun, then stop."""
        self.should_exit = True

    @contextlib.asynccontextmanager
    async def serving(self, listener: socket.socket) -> AsyncIterator[None]:
        """Serve while the block lasts; then close every connection and end what is still being answered."""
        self.config.load()
        self.lifespan = self.config.lifespan_class(self.config)
        await self.startup(sockets=[listener])
        try:
            yield
        finally:
            await self._close()

    async def _close(self) -> None:
        """Take no more connections and close those there are; uvicorn's own way takes a tenth of a second at least."""
        for server in self.servers:
            server.close()
        await self._turns_while(self.server_state.tasks)
        tasks = tuple(self.server_state.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for connection in tuple(self.server_state.connections):
            connection.shutdown()
        await self._turns_while(self.server_state.connections)

    async def _turns_while(self, left: Collection[object]) -> None:
        for _ in range(_TURNS):
            if left:
                await asyncio.sleep(0)


class _OneWriteProtocol(HttpToolsProtocol):
    """uvicorn's HTTP, with head and body of an answer in one system call: each costs more than making the answer."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(_Gathering(transport))  # type: ignore[arg-type]


class _Gathering:
    """A transport that writes at the end of the loop's turn what was written during it."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._parts: list[bytes] = []

    def write(self, part: bytes) -> None:
        if not self._parts:
            asyncio.get_running_loop().call_soon(self._flush)
        self._parts.append(part)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._parts:
            parts, self._parts = self._parts, []
            self._transport.write(b"".join(parts))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
