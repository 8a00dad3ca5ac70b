"""How does the extender tell what it knows? As the gRPC service extender/v1, on the program's own loop."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

import grpc

from extender.core.accounts import accounts
from extender.core.at_once import fits_at_once
from extender.core.devices import DeviceMap, Wanted, like
from extender.core.explaining import UnknownPod, explain
from extender.core.fits_by_preemption import Asked, fits_by_preemption
from extender.core.preemption.moment import Moment
from extender.shell.messages import to_account, to_explained, to_node
from extender.shell.moments import Moments
from extender.shell.preemption_messages import to_victim
from extender.shell.shapes import UnplaceableError, templated
from extender.shell.turns import TooManyError, Turns
from extender.v1 import extender_pb2 as v1
from extender.v1 import extender_pb2_grpc as service
from kube import rpc
from kube.gate import Right
from kube.rpc_address import rpc_address

if TYPE_CHECKING:
    import argparse
    from collections.abc import AsyncIterator, Callable, Iterator

    from extender.core.devices import Stamp
    from extender.core.gang.planning import Checks
    from extender.core.scheduling import Scheduling
    from kube.client import Api
    from kube.gate import Gate
    from kube.rpc import Context
    from kube.rpc_address import RpcAddress

DEFAULT = "127.0.0.1:8903"
"""Where devices are told unless a flag says otherwise."""

RIGHT = Right("devices", "/plimsoll/devices", "plimsoll-device-reader", "the extender")

UNREADY = "the extender is not ready: nodes and pods are still being listed; ask again"

_BUSY = "too many ask already what would fit if train left: ask again in some seconds"

_IN_ONE_ANSWER = 100  # nodes of 8 GPUs and some pods, about 100 KiB: some milliseconds of the loop
_LOOKED_AT = 500  # nodes between two turns of the loop
_PAUSE_S = 0.5  # nobody reads faster
_AGAIN_S = 60.0  # how often a watch is asked again for its right to go on
_MOST_WATCHES = 32
_LONGEST_NAME = 253  # what Kubernetes allows
_MOST_COUNTED = 10_000  # pods, some milliseconds of the loop
_LONGEST_QUESTION = 1024 * 1024  # a pod template may be large


class DeviceService(service.ExtenderServicer):
    """Answers from the scheduling state; `gate` None lets everybody in, and nobody is answered before it is `ready`.

    `refusal` tells why no pod of a namespace is ours, "" where they are. `checks` gives what kube-scheduler looks at
    besides GPUs, None as long as that is not listed.
    """

    def __init__(
        self,
        scheduling: Scheduling,
        ready: Callable[[], bool],
        gate: Gate | None,
        *,
        refusal: Callable[[str], str],
        checks: Callable[[], Checks | None],
    ) -> None:
        self._scheduling = scheduling
        self._ready = ready
        self._gate = gate
        self._refusal = refusal
        self._checks = checks
        self._moments = Moments(time.monotonic, time.time)
        self._since_ms = round(time.time() * 1000)
        self._watches = 0
        self._searches = Turns()
        self._over = asyncio.Event()

    async def Fits(self, request: v1.FitsRequest, context: Context) -> v1.FitsResponse:  # noqa: N802  the proto's name
        """Give how many pods of one shape could be placed now."""
        await self._admit(context)
        if request.most < 1:
            await rpc.abort(context, grpc.StatusCode.INVALID_ARGUMENT, f"most: {request.most} must be at least 1")
        if refusal := self._refusal(request.shape.namespace):
            await rpc.abort(context, grpc.StatusCode.INVALID_ARGUMENT, refusal)
        try:
            pods = templated(request.shape.pod_json)
        except UnplaceableError as error:
            await rpc.abort(context, grpc.StatusCode.INVALID_ARGUMENT, str(error))
        ask, most = pods.ask(request.shape.namespace), min(request.most, _MOST_COUNTED)
        if not request.preempt:
            found = fits_at_once(self._scheduling, ask, pods.shape, most, gang=pods.gang, tolerations=pods.tolerations)
            return v1.FitsResponse(count=found.count, reason=found.reason)
        asked = Asked(ask, pods.shape, pods.gang, pods.tolerations)
        try:
            async with self._searches.turn():
                await self._be_ready(context)  # another may lead by now
                at = Moment(time.monotonic(), time.time())
                made = fits_by_preemption(self._scheduling, asked, most, self._checks(), at)
        except TooManyError:
            await rpc.abort(context, grpc.StatusCode.RESOURCE_EXHAUSTED, _BUSY)
        return v1.FitsResponse(count=made.count, reason=made.reason, victims=map(to_victim, made.victims))

    async def Devices(  # noqa: N802
        self, request: v1.DevicesRequest, context: Context
    ) -> AsyncIterator[v1.DevicesResponse]:
        """Give every node with GPUs as it is now."""
        await self._admit(context)
        sent: dict[str, Stamp] = {}
        async for nodes in self._changes(Wanted(request.node, request.model), sent):
            yield v1.DevicesResponse(nodes=nodes)

    async def WatchDevices(  # noqa: N802
        self, request: v1.WatchDevicesRequest, context: Context
    ) -> AsyncIterator[v1.WatchDevicesResponse]:
        """Give the same, and then what changes."""
        await self._admit(context)
        if self._watches >= _MOST_WATCHES:
            await rpc.abort(context, grpc.StatusCode.RESOURCE_EXHAUSTED, "too many watch already: end another watch")
        wanted = Wanted(request.node, request.model)
        sent: dict[str, Stamp] = {}
        admitted_at, known = time.monotonic(), None
        with self._watching():
            while not self._over.is_set():
                if (version := self._version()) != known:
                    async for answer in self._news(wanted, sent, due=known is None):
                        yield answer
                    known = version
                await self._rest()
                if time.monotonic() - admitted_at >= _AGAIN_S:
                    await self._admit(context)
                    admitted_at = time.monotonic()
        await rpc.abort(context, grpc.StatusCode.UNAVAILABLE, "the extender ends: ask again")

    async def Projects(  # noqa: N802
        self, request: v1.ProjectsRequest, context: Context
    ) -> v1.ProjectsResponse:
        """Give how every project stands."""
        await self._admit(context)
        wanted = [one for one in accounts(self._scheduling) if like(one.project.name, request.name)]
        return v1.ProjectsResponse(projects=map(to_account, wanted))

    async def Explain(self, request: v1.ExplainRequest, context: Context) -> v1.ExplainResponse:  # noqa: N802
        """Give why one pod waits, or stands where it does, or was evicted."""
        await self._admit(context)
        if not request.namespace or not request.name:
            await rpc.abort(context, grpc.StatusCode.INVALID_ARGUMENT, "name a pod: namespace and name are needed")
        if max(len(request.namespace), len(request.name)) > _LONGEST_NAME:
            await rpc.abort(context, grpc.StatusCode.INVALID_ARGUMENT, "no pod has a name of that length")
        found = explain(self._scheduling, request.namespace, request.name)
        if isinstance(found, UnknownPod):
            await rpc.abort(context, grpc.StatusCode.NOT_FOUND, _unknown(request.namespace, request.name, found))
        return to_explained(found, self._moments, self._since_ms)

    def end(self) -> None:
        """End every watch."""
        self._over.set()

    async def _admit(self, context: Context) -> None:
        await rpc.admit(self._gate, context)
        await self._be_ready(context)

    async def _be_ready(self, context: Context) -> None:
        if not self._ready():
            await rpc.abort(context, grpc.StatusCode.UNAVAILABLE, UNREADY)

    async def _news(
        self, wanted: Wanted, sent: dict[str, Stamp], *, due: bool
    ) -> AsyncIterator[v1.WatchDevicesResponse]:
        """Give what is not as it was `sent`, and take note of it there; `due`: that it is whole is told in any case."""
        async for nodes in self._changes(wanted, sent):
            yield v1.WatchDevicesResponse(nodes=nodes)
            due = True
        names = set(self._map().names(wanted))
        gone = sorted(name for name in sent if name not in names)
        for name in gone:
            del sent[name]
        if due or gone:
            yield v1.WatchDevicesResponse(gone=gone, whole=True)

    async def _changes(self, wanted: Wanted, sent: dict[str, Stamp]) -> AsyncIterator[list[v1.Node]]:
        devices = self._map()
        nodes: list[v1.Node] = []
        for looked_at, name in enumerate(devices.names(wanted), start=1):
            stamp = devices.stamp(name)
            if stamp is not None and sent.get(name) != stamp and (node := devices.node(name)) is not None:
                sent[name] = stamp
                nodes.append(to_node(node))
            if len(nodes) == _IN_ONE_ANSWER:
                yield nodes
                nodes = []
                await asyncio.sleep(0)  # thousands of nodes must not keep a pod waiting
            elif looked_at % _LOOKED_AT == 0:
                await asyncio.sleep(0)
        if nodes:
            yield nodes

    def _map(self) -> DeviceMap:
        return DeviceMap(self._scheduling.ledger, self._scheduling.left_out)

    def _version(self) -> tuple[int, tuple[tuple[str, str], ...]]:
        return self._scheduling.ledger.version, tuple(self._scheduling.left_out.items())

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(_PAUSE_S):
                await self._over.wait()
        except TimeoutError:
            return

    @contextmanager
    def _watching(self) -> Iterator[None]:
        self._watches += 1
        try:
            yield
        finally:
            self._watches -= 1


@asynccontextmanager
async def telling(  # noqa: PLR0913  an outside each
    flags: argparse.Namespace,
    api: Api,
    scheduling: Scheduling,
    *,
    ready: Callable[[], bool],
    refusal: Callable[[str], str],
    checks: Callable[[], Checks | None],
) -> AsyncIterator[None]:
    """Serve what the flags ask for as long as the block lasts; with TLS, to those alone whom the API server lets read.

    `ready`, `refusal` and `checks` are `DeviceService`'s.

    Raises:
        ProblemAtStart: it cannot be served; the message says what to do.
    """
    at = rpc_address(flags)
    if at is None:
        yield
        return
    async with serving(
        at, DeviceService(scheduling, ready, rpc.gate_of(at, api, RIGHT), refusal=refusal, checks=checks)
    ):
        yield


@asynccontextmanager
async def serving(at: RpcAddress, devices: DeviceService) -> AsyncIterator[int]:
    """Serve as long as the block lasts, and give the port; then end the watches, and shortly after every call.

    Raises:
        ProblemAtStart: the address is taken, or certificate and key do not fit.
    """

    def add(server: grpc.aio.Server) -> None:
        service.add_ExtenderServicer_to_server(devices, server)

    async with rpc.serving(at, add, what="devices", end=devices.end, question_limit=_LONGEST_QUESTION) as port:
        yield port


def _unknown(namespace: str, name: str, found: UnknownPod) -> str:
    near = ", ".join(f"{key.namespace}/{key.name}" for key in found.near)
    advice = f"near to it: {near}" if near else "is its namespace labelled plimsoll.dev/managed=true?"
    return f"there is no pod {namespace}/{name} here that asks for GPUs of Plimsoll's or holds some; {advice}"
