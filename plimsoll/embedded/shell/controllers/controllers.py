"""What keeps the cluster's objects as their specs want them? The controllers, on one watch per kind.

Changes lead to work, and work that is due later has a timer: nothing is polled. Every decision is a core's.
"""

from __future__ import annotations

import asyncio
import logging
import time
from enum import Enum, auto
from typing import TYPE_CHECKING

from kube.client import Api, ApiError
from kube.outage import Outage
from kube.watch import Gone, Put, Relisted, watch
from plimsoll.embedded.core import kinds
from plimsoll.embedded.core.controllers import namespaces
from plimsoll.embedded.core.controllers.owners import controller_of
from plimsoll.embedded.core.controllers.ranking import is_ready
from plimsoll.embedded.core.controllers.view import View
from plimsoll.embedded.core.notation.selectors import LabelSelector
from plimsoll.embedded.shell.controllers.notices import Notices
from plimsoll.embedded.shell.controllers.seen import Seen
from plimsoll.embedded.shell.controllers.upkeep import Upkeep
from plimsoll.embedded.shell.controllers.work_queue import WorkQueue
from plimsoll.embedded.shell.controllers.workloads import Workloads
from plimsoll.embedded.shell.controllers.writer import Writer, path_of

if TYPE_CHECKING:
    from plimsoll.embedded.core.kinds import Kind
    from plimsoll.embedded.core.problem import Object

_log = logging.getLogger(__name__)

_WORKERS = 32
_REST_S = 0.01  # between two looks at what sums up pods: hundreds of them change within a second
_WATCHED = tuple(kind for kind in kinds.KINDS if kind is not kinds.EVENTS)  # nobody owns an Event
_EXPECTED = {403, 404, 409, 422, 501}  # refusals that the next look at the object settles, or an Event tells of


class Task(Enum):
    """What can be done about an object."""

    DEPLOYMENT = auto()
    REPLICA_SET = auto()
    BUDGET = auto()
    POD = auto()
    NODE = auto()
    NAMESPACE = auto()
    GARBAGE = auto()


_SUMS = {Task.REPLICA_SET, Task.BUDGET}

Work = tuple[Task, "Kind", str]
"""A task, and kind and UID of its object."""


