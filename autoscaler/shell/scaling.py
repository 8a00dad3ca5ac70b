"""How does a decided count reach the API server? Read the scale, and write it if it is still the one decided on."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec

from autoscaler.core.targets.writers import MANAGER
from autoscaler.core.targets.writing import (
    Change,
    Failed,
    Gone,
    Overtaken,
    Refused,
    Unchanged,
    Withheld,
    Write,
    Written,
    step,
)
from autoscaler.shell import cluster
from kube import nesting
from kube.client import MERGE_PATCH, NO_ANSWER, NOT_SENT, ApiError
from kube.events import Notice
from kube.objects import Workload

if TYPE_CHECKING:
    from collections.abc import Callable

    from autoscaler.core.model import WorkloadKey
    from autoscaler.core.targets.inventory import Inventory
    from autoscaler.core.targets.writers import Writers
    from autoscaler.core.targets.writing import Outcome
    from kube.client import Api

_workload = msgspec.json.Decoder(Workload)

_TRIES = 5  # conflicts in a row: who changes an object so often that we never come through is told of
_TIMEOUT_S = 5.0
_GONE, _CONFLICT, _TOO_MANY = 404, 409, 429


class ObservedError(ApiError):
    """Nothing was sent, as the workload is only observed."""


@dataclass(slots=True)
class Scaling:
    """Writes replica counts, and keeps inventory and writers abreast of what it wrote; `tell` takes the Events.

    `left_s` says for how many seconds we may still write, 0 for not at all, and `observed`, by a workload's UID,
    whether it is only observed by now, so that nothing is written: both are asked as late as can be.
    """

    api: Api
    inventory: Inventory
    writers: Writers
    tell: Callable[[Notice], None]
    now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    left_s: Callable[[], float] = lambda: _TIMEOUT_S
    observed: Callable[[str], bool] = lambda _: False

    def holds(self, stable_window_s: Callable[[str], int]) -> dict[str, str]:
        """Return which workloads nothing may be written to now, and why, by UID; what is new of it becomes an Event."""
        holds = self.writers.holds(now_ms=self.now_ms(), stable_window_s=stable_window_s, observed=self.observed)
        for said in self.writers.said():
            self.tell(Notice(cluster.workload_reference(said.key), said.reason, said.message, "Warning"))
        return holds

    async def write(self, key: WorkloadKey, decided_on: int, desired: int) -> Outcome:
        """Ask for `desired` replicas of a workload that was decided on at `decided_on`; return what came of it.

        One read and one write where nobody interferes; a conflict is tried again on what stands there then.
        """
        change = Change(decided_on, desired)
        try:
            for _ in range(_TRIES):
                outcome = await self._try(key, change)
                if outcome is not None:
                    break
            else:
                outcome = Refused(f"others changed it during each of {_TRIES} tries")
        except ApiError as error:
            return _failure(error, unknown=False)
        if isinstance(outcome, Written | Unchanged):
            count = outcome.now if isinstance(outcome, Written) else outcome.replicas
            self.inventory.counted(key.uid, count, outcome.version)
        if isinstance(outcome, Overtaken):
            outcome = replace(outcome, by=await self._manager(key))
            self.inventory.counted(key.uid, outcome.found, outcome.version)
            if key.uid in self.inventory.targets:  # meanwhile it may have been deleted, and forgotten
                self.writers.seen(key, outcome.found, outcome.version, manager=outcome.by, now_ms=self.now_ms())
        return outcome

    async def _try(self, key: WorkloadKey, change: Change) -> Outcome | None:
        """Return the outcome of one try, None for a conflict.

        Raises:
            ApiError: the scale could not be read; nothing was written.
        """
        path = cluster.scale_path(key)
        try:
            found = cluster.found_scale(await self.api.request("GET", path, timeout_s=_TIMEOUT_S))
        except msgspec.DecodeError as error:
            return Refused(f"its scale cannot be read: {error}")
        decided = step(key.uid, change, found)
        if not isinstance(decided, Write):
            return decided
        body = {"metadata": {"resourceVersion": decided.version}, "spec": {"replicas": decided.replicas}}
        self.writers.writing(key.uid, decided.replicas, now_ms=self.now_ms())
        try:
            answer = await self.patch(key.uid, path, body)
        except ObservedError as error:
            self.writers.not_written(key.uid, decided.replicas)
            return Withheld(error.message)
        except ApiError as error:
            unknown = error.status == NO_ANSWER or error.status >= 500
            if not unknown:
                self.writers.not_written(key.uid, decided.replicas)
            return None if error.status == _CONFLICT else _failure(error, unknown=unknown)
        try:
            version = cluster.found_scale(answer).version
        except msgspec.DecodeError as error:
            return Failed(f"what the API server made of it cannot be read: {error}", unknown=True)
        self.writers.wrote(key.uid, decided.replicas, version)
        return Written(found.replicas, decided.replicas, version)

    async def patch(self, uid: str, path: str, body: dict[str, Any]) -> bytes:
        """Patch an object as ourselves, as long as we may: whatever is written for a decision goes through here.

        `uid` is the workload's that was decided on.

        Raises:
            ObservedError: it is only observed by now; nothing was sent.
            ApiError: it was refused, there was no answer, or we may not write any more.
        """
        # As late as can be: whoever says that we are only to observe must see no write after it.
        if self.observed(uid):
            raise ObservedError(NOT_SENT, "Observed", "it is only observed by now")
        limit_s = min(self.left_s(), _TIMEOUT_S)
        if limit_s <= 0:
            raise ApiError(NOT_SENT, "NotLeader", "not sent: another autoscaler leads by now, or may")
        return await self.api.request(
            "PATCH",
            path,
            # The API server lets go of what has not come whole, or is not done, by then.
            query={"fieldManager": MANAGER, "timeout": f"{math.ceil(limit_s)}s"},
            body=body,
            content_type=MERGE_PATCH,
            timeout_s=limit_s,
            connect_s=limit_s,
        )

    async def _manager(self, key: WorkloadKey) -> str:
        """Return who set the count last, "" where that cannot be told."""
        try:
            answer = await self.api.request("GET", cluster.workload_path(key), timeout_s=_TIMEOUT_S)
            workload = nesting.decoded(_workload.decode, answer)
        except (ApiError, msgspec.DecodeError):
            return ""
        return cluster.manager_of_replicas(workload)


def _failure(error: ApiError, *, unknown: bool) -> Outcome:
    if error.status == _GONE:
        return Gone()
    if 400 <= error.status < 500 and error.status != _TOO_MANY:
        return Refused(error.message)
    return Failed(error.message, unknown)
