"""How many replicas can be placed? Asked of the extender beside the ticks, for the workloads that rise.

A question is a read of the workload, for its pod template, and a call of the extender; both together have one second.
Nothing of it is kept but the answer: a template may be large, and is another one tomorrow.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from autoscaler.core.model import Placement
from autoscaler.core.targets.placing import Placing
from autoscaler.shell import cluster
from autoscaler.shell.fits import FitsError, RefusedShapeError
from kube.client import ApiError
from kube.outage import Outage

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from autoscaler.core.model import WorkloadKey
    from autoscaler.core.targets.inventory import Inventory
    from autoscaler.shell.fits import Extender
    from kube.client import Api

_log = logging.getLogger("autoscaler")

_PATIENCE_S = 1.0  # half a tick, so that the next one knows
_AT_ONCE = 16

NO_EXTENDER = "the autoscaler was not told where the extender is (--extender)"


@dataclass(frozen=True, slots=True)
class PlaceHearers:
    """Who hears what becomes of the questions.

    `without_effect` gets a workload that cannot be limited, and why ("" where it can); `ended` the result of each
    question in a word: answered, refused, failed.
    """

    without_effect: Callable[[WorkloadKey, str], None]
    ended: Callable[[str], None]


class Places:
    """Knows how many replicas can be placed, as far as the extender says so; `extender` None: it is never asked."""

    def __init__(
        self,
        api: Api,
        inventory: Inventory,
        extender: Extender | None,
        hearers: PlaceHearers,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._api = api
        self._inventory = inventory
        self._extender = extender
        self._hearers = hearers
        self._now_ms = now_ms
        self._placing = Placing()
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()
        self._outage = Outage("the extender", "replicas are not limited to what can be placed", _log)

    def placement(self, uid: str, now_ms: int) -> Placement | None:
        """Return what bounds a workload that is limited to what can be placed; None where nothing does."""
        return None if self._extender is None else self._placing.placement(uid, now_ms)

    def retain(self, uids: Collection[str]) -> None:
        """Forget every workload whose UID is not in `uids`."""
        self._placing.retain(uids)

    def ask(self, rising: Mapping[str, int], now_ms: int) -> None:
        """Begin to ask about those of the rising workloads (UID: replicas wanted) whose time has come."""
        if self._extender is None:
            for uid in rising:
                target = self._inventory.targets.get(uid)
                if target is not None:
                    self._hearers.without_effect(target.key, NO_EXTENDER)
            return
        for uid, wanted in self._placing.due(rising, now_ms).items():
            task = asyncio.create_task(self._ask(self._extender, uid, wanted))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _ask(self, extender: Extender, uid: str, wanted: int) -> None:
        result, why = "failed", ""
        try:
            async with asyncio.timeout(_PATIENCE_S):
                result, why = await self._asked(extender, uid, wanted)
        except TimeoutError:
            self._outage.failed(f"no answer within {_PATIENCE_S:g} s, the read of the workload included")
        except FitsError as error:
            self._outage.failed(str(error))
        except ApiError as error:
            self._outage.failed(f"a workload whose pods are to be placed cannot be read: {error.message}")
        except Exception:  # noqa: BLE001  a defect must not leave the workload waiting for an answer
            _log.exception("defect: it is not known what can be placed", extra={"uid": uid})
        if result != "answered":
            self._placing.failed(uid, self._now_ms())
        target = self._inventory.targets.get(uid)
        if target is not None and result != "failed":
            self._hearers.without_effect(target.key, why)
        self._hearers.ended(result)

    async def _asked(self, extender: Extender, uid: str, wanted: int) -> tuple[str, str]:
        """Ask, and take the answer over; return the result, and why the key has no effect, "" where it has one."""
        target = self._inventory.targets.get(uid)
        if target is None:
            return "refused", ""
        async with self._slots:
            deadline = asyncio.get_running_loop().time() + _PATIENCE_S
            answer = await self._api.request("GET", cluster.workload_path(target.key), timeout_s=_PATIENCE_S)
            try:
                shape = cluster.pod_shape(answer)
            except (msgspec.DecodeError, ValueError) as error:
                return "refused", f"its pod template is not known: {error}"
            left_s = max(0.05, deadline - asyncio.get_running_loop().time())
            most = max(1, wanted - self._placed(uid))
            try:
                fitting = await extender.fits(target.key.namespace, shape, most, timeout_s=left_s)
            except RefusedShapeError as error:
                self._outage.ended()
                return "refused", f"the extender does not take its pods: {error}"
        self._outage.ended()
        self._placing.answered(uid, Placement(self._placed(uid), fitting.count, fitting.reason), self._now_ms())
        return "answered", ""

    def _placed(self, uid: str) -> int:
        """Return how many replicas hold a place on a node."""
        return sum(pod.placed for pod in self._inventory.pods_of(uid))
