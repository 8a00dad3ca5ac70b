"""What is happening on the cluster now? Watches pods, nodes and Events, and asks the autoscaler for its decisions."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, TypeVar

import aiohttp
import msgspec

from kube.objects import Event, Named, Node, Pod
from kube.watch import Gone, Put, Relisted, watch
from plimsoll.demo.core.picture import Notice, Standing
from plimsoll.demo.core.story import NAMESPACE
from plimsoll.demo.problem import DemoError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from kube.client import Api
    from kube.watch import Change

_ASK_S = 1.0
_PATIENCE_S = 20.0  # a program that does not answer for so long has failed

# They repeat what the autoscaler's own Event says with its reason, and once more for each pod.
_LEFT_OUT = {"ScalingReplicaSet", "SuccessfulCreate", "SuccessfulDelete"}


class _Standings(msgspec.Struct):
    workloads: list[Standing]


class Stage:
    """The demo's namespace as it stands; all attributes are kept up to date by `run`."""

    def __init__(self, api: Api, autoscaler_url: str) -> None:
        self._api = api
        self._autoscaler_url = autoscaler_url
        self._began = time.monotonic()
        self.pods: dict[str, Pod] = {}
        self.nodes: dict[str, Node] = {}
        self.standings: dict[str, Standing] = {}
        self.notices: list[Notice] = []

    def now_s(self) -> float:
        """Return the seconds since the story began."""
        return time.monotonic() - self._began

    async def run(self, on_pods: Callable[[Iterable[Pod]], Awaitable[None]]) -> None:
        """Watch without end; `on_pods` hears of every change of the pods.

        Raises:
            DemoError: the autoscaler has not answered for a while.
        """
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch_pods(on_pods))
            group.create_task(self._watch_nodes())
            group.create_task(self._watch_events())
            group.create_task(self._ask_autoscaler())

    async def _watch_pods(self, on_pods: Callable[[Iterable[Pod]], Awaitable[None]]) -> None:
        async for change in watch(self._api, f"/api/v1/namespaces/{NAMESPACE}/pods", Pod):
            _keep(self.pods, change)
            await on_pods(self.pods.values())

    async def _watch_nodes(self) -> None:
        async for change in watch(self._api, "/api/v1/nodes", Node):
            _keep(self.nodes, change)

    async def _watch_events(self) -> None:
        async for change in watch(self._api, f"/api/v1/namespaces/{NAMESPACE}/events", Event):
            match change:
                case Relisted(objects=events):
                    self.notices = [self._notice(event) for event in events if event.reason not in _LEFT_OUT]
                case Put(object=event) if event.reason not in _LEFT_OUT:
                    self.notices.append(self._notice(event))

    def _notice(self, event: Event) -> Notice:
        about = f"{event.involved_object.kind.lower()}/{event.involved_object.name}"
        return Notice(self.now_s(), about, event.reason, event.message, event.type == "Warning")

    async def _ask_autoscaler(self) -> None:
        decoder = msgspec.json.Decoder(_Standings)
        answered = time.monotonic()
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(5.0)) as session:
            while True:
                try:
                    async with session.get(f"{self._autoscaler_url}/decisions") as answer:
                        standings = decoder.decode(await answer.read()).workloads
                except (aiohttp.ClientError, TimeoutError, msgspec.DecodeError) as error:
                    if time.monotonic() - answered > _PATIENCE_S:
                        raise DemoError(
                            f"the autoscaler has not told its decisions for {_PATIENCE_S:g} s: {error!r}"
                        ) from error
                else:
                    answered = time.monotonic()
                    self.standings = {each.name: each for each in standings if each.namespace == NAMESPACE}
                await asyncio.sleep(_ASK_S)


_Kind = TypeVar("_Kind", bound=Named)


def _keep(kept: dict[str, _Kind], change: Change[_Kind]) -> None:
    match change:
        case Relisted(objects=objects):
            kept.clear()
            kept.update((each.metadata.name, each) for each in objects)
        case Put(object=each):
            kept[each.metadata.name] = each
        case Gone(object=each):
            kept.pop(each.metadata.name, None)
