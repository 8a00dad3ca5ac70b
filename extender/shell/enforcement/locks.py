"""How is a node's lock taken before a Binding that HAMi's device plugin acts on, and given back if it was in vain?"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import msgspec

from extender.core.enforcement.locking import Turn, held, turn
from extender.core.ledger.holding import State
from extender.shell.enforcement import hami
from kube.client import MERGE_PATCH, NO_ANSWER, ApiError
from kube.objects import Node

if TYPE_CHECKING:
    from extender.core.ledger.ledger import Ledger
    from extender.core.model import PodKey
    from kube.client import Api

_LONGEST_S = 5.0

_node = msgspec.json.Decoder(Node)


class Locks:
    """The locks of nodes that were taken here, by the pod's UID."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._taken: dict[str, tuple[PodKey, str]] = {}

    async def take(self, pod: PodKey, node: str, within_s: float) -> str:
        """Take a node's lock for a pod within `within_s` seconds; return why not, "" where it is the pod's now."""
        try:
            async with asyncio.timeout(max(within_s, 0.0)):
                return await self._take(pod, node)
        except TimeoutError:
            return f"node {node} could not be locked in time ({hami.LOCK}); it is tried again"
        except ApiError as error:
            if error.status in (404, 409):
                return f"node {node} changed while it was being locked ({hami.LOCK}); it is tried again"
            return f"node {node} could not be locked ({hami.LOCK}): {error.message}"

    def keep(self, pod: PodKey) -> None:
        """Take note that a pod is bound: the lock is the device plugin's to release."""
        self._taken.pop(pod.uid, None)

    async def settle(self, ledger: Ledger) -> None:
        """Give back every lock whose pod is not bound and whose Binding will not arrive, as the ledger knows.

        Raises:
            ApiError: one could not be read or written now, and is still taken.
        """
        problems = []
        for pod, _ in tuple(self._taken.values()):
            try:
                await self.give_back(pod, ledger)
            except ApiError as error:
                problems.append(error)
        if problems:
            raise problems[0]

    async def give_back(self, pod: PodKey, ledger: Ledger) -> None:
        """Give back the lock that was taken for a pod, if the pod is not bound and no Binding of it will arrive.

        Raises:
            ApiError: as `settle`.
        """
        if pod.uid not in self._taken:
            return
        _, node = self._taken[pod.uid]
        try:
            found = await self._read(node)
            known = ledger.holding(pod.uid)  # after the read: a lock that was taken meanwhile is of a pod that is held
            if known is not None and known.node == node:
                if known.state not in (State.RESERVED, State.BINDING):
                    self.keep(pod)
                return
            lock = hami.lock_in(found.metadata.annotations or {})
            if lock is not None and (lock.namespace, lock.name) == (pod.namespace, pod.name):
                await self._write(found, None)
        except ApiError as error:
            if error.status != 404:
                raise
        self._taken.pop(pod.uid, None)

    async def _take(self, pod: PodKey, node: str) -> str:
        found = await self._read(node)
        now = time.time()
        lock = hami.lock_in(found.metadata.annotations or {})
        what = turn(lock, pod.namespace, pod.name, now)
        if what is Turn.HELD:
            assert lock is not None  # noqa: S101  somebody has it
            if not lock.name or await self._is_there(lock.namespace, lock.name):
                return held(lock, now)
        self._taken[pod.uid] = (pod, node)  # whatever becomes of the write, it is to be looked at again
        await self._write(found, hami.lock_of(pod.namespace, pod.name, now))
        return ""

    async def _is_there(self, namespace: str, name: str) -> bool:
        try:
            await self._api.request("GET", f"/api/v1/namespaces/{namespace}/pods/{name}", timeout_s=_LONGEST_S)
        except ApiError as error:
            if error.status == 404:
                return False
            raise
        return True

    async def _read(self, node: str) -> Node:
        answer = await self._api.request("GET", f"/api/v1/nodes/{node}", timeout_s=_LONGEST_S)
        try:
            return _node.decode(answer)
        except msgspec.DecodeError as error:
            raise ApiError(NO_ANSWER, "Undecodable", f"node {node} cannot be read: {error}") from error

    async def _write(self, node: Node, lock: str | None) -> None:
        """Write a lock over the very version of the node that was read."""
        body = {
            "metadata": {"resourceVersion": node.metadata.resource_version, "annotations": {hami.LOCK: lock}},
        }
        path = f"/api/v1/nodes/{node.metadata.name}"
        await self._api.request("PATCH", path, body=body, content_type=MERGE_PATCH, timeout_s=_LONGEST_S)
