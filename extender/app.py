"""Who calls whom? The extender wired together: one event loop, one changing state (`Scheduling`), no lock."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import TYPE_CHECKING

from extender.core.model import Malformed
from extender.core.scheduling import BindRefused, BindTo, Chosen, Scheduling, SeenPod
from extender.shell import cluster, wire
from extender.shell.http import Asgi
from extender.shell.telemetry import Telemetry
from kube import program
from kube.client import ApiError
from kube.events import EventWriter, Notice
from kube.objects import Node, Pod
from kube.outage import Outage
from kube.watch import Gone, Put, Relisted, watch

if TYPE_CHECKING:
    from extender.core.model import PodKey
    from kube.client import Api
    from kube.program import Started

_log = logging.getLogger("extender")

_MOST_BINDINGS = 16
_LONGEST_PACE_S = 0.5
_BIND_DEADLINE_S = 0.8  # kube-scheduler gives up after its httpTimeout of 1 s and may then promise the room to another


class Extender:
    """The running extender; also the `Verbs` that its HTTP side calls."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._scheduling = Scheduling()
        self._events = EventWriter(api, "plimsoll-extender")
        self._listed = {"nodes": False, "pods": False}
        self._reads: set[asyncio.Task[None]] = set()
        self._bindings = 0
        self._few_bindings = asyncio.Event()
        self._few_bindings.set()
        self.telemetry = Telemetry(self._scheduling.ledger)

    async def run(self) -> None:
        """Keep the ledger up to date, without end."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow_nodes())
            tasks.create_task(self._follow_pods())
            tasks.create_task(self._events.run())

    # --- Verbs ---

    def ready(self) -> bool:
        """Tell whether nodes and pods have been listed."""
        return all(self._listed.values())

    async def filter(self, asked: wire.Candidates) -> bytes:
        """Answer filter; while many bindings are under way, not before some of them are done.

        kube-scheduler filters one pod at a time and binds without limit: unpaced, a burst on a slow API server makes
        bindings outlast its time-out, and every one of them is then tried, and written, twice.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LONGEST_PACE_S):
                await self._few_bindings.wait()
        pod = cluster.seen_pod(asked.pod)
        answer = self._scheduling.filter(pod, asked.nodes, time.monotonic())
        if isinstance(answer, Chosen):
            return asked.filtered(answer.nodes, {})
        if isinstance(pod.request, Malformed):
            self._report_malformed(pod.key, pod.request)
        return asked.filtered((), answer.reasons)

    def prioritize(self, asked: wire.Candidates) -> bytes:
        """Answer prioritize."""
        return asked.prioritized(self._scheduling.prioritize(cluster.seen_pod(asked.pod), asked.nodes))

    async def bind(self, asked: wire.BindingArguments, received_at: float) -> bytes:
        """Answer bind: the pod is bound with its devices in one write, or not at all."""
        now = time.monotonic()
        if now - received_at > _BIND_DEADLINE_S:
            return wire.bound(f"not sent: its deadline of {_BIND_DEADLINE_S} s had passed")
        decision = self._scheduling.bind(asked.uid, asked.node, now)
        if isinstance(decision, BindRefused):
            return wire.bound(decision.reason)
        outcome = await self._send(decision)
        if isinstance(outcome, cluster.Accepted):
            self._scheduling.bound(decision.pod.uid)
            self._log_placed(decision)
            return wire.bound()
        if isinstance(outcome, cluster.NotSent):
            self._scheduling.not_bound(decision)
            return wire.bound(outcome.reason)
        return wire.bound(await self._bound_after_all(decision, outcome))

    async def _send(self, decision: BindTo) -> cluster.Accepted | cluster.NotSent | cluster.Unknown:
        self._bindings += 1
        if self._bindings >= _MOST_BINDINGS:
            self._few_bindings.clear()
        try:
            return await cluster.send_binding(self._api, decision)
        finally:
            self._bindings -= 1
            self._few_bindings.set()

    async def _bound_after_all(self, decision: BindTo, outcome: cluster.Unknown) -> str:
        """Read the pod back; return "" if it is bound as we asked, else what is known."""
        pod = await self._read(decision.pod)
        if pod is not None and pod.node == decision.node and pod.placed == decision.placed:
            self._log_placed(decision)
            return ""
        return outcome.reason

    # --- what the API server says ---

    async def _follow_nodes(self) -> None:
        outage = Outage("the list of nodes", "placements go on with the nodes known last", _log)
        async for change in watch(self._api, cluster.NODES, Node, on_trouble=outage.hear):
            match change:
                case Relisted(objects):
                    self._scheduling.nodes_are(filter(None, map(cluster.gpu_node, objects)))
                    self._listed["nodes"] = True
                    _log.info("nodes listed", extra={"owned": len(list(self._scheduling.ledger.nodes()))})
                case Put(node):
                    known = cluster.gpu_node(node)
                    if known is not None:
                        self._scheduling.node_seen(known)
                    else:
                        self._scheduling.node_gone(node.metadata.name)
                case Gone(node):
                    self._scheduling.node_gone(node.metadata.name)

    async def _follow_pods(self) -> None:
        outage = Outage("the list of pods", "placements go on with the pods known last", _log)
        async for change in watch(self._api, cluster.PODS, Pod, on_trouble=outage.hear):
            match change:
                case Relisted(objects):
                    unlisted = self._scheduling.pods_are(map(cluster.seen_pod, objects))
                    self._listed["pods"] = True
                    _log.info("pods listed", extra={"holding": len(list(self._scheduling.ledger.holdings()))})
                    for key in unlisted:
                        self._read_soon(key)
                case Put(pod):
                    self._scheduling.pod_seen(cluster.seen_pod(pod))
                case Gone(pod):
                    self._scheduling.pod_gone(pod.metadata.uid)

    def _read_soon(self, key: PodKey) -> None:
        task = asyncio.create_task(self._read_until_known(key))
        self._reads.add(task)
        task.add_done_callback(self._reads.discard)

    async def _read_until_known(self, key: PodKey) -> None:
        pause_s = 1.0
        while not await self._read_once(key):
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, 30.0)

    async def _read_once(self, key: PodKey) -> bool:
        try:
            await self._take(key)
        except ApiError:
            return False
        return True

    async def _read(self, key: PodKey) -> SeenPod | None:
        """Return the pod as it is now, None if that is not known; where it is not known, keep reading behind."""
        try:
            return await self._take(key)
        except ApiError:
            self._read_soon(key)
            return None

    async def _take(self, key: PodKey) -> SeenPod | None:
        pod = await cluster.read_pod(self._api, key)
        if pod is None:
            self._scheduling.pod_gone(key.uid)
        else:
            self._scheduling.pod_seen(pod)
        return pod

    # --- what people read ---

    def _report_malformed(self, pod: PodKey, problem: Malformed) -> None:
        message = f"{problem}; the pod stays pending until the annotation is corrected"
        self._events.write(Notice(cluster.reference(pod), "MalformedGPURequest", message, "Warning"))

    def _log_placed(self, decision: BindTo) -> None:
        placed = decision.placed
        extra: dict[str, object] = {"pod": f"{decision.pod.namespace}/{decision.pod.name}", "node": decision.node}
        if placed is not None:
            extra |= {"devices": list(placed.devices), "milli": placed.milli}
        _log.info("placed", extra=extra)


async def serve(started: Started) -> None:
    """Serve kube-scheduler until a signal ends it."""
    extender = Extender(started.api)
    await program.serve(Asgi(extender, extender.telemetry), started.listener, extender.run())
