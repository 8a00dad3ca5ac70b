"""How do the claims about scheduling create pods, and wait for what becomes of them?"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from kube.client import MERGE_PATCH
from tests.contract.objects import pod
from tests.contract.scheduler.extending import reject

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from kube.client import Api
    from tests.contract.scheduler.extending import Object, RecordingExtender

NODES = ["gpu-00", "gpu-01", "gpu-02", "gpu-03"]
PREEMPTION = "no new claims to deallocate, preemption: 0/4 nodes are available:"
AT_ONCE_S = 0.9
"""Shorter than any back-off of a pod that was tried before."""
_MARKED = [{"name": "main", "image": "x", "resources": {"limits": {"plimsoll.dev/gpu": "1"}}}]
_LIMIT_S = 30.0  # of each wait
_POLL_S = 0.01
_TRIES = 5

_Found = TypeVar("_Found")


class Pods:
    """The pods of one namespace."""

    def __init__(self, api: Api, namespace: str, extender: RecordingExtender) -> None:
        self._api = api
        self.namespace = namespace
        self._extender = extender
        self._path = f"/api/v1/namespaces/{namespace}/pods"

    async def marked(self, name: str, **spec: Any) -> Object:
        """Create a pod that the extender is asked about."""
        return await self.create(name, schedulerName="plimsoll", **{"containers": _MARKED, **spec})

    async def create(self, name: str, **spec: Any) -> Object:
        """Create a pod."""
        created: Object = msgspec.json.decode(await self._api.request("POST", self._path, body=pod(name, **spec)))
        return created

    async def rejected(self, name: str) -> None:
        """Create a pod that the extender rejects, and wait until it is no longer tried."""
        self._extender.filter = reject
        await self.marked(name)
        await self.until_told(name)
        await until(lambda: len(self._extender.of("filter", name)) >= 2)  # being told is a change of itself
        await self.until_quiet()

    async def get(self, name: str) -> Object:
        """Read a pod."""
        read: Object = msgspec.json.decode(await self._api.request("GET", f"{self._path}/{name}"))
        return read

    async def patch(self, name: str, body: Object, path: str = "") -> None:
        """Change a pod."""
        await self._api.request("PATCH", f"{self._path}/{name}{path}", body=body, content_type=MERGE_PATCH)

    async def delete(self, name: str) -> None:
        """Delete a pod at once."""
        await self._api.request("DELETE", f"{self._path}/{name}", query={"gracePeriodSeconds": "0"})

    async def until_bound(self, name: str) -> str:
        """Return the node of a pod as soon as it has one."""

        async def node() -> str | None:
            return (await self.get(name))["spec"].get("nodeName")  # type: ignore[no-any-return]

        return await found(node)

    async def told(self, name: str) -> tuple[str, str] | None:
        """Return reason and message of a pod's condition; None where it was not told why it is not scheduled."""
        for condition in (await self.get(name))["status"].get("conditions", ()):
            if condition["type"] == "PodScheduled" and condition["status"] == "False":
                return condition["reason"], condition["message"]
        return None

    async def until_told(self, name: str) -> tuple[str, str]:
        """Return what a pod is told as soon as it is told why it is not scheduled."""
        return await found(lambda: self.told(name))

    async def until_told_that(self, name: str, reason: str, message: str) -> None:
        """Wait until a pod is told this; of a slow machine it may be told meanwhile that somebody was too slow."""

        async def so() -> bool:
            return await self.told(name) == (reason, message)

        with contextlib.suppress(TimeoutError):
            await found(so)
        assert await self.told(name) == (reason, message)

    async def until_promised_nothing(self, name: str) -> None:
        """Wait until a pod has no nominated node."""

        async def nothing() -> bool:
            return "nominatedNodeName" not in (await self.get(name))["status"]

        await found(nothing)

    async def until_quiet(self) -> None:
        """Wait until nothing has been asked for a while."""
        asked = -1
        while asked != len(self._extender.asked):
            asked = len(self._extender.asked)
            await asyncio.sleep(0.5)

    async def events(self, name: str, reason: str) -> list[Object]:
        """Return the Events about a pod as soon as there are any."""
        query = {"fieldSelector": f"involvedObject.name={name},reason={reason}"}

        async def events() -> list[Object]:
            answer = await self._api.request("GET", f"/api/v1/namespaces/{self.namespace}/events", query=query)
            return list(msgspec.json.decode(answer)["items"])

        return await found(events)


async def found(look: Callable[[], Awaitable[_Found | None]]) -> _Found:
    """Return what is looked for as soon as it is there."""
    async with asyncio.timeout(_LIMIT_S):
        while True:
            if there := await look():
                return there
            await asyncio.sleep(_POLL_S)


async def until(true: Callable[[], bool]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(_LIMIT_S):
        while not true():  # noqa: ASYNC110  what is waited for happens in many ways
            await asyncio.sleep(_POLL_S)


async def tried(claim: Callable[[str], Awaitable[None]]) -> None:
    """Hold a claim about moments, each time with a new name: a machine is too slow for it now and then, never always.

    The extender has a second for each answer, in which the claim must do all that it does meanwhile.
    """
    for number in range(_TRIES - 1):
        with contextlib.suppress(AssertionError):
            await claim(f"pod-{number}")
            return
    await claim(f"pod-{_TRIES - 1}")
