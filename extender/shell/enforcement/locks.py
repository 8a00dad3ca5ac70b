"""How is a node's lock taken before a Binding that HAMi's device plugin acts on, and given back if it was in vain?"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

import msgspec

from extender.core.enforcement.locking import RELEASED, Turn, held, turn
from extender.core.ledger.holding import State
from extender.shell.enforcement import hami
from kube import nesting
from kube.client import MERGE_PATCH, NO_ANSWER, ApiError
from kube.objects import Node
from kube.outage import Outage

if TYPE_CHECKING:
    from extender.core.answers import BindTo
    from extender.core.ledger.ledger import Ledger
    from extender.core.model import PodKey
    from kube.client import Api

_log = logging.getLogger("extender")

_LONGEST_S = 5.0
_GONE, _CHANGED = 404, 409

_node = msgspec.json.Decoder(Node)


class Locks:
    """The locks of nodes that were taken here, by pod and node."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._taken: dict[tuple[str, str], PodKey] = {}
        self._outage = Outage("giving back a node's lock of HAMi's", "no pod of HAMi's is placed on that node", _log)

    async def take(self, asked: BindTo, within_s: float) -> str:
        """Take a node's lock for a Binding within `within_s` seconds; return why not, "" where it is the pod's now."""
        node = asked.node
        try:
            async with asyncio.timeout(max(within_s, 0.0)):
                return await self._take(asked)
        except TimeoutError:
            return f"node {node} could not be locked in time ({hami.LOCK}); it is tried again"
        except ApiError as error:
            if error.status in (_GONE, _CHANGED):
                return f"node {node} changed while it was being locked ({hami.LOCK}); it is tried again"
            return f"node {node} could not be locked ({hami.LOCK}): {error.message}"

    def keep(self, pod: PodKey, node: str) -> None:
        """Take note that a pod is bound to a node: the lock is the device plugin's to release."""
        self._taken.pop((pod.uid, node), None)

    async def settle(self, ledger: Ledger) -> None:
        """Give back every lock whose pod is not bound there and whose Binding will not arrive, as the ledger knows.

        One that cannot be given back now is still taken: the log says so, and the next call comes back to it.
        """
        problem = None
        for (_, node), pod in tuple(self._taken.items()):
            problem = await self._given_back(pod, node, ledger) or problem
        self._outage.hear(problem)

    async def give_back(self, pod: PodKey, node: str, ledger: Ledger) -> None:
        """Do at once for one pod's lock of a node what `settle` does, which comes back to it where that fails."""
        if (pod.uid, node) in self._taken:
            await self._given_back(pod, node, ledger)

    async def _given_back(self, pod: PodKey, node: str, ledger: Ledger) -> ApiError | None:
        """Return why a lock is still taken that should not be, None where all is well or it only takes another try."""
        try:
            await self._give_back(pod, node, ledger)
        except ApiError as error:
            return None if error.status == _CHANGED else error
        return None

    async def _give_back(self, pod: PodKey, node: str, ledger: Ledger) -> None:
        try:
            found = await self._read(node)
            known = ledger.holding(pod.uid)  # after the read: a lock that was taken meanwhile is of a pod that is held
            if known is not None and known.node == node:
                if known.state not in (State.RESERVED, State.BINDING):
                    self.keep(pod, node)
                return
            lock = hami.lock_in(found.metadata.annotations or {})
            if lock is not None and (lock.namespace, lock.name) == (pod.namespace, pod.name):
                await self._write(found, None)
        except ApiError as error:
            if error.status != _GONE:
                raise
        self._taken.pop((pod.uid, node), None)

    async def _take(self, asked: BindTo) -> str:
        pod, node = asked.pod, asked.node
        found = await self._read(node)
        now = time.time()
        lock = hami.lock_in(found.metadata.annotations or {})
        what = turn(lock, pod.namespace, pod.name, now, again=asked.again)
        if what is Turn.KEPT:
            return ""
        if what is Turn.RELEASED:
            return RELEASED
        if what is Turn.HELD:
            assert lock is not None  # noqa: S101  somebody has it
            if not lock.name or await self._is_there(lock.namespace, lock.name):
                return held(lock, now)
        self._taken[pod.uid, node] = pod  # whatever becomes of the write, it is to be looked at again
        await self._write(found, hami.lock_of(pod.namespace, pod.name, now))
        return ""

    async def _is_there(self, namespace: str, name: str) -> bool:
        try:
            await self._api.request("GET", f"/api/v1/namespaces/{namespace}/pods/{name}", timeout_s=_LONGEST_S)
        except ApiError as error:
            if error.status == _GONE:
                return False
            raise
        return True

    async def _read(self, node: str) -> Node:
        answer = await self._api.request("GET", f"/api/v1/nodes/{node}", timeout_s=_LONGEST_S)
        try:
            return nesting.decoded(_node.decode, answer)
        except nesting.UNREADABLE as error:
            raise ApiError(NO_ANSWER, "Undecodable", f"node {node} cannot be read: {error}") from error

    async def _write(self, node: Node, lock: str | None) -> None:
        """Write a lock over the very version of the node that was read."""
        body = {
            "metadata": {"resourceVersion": node.metadata.resource_version, "annotations": {hami.LOCK: lock}},
        }
        path = f"/api/v1/nodes/{node.metadata.name}"
        await self._api.request("PATCH", path, body=body, content_type=MERGE_PATCH, timeout_s=_LONGEST_S)
