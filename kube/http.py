"""How do we serve HTTP? By uvicorn on the loop that runs already, one system call an answer, signals left to others.

Who is slow, sends without end or does not read what he is answered loses his connection; nobody else notices.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator, Collection, Iterator, Mapping

    from kube.tls import ServerTls

_log = logging.getLogger(__name__)

# From the first byte of a request to its last, and for the first byte of the first; also for reading what is left of an
# answer. kube-scheduler gives up after 1 s.
_REQUEST_S = 10.0
_HEAD_LIMIT = 64 * 1024  # bytes of a request's line and headers, and of what stands between or behind its chunks
_MOST_BEHIND = 32  # requests that wait for the answer to one before them; no caller of ours sends any
_MOST_CONNECTIONS = 1024
_IDLE_S = 600  # a caller's idle connection closed under its feet would cost it a failed call
_UNTRUSTED_IDLE_S = 30  # anybody may hold as many as he likes
_TURNS = 20  # of the loop, in which an answer that can end has ended and a closed connection is gone


def server_of(application: Any, tls: ServerTls | None = None) -> Server:
    """Return a server of an ASGI application; `await server.serve(sockets=[listener])` serves until `server.end()`."""
    server = Server(
        uvicorn.Config(
            application,
            http=_Protocol,
            proxy_headers=False,
            interface="asgi3",
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            date_header=False,
            timeout_keep_alive=_IDLE_S,
            timeout_graceful_shutdown=5,
        )
    )
    server.config.load()
    if tls is not None:
        server.config.ssl = tls.context
        server.config.http_protocol_class = _ProtocolForCertified if tls.for_callers else _Protocol
    return server


def trusted(scope: Mapping[str, Any]) -> bool:
    """Tell whether a request comes from whom we obey.

    That is whoever showed a certificate where callers are to show one, and else whoever is on this machine.
    """
    return bool(scope["state"].get("trusted"))


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


class _Refused(Exception):  # noqa: N818  it ends the reading of what was sent
    """The caller was refused in the middle of what he sends."""


class _Protocol(HttpToolsProtocol):
    """uvicorn's HTTP with limits, and an answer in one system call: each costs more than making the answer."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._head_bytes = 0
        self._in_head = False
        self._in_body = False
        self._timer: asyncio.TimerHandle | None = None
        self._unread_timer: asyncio.TimerHandle | None = None
        self._trusted = False
        self._idle_since = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(_Gathering(transport, self.loop))  # type: ignore[arg-type]
        self._trusted = self._trusts(transport)
        self.app_state = {**self.app_state, "trusted": self._trusted}
        self.timeout_keep_alive = _IDLE_S if self._trusted else _UNTRUSTED_IDLE_S
        self._idle_since = self.loop.time()
        closed = self._one_too_many()
        if closed is not None:
            _log.warning("a connection was closed: there are too many", extra={"limit": _MOST_CONNECTIONS})
            closed.transport.abort()
        if closed is not self:
            self._begin_timer()

    def data_received(self, data: bytes) -> None:
        self._head_bytes += len(data)
        super().data_received(data)
        if self._head_bytes > _HEAD_LIMIT and (self._in_head or self._in_body):
            self._refuse(b"431 Request Header Fields Too Large", f"the headers are larger than {_HEAD_LIMIT} bytes")
        elif self._in_body or not self._is_answering():
            self._begin_timer()

    def on_message_begin(self) -> None:
        self._in_head = True
        self._end_timer()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head, self._in_body = False, True
        self._head_bytes = 0
        super().on_headers_complete()
        if len(self.pipeline) > _MOST_BEHIND:
            self.pipeline.clear()
            self._refuse(
                b"400 Bad Request", f"more than {_MOST_BEHIND} requests wait for the answer to one before them"
            )
            raise _Refused

    def on_body(self, body: bytes) -> None:
        self._head_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._in_body = False
        self._head_bytes = 0
        self._end_timer()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._idle_since = self.loop.time()
        if self._in_head and not self._is_answering():  # it came behind the request that is answered now
            self._unset_keepalive_if_required()
            self._begin_timer()

    def send_400_response(self, msg: str) -> None:
        if not self.transport.is_closing():  # else it is we who ended the reading
            super().send_400_response(msg)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread_timer = self.loop.call_later(_REQUEST_S, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._end_unread_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_timer()
        self._end_unread_timer()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def _one_too_many(self) -> _Protocol | None:
        """Return the connection that has to go for this one to stay, or this one; None where there is room."""
        if len(self.connections) <= _MOST_CONNECTIONS:
            return None
        others = [
            each
            for each in self.connections
            if isinstance(each, _Protocol) and each is not self and not each.transport.is_closing()
        ]
        if len(others) < _MOST_CONNECTIONS:
            return None
        idle = (each for each in others if not each._trusted and not each._is_answering())  # noqa: SLF001  of this class
        return min(idle, key=lambda each: each._idle_since, default=self)  # noqa: SLF001

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _trusts(self, transport: asyncio.Transport) -> bool:
        peer = transport.get_extra_info("peername")
        return bool(peer) and ipaddress.ip_address(peer[0].partition("%")[0]).is_loopback

    def _too_slow(self) -> None:
        self._timer = None
        if self._in_head or self._in_body:
            part = "headers" if self._in_head else "body"
            self._refuse(b"408 Request Timeout", f"the {part} did not come within {_REQUEST_S:g} s")
        else:
            self.transport.close()

    def _refuse(self, status: bytes, why: str) -> None:
        if not self.transport.is_closing():
            head = b"HTTP/1.1 %b\r\ncontent-type: text/plain\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
            self.transport.write(head % (status, len(why)) + why.encode())
            self.transport.close()

    def _begin_timer(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(_REQUEST_S, self._too_slow)

    def _end_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end_unread_timer(self) -> None:
        if self._unread_timer is not None:
            self._unread_timer.cancel()
            self._unread_timer = None


class _ProtocolForCertified(_Protocol):
    """As that, but who has shown a certificate is trusted, wherever he is."""

    def _trusts(self, transport: asyncio.Transport) -> bool:
        return bool(transport.get_extra_info("peercert"))


class _Gathering:
    """A transport that writes at the end of the loop's turn what was written during it."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._parts: list[bytes] = []

    def write(self, part: bytes) -> None:
        if not self._parts:
            self._loop.call_soon(self._flush)
        self._parts.append(part)

    def close(self) -> None:
        self._flush()
        # It waits until what is left is read, be it for ever; of a TLS that is closed already nothing may be asked.
        left = 0 if self._transport.is_closing() else self._transport.get_write_buffer_size()
        self._transport.close()
        if left:
            self._loop.call_later(_REQUEST_S, self._transport.abort)

    def is_closing(self) -> bool:
        return self._transport.is_closing()  # asked after every answer; `__getattr__` takes long

    def _flush(self) -> None:
        if self._parts:
            parts, self._parts = self._parts, []
            self._transport.write(b"".join(parts))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
