"""Who calls whom? The extender wired together: one event loop, one changing state (`Scheduling`), no lock."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from datetime import UTC, datetime
from operator import attrgetter
from typing import TYPE_CHECKING

from extender.core.answers import Chosen
from extender.core.binding import SETTLING_S
from extender.core.explaining import malformed
from extender.core.explanations import Cause
from extender.core.preemption.preempting import Situation, answer
from extender.core.scheduling import Scheduling
from extender.shell import cluster, rpc, wire
from extender.shell.configuration import PROJECTS, SETTINGS, Configuration
from extender.shell.doubles import Doubles
from extender.shell.gangs import Gangs
from extender.shell.http import Asgi
from extender.shell.leading import Leading, right_of
from extender.shell.namespaces import Namespaces
from extender.shell.nodes import Nodes
from extender.shell.planning import Planning
from extender.shell.preempting import Preempting
from extender.shell.sending import MOST_AT_ONCE, Sender
from extender.shell.surroundings import Following
from extender.shell.telemetry import Telemetry
from kube import program
from kube.client import NO_ANSWER, ApiError
from kube.events import EventWriter, Notice
from kube.gpus import Malformed
from kube.lease import Alone
from kube.outage import Outage
from kube.tls import server_tls
from kube.watch import Gone, Put, Relisted

if TYPE_CHECKING:
    from extender.core.gang.planning import Checks
    from extender.core.model import PodKey, SeenPod
    from extender.core.settings import Settings
    from extender.shell.proposals import Proposals
    from kube.client import Api
    from kube.lease import Right
    from kube.program import Started

_log = logging.getLogger("extender")

_EVENTS = {Cause.ROOM: "WaitsForGPU", Cause.QUOTA: "WaitsForQuota", Cause.PROJECT: "UnauthorisedProject"}
_NEWS_S = 300.0
_KICK_PAUSE_S = 0.5
_SETTLE_PAUSE_S = 5.0
_ASKED_S = 60.0  # who asks what would fit asks again
_AT_A_TIME = 250  # pods of a list: a millisecond


class Extender:
    """The running extender; also the `Verbs` that its HTTP side calls."""

    def __init__(self, api: Api, namespace: str, right: Right | Alone | None = None) -> None:
        self._api = api
        self.scheduling = Scheduling()
        self._events = EventWriter(api, "plimsoll-extender")
        self._configuration = Configuration(api, namespace, self._events, SETTINGS, self._set)
        self._projects = Configuration(api, namespace, self._events, PROJECTS, self.scheduling.projects_are)
        self._nodes = Nodes(api, self.scheduling, self._events)
        self.namespaces = Namespaces(api, self.scheduling.quota.label_namespaces)
        self._pods_listed = False
        self._unlisted: set[PodKey] = set()
        self._right = right or Alone()
        self._unfenced: dict[tuple[int, str], float] = {}
        self.telemetry = Telemetry(self.scheduling, self._problems, time.monotonic)
        self.leading = Leading(self._right, self._list_anew, self.listed, self.telemetry.takeovers.inc)
        self.telemetry.leader.set_function(lambda: float(self.leading.leads()))
        self.unready, self.refusal = self.leading.unready, self.leading.refusal
        self._doubles = Doubles(
            api,
            self.scheduling.ledger,
            self._read,
            self._events.write,
            # Where pods are not ours to place, no policy keeps people from writing devices on theirs.
            unprotected=lambda namespace: bool(self.namespaces.refusal(namespace)),
            leads=self.leading.leads,
            evicted=lambda result: self.telemetry.evictions.labels("device_bound_twice", result).inc(),
        )
        self._decides = {
            verb: self.telemetry.decision_seconds.labels(verb) for verb in ("filter", "prioritize", "bind", "preempt")
        }
        self._following = Following(api, self._is_followed)
        self._asked_at = float("-inf")
        self._gangs = Gangs(
            api,
            self.scheduling,
            self._events.write,
            leads=self.leading.leads,
            evicted=lambda result: self.telemetry.evictions.labels("gang_too_small", result).inc(),
            planned=lambda result: self.telemetry.gang_plans.labels(result).inc(),
        )
        preempting = Preempting(
            api,
            self.scheduling,
            self._events.write,
            leads=self.leading.leads,
            evicted=lambda result: self.telemetry.evictions.labels("preempted", result).inc(),
            planned=lambda result: self.telemetry.preemption_plans.labels(result).inc(),
        )
        self._planning = Planning(self.scheduling, self._following, self._gangs, preempting, self.leading.leads)
        self._sender = Sender(
            api, self.scheduling, read=self._read, left_s=self.leading.left_s, deciding=self._decides["bind"].time
        )

    async def run(self) -> None:
        """Keep the ledger up to date, without end."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._nodes.run())
            tasks.create_task(self._follow_pods())
            tasks.create_task(self.namespaces.run())
            tasks.create_task(self._configuration.run())
            tasks.create_task(self._projects.run())
            tasks.create_task(self._events.run())
            tasks.create_task(self._settle())
            tasks.create_task(self._kick())
            tasks.create_task(self._sender.watch_own_pace())
            tasks.create_task(self.leading.run())
            tasks.create_task(self._doubles.run())
            tasks.create_task(self._following.run())
            tasks.create_task(self._planning.run())
            tasks.create_task(self._gangs.requests.run())

    # --- Verbs ---

    def listed(self) -> bool:
        """Tell whether nodes, pods and the configuration have been listed, and what says whose project a pod is."""
        configured = self._configuration.listed and self._projects.listed
        return self._pods_listed and self._nodes.listed() and configured and self._projects_told()

    def _projects_told(self) -> bool:
        """Tell whether the labels of namespaces are known, where anybody needs them."""
        return self.namespaces.listed or not self.scheduling.quota.projects

    def _problems(self) -> int:
        return self._configuration.problems + self._projects.problems

    async def filter(self, asked: wire.Candidates) -> bytes:
        """Answer filter; while many bindings are under way, not before some of them are done.

        kube-scheduler filters one pod at a time and binds without limit: unpaced, a burst on a slow API server makes
        bindings outlast its time-out, and every one of them is then tried, and written, twice.
        """
        await self._sender.few()
        pod = cluster.seen_pod(asked.pod)
        asked_at = time.monotonic()
        answer = self.scheduling.filter(pod, asked.nodes, asked_at)
        self._decides["filter"].observe(time.monotonic() - asked_at)  # by hand: `time` costs as much as observing
        if isinstance(answer, Chosen):
            return asked.kept(answer.nodes)
        if isinstance(pod.request, Malformed):
            self._report_malformed(pod.key, pod.request)
        elif sentence := self.scheduling.explanations.to_tell(pod.key.uid, time.monotonic()):
            waits = self.scheduling.explanations.waits(pod.key.uid)
            reason = _EVENTS[waits.cause if waits else Cause.ROOM]
            self._events.write(Notice(cluster.reference(pod.key), reason, sentence, "Warning"))
        return asked.refused(answer.reasons)

    def prioritize(self, asked: wire.Candidates) -> bytes:
        """Answer prioritize."""
        with self._decides["prioritize"].time():
            scores = self.scheduling.prioritize(cluster.seen_pod(asked.pod), asked.nodes)
        return asked.prioritized(scores)

    def preempt(self, asked: Proposals) -> bytes:
        """Answer preempt: kube-scheduler evicts those alone whose leaving helps the pod."""
        pod, known = cluster.seen_pod(asked.pod), self.scheduling
        kept, offered = known.gangs.kept_from(pod), known.offered(pod.key.uid)
        situation = Situation(known.ledger, known.quota, time.monotonic(), kept.nodes if kept else (), offered)
        with self._decides["preempt"].time():
            victims = answer(pod, asked.proposed, situation)
        proposed = {node: len(uids) for node, uids in asked.proposed.items()}
        about = {"pod": f"{pod.key.namespace}/{pod.key.name}", "proposed": proposed, "helping": sorted(victims)}
        _log.info("evictions by kube-scheduler", extra=about)
        return asked.answered(victims)

    async def bind(self, asked: wire.BindingArguments, received_at: float) -> bytes:
        """Answer bind: the pod is bound with its devices in one write, or not at all."""
        result, answer = await self._sender.bind(asked, received_at)
        self.telemetry.bindings.labels(result).inc()
        if answer:
            pod = f"{asked.namespace}/{asked.name}"
            _log.info("not placed", extra={"pod": pod, "uid": asked.uid, "node": asked.node, "reason": answer})
        return wire.bound(answer)

    # --- what the API server says ---

    def _set(self, settings: Settings) -> None:
        self.scheduling.tune(settings)
        self._nodes.enforce(required=settings.enforcement_required)

    async def _follow_pods(self) -> None:
        outage = Outage("the list of pods", "placements go on with the pods known last", _log)
        async for change in cluster.follow_pods(self._api, outage.hear):
            match change:
                case Relisted(pods):
                    await self._take_all(pods)
                    _log.info(
                        "pods listed",
                        extra={"holding": sum(held.devices != () for held in self.scheduling.ledger.holdings())},
                    )
                case Put(pod):
                    self.scheduling.pod_seen(pod)
                case Gone(pod):
                    self.scheduling.pod_gone(pod.key.uid, time.monotonic(), ended=pod.ended)

    async def _take_all(self, pods: tuple[SeenPod, ...]) -> None:
        """Take note of all pods, some at a time: verbs and probes are answered in between, thousands of pods or not."""
        now = time.monotonic()
        by_node = sorted(pods, key=attrgetter("node"))
        for begin in range(0, len(by_node), _AT_A_TIME):
            self.scheduling.pods_listed(by_node[begin : begin + _AT_A_TIME], now)
            await asyncio.sleep(0)
        self._unlisted.update(self.scheduling.listed({pod.key.uid for pod in pods}))
        self._pods_listed = True

    async def _list_anew(self) -> None:
        """Know every node and every binding there is now, and let none arrive that somebody before us sent."""
        await self._take_all(await cluster.list_pods(self._api))
        await self._nodes.list_anew()
        waiting = list(self.scheduling.to_fence())
        await asyncio.gather(*(self._fence(waiting) for _ in range(MOST_AT_ONCE)))
        self._unfenced.clear()
        await self._planning.take_over()

    async def _fence(self, waiting: list[PodKey]) -> None:
        while waiting:
            key = waiting.pop()
            try:
                await self._touch(key)
            except ApiError as error:
                # A webhook or a policy may refuse every change of a pod for ever. The API server lets go of a Binding
                # that it has not carried out by then, so one such pod does not keep all others waiting.
                term_and_pod = (self._right.term, key.uid)
                since = self._unfenced.setdefault(term_and_pod, time.monotonic())
                if error.status == NO_ANSWER or time.monotonic() - since < SETTLING_S:
                    waiting.clear()
                    raise
                _log.warning(
                    "a pod could not be changed", extra={"pod": f"{key.namespace}/{key.name}", "error": error.message}
                )

    async def _touch(self, key: PodKey) -> None:
        pod = await cluster.kick(self._api, key, datetime.now(UTC).isoformat())
        if pod is not None:
            self.scheduling.pod_seen(pod)

    # --- what kube-scheduler looks at besides ---

    def checks(self) -> Checks | None:
        """Return it for a question of what would fit; from then on it is followed for a while, also for that alone."""
        self._asked_at = time.monotonic()
        return self._following.checks(self.scheduling.ledger)

    def _is_followed(self) -> bool:
        return self.scheduling.follows or time.monotonic() - self._asked_at < _ASKED_S

    # --- what is to be done beside the verbs ---

    async def _settle(self) -> None:
        """Read back every pod of which only a read tells what it holds, again and again until it is known."""
        while True:
            await asyncio.sleep(_SETTLE_PAUSE_S)
            for key in {*self.scheduling.to_read(), *self._unlisted}:
                with contextlib.suppress(ApiError):
                    await self._read(key)
            await self._sender.settle()

    async def _read(self, key: PodKey) -> SeenPod | None:
        asked_at = time.monotonic()
        pod = await cluster.read_pod(self._api, key)
        self.scheduling.pod_read(key, pod, asked_at)
        self._unlisted.discard(key)
        return pod

    async def _kick(self) -> None:
        """Have kube-scheduler try those pods again for which there is room now."""
        outage = Outage("waking pods that wait for room", "kube-scheduler tries them within five minutes", _log)
        while True:
            await asyncio.sleep(_KICK_PAUSE_S)
            for key in self.scheduling.to_kick(time.monotonic()) if self.leading.leads() else ():
                try:
                    await self._touch(key)
                    outage.hear(None)
                except ApiError as error:
                    outage.hear(error)

    # --- what people read ---

    def _report_malformed(self, pod: PodKey, problem: Malformed) -> None:
        # kube-scheduler tries a refused pod at every event of the cluster: the sentence stays the same.
        about = cluster.reference(pod)
        self._events.write(Notice(about, "MalformedGPURequest", malformed(problem), "Warning", old_for_s=_NEWS_S))


async def serve(started: Started) -> None:
    """Serve kube-scheduler until a signal ends it."""
    flags = started.flags
    tls = server_tls(flags)
    extender = Extender(started.api, flags.namespace, right_of(flags, started.api))
    application = Asgi(extender, extender.telemetry)
    async with (
        rpc.telling(
            flags,
            started.api,
            extender.scheduling,
            ready=extender.listed,
            refusal=extender.namespaces.refusal,
            checks=extender.checks,
        ),
        program.serving_beside(application.pages, flags.pages_listen, "--pages-listen"),
    ):
        await program.serve(application, started.listener, extender.run(), tls)
