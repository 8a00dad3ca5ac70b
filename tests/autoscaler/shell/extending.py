"""A stand-in for the extender: it speaks the proto, and answers, refuses, hangs or talks nonsense as a test likes."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import grpc
import msgspec

from extender.v1 import extender_pb2 as v1
from extender.v1 import extender_pb2_grpc as service

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from grpc import ServerCredentials


class StandIn(service.ExtenderServicer):
    """Room for so many more pods of any shape; `behaves` is called first, and may refuse, hang or answer itself."""

    def __init__(self, room: int = 0, reason: str = "no GPU is free") -> None:
        self.room = room
        self.reason = reason
        self.asked: list[v1.FitsRequest] = []
        self.tokens: list[str] = []
        self.behaves: Callable[[Any], Any] | None = None

    async def Fits(self, request: v1.FitsRequest, context: Any) -> Any:  # noqa: N802  the proto's name
        self.asked.append(request)
        self.tokens += [value for name, value in context.invocation_metadata() if name == "authorization"]
        if self.behaves is not None:
            answer = self.behaves(context)
            return await answer if asyncio.iscoroutine(answer) else answer
        count = min(self.room, request.most)
        return v1.FitsResponse(count=count, reason=self.reason if count < request.most else "")

    @property
    def pods(self) -> list[dict[str, Any]]:
        """The pods that it was asked about."""
        return [msgspec.json.decode(request.shape.pod_json) for request in self.asked]


def refusing(code: grpc.StatusCode, details: str) -> Callable[[Any], Any]:
    """Return a behaviour that refuses each question."""

    def refuse(context: Any) -> Any:
        return context.abort(code, details)

    return refuse


def hanging(_: Any) -> Any:
    """Never answer."""
    return asyncio.Event().wait()


@asynccontextmanager
async def listening(
    stand_in: StandIn, port: int, credentials: ServerCredentials | None = None
) -> AsyncIterator[grpc.aio.Server]:
    """Serve on loopback until the block ends."""
    options: Sequence[tuple[str, Any]] = (("grpc.so_reuseport", 0),)
    server = grpc.aio.server(options=options)
    service.add_ExtenderServicer_to_server(stand_in, server)
    if credentials is None:
        server.add_insecure_port(f"127.0.0.1:{port}")
    else:
        server.add_secure_port(f"127.0.0.1:{port}", credentials)
    await server.start()
    try:
        yield server
    finally:
        await server.stop(None)


@asynccontextmanager
async def nonsense(port: int, answer: bytes) -> AsyncIterator[None]:
    """Answer each question with bytes that are no message of the proto."""

    async def answering(_request: bytes, _context: Any) -> bytes:
        return answer

    handler: Any = grpc.unary_unary_rpc_method_handler(answering)
    server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("extender.v1.Extender", {"Fits": handler}),))
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    try:
        yield
    finally:
        await server.stop(None)
