"""How does the autoscaler tell its decisions? As the gRPC service autoscaler/v1, on the program's own loop."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

import grpc

from autoscaler.core.decisions.record import Ambiguous, Explained, Unknown
from autoscaler.shell.feed import EndedError, TooManyReadersError, TooSlowError
from autoscaler.shell.messages import to_message, to_use
from autoscaler.v1 import autoscaler_pb2 as v1
from autoscaler.v1 import autoscaler_pb2_grpc as service
from kube import rpc
from kube.gate import Right
from kube.rpc_address import rpc_address

if TYPE_CHECKING:
    import argparse
    from collections.abc import AsyncIterator, Iterator, Sequence

    from autoscaler.core.decisions.record import Book
    from autoscaler.shell.feed import Feed
    from kube.client import Api
    from kube.gate import Gate
    from kube.rpc import Context
    from kube.rpc_address import RpcAddress

Thing = TypeVar("Thing")

DEFAULT = "127.0.0.1:8902"
"""Where decisions are told unless a flag says otherwise."""

RIGHT = Right("decisions", "/plimsoll/decisions", "plimsoll-decision-reader", "the autoscaler")

_IN_ONE_ANSWER = 100  # records, about 50 KiB: far from gRPC's 4 MiB, and some milliseconds of the loop
_AGAIN_S = 60.0  # how often a watch is asked again for its right to go on
_LONGEST_NAME = 253  # what Kubernetes allows


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
        await rpc.admit(self._gate, context)
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
        await rpc.admit(self._gate, context)
        if not request.namespace or not request.name:
            await rpc.abort(context, grpc.StatusCode.INVALID_ARGUMENT, "name a workload: namespace and name are needed")
        named = f"{request.kind or 'workload'} {request.namespace}/{request.name}"
        if max(map(len, (request.namespace, request.name, request.kind))) > _LONGEST_NAME:
            await rpc.abort(context, grpc.StatusCode.INVALID_ARGUMENT, "no workload has a name of that length")
        found = self._book.explain(request.namespace, request.name, request.kind)
        if not isinstance(found, Explained):
            code = grpc.StatusCode.NOT_FOUND if isinstance(found, Unknown) else grpc.StatusCode.FAILED_PRECONDITION
            await rpc.abort(context, code, _not_explained(named, found))
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
        await rpc.admit(self._gate, context)
        try:
            with self._feed.reading(request.namespace, every_decision=request.every_decision) as reader:
                # Else a caller would not know from when on it hears.
                await context.send_initial_metadata(())
                while True:
                    try:
                        records = await asyncio.wait_for(reader.next(), _AGAIN_S)
                    except TimeoutError:
                        records = ()
                    await rpc.admit(self._gate, context)
                    for part in _parts(records):
                        yield v1.WatchDecisionsResponse(records=map(to_message, part))
                        await asyncio.sleep(0)
        except TooSlowError:
            says = "you read more slowly than decisions are made, and were cut off: ask again, or for one namespace"
            await rpc.abort(context, grpc.StatusCode.RESOURCE_EXHAUSTED, says)
        except TooManyReadersError:
            await rpc.abort(context, grpc.StatusCode.RESOURCE_EXHAUSTED, "too many watch already: end another watch")
        except EndedError:
            await rpc.abort(context, grpc.StatusCode.UNAVAILABLE, "the autoscaler ends: ask again")


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
    async with serving(at, DecisionService(book, feed, rpc.gate_of(at, api, RIGHT)), feed):
        yield


@asynccontextmanager
async def serving(at: RpcAddress, decisions: DecisionService, feed: Feed) -> AsyncIterator[int]:
    """Serve as long as the block lasts, and give the port; then end the watches, and shortly after every call.

    Raises:
        ProblemAtStart: the address is taken, or certificate and key do not fit.
    """

    def add(server: grpc.aio.Server) -> None:
        service.add_AutoscalerServicer_to_server(decisions, server)

    async with rpc.serving(at, add, what="decisions", end=feed.end) as port:
        yield port


def _not_explained(named: str, found: Unknown | Ambiguous) -> str:
    if isinstance(found, Ambiguous):
        return f"{named} may be {' or '.join(found.kinds)}: say the kind"
    near = ", ".join(f"{key.kind} {key}" for key in found.near)
    advice = f"near to it: {near}" if near else "is it labelled plimsoll.dev/autoscale=true?"
    return f"there is no {named} here that is autoscaled; {advice}"


def _parts(things: Sequence[Thing]) -> Iterator[Sequence[Thing]]:
    for start in range(0, len(things), _IN_ONE_ANSWER):
        yield things[start : start + _IN_ONE_ANSWER]
