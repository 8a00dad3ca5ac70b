"""Who calls whom? The autoscaler wired together: one event loop, one changing state, a tick every two seconds."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from autoscaler import config
from autoscaler.core.inventory import Inventory
from autoscaler.core.model import Mode
from autoscaler.core.observation import NO_SAMPLES
from autoscaler.core.workload import Workload
from autoscaler.shell import cluster
from autoscaler.shell.exporters import Exporters
from autoscaler.shell.prometheus import Prometheus
from autoscaler.shell.source import SamplesError
from autoscaler.shell.telemetry import Telemetry
from kube import program
from kube.client import ApiError
from kube.events import EventWriter, Notice
from kube.mirror import mirror
from kube.objects import ConfigMap, Named
from kube.outage import Outage
from kube.pages import JSON, Page, Pages
from kube.watch import Gone, Put, Relisted, watch

if TYPE_CHECKING:
    from collections.abc import Callable

    from autoscaler.core.inventory import Target
    from autoscaler.core.model import Decision, WorkloadKey
    from autoscaler.core.observation import Samples
    from autoscaler.core.workload import Sight
    from autoscaler.shell.source import Source
    from kube.client import Api
    from kube.objects import ObjectReference
    from kube.program import Started

_log = logging.getLogger("autoscaler")

_TICK_S = 2.0
_MOST_WRITES = 16  # at once
_LONG_HOLD_S = 10.0  # a hold that lasts longer is told; a shorter one is a pod that was not scraped yet

Kind = TypeVar("Kind", bound=Named)
Row = TypeVar("Row")


class Autoscaler:
    """The running autoscaler."""

    def __init__(self, api: Api, source: Source, namespace: str) -> None:
        self._api = api
        self._source = source
        self._namespace = namespace
        self._inventory = Inventory()
        self._defaults = config.Defaults()
        self._workloads: dict[str, Workload] = {}
        self._standing: dict[WorkloadKey, Decision] = {}
        self._told: dict[str, tuple[config.Problem, ...]] = {}
        self._names: dict[str, str] = {}
        self._no_defaults: str | None = None
        self._unproven: set[str] = set()
        self._held_since: dict[str, float] = {}
        self._writes: dict[str, asyncio.Task[None]] = {}
        self._write_places = asyncio.Semaphore(_MOST_WRITES)
        self._unlisted = {s.name for s in (cluster.DEPLOYMENTS, cluster.REPLICA_SETS, cluster.PODS)} | {
            cluster.CONFIG_MAP
        }
        self._events = EventWriter(api, "plimsoll-autoscaler")
        self._source_outage = Outage(source.name, "decisions are held", _log)
        self._write_outage = Outage("writing replica counts", "they are tried again at each tick", _log)
        self.telemetry = Telemetry(self._standing)

    def ready(self) -> bool:
        """Tell whether everything we watch has been listed."""
        return not self._unlisted

    async def run(self) -> None:
        """Watch and tick, without end."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._events.run())
            tasks.create_task(self._source.run())
            tasks.create_task(self._follow_config())
            tasks.create_task(self._mirror(cluster.DEPLOYMENTS, cluster.target, self._inventory.targets))
            tasks.create_task(self._mirror(cluster.REPLICA_SETS, cluster.controller, self._inventory.owners))
            tasks.create_task(self._mirror(cluster.PODS, cluster.owned_pod, self._inventory.pods))
            tasks.create_task(self._tick_for_ever())

    # --- deciding ---

    async def _tick_for_ever(self) -> None:
        next_tick = time.monotonic()
        while True:
            if self.ready():
                with self.telemetry.tick_seconds.time():
                    await self._tick()
            # Ticks keep their beat; those missed by a long one are not made up for.
            next_tick = max(next_tick + _TICK_S, time.monotonic())
            await asyncio.sleep(next_tick - time.monotonic())

    async def _tick(self) -> None:
        samples = await self._samples()
        now = time.time()
        sights = self._inventory.sights()
        for uid in [uid for uid in self._workloads if uid not in sights]:
            del self._workloads[uid]
            self._held_since.pop(uid, None)
            self._unproven.discard(uid)
            self._forget(uid)
        decided: dict[str, Decision] = {}
        for uid, sight in sights.items():
            target = self._inventory.targets[uid]
            try:
                decided[uid] = self._decide(target, sight, samples, now)
            except Exception:  # noqa: BLE001  a defect met by one workload must not cost the others theirs
                _log.exception("defect: no decision", extra={"workload": str(target.key)})
        self._standing.clear()
        self._standing.update({self._inventory.targets[uid].key: decision for uid, decision in decided.items()})
        for uid, decision in decided.items():
            # Writes go on beside the ticks, one a workload: a slow one must not make the others wait.
            if decision.desired != decision.current and uid not in self._writes:
                self._writes[uid] = asyncio.create_task(self._write(self._inventory.targets[uid], decision))
                self._writes[uid].add_done_callback(lambda _, uid=uid: self._writes.pop(uid))  # type: ignore[misc]

    async def _samples(self) -> Samples:
        try:
            with self.telemetry.query_seconds.time():
                samples = await self._source.samples()
        except SamplesError as error:
            self.telemetry.query_errors.inc()
            self._source_outage.failed(str(error))
            return NO_SAMPLES
        self._source_outage.ended()
        return samples

    def _decide(self, target: Target, sight: Sight, samples: Samples, now: float) -> Decision:
        uid = target.key.uid
        workload = self._workloads.get(uid)
        policy, problems = config.policy(self._defaults, target.annotations)
        about = cluster.workload_reference(target.key)
        self._tell(about, problems)
        hold = self._no_defaults
        if workload is None:
            workload = self._workloads[uid] = Workload.first_seen(policy)
            self._unproven.update({uid} if problems else ())
        if not problems:
            workload.follow(policy)
            self._unproven.discard(uid)
        elif uid in self._unproven:
            hold = "its annotations have problems, and there is no earlier configuration to go by"
        decision = workload.tick(sight, samples, now, hold)
        self._tell_hold(about, decision)
        return decision

    def _tell_hold(self, about: ObjectReference, decision: Decision) -> None:
        """Say once that a workload is held for long, and once that it is not any more."""
        name = f"{about.namespace}/{about.name}"
        if decision.mode is not Mode.HELD:
            since = self._held_since.pop(about.uid, decision.at)
            if since < 0:
                _log.info("decided again", extra={"workload": name, "reason": decision.reason})
            return
        since = self._held_since.setdefault(about.uid, decision.at)
        if 0 <= since <= decision.at - _LONG_HOLD_S:
            self._held_since[about.uid] = -1.0  # told
            self._events.write(Notice(about, "Held", decision.reason, "Warning"))
            _log.warning("held", extra={"workload": name, "reason": decision.reason})

    async def _write(self, target: Target, decision: Decision) -> None:
        key = target.key
        change = f"{decision.current} -> {decision.desired}"
        try:
            async with self._write_places:
                await cluster.write_replicas(self._api, key, decision.desired)
        except ApiError as error:
            self.telemetry.writes.labels("error").inc()
            self._write_outage.failed(f"{key} {change}: {error.message}")
            return
        self.telemetry.writes.labels("ok").inc()
        self._write_outage.ended()
        if self._inventory.targets.get(key.uid) is target:  # the watch has not overtaken us
            self._inventory.targets[key.uid] = replace(target, replicas=decision.desired)
        reason = "ScaledUp" if decision.desired > decision.current else "ScaledDown"
        self._events.write(Notice(cluster.workload_reference(key), reason, f"replicas {change}: {decision.reason}"))
        _log.info(
            "scaled",
            extra={
                "workload": str(key),
                "from": decision.current,
                "to": decision.desired,
                "mode": decision.mode.value,
                "ready": decision.ready,
                "stable": decision.stable,
                "panic": decision.panic,
                "reason": decision.reason,
            },
        )

    # --- what the API server says ---

    def _forget(self, uid: str) -> None:
        """Forget what was wrong with an object that is gone."""
        self._told.pop(uid, None)
        if uid in self._names:
            self.telemetry.problems.remove(self._names.pop(uid))

    async def _mirror(self, source: cluster.Source[Kind], read: Callable[[Kind], Row], table: dict[str, Row]) -> None:
        outage = Outage(f"the list of {source.name}", "decisions go on with what was known last", _log)
        changes = watch(self._api, source.path, source.kind, query=source.query, on_trouble=outage.hear)
        await mirror(changes, read, table, lambda: self._unlisted.discard(source.name))

    async def _follow_config(self) -> None:
        path, query = cluster.config_maps(self._namespace)
        outage = Outage("config-autoscaler", "the last good configuration stays in force", _log)
        async for change in watch(self._api, path, ConfigMap, query=query, on_trouble=outage.hear):
            match change:
                case Relisted(objects):
                    for found in objects:
                        self._configure(found)
                    if not objects:
                        self._without_config()
                    self._unlisted.discard(cluster.CONFIG_MAP)
                case Put(found):
                    self._configure(found)
                case Gone(found):
                    self._forget(found.metadata.uid)
                    self._without_config()

    def _without_config(self) -> None:
        self._defaults, self._no_defaults = config.Defaults(), None
        _log.info("there is no config-autoscaler: the built-in defaults are in force")

    def _configure(self, found: ConfigMap) -> None:
        read, problems = config.defaults(found.data or {})
        self._tell(cluster.config_map_reference(found), problems)
        if problems:
            if cluster.CONFIG_MAP in self._unlisted:
                self._no_defaults = "config-autoscaler has problems, and there is no earlier configuration to go by"
        elif read != self._defaults or self._no_defaults:
            self._defaults, self._no_defaults = read, None
            _log.info("configuration taken over", extra={"configuration": str(read)})

    def _tell(self, about: ObjectReference, problems: tuple[config.Problem, ...]) -> None:
        """Say once what is wrong with an object's keys, and once that it is right again."""
        if self._told.get(about.uid, ()) == problems:
            return
        self._told[about.uid] = problems
        name = self._names[about.uid] = f"{about.kind} {about.namespace}/{about.name}"
        self.telemetry.problems.labels(name).set(len(problems))
        if not problems:
            _log.info("configuration corrected", extra={"object": name})
            return
        message = "; ".join(map(str, problems)) + "; the last good configuration stays in force"
        self._events.write(Notice(about, "BadConfiguration", message, "Warning"))
        _log.warning("configuration refused", extra={"object": name, "problems": [str(p) for p in problems]})


async def serve(started: Started) -> None:
    """Autoscale until a signal ends it."""
    flags = started.flags
    source = Exporters(flags.scrape_targets) if flags.scrape_targets else Prometheus(flags.prometheus_url)
    autoscaler = Autoscaler(started.api, source, flags.namespace)
    telemetry = autoscaler.telemetry
    pages = Pages(
        autoscaler.ready,
        "workloads, pods and configuration are still being listed",
        telemetry.exposition,
        {"/decisions": lambda: Page(200, JSON, telemetry.decisions())},
    )
    await program.serve(pages, started.listener, autoscaler.run())
