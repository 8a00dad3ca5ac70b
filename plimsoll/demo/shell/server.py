"""A small model server: so many requests at once, the others wait, each takes the time that its tokens need.

It speaks as much of vLLM's protocol as the demo uses: completions, health, and vLLM's own metric names. One process
per pod. It is given its listening socket, so that its port is known before it runs; it ends when its standard input
closes, so that it cannot outlive the demo, whatever becomes of that.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import socket
import sys
from typing import TYPE_CHECKING, Any

import msgspec
import uvicorn
from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from plimsoll.demo.core.arrivals import service_s

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]

_JSON = b"application/json"
_TEXT = b"text/plain; version=0.0.4"
_ALIVE_S = 30


class Question(msgspec.Struct):
    """The body of a request: how much is read and written."""

    in_tokens: int
    out_tokens: int


class ModelServer:
    """The ASGI application of one pod; `slots` requests at once, `time_scale` times their real service time."""

    def __init__(self, *, pod: str, slots: int, time_scale: float) -> None:
        self._pod = pod
        self._slots = asyncio.Semaphore(slots)
        self._time_scale = time_scale
        self._registry = CollectorRegistry()
        self._running = self._metric(Gauge, "vllm:num_requests_running", "Requests being served.")
        self._waiting = self._metric(Gauge, "vllm:num_requests_waiting", "Requests waiting for a slot.")
        self._served = self._metric(Counter, "vllm:request_success", "Requests served.")
        self._questions = msgspec.json.Decoder(Question)

    def _metric(self, kind: type[Any], name: str, what: str) -> Any:
        return kind(name, what, registry=self._registry)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        match scope["method"], scope["path"]:
            case "POST", "/v1/completions":
                await _answer(send, *await self._complete(await _body(receive)))
            case "GET", "/metrics":
                await _answer(send, 200, generate_latest(self._registry), _TEXT)
            case "GET", "/health":
                await _answer(send, 200, b"{}")
            case _:
                await _answer(send, 404, msgspec.json.encode({"error": f"no {scope['method']} {scope['path']} here"}))

    async def _complete(self, body: bytes) -> tuple[int, bytes]:
        try:
            question = self._questions.decode(body)
        except msgspec.DecodeError as error:
            return 400, msgspec.json.encode({"error": f"the request's body: {error}"})
        self._waiting.inc()
        try:
            await self._slots.acquire()
        finally:
            self._waiting.dec()
        try:
            with self._running.track_inprogress():
                await asyncio.sleep(self._time_scale * service_s(question.in_tokens, question.out_tokens))
        finally:
            self._slots.release()
        self._served.inc()
        usage = {"prompt_tokens": question.in_tokens, "completion_tokens": question.out_tokens}
        return 200, msgspec.json.encode({"pod": self._pod, "usage": usage})


async def _body(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


async def _answer(send: Send, status: int, body: bytes, kind: bytes = _JSON) -> None:
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _serve(server: uvicorn.Server, listener: socket.socket) -> None:
    """Serve until told to stop, or until our parent is gone: then our standard input ends."""

    class Parent(asyncio.Protocol):
        def connection_lost(self, _exc: Exception | None) -> None:
            server.should_exit = server.force_exit = True

    await asyncio.get_running_loop().connect_read_pipe(Parent, sys.stdin)
    await server.serve(sockets=[listener])


def main() -> None:
    """Serve on the socket that was handed over as a file descriptor, until SIGTERM; answer what was begun."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--fd", type=int, required=True, help="file descriptor of the listening socket")
    options.add_argument("--pod", required=True, help="name of the pod that this process stands for")
    options.add_argument("--slots", type=int, required=True, help="requests served at once")
    options.add_argument("--time-scale", type=float, required=True, help="factor on the service time of each request")
    given = options.parse_args()
    logging.basicConfig(level=logging.WARNING)
    config = uvicorn.Config(
        ModelServer(pod=given.pod, slots=given.slots, time_scale=given.time_scale),
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        timeout_keep_alive=_ALIVE_S,
    )
    asyncio.run(_serve(uvicorn.Server(config), socket.socket(fileno=given.fd)))


if __name__ == "__main__":
    main()
