"""How does HTTP reach the embedded API server? Raw ASGI: a bearer token, a path, a body; watches are streamed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

import msgspec

from plimsoll.embedded.core.api.exchange import Answer
from plimsoll.embedded.core.api.strangers import OPEN_TO_ALL, forbidden_to_strangers
from plimsoll.embedded.core.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from plimsoll.embedded.core.api.watching import Watching
    from plimsoll.embedded.shell.faults import Faults
    from plimsoll.embedded.shell.serving import Serving

    Receive = Callable[[], Awaitable[dict[str, Any]]]
    Send = Callable[[dict[str, Any]], Awaitable[None]]

_LOG = logging.getLogger(__name__)
_HEALTH = ("/healthz", "/livez", "/readyz")
_BODY_LIMIT = 3 * 1024 * 1024  # the real API server's limit
_JSON = b"application/json"
_MALFORMED = re.compile(r"%(?![0-9A-Fa-f]{2})")


class Asgi:
    """The ASGI application of one API server; whoever has the token may do everything."""

    def __init__(self, serving: Serving, token: str, faults: Faults) -> None:
        self._serving = serving
        self._token = f"Bearer {token}".encode()
        self._faults = faults

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Serve one HTTP request."""
        if scope["path"] in _HEALTH:
            await _send(send, Answer(200, b"ok"), b"text/plain; charset=utf-8")
            return
        headers = dict(scope["headers"])
        query = read_query(scope["query_string"].decode())
        sent = headers.get(b"authorization")
        if sent is None and scope["path"] not in OPEN_TO_ALL:
            await _send(send, _refusal(forbidden_to_strangers(scope["method"], scope["path"], query)))
            return
        if sent is not None and sent != self._token:
            await _send(send, _refusal(Problem(401, "Unauthorized", "Unauthorized")))
            return
        body = await _body(receive)
        if body is None:
            await _send(
                send,
                _refusal(Problem(413, "RequestEntityTooLarge", f"Request entity too large: limit is {_BODY_LIMIT}")),
            )
            return
        fate = await self._faults.meet(scope["method"], scope["path"])
        if fate.refused:
            await _send(
                send,
                _refusal(Problem(503, "ServiceUnavailable", "the server is currently unable to handle the request")),
            )
            return
        if fate.forbidden:
            await _send(send, _refusal(Problem(403, "Forbidden", f"forbidden: you may not {scope['method']} here")))
            return
        try:
            answer = self._serving.answer(
                scope["method"],
                scope["path"],
                query,
                body=body,
                content_type=_media_type(headers.get(b"content-type", b"").decode("latin-1")),
                accept=headers.get(b"accept", b"").decode("latin-1"),
                agent=headers.get(b"user-agent", b"unknown").decode("latin-1"),
            )
        except Exception as defect:  # noqa: BLE001  whatever it is, one request has it, not the connection
            _LOG.exception("a request met a defect: %s %s", scope["method"], scope["path"])
            answer = _refusal(Problem(500, "InternalError", f"a defect of the embedded cluster: {defect!r}"))
        if fate.answer_lost:
            # An answer that is begun and not ended: the server closes the connection.
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1")]})
            return
        if isinstance(answer, Answer):
            await _send(send, answer)
        else:
            await self._stream(answer, receive, send)

    async def _stream(self, watching: Watching, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", _JSON)]})
        await send({"type": "http.response.body", "body": b"", "more_body": True})
        telling = asyncio.create_task(self._tell(watching, send))
        leaving = asyncio.create_task(_gone(receive))
        try:
            await asyncio.wait((telling, leaving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (telling, leaving):
                task.cancel()
            ended, _ = await asyncio.gather(telling, leaving, return_exceptions=True)
        if isinstance(ended, Exception):
            _LOG.error("a watch met a defect: %s", watching.kind.plural, exc_info=ended)
        await send({"type": "http.response.body", "body": b""})

    async def _tell(self, watching: Watching, send: Send) -> None:
        async with contextlib.aclosing(self._serving.lines(watching)) as lines:  # type: ignore[type-var]
            async for lines_ in lines:
                await send({"type": "http.response.body", "body": lines_, "more_body": True})


def read_query(text: str) -> dict[str, str]:
    """Return what a query says, read as Go reads it: what is malformed is passed over, and of several the first counts.

    Every `dryRun` counts: one that is not "All" comes before those that are.
    """
    query: dict[str, str] = {}
    for part in text.split("&"):
        if ";" in part or _MALFORMED.search(part):
            continue
        name, _, value = (unquote_plus(each) for each in part.partition("="))
        if name == "dryRun" and value != "All":
            query[name] = query.get(name, "All") if query.get(name, "All") != "All" else value
        elif name:
            query.setdefault(name, value)
    return query


def _media_type(header: str) -> str:
    return header.partition(";")[0].strip() or header


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _body(receive: Receive) -> bytes | None:
    """Return a request's body; None where it is too large."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if sum(map(len, parts)) > _BODY_LIMIT:
            return None
        if not message.get("more_body", False):
            return b"".join(parts)


def _refusal(problem: Problem) -> Answer:
    return Answer(problem.status, msgspec.json.encode(problem.body()))


async def _send(send: Send, answer: Answer, kind: bytes = _JSON) -> None:
    own = {name.lower().encode(): value.encode() for name, value in answer.headers.items()}
    headers = [*({b"content-type": kind} | own).items(), (b"content-length", str(len(answer.body)).encode())]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
