"""How do we talk to the API server? One authenticated connection pool, raw bytes in and out.

The `kubernetes` client finds the credentials and carries the bytes; its typed models are left out, because decoding
with them costs seventy times a typed msgspec decode.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlencode

import aiohttp
import msgspec
from aiohttp.http_exceptions import HttpProcessingError
from kubernetes.aio import client as kubernetes_client
from kubernetes.aio import config as kubernetes_config

from kube.nesting import UNREADABLE
from kube.objects import Status

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
JSON = "application/json"

NO_ANSWER = 0
"""The status of an `ApiError` where the server gave none: the outcome of a write is then unknown."""

NOT_SENT = -1
"""The status of an `ApiError` where there was no connection: nothing was written, for certain."""

TOO_LONG = "TooLong"
"""The reason of an `ApiError` of a stream that sends a longer line than is read: the same one would come again."""

# One watch event: etcd's own limit on an object is 1.5 MiB, and as JSON Go writes six bytes for each "<" of it.
_LINE_LIMIT = 16 * 1024 * 1024


class ApiError(Exception):
    """The API server refused, or did not answer (`status` is then `NO_ANSWER`)."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message


class CredentialsError(Exception):
    """No usable way to the API server was found."""


class Api:
    """One API server, one identity."""

    def __init__(self, transport: kubernetes_client.ApiClient) -> None:
        self._transport = transport

    @classmethod
    async def connect(cls, kubeconfig: Path | None) -> Self:
        """Use `kubeconfig`; without one, the pod's service account, else the person's own default kubeconfig.

        Raises:
            CredentialsError: none of them can be used; the message says why.
        """
        configuration = kubernetes_client.Configuration()
        if kubeconfig is not None and not kubeconfig.is_file():  # noqa: ASYNC240  once, at start
            raise CredentialsError(f"kubeconfig {kubeconfig}: there is no such file")
        try:
            if kubeconfig is not None:
                await kubernetes_config.load_kube_config(str(kubeconfig), client_configuration=configuration)
            else:
                await kubernetes_config.load_config(client_configuration=configuration)
        except (kubernetes_config.ConfigException, OSError) as error:
            where = f"kubeconfig {kubeconfig}" if kubeconfig else "no pod service account and no default kubeconfig"
            raise CredentialsError(f"cannot reach a Kubernetes API server: {where}: {error}") from error
        return cls.of(configuration)

    @classmethod
    def of(cls, configuration: kubernetes_client.Configuration) -> Self:
        """Use a server and an identity that are known."""
        # Many bindings are in flight at once; each must find a connection of its own.
        configuration.connection_pool_maxsize = 256
        configuration.disable_strict_ssl_verification = True  # as `kube.tls.lenient` says
        # aiohttp would look proxies and .netrc up for every request, in a thread; the kubeconfig names the proxy.
        # It would also stop reading every 128 KiB, and a page of a list is some MiB.
        configuration.client_session_kwargs = {"trust_env": False, "read_bufsize": 4 * 2**20}
        return cls(kubernetes_client.ApiClient(configuration))

    async def close(self) -> None:
        """Close every connection."""
        await self._transport.close()

    async def request(  # noqa: PLR0913  an HTTP request has these parts
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
        """Return the answer's body; `body` is anything that msgspec encodes as JSON, `accept` names what may come back.

        Nothing is sent later than `connect_s` seconds from now, where it is given.

        Raises:
            ApiError: the server refused, or gave no answer within `timeout_s` seconds.
        """
        if connect_s is not None and connect_s <= 0:  # which aiohttp would take for no limit at all
            raise ApiError(NOT_SENT, "TooLate", "not sent: its time was over before there was a connection")
        response = await self._send(
            method,
            _with_query(path, query),
            body=None if body is None else msgspec.to_builtins(body),
            content_type=content_type,
            accept=accept,
            limits=aiohttp.ClientTimeout(total=timeout_s, connect=connect_s),
        )
        try:
            answer = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _no_answer(error) from error
        _raise_for_status(response.status, answer)
        return answer

    @asynccontextmanager
    async def stream(
        self, path: str, *, query: Mapping[str, str], silence_s: float
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Open a streamed answer and give its lines; they end with the stream, or at a silence of `silence_s` seconds.

        Raises:
            ApiError: the server refused, or cut the stream in the middle of a line.
        """
        limits = aiohttp.ClientTimeout(total=None, sock_connect=10.0, sock_read=silence_s)
        response = await self._send("GET", _with_query(path, query), body=None, content_type=JSON, limits=limits)
        try:
            if response.status >= 300:
                _raise_for_status(response.status, await response.read())
            yield _lines(response)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _no_answer(error) from error
        finally:
            response.close()

    async def _send(  # noqa: PLR0913  as `request`
        self,
        method: str,
        path: str,
        *,
        body: Any,
        content_type: str,
        limits: aiohttp.ClientTimeout,
        accept: str = JSON,
    ) -> aiohttp.ClientResponse:
        # aiohttp would ask for gzip: within a cluster, packing and unpacking a list costs more than sending it.
        headers = {"Content-Type": content_type, "Accept": accept, "Accept-Encoding": "identity"}
        query: list[tuple[str, str]] = []
        try:
            await self._transport.update_params_for_auth(headers, query, ["BearerToken"], path, method, body)
            answer = await self._transport.rest_client.request(
                method, self._transport.configuration.host + path, headers=headers, body=body, _request_timeout=limits
            )
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise ApiError(NOT_SENT, "NoConnection", f"no connection to the API server: {error}") from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _no_answer(error) from error
        return answer.response  # type: ignore[no-any-return]


async def _lines(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    try:
        while line := await response.content.readline(max_line_length=_LINE_LIMIT):
            yield line
    except TimeoutError:
        return  # silent for too long: whether the server is away, the next call will tell
    except HttpProcessingError as error:  # no ClientError, though it is aiohttp's
        raise ApiError(NO_ANSWER, TOO_LONG, f"the API server sent a line of more than {_LINE_LIMIT} bytes") from error


def _with_query(path: str, query: Mapping[str, str] | None) -> str:
    return f"{path}?{urlencode(query)}" if query else path


def _no_answer(error: BaseException) -> ApiError:
    words = str(error) or ("no answer in time" if isinstance(error, asyncio.TimeoutError) else type(error).__name__)
    return ApiError(NO_ANSWER, "NoAnswer", f"the API server did not answer: {words}")


def _raise_for_status(status: int, answer: bytes) -> None:
    if status < 300:
        return
    try:
        problem = msgspec.json.decode(answer, type=Status)
    except UNREADABLE:
        problem = Status(message=answer[:200].decode(errors="replace"))
    raise ApiError(status, problem.reason, problem.message or f"HTTP {status}")
