"""How does a program of ours serve gRPC? On its own loop, bounded, and to those alone whom the gate lets in.

In the clear on loopback; elsewhere with TLS, and then every call brings a bearer token.
"""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NoReturn

import grpc

from kube.gate import ForbiddenReaderError, Gate, UnknowableReaderError, UnknownReaderError
from kube.program import ProblemAtStart

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from kube.client import Api
    from kube.gate import Right
    from kube.rpc_address import RpcAddress

    Context = grpc.aio.ServicerContext[object, object]

_log = logging.getLogger(__name__)

_GRACE_S = 2.0
_OPTIONS = (
    ("grpc.so_reuseport", 0),  # else a second program on the same port would answer every other call
    ("grpc.max_metadata_size", 32 * 1024),
    ("grpc.max_concurrent_streams", 64),
    ("grpc.max_connection_idle_ms", 600_000),
    ("grpc.keepalive_time_ms", 60_000),  # a reader whose machine is gone is noticed
    ("grpc.keepalive_timeout_ms", 20_000),
)
_MOST_CALLS = 128
QUESTION_LIMIT = 64 * 1024
"""The longest question, in bytes, where nothing else is said."""


def gate_of(at: RpcAddress, api: Api, right: Right) -> Gate | None:
    """Return who lets readers in at an address; None where everybody may who reaches it."""
    return None if at.credentials is None else Gate(api, right)


async def admit(gate: Gate | None, context: Context) -> None:
    """Return where the gate lets a call in; else end the call with a sentence."""
    if gate is None:
        return
    sent = dict(context.invocation_metadata() or ())
    try:
        await gate.admit(str(sent.get("authorization", "")))
    except UnknownReaderError as refusal:
        await abort(context, grpc.StatusCode.UNAUTHENTICATED, str(refusal))
    except ForbiddenReaderError as refusal:
        await abort(context, grpc.StatusCode.PERMISSION_DENIED, str(refusal))
    except UnknowableReaderError as problem:
        await abort(context, grpc.StatusCode.UNAVAILABLE, str(problem))


async def abort(context: Context, code: grpc.StatusCode, says: str) -> NoReturn:
    """End a call with a sentence."""
    await context.abort(code, says)
    raise AssertionError  # abort always raises


@asynccontextmanager
async def serving(
    at: RpcAddress,
    add: Callable[[grpc.aio.Server], None],
    *,
    what: str,
    end: Callable[[], None],
    question_limit: int = QUESTION_LIMIT,
) -> AsyncIterator[int]:
    """Serve what `add` adds as long as the block lasts, and give the port; then `end` the watches, and soon every call.

    `what` is served, in a word for people; no question may have more than `question_limit` bytes.

    Raises:
        ProblemAtStart: the address is taken, or certificate and key do not fit.
    """
    options = (*_OPTIONS, ("grpc.max_receive_message_length", question_limit))
    server = grpc.aio.server(options=options, maximum_concurrent_rpcs=_MOST_CALLS)
    add(server)
    try:
        if at.credentials is None:
            port = server.add_insecure_port(at.address)
        else:
            port = server.add_secure_port(at.address, at.credentials)
        await server.start()
    except RuntimeError as error:
        raise ProblemAtStart(
            f"cannot serve {what} on {at.address}: another process may listen there, or certificate and key may "
            "not fit: choose another address with --rpc-listen"
        ) from error
    _log.info("serving %s", what, extra={"address": at.address, "tls": at.credentials is not None})
    try:
        yield port
    finally:
        end()
        await server.stop(_GRACE_S)
