"""How does the autoscaler tell its decisions? As the gRPC service autoscaler/v1, on the program's own loop."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NoReturn, TypeVar

import grpc

from autoscaler.core.decisions.record import Ambiguous, Explained, Unknown
from autoscaler.shell.feed import EndedError, TooManyReadersError, TooSlowError
from autoscaler.shell.gate import ForbiddenReaderError, Gate, UnknowableReaderError, UnknownReaderError
from autoscaler.shell.messages import to_message, to_use
from autoscaler.shell.rpc_address import rpc_address
from autoscaler.v1 import autoscaler_pb2 as v1
from autoscaler.v1 import autoscaler_pb2_grpc as service
from kube.program import ProblemAtStart

if TYPE_CHECKING:
    import argparse
    from collections.abc import AsyncIterator, Iterator, Sequence

    from autoscaler.core.decisions.record import Book
    from autoscaler.shell.feed import Feed
    from autoscaler.shell.rpc_address import RpcAddress
    from kube.client import Api

    Context = grpc.aio.ServicerContext[object, object]

Thing = TypeVar("Thing")

_log = logging.getLogger("autoscaler")

_IN_ONE_ANSWER = 100  # records, about 50 KiB: far from gRPC's 4 MiB, and some milliseconds of the loop
_AGAIN_S = 60.0  # how often a watch is asked again for its right to go on
_GRACE_S = 2.0
_LONGEST_NAME = 253  # what Kubernetes allows
_OPTIONS = (
    ("grpc.so_reuseport", 0),  # else a second program on the same port would answer every other call
    ("grpc.max_receive_message_length", 64 * 1024),
    ("grpc.max_metadata_size", 32 * 1024),
    ("grpc.max_concurrent_streams", 64),
    ("grpc.max_connection_idle_ms", 600_000),
    ("grpc.keepalive_time_ms", 60_000),  # a reader whose machine is gone is noticed
    ("grpc.keepalive_timeout_ms", 20_000),
)
_MOST_CALLS = 128


class DecisionService(service.AutoscalerServicer):
    """Answers from the book, and tells what the feed tells; `gate` None lets everybody in."""

    def __init__(self, book: Book, feed: Feed, gate: Gate | None) -> None:
        self._book = book
        self._feed = feed
        self._gate = gate

    async def ListWorkloads(  # noqa: N802  the proto's name
        self, request: v1.ListWorkloadsRequest, context: Context
    ) -> AsyncIterator[v1.ListWorkloadsResponse]:
        """Give the standing record of every workload."""
        await self._admit(context)
        keys, uses = self._book.workloads(request.namespace), self._book.uses()
        sent = False
        for part in _parts(keys):
            found = [record for key in part if (record := self._book.standing(key)) is not None]
            gpus = [to_use(key.uid, uses[key.uid]) for key in part if key.uid in uses]
            yield v1.ListWorkloadsResponse(records=map(to_message, found), since_ms=self._book.since_ms, gpus=gpus)
            sent = True
            await asyncio.sleep(0)  # a list of ten thousand must not keep a tick waiting
        if not sent:
            yield v1.ListWorkloadsResponse(since_ms=self._book.since_ms)

    async def Explain(self, request: v1.ExplainRequest, context: Context) -> v1.ExplainResponse:  # noqa: N802
        """Give what is known of one workload."""
        await self._admit(context)
        if not request.namespace or not request.name:
            await _abort(context, grpc.StatusCode.INVALID_ARGUMENT, "name a workload: namespace and name are needed")
        named = f"{request.kind or 'workload'} {request.namespace}/{request.name}"
        if max(map(len, (request.namespace, request.name, request.kind))) > _LONGEST_NAME:
            await _abort(context, grpc.StatusCode.INVALID_ARGUMENT, "no workload has a name of that length")
        found = self._book.explain(request.namespace, request.name, request.kind)
        if not isinstance(found, Explained):
            code = grpc.StatusCode.NOT_FOUND if isinstance(found, Unknown) else grpc.StatusCode.FAILED_PRECONDITION
            await _abort(context, code, _not_explained(named, found))
        return v1.ExplainResponse(
            standing=to_message(found.standing),
            changes=map(to_message, found.changes),
            since_ms=self._book.since_ms,
            follows=self._book.follows,
        )

    async def WatchDecisions(  # noqa: N802
        self, request: v1.WatchDecisionsRequest, context: Context
    ) -> AsyncIterator[v1.WatchDecisionsResponse]:
        """Give what is decided from now on."""
        await self._admit(context)
        try:
            with self._feed.reading(request.namespace, every_decision=request.every_decision) as reader:
                # Else a caller would not know from when on it hears.
                await context.send_initial_metadata(())
                while True:
                    try:
                        records = await asyncio.wait_for(reader.next(), _AGAIN_S)
                    except TimeoutError:
                        records = ()
                    await self._admit(context)
                    for part in _parts(records):
                        yield v1.WatchDecisionsResponse(records=map(to_message, part))
                        await asyncio.sleep(0)
        except TooSlowError:
            says = "you read more slowly than decisions are made, and were cut off: ask again, or for one namespace"
            await _abort(context, grpc.StatusCode.RESOURCE_EXHAUSTED, says)
        except TooManyReadersError:
            await _abort(context, grpc.StatusCode.RESOURCE_EXHAUSTED, "too many watch already: end another watch")
        except EndedError:
            await _abort(context, grpc.StatusCode.UNAVAILABLE, "the autoscaler ends: ask again")

    async def _admit(self, context: Context) -> None:
        if self._gate is None:
            return
        sent = dict(context.invocation_metadata() or ())
        try:
            await self._gate.admit(str(sent.get("authorization", "")))
        except UnknownReaderError as refusal:
            await _abort(context, grpc.StatusCode.UNAUTHENTICATED, str(refusal))
        except ForbiddenReaderError as refusal:
            await _abort(context, grpc.StatusCode.PERMISSION_DENIED, str(refusal))
        except UnknowableReaderError as problem:
            await _abort(context, grpc.StatusCode.UNAVAILABLE, str(problem))


@asynccontextmanager
async def telling(flags: argparse.Namespace, api: Api, book: Book, feed: Feed) -> AsyncIterator[None]:
    """Serve what the flags ask for as long as the block lasts; with TLS, to those alone whom the API server lets read.

    Raises:
        ProblemAtStart: it cannot be served; the message says what to do.
    """
    at = rpc_address(flags)
    if at is None:
        yield
        return
    gate = None if at.credentials is None else Gate(api)
    async with serving(at, DecisionService(book, feed, gate), feed):
        yield


@asynccontextmanager
async def serving(at: RpcAddress, decisions: DecisionService, feed: Feed) -> AsyncIterator[int]:
    """Serve as long as the block lasts, and give the port; then end the watches, and shortly after every call.

    Raises:
        ProblemAtStart: the address is taken, or certificate and key do not fit.
    """
    server = grpc.aio.server(options=_OPTIONS, maximum_concurrent_rpcs=_MOST_CALLS)
    service.add_AutoscalerServicer_to_server(decisions, server)
    try:
        if at.credentials is None:
            port = server.add_insecure_port(at.address)
        else:
            port = server.add_secure_port(at.address, at.credentials)
        await server.start()
    except RuntimeError as error:
        raise ProblemAtStart(
            f"cannot serve decisions on {at.address}: another process may listen there, or certificate and key may "
            "not fit: choose another address with --rpc-listen"
        ) from error
    _log.info("serving decisions", extra={"address": at.address, "tls": at.credentials is not None})
    try:
        yield port
    finally:
        feed.end()
        await server.stop(_GRACE_S)


def _not_explained(named: str, found: Unknown | Ambiguous) -> str:
    if isinstance(found, Ambiguous):
        return f"{named} may be {' or '.join(found.kinds)}: say the kind"
    near = ", ".join(f"{key.kind} {key}" for key in found.near)
    advice = f"near to it: {near}" if near else "is it labelled plimsoll.dev/autoscale=true?"
    return f"there is no {named} here that is autoscaled; {advice}"


def _parts(things: Sequence[Thing]) -> Iterator[Sequence[Thing]]:
    for start in range(0, len(things), _IN_ONE_ANSWER):
        yield things[start : start + _IN_ONE_ANSWER]


async def _abort(context: Context, code: grpc.StatusCode, says: str) -> NoReturn:
    await context.abort(code, says)
    raise AssertionError  # abort always raises
