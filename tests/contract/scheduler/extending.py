"""What does kube-scheduler ask an extender? One that writes everything down and answers as the test says."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from aiohttp import web

from kube.client import Api, ApiError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import TracebackType

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """One question: the verb, the pod's name and the whole body; `at` is on the loop's clock."""

    verb: str
    pod: str
    body: Object
    at: float

    @property
    def nodes(self) -> list[str]:
        """The nodes it was asked about, sorted."""
        return sorted(self.body["NodeNames"])


def accept(_pod: Object, nodes: Sequence[str]) -> Object:
    """Take every node."""
    return {"NodeNames": list(nodes)}


def reject(_pod: Object, nodes: Sequence[str]) -> Object:
    """Take no node."""
    return {"NodeNames": [], "FailedNodes": dict.fromkeys(nodes, "no room")}


class RecordingExtender:
    """Takes every node and binds, unless the test says otherwise; `api` is the admin's, set before it is asked."""

    api: Api

    def __init__(self, port: int) -> None:
        self._port = port
        self.asked: list[Asked] = []
        self.filter: Callable[[Object, Sequence[str]], Object] = accept
        self.scores: dict[str, int] = {}
        self.instead: dict[str, web.Response | Object] = {}
        """What is answered to a verb whatever it asks."""
        self.late_s: dict[str, float] = defaultdict(float)
        """How much later than it is done a verb is answered."""
        self._held: dict[str, asyncio.Event] = {}

    async def __aenter__(self) -> Self:
        application = web.Application()
        application.router.add_post("/{verb}", self._answer)
        self._runner = web.AppRunner(application, shutdown_timeout=0.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for event in self._held.values():
            event.set()
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    @contextlib.contextmanager
    def holding(self, verb: str) -> Iterator[None]:
        """Answer no question of a verb before the end of the block."""
        self._held[verb] = released = asyncio.Event()
        try:
            yield
        finally:
            del self._held[verb]
            released.set()

    def of(self, verb: str, pod: str | None = None) -> list[Asked]:
        """Return what was asked with a verb, about one pod or all."""
        return [each for each in self.asked if each.verb == verb and pod in (None, each.pod)]

    async def _answer(self, request: web.Request) -> web.Response:
        verb, body = request.match_info["verb"], await request.json()
        name = body["Pod"]["metadata"]["name"] if "Pod" in body else body["PodName"]
        self.asked.append(Asked(verb, name, body, asyncio.get_running_loop().time()))
        if verb in self._held:
            await self._held[verb].wait()
        answer = self.instead[verb] if verb in self.instead else await self._done(verb, body)
        await asyncio.sleep(self.late_s[verb])
        # One response cannot be sent twice.
        if isinstance(answer, web.Response):
            return web.Response(status=answer.status, body=answer.body)
        return web.json_response(answer)

    async def _done(self, verb: str, body: Object) -> Any:
        if verb == "filter":
            return self.filter(body["Pod"], body["NodeNames"])
        if verb == "prioritize":
            return [{"Host": name, "Score": self.scores.get(name, 0)} for name in body["NodeNames"]]
        try:
            await bind(self.api, body["PodNamespace"], body["PodName"], body["Node"])
        except ApiError as error:
            return {"Error": error.message}
        return {"Error": ""}


async def bind(api: Api, namespace: str, name: str, node: str) -> None:
    """Send a Binding."""
    path = f"/api/v1/namespaces/{namespace}/pods/{name}/binding"
    await api.request("POST", path, body={"metadata": {"name": name}, "target": {"kind": "Node", "name": node}})
