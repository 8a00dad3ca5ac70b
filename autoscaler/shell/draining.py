"""How do pods get their deletion costs? By a patch each, just before fewer replicas are asked for.

The laws:
- What is to be written is decided elsewhere (`core.targets.draining`), and once more on what stands there just before.
- The scale-down does not wait for longer than two seconds, and is not given up because a pod cannot be patched: that is
  told.
- It waits until our own watch shows the costs: by another watch of the same server a ReplicaSet learns of them.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from autoscaler.core.targets.draining import Survivors, marks, step
from autoscaler.shell.scaling import ObservedError
from kube import nesting
from kube.client import ApiError
from kube.objects import Pod

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from autoscaler.core.decisions.record import Record
    from autoscaler.core.load.queries import Place
    from autoscaler.core.model import WorkloadKey
    from autoscaler.core.targets.draining import Mark
    from autoscaler.core.targets.inventory import Inventory
    from autoscaler.shell.scaling import Scaling

_log = logging.getLogger("autoscaler")

_pod = msgspec.json.Decoder(Pod)

_PATIENCE_S = 2.0
_AT_ONCE = 8
_TRIES = 3  # conflicts in a row: a kubelet that writes status at the same moments
_LOOK_S = 0.02
_TIMEOUT_S = 2.0
_FORBIDDEN, _GONE, _CONFLICT = 403, 404, 409


@dataclass(frozen=True, slots=True)
class DrainHearers:
    """Who hears what becomes of deletion costs.

    `unaware` gets the workload whose replicas go as Kubernetes likes, and a sentence; `ended` the result of each pod in
    a word: written, removed, kept (it went, somebody else gave it a cost, or its workload is only observed), failed.
    """

    unaware: Callable[[WorkloadKey, str], None]
    ended: Callable[[str], None]


class Draining:
    """Writes deletion costs; `in_flight` gives what is known to be in flight at a workload's places, by its UID."""

    def __init__(
        self,
        scaling: Scaling,
        inventory: Inventory,
        in_flight: Callable[[str], Mapping[Place, float]],
        hearers: DrainHearers,
    ) -> None:
        self._scaling = scaling
        self._inventory = inventory
        self._in_flight = in_flight
        self._hearers = hearers
        self._survivors = Survivors()
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._tidying: asyncio.Task[None] | None = None

    async def prepare(self, record: Record) -> None:
        """Let the replicas with the least load go first, where the workload wants that, in a bounded time."""
        key, decision = record.key, record.decision
        current, desired = decision.inputs.current, decision.desired
        if not decision.inputs.policy.drain_aware_scale_down or desired >= current:
            return
        planned = self._planned(key, current, desired)
        if not planned:
            return
        deadline_s = asyncio.get_running_loop().time() + _PATIENCE_S
        failed: list[str] = []
        tasks = [asyncio.create_task(self._carry_out(key.uid, mark, failed)) for mark in planned]
        done, late = await asyncio.wait(tasks, timeout=_PATIENCE_S)
        for task in late:
            task.cancel()
            failed.append(f"there was no answer within {_PATIENCE_S:g} s")
        change, costs = f"replicas {current} -> {desired}", {mark.pod.name: mark.cost for mark in planned}
        _log.info("draining", extra={"workload": str(key), "change": change, "costs": costs})
        if failed:
            some = f"{len(failed)} of {len(planned)} deletion costs were not written"
            self._hearers.unaware(key, f"{change}: {some}, and replicas may go that are busy: {min(failed)}")
        written = [mark for mark, task in zip(planned, tasks, strict=True) if task in done and task.result()]
        while not all(map(self._shown, written)) and asyncio.get_running_loop().time() < deadline_s:  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_S)

    def begin_tick(self, now_ms: int) -> None:
        """Take costs away from pods that survived; those of workloads that are only observed stay as they are."""
        pods = self._inventory.pods_with_our_cost()
        written = [pod for pod in pods if not self._scaling.observed(self._inventory.owned_by(pod.owner))]
        marked = self._survivors.marked(written, now_ms)
        if marked and (self._tidying is None or self._tidying.done()):
            self._tidying = asyncio.create_task(self._tidy(marked))

    async def _tidy(self, marked: Collection[Mark]) -> None:
        failed: list[str] = []
        whose = [(self._inventory.owned_by(mark.pod.owner), mark) for mark in marked]
        await asyncio.gather(*(self._carry_out(uid, mark, failed) for uid, mark in whose))
        if failed:
            _log.warning("deletion costs that are not needed stay for now", extra={"error": failed[0]})

    def _planned(self, key: WorkloadKey, current: int, desired: int) -> tuple[Mark, ...]:
        pods = (pod for pod in self._inventory.pods_of(key.uid) if self._inventory.is_replica_set(pod.owner))
        known = self._in_flight(key.uid)
        mine = {name: count for (namespace, name), count in known.items() if namespace == key.namespace}
        return marks(pods, mine, current=current, desired=desired)

    async def _carry_out(self, uid: str, mark: Mark, failed: list[str]) -> bool:
        """Tell whether a pod was given a cost."""
        async with self._slots:
            try:
                result = await self._written(uid, mark)
            except (ApiError, msgspec.DecodeError) as error:
                failed.append(_sentence(error))
                result = "failed"
        self._hearers.ended(result)
        return result == "written"

    async def _written(self, uid: str, mark: Mark) -> str:
        """Patch one pod; return what came of it in a word.

        Raises:
            ApiError, msgspec.DecodeError: it could not be read, or not be patched.
        """
        path = f"/api/v1/namespaces/{mark.pod.namespace}/pods/{mark.pod.name}"
        for tries_left in reversed(range(_TRIES)):
            try:
                answer = await self._scaling.api.request("GET", path, timeout_s=_TIMEOUT_S)
                meta = nesting.decoded(_pod.decode, answer).metadata
                annotations = step(mark, meta.uid, meta.annotations or {})
                if annotations is None or meta.deletion_timestamp is not None:
                    return "kept"
                body: dict[str, Any] = {"resourceVersion": meta.resource_version, "annotations": annotations}
                await self._scaling.patch(uid, path, {"metadata": body})
            except ObservedError:
                return "kept"
            except ApiError as error:
                if error.status == _GONE:
                    return "kept"
                if error.status != _CONFLICT or not tries_left:
                    raise
            else:
                return "removed" if mark.cost is None else "written"
        raise AssertionError

    def _shown(self, mark: Mark) -> bool:
        pod = self._inventory.pod(mark.pod.uid)
        return pod is None or pod.cost == str(mark.cost)


def _sentence(error: Exception) -> str:
    if isinstance(error, ApiError) and error.status == _FORBIDDEN:
        return f"{error.message}; bind the ClusterRole plimsoll-autoscaler-drain in its namespace"
    return str(error)
