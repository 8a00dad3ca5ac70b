"""How does the embedded cluster schedule pods? As kube-scheduler does: one pod at a time, bindings beside.

An ordinary client of the API server. The queue, the filters and the sentences are in core; here they are called in
kube-scheduler's order, around what is asked of the extenders and of the API server.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from typing import TYPE_CHECKING, Any

from kube.client import ApiError
from kube.outage import Outage
from kube.watch import Gone, Put, Relisted, watch
from plimsoll.embedded.core.scheduling import fitting, scoring, verdict
from plimsoll.embedded.core.scheduling.known import Known
from plimsoll.embedded.core.scheduling.settings import settings
from plimsoll.embedded.core.scheduling.verdict import Failed, Placed, Rejected, Unplaced
from plimsoll.embedded.core.scheduling.views import NodeView, PodView
from plimsoll.embedded.shell.controllers.seen import Seen
from plimsoll.embedded.shell.scheduling.extenders import Extender, ExtenderError
from plimsoll.embedded.shell.scheduling.telling import Telling, path_of
from plimsoll.embedded.shell.scheduling.whole import WholePod

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kube.client import Api
    from plimsoll.embedded.core.scheduling.fitting import Fitting
    from plimsoll.embedded.core.scheduling.queue import Queued

_log = logging.getLogger("plimsoll.embedded.scheduler")


class Scheduler:
    """One kube-scheduler: the pods of its profiles. `seed` decides between nodes that are equally good."""

    def __init__(self, api: Api, configuration: Mapping[str, Any], *, seed: int = 0) -> None:
        """Take a KubeSchedulerConfiguration.

        Raises:
            Unsupported: it sets what is not done here; a ValueError.
        """
        self._settings = settings(configuration)
        self._api = api
        self._random = random.Random(seed)  # noqa: S311  a choice between equals, no secret
        self._known = Known(self._settings.profiles, time.time())
        self._extenders = [Extender(each) for each in self._settings.extenders]
        self._telling = Telling(api, self._settings.profiles, self._known.pod)
        self._listed = {"nodes": False, "pods": False}
        self._bindings: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()

    async def run(self) -> None:
        """Schedule pods, without end."""
        async with contextlib.AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
            for extender in self._extenders:
                await stack.enter_async_context(extender)
            tasks.create_task(self._telling.run())
            tasks.create_task(self._follow_nodes())
            tasks.create_task(self._follow_pods())
            await self._schedule(tasks)

    def settled(self) -> bool:
        """Tell whether there is nothing to do before something happens; rejected pods may wait for that."""
        nothing_to_try = all(self._listed.values()) and not self._known.queue.busy
        nothing_under_way = not self._bindings and not self._known.occupancy.assuming
        return nothing_to_try and nothing_under_way and self._telling.all_seen

    # --- what the API server says ---

    async def _follow_nodes(self) -> None:
        outage = Outage("the list of nodes", "pods are scheduled to the nodes known last", _log)
        async for change in watch(self._api, "/api/v1/nodes", Seen, on_trouble=outage.hear):
            match change:
                case Relisted(objects):
                    self._known.nodes_are([NodeView.of(each.plain()) for each in objects], time.time())
                    self._listed["nodes"] = True
                case Put(seen):
                    self._known.node_seen(NodeView.of(seen.plain()), time.time())
                case Gone(seen):
                    self._known.node_gone(seen.metadata.name, time.time())
            self._wake.set()

    async def _follow_pods(self) -> None:
        outage = Outage("the list of pods", "no further pod is heard of", _log)
        async for change in watch(self._api, "/api/v1/pods", WholePod, on_trouble=outage.hear):
            match change:
                case Relisted(objects):
                    pods = [PodView.of(each.plain()) for each in objects]
                    self._telling.listed({pod.uid: pod.version for pod in pods})
                    self._known.pods_are(pods, time.time())
                    self._listed["pods"] = True
                case Put(seen):
                    self._telling.see(seen.metadata.uid, seen.metadata.resource_version)
                    self._known.pod_seen(PodView.of(seen.plain()), time.time())
                case Gone(seen):
                    self._telling.see(seen.metadata.uid, None)
                    self._known.pod_gone(seen.metadata.uid, time.time())
            self._wake.set()

    # --- a pod's try ---

    async def _schedule(self, tasks: asyncio.TaskGroup) -> None:
        while not all(self._listed.values()):
            await self._woken(None)
        while True:
            tried = self._known.queue.pop(time.time())
            if tried is None:
                await self._woken(self._known.queue.next_due())
                continue
            await self._try(tried, tasks)
            await asyncio.sleep(0)  # where nobody was asked, the others still have their turn

    async def _woken(self, due: float | None) -> None:
        """Wait until something happened, or until `due` seconds since 1970."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None if due is None else max(due - time.time(), 0.0)):
                await self._wake.wait()
        self._wake.clear()

    async def _try(self, tried: Queued, tasks: asyncio.TaskGroup) -> None:
        pod = tried.pod
        if pod.deleted:
            self._telling.event(pod, "FailedScheduling", f"skip schedule deleting pod: {pod.namespace}/{pod.name}")
            self._known.queue.done(tried)
            return
        if self._known.occupancy.is_assumed(pod.uid):
            self._known.queue.done(tried)
            return
        decided = await self._decided(pod)
        now = self._known.pod(pod.uid)
        if now is not None and now.node:  # somebody else bound it meanwhile
            self._known.queue.done(tried)
            return
        match decided:
            case Placed(node):
                self._known.assume(pod, node)
                self._known.queue.done(tried)
                task = tasks.create_task(self._bind(tried, pod, node))
                self._bindings.add(task)
                task.add_done_callback(self._bindings.discard)
            case Rejected() | Failed() as unplaced:
                await self._failed(tried, unplaced)

    async def _decided(self, pod: PodView) -> Placed | Unplaced:
        try:
            return await self._decide(pod)
        except ExtenderError as error:
            return Failed(str(error))
        except Exception:  # noqa: BLE001  a defect met by one pod must not cost the others: it is tried again
            return _defect(pod)

    async def _decide(self, pod: PodView) -> Placed | Unplaced:
        if not len(self._known.occupancy):
            return verdict.no_nodes()
        if what := fitting.not_done(pod, self._known.occupancy):
            return verdict.not_done(what)
        if pod.nominated and self._known.occupancy.node(pod.nominated):
            try:
                only = await self._fitting(pod, only=pod.nominated)
            except ExtenderError as error:
                _log.warning("the nominated node could not be asked about", extra={"error": str(error)})
            else:
                if only.nodes:
                    return Placed(only.nodes[0])
        found = await self._fitting(pod)
        if not found.nodes:
            return verdict.rejected(pod, self._known.occupancy, self._settings.ignored, found)
        return Placed(await self._best(pod, found.nodes))

    async def _fitting(self, pod: PodView, only: str = "") -> Fitting:
        """Return what our filters, and then the extenders, say; an extender sees what those before it left."""
        found = fitting.fit(pod, self._known.occupancy, self._settings.ignored, only)
        for extender in self._extenders:
            if found.nodes and extender.interested(pod):
                answer = await extender.filter(pod, found.nodes)
                found = found.narrowed(answer.nodes, answer.failed, answer.unresolvable)
        return found

    async def _best(self, pod: PodView, nodes: tuple[str, ...]) -> str:
        if len(nodes) == 1:
            return nodes[0]
        scores = scoring.scores(pod, nodes, self._known.occupancy)
        interested = [each for each in self._extenders if each.interested(pod)]
        for answer in await asyncio.gather(*(self._scores(each, pod, nodes) for each in interested)):
            for name in nodes:
                scores[name] += answer.get(name, 0)
        highest = max(scores.values())
        return self._random.choice([name for name in nodes if scores[name] == highest])

    async def _scores(self, extender: Extender, pod: PodView, nodes: tuple[str, ...]) -> dict[str, int]:
        try:
            return await extender.prioritize(pod, nodes)
        except ExtenderError as error:
            _log.debug("an extender gave no scores", extra={"error": str(error)})
            return {}

    # --- what becomes of it ---

    async def _bind(self, tried: Queued, pod: PodView, node: str) -> None:
        binder = next((each for each in self._extenders if each.settings.bind and each.interested(pod)), None)
        try:
            if binder is not None:
                await binder.bind(pod, node)
            else:
                await self._post_binding(pod, node)
        except (ExtenderError, ApiError) as error:
            await self._not_bound(tried, pod, Failed(str(error)))
        except Exception:  # noqa: BLE001  as in `_decided`
            await self._not_bound(tried, pod, _defect(pod))
        else:
            message = f"Successfully assigned {pod.namespace}/{pod.name} to {node}"
            self._telling.event(pod, "Scheduled", message, normal=True)

    async def _not_bound(self, tried: Queued, pod: PodView, why: Failed) -> None:
        self._known.forget(pod, time.time())
        await self._failed(tried, why)
        self._wake.set()

    async def _post_binding(self, pod: PodView, node: str) -> None:
        body = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": pod.name, "namespace": pod.namespace, "uid": pod.uid},
            "target": {"kind": "Node", "name": node},
        }
        await self._api.request("POST", f"{path_of(pod)}/binding", body=body)

    async def _failed(self, tried: Queued, why: Unplaced) -> None:
        """Queue a pod anew, unless it is gone or was bound after all, and tell why."""
        pod = self._known.pod(tried.pod.uid)
        if pod is None or pod.node:
            self._known.queue.done(tried)
            return
        rejected_by = why.rejected_by if isinstance(why, Rejected) else frozenset[str]()
        self._known.queue.failed(tried, pod, rejected_by, time.time())
        self._telling.event(pod, "FailedScheduling", why.message)
        await self._telling.condition(pod, why)


def _defect(pod: PodView) -> Failed:
    _log.exception("defect", extra={"pod": f"{pod.namespace}/{pod.name}"})
    return Failed("a defect of the embedded scheduler; the log has the trace")