class Controllers:
    """All controllers of a cluster, as one ordinary client of its API server."""

    def __init__(self, api: Api, *, seed: int = 0) -> None:  # noqa: ARG002  nothing here is left to chance
        self._api = api
        self._view = View()
        self._queue: WorkQueue[Work] = WorkQueue()
        self._writer = Writer(api, self._view)
        self._notices = Notices(api, self._view)
        self._workloads = Workloads(self._view, self._writer, self._notices)
        self._upkeep = Upkeep(self._view, self._writer)
        self._unlisted = set(_WATCHED)
        self._listed = asyncio.Event()

    async def run(self) -> None:
        """Work without end."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._notices.run())
            for kind in _WATCHED:
                group.create_task(self._follow(kind))
            # Before everything is known, everything would seem to be missing.
            await self._listed.wait()
            for _ in range(_WORKERS):
                group.create_task(self._work())

    def settled(self) -> bool:
        """Tell whether there is nothing left to do now.

        Work that is due later does not count: a pod's delays, the wait after a refusal, a missing node's quarantine.
        Nor do Events that are still to be written. What the controllers wrote themselves counts until their watches
        have shown it; what others write counts from when the watches show it.
        """
        return not self._unlisted and self._queue.idle and self._writer.all_seen and self._workloads.all_seen

    # From watches to work

    async def _follow(self, kind: Kind) -> None:
        outage = Outage(f"the watch of {kind.plural}", "the controllers go by what they saw last", _log)
        async for change in watch(self._api, path_of(kind), Seen, on_trouble=outage.hear):
            match change:
                case Relisted(objects):
                    self._relist(kind, objects)
                case Put(found):
                    self._put(kind, found.plain())
                case Gone(found):
                    self._remove(kind, found.metadata.uid)

    def _relist(self, kind: Kind, objects: tuple[Seen, ...]) -> None:
        there = {each.metadata.uid for each in objects}
        for uid in [each["metadata"]["uid"] for each in self._view.all(kind)]:
            if uid not in there:
                self._remove(kind, uid)
        for each in objects:
            self._put(kind, each.plain())
        if kind is kinds.PODS:
            for owner in self._workloads.listed(kind):
                self._queue.add((Task.REPLICA_SET, kinds.REPLICA_SETS, owner))
        elif kind is kinds.REPLICA_SETS:
            for owner in self._workloads.listed(kind):
                self._queue.add((Task.DEPLOYMENT, kinds.DEPLOYMENTS, owner))
        self._unlisted.discard(kind)
        if not self._unlisted:
            self._listed.set()

    def _put(self, kind: Kind, thing: Object) -> None:
        meta = thing["metadata"]
        uid = meta["uid"]
        before = self._view.put(kind, thing, time.time())
        self._writer.see(uid, meta["resourceVersion"])
        match kind:
            case kinds.PODS:
                self._upkeep.note_addresses(thing)
                self._queue.add((Task.POD, kind, uid))
                if before is None or _facts(before) != _facts(thing):
                    self._concern_pod(*((thing,) if before is None else (before, thing)))
            case kinds.REPLICA_SETS:
                self._queue.add((Task.REPLICA_SET, kind, uid))
                self._concern_owner(thing)
            case kinds.DEPLOYMENTS:
                self._queue.add((Task.DEPLOYMENT, kind, uid))
            case kinds.BUDGETS:
                self._queue.add((Task.BUDGET, kind, uid))
            case kinds.NODES:
                self._queue.add((Task.NODE, kind, uid))
                if before is None:
                    self._concern_pods_on(meta["name"])
            case kinds.NAMESPACES if namespaces.is_ending(thing):
                self._queue.add((Task.NAMESPACE, kind, uid))
        references = meta.get("ownerReferences") or ()
        if not all(self._upkeep.is_there(each) for each in references):
            self._queue.add((Task.GARBAGE, kind, uid))

    def _remove(self, kind: Kind, uid: str) -> None:
        thing = self._view.remove(kind, uid)
        self._writer.see(uid, None)
        if thing is None:
            return
        match kind:
            case kinds.PODS:
                self._queue.cancel((Task.POD, kind, uid))
                self._upkeep.give_back_addresses(thing)
                self._concern_pod(thing)
            case kinds.REPLICA_SETS:
                self._queue.add((Task.REPLICA_SET, kind, uid))
                self._concern_owner(thing)
            case kinds.DEPLOYMENTS:
                self._queue.add((Task.DEPLOYMENT, kind, uid))
            case kinds.NODES:
                self._concern_pods_on(thing["metadata"]["name"])
        for dependent, its_uid in self._view.dependents(uid):
            self._queue.add((Task.GARBAGE, dependent, its_uid))
        if kind.namespaced:
            self._concern_namespace(kind, thing["metadata"]["namespace"])

    def _concern_pod(self, *states: Object) -> None:
        """Tell who counts a pod, for what it was and what it is."""
        for pod in states:
            namespace, labels = pod["metadata"]["namespace"], pod["metadata"].get("labels")
            owner = controller_of(pod)
            if owner is not None:
                self._queue.add((Task.REPLICA_SET, kinds.REPLICA_SETS, owner["uid"]))
            else:
                for each in self._view.within(kinds.REPLICA_SETS, namespace):
                    if LabelSelector.of(each["spec"].get("selector")).matches(labels):
                        self._queue.add((Task.REPLICA_SET, kinds.REPLICA_SETS, each["metadata"]["uid"]))
            for each in self._view.within(kinds.BUDGETS, namespace):
                if LabelSelector.of(each["spec"].get("selector")).matches(labels):
                    self._queue.add((Task.BUDGET, kinds.BUDGETS, each["metadata"]["uid"]))

    def _concern_owner(self, replica_set: Object) -> None:
        if owner := controller_of(replica_set):
            self._queue.add((Task.DEPLOYMENT, kinds.DEPLOYMENTS, owner["uid"]))

    def _concern_pods_on(self, node: str) -> None:
        for pod in self._view.pods_on(node):
            self._queue.add((Task.POD, kinds.PODS, pod["metadata"]["uid"]))

    def _concern_namespace(self, kind: Kind, name: str) -> None:
        """Go on with an ending namespace once the last of a kind is gone."""
        namespace = self._view.named(kinds.NAMESPACES, "", name)
        if namespace is not None and namespaces.is_ending(namespace) and not self._view.within(kind, name):
            self._queue.add((Task.NAMESPACE, kinds.NAMESPACES, namespace["metadata"]["uid"]))

    # Work

    async def _work(self) -> None:
        while True:
            work = await self._queue.take()
            failed = False
            try:
                again_at = await self._do(work)
                if again_at is not None:
                    self._queue.add_after(work, again_at - time.time())
            except ApiError as error:
                failed = True
                task, kind, uid = work
                level = logging.DEBUG if error.status in _EXPECTED else logging.WARNING
                about = {"task": task.name, "kind": kind.name, "uid": uid, "error": error.message}
                _log.log(level, "not done, tried again", extra=about)
            finally:
                self._queue.done(work, failed=failed, rest_s=_REST_S if work[0] in _SUMS else 0.0)

    async def _do(self, work: Work) -> float | None:
        task, kind, uid = work
        now = time.time()
        match task:
            case Task.DEPLOYMENT:
                return await self._workloads.deployment(uid, now)
            case Task.REPLICA_SET:
                return await self._workloads.replica_set(uid, now)
            case Task.BUDGET:
                return await self._workloads.budget(uid, now)
            case Task.POD:
                return await self._upkeep.pod(uid, now)
            case Task.NODE:
                return await self._upkeep.node(uid, now)
            case Task.GARBAGE:
                await self._upkeep.garbage(kind, uid)
            case Task.NAMESPACE:
                await self._upkeep.namespace(uid, now)
        return None


def _facts(pod: Object) -> tuple[object, ...]:
    """Return what of a pod decides whether it counts, and for whom."""
    meta, status = pod["metadata"], pod["status"]
    return (
        status.get("phase"),
        is_ready(pod),
        "deletionTimestamp" in meta,
        meta.get("labels"),
        meta.get("ownerReferences"),
    )
