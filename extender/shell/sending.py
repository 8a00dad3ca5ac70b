"""How is a Binding sent, and what became of it found out? Within kube-scheduler's patience, and as long as we may act.

Nothing is sent too late: after its time-out kube-scheduler may promise the room to another.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import TYPE_CHECKING

from extender.core.answers import BindRefused
from extender.core.ledger.nodes import Backend
from extender.shell import cluster
from extender.shell.enforcement.locks import Locks
from kube.client import ApiError
from kube.pace import Pace

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from extender.core.answers import BindTo
    from extender.core.model import PodKey, SeenPod
    from extender.core.scheduling import Scheduling
    from extender.shell import wire
    from kube.client import Api

MOST_AT_ONCE = 16

_log = logging.getLogger("extender")

_STALL_S, _DOUBT_S = 0.8, 1.0
_LONGEST_PACE_S = 0.5
_BIND_DEADLINE_S = 0.8  # after it was asked for at the earliest; kube-scheduler gives up after its httpTimeout of 1 s


class Sender:
    """Sends the Bindings that the core decides on.

    `read` takes note of a pod as it is now and returns it, None where it is gone; `left_s` tells for how long we may
    still act, and `deciding` times a decision.
    """

    def __init__(
        self,
        api: Api,
        scheduling: Scheduling,
        *,
        read: Callable[[PodKey], Awaitable[SeenPod | None]],
        left_s: Callable[[], float],
        deciding: Callable[[], contextlib.AbstractContextManager[object]],
    ) -> None:
        self._api = api
        self._scheduling = scheduling
        self._read = read
        self._left_s = left_s
        self._deciding = deciding
        self._locks = Locks(api)
        self.pace = Pace(_STALL_S, _DOUBT_S)
        self._under_way = 0
        self._few = asyncio.Event()
        self._few.set()

    async def few(self) -> None:
        """Wait until few Bindings are under way, but not for long."""
        if self._few.is_set():
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LONGEST_PACE_S):
                await self._few.wait()

    async def bind(self, asked: wire.BindingArguments, received_at: float) -> tuple[str, str]:
        """Bind a pod; `received_at` is when we were asked, in seconds.

        Returns what became of it, as it is counted, and what kube-scheduler is told, "" where the pod is bound.
        """
        now = time.monotonic()
        if self.pace.stood_still(now):
            return "refused", "not sent: this program stood still, and nobody knows how old the request is"
        with self._deciding():
            decision = self._scheduling.bind(asked.uid, asked.node, now)
        if isinstance(decision, BindRefused):
            return "refused", decision.reason
        try:
            outcome = await self._send(decision, self.pace.asked_at(received_at) + _BIND_DEADLINE_S)
        except BaseException:  # a defect, or the end of whoever waits for the answer: it may have been sent
            self._scheduling.unknown(decision)
            raise
        if isinstance(outcome, cluster.Accepted):
            self._scheduling.bound(decision.pod.uid)
            self._locks.keep(decision.pod, decision.node)
            _log_placed(decision)
            return "accepted", ""
        if isinstance(outcome, cluster.NotSent):
            self._scheduling.not_bound(decision)
            await self._locks.give_back(decision.pod, decision.node, self._scheduling.ledger)
            return "refused", outcome.reason
        self._scheduling.unknown(decision)
        answer = await self._bound_after_all(decision, outcome)
        return "unknown" if answer else "accepted", answer

    async def settle(self) -> None:
        """Give back the locks that were taken for Bindings that will not arrive."""
        await self._locks.settle(self._scheduling.ledger)

    async def watch_own_pace(self) -> None:
        """Notice when this program stood still: what it reads then may be long given up by who asked."""
        await self.pace.watch("no binding is sent for a second")

    async def _send(self, decision: BindTo, deadline: float) -> cluster.Accepted | cluster.NotSent | cluster.Unknown:
        self._under_way += 1
        if self._under_way >= MOST_AT_ONCE:
            self._few.clear()
        try:
            if decision.grant.backend is Backend.HAMI:
                refused = await self._locks.take(decision, deadline - time.monotonic())
                if refused:
                    return cluster.NotSent(refused)
            within_s, left_s = deadline - time.monotonic(), self._left_s()
            return await cluster.send_binding(self._api, decision, within_s=within_s, left_s=left_s, wall_s=time.time())
        finally:
            self._under_way -= 1
            if self._under_way < MOST_AT_ONCE:
                self._few.set()

    async def _bound_after_all(self, decision: BindTo, outcome: cluster.Unknown) -> str:
        """Read the pod back; return "" if it is bound as we asked, else what is known."""
        try:
            pod = await self._read(decision.pod)
        except ApiError:
            return outcome.reason
        if pod is None or pod.node != decision.node or pod.placed != decision.placed:
            return outcome.reason
        _log_placed(decision)
        return ""


def _log_placed(decision: BindTo) -> None:
    placed = decision.placed
    extra: dict[str, object] = {"pod": f"{decision.pod.namespace}/{decision.pod.name}", "node": decision.node}
    if placed is not None:
        extra |= {"devices": list(placed.devices), "milli": placed.milli}
    _log.info("placed", extra=extra)
