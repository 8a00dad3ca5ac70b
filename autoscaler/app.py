"""Who calls whom? The autoscaler wired together: one event loop, one changing state, a tick every two seconds."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from autoscaler.config.in_force import InForce
from autoscaler.config.workload import PLACEABLE
from autoscaler.core.decisions.fleet import Fleet
from autoscaler.core.decisions.record import Book, Record
from autoscaler.core.targets.inventory import Inventory
from autoscaler.core.targets.writers import Writers
from autoscaler.shell import feed, fits, rpc, sources
from autoscaler.shell.announcer import Announcer
from autoscaler.shell.asking import Asking
from autoscaler.shell.changes import Changes, Hearers
from autoscaler.shell.configuration import Configuration
from autoscaler.shell.draining import DrainHearers, Draining
from autoscaler.shell.gauges import gauges, gpu_gauges
from autoscaler.shell.history import History
from autoscaler.shell.looking import Looking
from autoscaler.shell.places import PlaceHearers, Places
from autoscaler.shell.prometheus import Prometheus
from autoscaler.shell.records import Records
from autoscaler.shell.scaling import Scaling
from autoscaler.shell.targets import Targets
from autoscaler.shell.telemetry import Telemetry, by_result
from autoscaler.shell.telling import Telling
from kube import program
from kube.events import EventWriter
from kube.lease import Alone, Lease
from kube.pages import JSON, Page, Pages

if TYPE_CHECKING:
    from collections.abc import Mapping

    from autoscaler.core.decisions.look import Look
    from autoscaler.core.model import WorkloadKey
    from autoscaler.core.targets.target import Sight
    from autoscaler.shell.fits import Extender
    from autoscaler.shell.source import Source
    from kube.client import Api
    from kube.program import Started

_log = logging.getLogger("autoscaler")

LEASE = "plimsoll-autoscaler"
"""The Lease whose holder writes; it stands in our namespace."""

_LISTING_PAUSE_S = 0.1
_TICK_S = 2.0
_STUCK_S = 60.0  # a program whose last tick ended so long ago does nothing any more


class Autoscaler:
    """The running autoscaler."""

    def __init__(
        self, api: Api, source: Source, namespace: str, lease: Lease | Alone, extender: Extender | None = None
    ) -> None:
        self._source = source
        self._lease = lease
        self._inventory = Inventory()
        self._holdings = self._inventory.holdings
        self._fleet = Fleet()
        self._in_force = InForce()
        self._writers = Writers()
        self._events = EventWriter(api, "plimsoll-autoscaler", lease.may_write)
        self._targets = Targets(api, self._inventory, self._writers, self._events.write)
        self._scaling = Scaling(
            api,
            self._inventory,
            self._writers,
            self._events.write,
            left_s=lease.left_s,
            observed=self._observes,
        )
        self._standing = Records(self._inventory, self._fleet)
        self._announcer = Announcer(self._events.write)
        self.telemetry = Telemetry(
            self._standing,
            lambda: (
                gauges(self._fleet.figures(), self._standing.key)
                + gpu_gauges(self._holdings.uses(), self._standing.key)
            ),
            self._announcer.wrong,
            self._targets.kinds,
            self._targets.refused,
        )
        self.telemetry.leader.set_function(lambda: float(lease.may_write()))
        self._configuration = Configuration(api, namespace, self._in_force, self._announcer)
        self.book = Book(self._standing, _now_ms(), self._holdings.uses)
        self.readers = feed.Feed()
        self._telling = Telling(self.book, self.readers, self._events.write, lease.may_write)
        self._draining = Draining(
            self._scaling,
            self._inventory,
            self._fleet.in_flight,
            DrainHearers(self._unaware, by_result(self.telemetry.deletion_costs)),
        )
        self._places = Places(
            api, self._inventory, extender, PlaceHearers(self._unlimited, by_result(self.telemetry.fits))
        )
        self._looking = Looking(
            self._in_force, self._fleet, self._announcer, self._places.placement, self._writers.setter
        )
        hearers = Hearers(self._telling.made, self._refused, by_result(self.telemetry.writes))
        self._changes = Changes(self._scaling, self._standing.record, hearers, self._draining.prepare)
        self._asking = Asking(source, self.telemetry)
        self._ticked_at = time.monotonic()
        self._warm = asyncio.Event()

    def ready(self) -> bool:
        """Tell whether everything that we decide by has been listed."""
        return self._targets.ready() and not self._configuration.unlisted()

    def warm(self) -> bool:
        """Tell whether it has decided on everything once, so that it may lead, and others may end."""
        return self._warm.is_set() and self.ready()

    def unready(self) -> str:
        """Return why it is not warm yet, "" where it is."""
        return (
            "" if self.warm() else "workloads, pods and configuration are still being listed, or nothing is decided yet"
        )

    def alive(self) -> bool:
        """Tell whether ticks go on."""
        return time.monotonic() - self._ticked_at < _STUCK_S

    async def run(self) -> None:
        """Watch and tick, without end."""
        async with asyncio.TaskGroup() as tasks:
            for work in (self._events, self._source, self._configuration, self._targets):
                tasks.create_task(work.run())
            tasks.create_task(self._tick_for_ever())
            # Whoever could not list or read the past yet must not keep the lease from one that has decided all along.
            await self._warm.wait()
            await self._lease.run()

    # --- deciding ---

    async def _tick_for_ever(self) -> None:
        while not self.ready():
            self._ticked_at = time.monotonic()
            await asyncio.sleep(_LISTING_PAUSE_S)
        if isinstance(self._source, Prometheus):
            await self._replay(self._source)
        next_tick = time.monotonic()
        while True:
            if not self.ready() or await self._ticked():
                self._ticked_at = time.monotonic()
            # Ticks keep their beat; those missed by a long one are not made up for.
            next_tick = max(next_tick + _TICK_S, time.monotonic())
            await asyncio.sleep(next_tick - time.monotonic())

    async def _replay(self, source: Prometheus) -> None:
        """Know what the autoscaler before us knew."""
        history = History(source, self._inventory, self._in_force, self._fleet, self._looking)
        try:
            read = await history.replay()
        except Exception:  # noqa: BLE001  a defect met in the past must not keep us from the present
            _log.exception("defect: no past; all workloads begin as without one")
            read = False
        if not read:
            for uid in list(self._fleet):
                self._fleet.forget(uid)
            self._looking.retain(())
        self._ticked_at = time.monotonic()

    async def _ticked(self) -> bool:
        """Tick, and tell whether that could be done: a defect costs one tick, and one that stays costs our life."""
        try:
            with self.telemetry.tick_seconds.time():
                await self._tick()
        except Exception:  # noqa: BLE001  what failed is logged; without ticks /healthz fails, and we are started anew
            _log.exception("defect: no tick; replicas stay as they are")
            return False
        self.telemetry.last_tick.set_to_current_time()
        self._warm.set()
        return True

    async def _tick(self) -> None:
        answers = await self._asking.answers(self._looking.questions(self._inventory))
        now_ms = _now_ms()
        sights = self._inventory.sights()
        self._forget_all_but(sights)
        if self._lease.may_write():
            self._holdings.count(now_ms)
        else:
            self._holdings.pass_by(now_ms)
        holds = self._scaling.holds(self._stable_window_s)
        looks = self._looking.looks(self._inventory, answers, holds, now_ms)
        changed = self._fleet.tick(now_ms, looks)
        self._places.ask(self._fleet.rising(), now_ms)
        self._tell(looks, now_ms)
        self.book.follows = "" if self._lease.may_write() else self._lease.holder or "nobody yet"
        # Whoever follows decides the same, and writes nothing: so it can take over at any tick.
        if self._lease.may_write():
            self._draining.begin_tick(now_ms)
            self._changes.carry_out(changed)
        for uid in self._fleet.observed_changes():
            record = self._standing.record(uid)
            if record is not None:
                self._telling.observed(record)

    def _stable_window_s(self, uid: str) -> int:
        return self._in_force.workload(self._inventory.targets[uid]).resolved.policy.stable_window_s

    def _observes(self, uid: str) -> bool:
        """Tell whether a workload is only observed, by the configuration of this very moment."""
        target = self._inventory.targets.get(uid)
        return target is not None and self._in_force.workload(target).resolved.observes

    def _forget_all_but(self, sights: Mapping[str, Sight]) -> None:
        """Forget the workloads that are gone."""
        for uid in [uid for uid in self._fleet if uid not in sights]:
            self._fleet.forget(uid)
        self._changes.begin_tick(sights)
        self._in_force.retain(sights)
        self._looking.retain(sights)
        self.book.retain(sights)
        self._holdings.retain(sights)
        self._places.retain(sights)
        self._announcer.begin_tick({*sights, *self._configuration.uids.values()})

    def _tell(self, looks: Mapping[str, Look], now_ms: int) -> None:
        """Say what is held for long, and to whoever wants to hear every decision, each."""
        self._announcer.holds({uid for uid in self._fleet.held() if uid in looks}, now_ms, self._standing.record)
        self._announcer.unhelped({uid for uid in self._fleet.unhelped() if uid in looks}, now_ms, self._standing.record)
        self._announcer.unplaced({uid for uid in self._fleet.unplaced() if uid in looks}, now_ms, self._standing.record)
        if self.readers.every_decision_wanted:
            self.readers.decided([Record(key, decision) for key, decision in self._standing.items()])

    # --- what became of it ---

    def _refused(self, key: WorkloadKey, sentence: str) -> None:
        self._announcer.refused(key, sentence, _now_ms())

    def _unaware(self, key: WorkloadKey, sentence: str) -> None:
        self._announcer.unaware(key, sentence, _now_ms())

    def _unlimited(self, key: WorkloadKey, why: str) -> None:
        self._announcer.without_effect(key, PLACEABLE, why)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


async def serve(started: Started) -> None:
    """Autoscale until a signal ends it.

    Raises:
        ProblemAtStart: the flags cannot be used together; the message says which.
    """
    flags = started.flags
    async with fits.asked(flags) as extender:
        await _serve(started, extender)


async def _serve(started: Started, extender: Extender | None) -> None:
    flags = started.flags
    lease = Lease(started.api, flags.namespace, LEASE) if flags.leader_elect else Alone()
    autoscaler = Autoscaler(started.api, sources.source_of(flags), flags.namespace, lease, extender)
    telemetry = autoscaler.telemetry
    pages = Pages(
        autoscaler.unready,
        telemetry.exposition,
        {"/decisions": lambda: Page(200, JSON, telemetry.decisions())},
        alive=autoscaler.alive,
    )
    async with rpc.telling(flags, started.api, autoscaler.book, autoscaler.readers):
        await program.serve(pages, started.listener, autoscaler.run())
