"""Which workloads are to be autoscaled? Every labelled object of every kind that can be scaled, kept up to date.

Kinds are discovered at the start and once a minute. One that we may not list is told once and tried again ever more
slowly; it costs neither readiness nor the other kinds. What was known of it before stays: an API server that has just
started may refuse for a moment what it will allow.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from autoscaler.core.targets.target import older
from autoscaler.shell import cluster
from autoscaler.shell.pods import follow_owners, follow_pods
from autoscaler.shell.projects import follow_projects
from autoscaler.shell.scales import Scales
from kube.client import ApiError
from kube.discovery import discover
from kube.events import Notice
from kube.objects import HorizontalPodAutoscaler, Workload
from kube.outage import Outage
from kube.watch import Gone, Put, Relisted, watch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from autoscaler.core.targets.inventory import Inventory
    from autoscaler.core.targets.target import Target
    from autoscaler.core.targets.writers import Writers
    from autoscaler.shell.scales import Reading
    from kube.client import Api
    from kube.discovery import Discovered, Scalable
    from kube.watch import Change

_log = logging.getLogger("autoscaler")

LABELLED = {"labelSelector": "plimsoll.dev/autoscale=true"}

_OWN_COUNT = {
    ("apps", "deployments"), ("apps", "replicasets"), ("apps", "statefulsets"), ("", "replicationcontrollers"),
}  # fmt: skip
"""The kinds whose count is spec.replicas and whose pods are owned: one watch tells all of them."""

_REDISCOVER_S, _REDISCOVER_SOON_S = 60.0, 5.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 5.0, 60.0
_NOT_FOR_US = (403, 404, 405)  # we may not list it, or it is gone, or it never could be listed
_FORBIDDEN = 403
_PODS, _OWNERS, _AUTOSCALERS = "pods", "replica sets", "horizontalpodautoscalers.autoscaling"


class _NotForUs(Exception):  # noqa: N818  the server's word, not our error
    """A kind cannot be listed by us."""


@dataclass(slots=True)
class _Kind:
    """One kind that is followed; `refused`: why it cannot be listed, "" where it can."""

    scalable: Scalable
    task: asyncio.Task[None] | None = None
    uids: set[str] = field(default_factory=set)
    settled: bool = False
    refused: str = ""
    pause_s: float = field(default_factory=lambda: _FIRST_PAUSE_S)


class Targets:
    """Keeps an inventory of all targets and their pods, and tells `writers` of every count and every autoscaler.

    `tell` takes the Events; `now_ms` is the clock of `writers`, Unix milliseconds.
    """

    def __init__(
        self,
        api: Api,
        inventory: Inventory,
        writers: Writers,
        tell: Callable[[Notice], None],
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._api = api
        self._inventory = inventory
        self._writers = writers
        self._tell = tell
        self._now_ms = now_ms
        self._kinds: dict[tuple[str, str], _Kind] = {}
        self._scaled: frozenset[tuple[str, str]] = frozenset()
        self._unlisted = {_PODS, _OWNERS, _AUTOSCALERS}
        self._discovered = False
        self._broken: Mapping[str, str] = {}
        self._autoscalers_refused = ""
        self._told: dict[str, str] = {}
        self._scales = Scales(api, self._take_scale, self._without_scale)
        self._scale_outage = Outage("reading scales", "their workloads go on with what was known last", _log)

    def ready(self) -> bool:
        """Tell whether all was listed that can be."""
        return self._discovered and not self._unlisted and all(kind.settled for kind in self._kinds.values())

    def kinds(self) -> Mapping[str, int]:
        """Return the kinds that are followed ("deployments.apps") and how many labelled objects each has."""
        return {kind.scalable.name: len(kind.uids) for kind in self._kinds.values()}

    def refused(self) -> Mapping[str, str]:
        """Return the kinds, and API groups ("example.com/"), that cannot be followed, and why."""
        found = {kind.scalable.name: kind.refused for kind in self._kinds.values() if kind.refused}
        found |= {_AUTOSCALERS: self._autoscalers_refused} if self._autoscalers_refused else {}
        return found | {f"{group}/": why for group, why in self._broken.items()}

    async def run(self) -> None:
        """Follow everything, without end."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(follow_pods(self._api, self._inventory, lambda: self._unlisted.discard(_PODS)))
            tasks.create_task(follow_owners(self._api, self._inventory, lambda: self._unlisted.discard(_OWNERS)))
            tasks.create_task(self._follow_autoscalers())
            tasks.create_task(follow_projects(self._api, self._inventory.holdings))
            tasks.create_task(self._scales.run())
            await self._discover_for_ever(tasks)

    # --- kinds ---

    async def _discover_for_ever(self, tasks: asyncio.TaskGroup) -> None:
        outage = Outage("discovery", "the kinds that were known last are followed", _log)
        while True:
            try:
                found = await discover(self._api)
            except ApiError as error:
                outage.failed(error.message)
                await asyncio.sleep(_REDISCOVER_SOON_S)
                continue
            outage.ended()
            self._take_kinds(found, tasks)
            await asyncio.sleep(_REDISCOVER_S)

    def _take_kinds(self, found: Discovered, tasks: asyncio.TaskGroup) -> None:
        there = {(each.group, each.resource): each for each in found.scalables}
        for name, kind in list(self._kinds.items()):
            # A group that does not answer has not lost its kinds.
            if name not in there and name[0] in found.failed:
                there[name] = kind.scalable
            elif name not in there:
                self._drop_kind(name, kind)
        # Before any object is read: whether it is refused depends on it.
        self._scaled = frozenset((each.group, each.kind) for each in there.values())
        for name, scalable in sorted(there.items()):
            kind = self._kinds.get(name) or self._kinds.setdefault(name, _Kind(scalable))
            if kind.task is None or kind.scalable != scalable:
                # Another version of the same objects: what is known of them stays.
                if kind.task is not None:
                    kind.task.cancel()
                kind.scalable = scalable
                kind.task = tasks.create_task(self._follow(kind))
        if found.failed != self._broken:
            self._broken = found.failed
            _log.log(
                logging.WARNING if found.failed else logging.INFO,
                "API groups that cannot be asked for their kinds; the others are followed",
                extra={"groups": dict(found.failed)},
            )
        self._discovered = True

    def _drop_kind(self, name: tuple[str, str], kind: _Kind) -> None:
        if kind.task is not None:
            kind.task.cancel()
        for uid in list(kind.uids):
            self._drop(kind, uid)
        del self._kinds[name]
        _log.info("a kind is gone; its workloads are let go", extra={"kind": kind.scalable.name})

    async def _follow(self, kind: _Kind) -> None:
        scalable = kind.scalable
        outage = Outage(f"the list of {scalable.name}", "decisions go on with what was known last", _log)

        def hear(error: ApiError | None) -> None:
            if error is not None and error.status in _NOT_FOR_US:
                raise _NotForUs(error.message)
            outage.hear(error)
            # A built-in kind is worth waiting for; the API server of another may be away for days.
            kind.settled = kind.settled or (error is not None and not _counts_itself(scalable))

        while True:
            try:
                async for change in watch(self._api, scalable.path, Workload, query=LABELLED, on_trouble=hear):
                    self._take(kind, change)
            except _NotForUs as refusal:
                why = str(refusal)
                if kind.refused != why:
                    _log.warning(
                        "a kind cannot be listed: none of its workloads is found; it is tried again",
                        extra={"kind": scalable.name, "known": len(kind.uids), "error": why},
                    )
                kind.refused, kind.settled = why, True
            kind.pause_s = await _paused(kind.pause_s)

    def _take(self, kind: _Kind, change: Change[Workload]) -> None:
        match change:
            case Relisted(objects):
                if kind.refused:
                    _log.info("a kind can be listed again", extra={"kind": kind.scalable.name})
                kind.refused, kind.settled, kind.pause_s = "", True, _FIRST_PAUSE_S
                for uid in kind.uids - {found.metadata.uid for found in objects}:
                    self._drop(kind, uid)
                for found in objects:
                    self._put(kind, found)
            case Put(found):
                self._put(kind, found)
            case Gone(found):
                self._drop(kind, found.metadata.uid)

    # --- targets ---

    def _put(self, kind: _Kind, found: Workload) -> None:
        if found.metadata.deletion_timestamp is not None:
            self._drop(kind, found.metadata.uid)
            return
        kind.uids.add(found.metadata.uid)
        if _counts_itself(kind.scalable):
            self._know(cluster.target_with_own_count(kind.scalable, found, self._scaled), found)
        else:
            self._scales.saw(kind.scalable, found)

    def _take_scale(self, reading: Reading) -> None:
        if reading.scale is not None:
            self._scale_outage.ended()
            scalable, found = reading.scalable, reading.found
            self._know(cluster.target_with_scale(scalable, found, reading.scale, self._scaled), found)

    def _without_scale(self, reading: Reading, error: ApiError) -> None:
        key = cluster.key_of(reading.scalable, reading.found)
        self._scale_outage.failed(f"{reading.scalable.name} {key}: {error.message}")
        if error.status == _FORBIDDEN and reading.error != error.message:
            message = f"not autoscaled: its scale cannot be read: {error.message}"
            self._tell(Notice(cluster.workload_reference(key), "NotAutoscaled", message, "Warning"))

    def _know(self, target: Target, found: Workload) -> None:
        uid = target.key.uid
        was = self._inventory.targets.get(uid)
        self._inventory.put_target(target)
        if self._told.get(uid, "") != target.refused:
            self._told[uid] = target.refused
            if target.refused:
                about = cluster.workload_reference(target.key)
                self._tell(Notice(about, "NotAutoscaled", f"not autoscaled: {target.refused}", "Warning"))
        if target.refused:
            self._writers.forget(uid)
            return
        manager = ""
        # An object that is older than its count does not know who set it; decoding is worth it on a change alone.
        if (
            was
            and was.replicas != target.replicas
            and not older(found.metadata.resource_version, target.resource_version)
        ):
            manager = cluster.manager_of_replicas(found)
        self._writers.seen(target.key, target.replicas, target.resource_version, manager=manager, now_ms=self._now_ms())

    def _drop(self, kind: _Kind, uid: str) -> None:
        kind.uids.discard(uid)
        self._scales.forget(uid)
        self._inventory.drop_target(uid)
        self._writers.forget(uid)
        self._told.pop(uid, None)

    # --- other autoscalers ---

    async def _follow_autoscalers(self) -> None:
        outage = Outage(f"the list of {_AUTOSCALERS}", "what was known last is respected", _log)

        def hear(error: ApiError | None) -> None:
            if error is not None and error.status in _NOT_FOR_US:
                raise _NotForUs(error.message)
            outage.hear(error)

        path, pause_s = "/apis/autoscaling/v2/horizontalpodautoscalers", _FIRST_PAUSE_S
        while True:
            try:
                async for change in watch(self._api, path, HorizontalPodAutoscaler, on_trouble=hear):
                    self._take_autoscalers(change)
            except _NotForUs as refusal:
                if self._autoscalers_refused != str(refusal):
                    _log.warning("other autoscalers cannot be listed, and not be kept clear of",
                                 extra={"error": str(refusal)})  # fmt: skip
                self._autoscalers_refused = str(refusal)
                self._unlisted.discard(_AUTOSCALERS)
            pause_s = await _paused(pause_s)

    def _take_autoscalers(self, change: Change[HorizontalPodAutoscaler]) -> None:
        match change:
            case Relisted(found):
                self._writers.only_autoscalers(map(cluster.autoscaler, found))
                self._autoscalers_refused = ""
                self._unlisted.discard(_AUTOSCALERS)
            case Put(one):
                self._writers.put_autoscaler(cluster.autoscaler(one))
            case Gone(one):
                self._writers.drop_autoscaler(one.metadata.uid)


def _counts_itself(scalable: Scalable) -> bool:
    return (scalable.group, scalable.resource) in _OWN_COUNT


async def _paused(pause_s: float) -> float:
    """Wait about that long, and return how long to wait the next time."""
    await asyncio.sleep(pause_s * random.uniform(0.8, 1.2))  # noqa: S311  not a secret
    return min(2 * pause_s, _LONGEST_PAUSE_S)
