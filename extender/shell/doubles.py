"""What is done about a device that was bound twice? It is told on its pods, in the log and in a metric, and one leaves.

The younger pod is evicted by whoever leads, once, within its disruption budget; before that every pod on the device is
read, so that nothing but what the API server says now costs a pod its life. What is refused of one pod puts off that
pod alone.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from extender.core.doubles import doubles
from extender.shell import cluster
from extender.shell.trying import Trying
from kube.client import ApiError
from kube.events import Notice
from kube.outage import Outage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from extender.core.doubles import Double
    from extender.core.ledger.ledger import Ledger
    from extender.core.model import PodKey
    from kube.client import Api

_log = logging.getLogger("extender")

_LOOK_S = 0.5


class Doubles:
    """Looks after the devices of a ledger; `read` takes note of a pod as it is now.

    `tell` writes Events, `leads` tells whether we may act, and `evicted` hears of each eviction by its result;
    `unprotected` as `core.doubles` has it.
    """

    def __init__(  # noqa: PLR0913  an outside each
        self,
        api: Api,
        ledger: Ledger,
        read: Callable[[PodKey], Awaitable[object]],
        tell: Callable[[Notice], None],
        *,
        unprotected: Callable[[str], bool],
        leads: Callable[[], bool],
        evicted: Callable[[str], None],
    ) -> None:
        self._api = api
        self._ledger = ledger
        self._read = read
        self._tell = tell
        self._unprotected = unprotected
        self._leads = leads
        self._evicted = evicted
        self._told: dict[str, tuple[PodKey, ...]] = {}
        """The sentences that were told, each with the pods that it is about."""
        self._done: set[str] = set()
        """The UIDs of pods that were evicted."""
        self._reading, self._evicting = Trying(), Trying()
        """Which pods could not be read, and which were refused their eviction, by UID."""
        self._outage = Outage("evicting a pod whose device was bound twice", "both go on running on it", _log)

    async def run(self) -> None:
        """Look again and again, without end."""
        while True:
            self._forget()
            if self._leads():
                await self._look()
            await asyncio.sleep(_LOOK_S)

    async def _look(self) -> None:
        found = doubles(self._ledger, self._unprotected)
        if not found:
            self._outage.hear(None)
        due = dict.fromkeys(pod for double in found if self._is_due(double) for pod in double.pods)
        read = {pod for pod in due if await self._try(pod, self._reading, self._read)}
        for double in doubles(self._ledger, self._unprotected) if read else ():
            if not read.issuperset(double.pods):
                continue
            if str(double) not in self._told:
                self._report(double)
            for pod in self._victims(double):
                if self._leads():
                    await self._try(pod, self._evicting, self._evict)

    def _is_due(self, double: Double) -> bool:
        """Tell whether somebody is to leave now of whom every pod on the device may be read now."""
        now = time.monotonic()
        return all(self._reading.is_due(pod.uid, now) for pod in double.pods) and bool(self._victims(double))

    def _victims(self, double: Double) -> tuple[PodKey, ...]:
        now = time.monotonic()
        return tuple(pod for pod in double.victims if pod.uid not in self._done and self._evicting.is_due(pod.uid, now))

    async def _try(self, pod: PodKey, trying: Trying, work: Callable[[PodKey], Awaitable[object]]) -> bool:
        """Do something for a pod; tell whether it was done."""
        try:
            await work(pod)
        except ApiError as error:
            self._outage.hear(error)
            trying.refused(pod.uid, time.monotonic())
            return False
        return True

    def _forget(self) -> None:
        """Forget what was told, and done, of pods that are gone."""
        self._told = {told: pods for told, pods in self._told.items() if all(self._holds(pod.uid) for pod in pods)}
        self._done = {uid for uid in self._done if self._holds(uid)}
        for trying in (self._reading, self._evicting):
            trying.forget(time.monotonic())

    def _holds(self, uid: str) -> bool:
        return self._ledger.holding(uid) is not None

    def _report(self, double: Double) -> None:
        self._told[str(double)] = double.pods
        _log.error("device bound twice", extra={"node": double.node, "device": double.device, "note": str(double)})
        for pod in double.pods:
            self._tell(Notice(cluster.reference(pod), "DeviceBoundTwice", str(double), "Warning"))

    async def _evict(self, pod: PodKey) -> None:
        try:
            await cluster.evict(self._api, pod)
        except ApiError:
            self._evicted("refused")
            raise
        self._outage.hear(None)
        self._evicted("evicted")
        self._done.add(pod.uid)
        _log.warning("evicted", extra={"pod": f"{pod.namespace}/{pod.name}", "why": "its device was bound twice"})
