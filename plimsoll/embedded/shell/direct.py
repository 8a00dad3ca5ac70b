"""How do the controllers and the scheduler speak to the API server? As everyone does, but without a socket between."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from kube.client import JSON, Api, ApiError
from kube.objects import Status
from plimsoll.embedded.core.api.exchange import Answer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from plimsoll.embedded.shell.serving import Serving


class DirectApi(Api):
    """An API server in this process, one identity (its name is the field manager of what it writes)."""

    def __init__(self, serving: Serving, identity: str) -> None:
        self._serving = serving
        self._identity = identity

    async def request(  # noqa: PLR0913  as its base
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = JSON,
        accept: str = JSON,
        timeout_s: float = 10.0,
        connect_s: float | None = None,
    ) -> bytes:
        """Return the answer's body, as `Api.request`.

        Raises:
            ApiError: the server refused.
        """
        del accept, timeout_s, connect_s
        await asyncio.sleep(0)  # one request is one turn of the loop: nobody starves the others
        sent = b"" if body is None else msgspec.json.encode(body)
        answer = self._serving.answer(
            method, path, query or {}, body=sent, content_type=content_type, agent=self._identity
        )
        assert isinstance(answer, Answer)  # noqa: S101  watches are opened by `stream`
        return _body(answer)

    @asynccontextmanager
    async def stream(
        self, path: str, *, query: Mapping[str, str], silence_s: float
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Open a watch and give its lines, as `Api.stream`.

        Raises:
            ApiError: the server refused.
        """
        del silence_s  # nothing is ever lost between
        watching = self._serving.answer("GET", path, query, body=b"", content_type="", agent=self._identity)
        if isinstance(watching, Answer):
            _body(watching)
            raise ApiError(0, "NoWatch", f"{path} is no watch")
        yield self._lines(self._serving.lines(watching))

    async def close(self) -> None:
        """Do nothing: there is no connection."""

    async def _lines(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for chunk in chunks:
            for line in chunk.splitlines(keepends=True):
                yield line


def _body(answer: Answer) -> bytes:
    if answer.status < 300:
        return answer.body
    problem = msgspec.json.decode(answer.body, type=Status)
    raise ApiError(answer.status, problem.reason, problem.message)
