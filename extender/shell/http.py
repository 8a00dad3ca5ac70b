"""How do kube-scheduler's HTTP requests reach the core? Raw ASGI: no framework stands in the scheduling path."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from extender.shell import wire

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from extender.shell.telemetry import Telemetry

    Receive = Callable[[], Awaitable[dict[str, Any]]]
    Send = Callable[[dict[str, Any]], Awaitable[None]]

_JSON = (b"content-type", b"application/json")
_TEXT = (b"content-type", b"text/plain; charset=utf-8")
_BODY_LIMIT = 32 * 1024 * 1024  # 5,000 whole node objects of 6 KB


class Verbs(Protocol):
    """What answers: decoded questions in, encoded answers out."""

    def ready(self) -> bool:
        """Tell whether the ledger is built."""

    def filter(self, asked: wire.Candidates) -> bytes:
        """Answer filter."""

    def prioritize(self, asked: wire.Candidates) -> bytes:
        """Answer prioritize."""

    async def bind(self, asked: wire.BindingArguments, received_at: float) -> bytes:
        """Answer bind; `received_at` is on the monotonic clock."""


class Asgi:
    """The ASGI application."""

    def __init__(self, verbs: Verbs, telemetry: Telemetry) -> None:
        self._verbs = verbs
        self._telemetry = telemetry

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Serve one HTTP request."""
        assert scope["type"] == "http"  # noqa: S101  uvicorn is told to serve nothing else
        path = scope["path"]
        if scope["method"] == "GET":
            status, header, body = self._page(path)
        elif scope["method"] == "POST" and path in ("/filter", "/prioritize", "/bind"):
            status, body = await self._verb(path[1:], receive)
            header = _JSON
        else:
            status, header, body = 404, _JSON, _problem(f"there is no {scope['method']} {path} here")
        headers = [header, (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _page(self, path: str) -> tuple[int, tuple[bytes, bytes], bytes]:
        if path == "/healthz":
            return 200, _TEXT, b"ok\n"
        if path == "/readyz":
            return (200, _TEXT, b"ok\n") if self._verbs.ready() else (503, _TEXT, _UNREADY.encode() + b"\n")
        if path == "/metrics":
            return 200, _TEXT, self._telemetry.exposition()
        return 404, _JSON, _problem(f"there is no GET {path} here")

    async def _verb(self, verb: str, receive: Receive) -> tuple[int, bytes]:
        try:
            body = await _body(receive)
            received_at = time.monotonic()
            if not self._verbs.ready():
                # kube-scheduler takes anything but 200 as an error and tries the pod again: nothing is lost.
                status, result, answer = 503, "unready", _problem(_UNREADY)
            else:
                status, result, answer = 200, "ok", await self._answer(verb, body, received_at)
            self._telemetry.seconds.labels(verb).observe(time.monotonic() - received_at)
        except wire.MalformedRequest as error:
            status, result, answer = 400, "malformed", _problem(f"{verb}: {error}")
        self._telemetry.requests.labels(verb, result).inc()
        return status, answer

    async def _answer(self, verb: str, body: bytes, received_at: float) -> bytes:
        if verb == "bind":
            return await self._verbs.bind(wire.binding_arguments(body), received_at)
        asked = wire.Candidates(body)
        return self._verbs.filter(asked) if verb == "filter" else self._verbs.prioritize(asked)


_UNREADY = "the ledger is not built yet: nodes and pods are still being listed"


async def _body(receive: Receive) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise wire.MalformedRequest("the connection closed before the body was complete")
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > _BODY_LIMIT:
            raise wire.MalformedRequest(f"the body is larger than {_BODY_LIMIT} bytes")
        if not message.get("more_body", False):
            return b"".join(parts)


def _problem(message: str) -> bytes:
    return msgspec.json.encode({"Error": message})
