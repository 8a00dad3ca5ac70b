"""Two hours of workloads in a real Prometheus, an autoscaler that runs through them, and one that is restarted again
and again: do both decide the same?

Time is an argument: nothing waits. The world goes on by what the uninterrupted autoscaler decides; its samples and what
that one exports are written to Prometheus as they come about. Whoever is restarted reads them back.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from autoscaler.config.in_force import MAPS, InForce
from autoscaler.core.decisions.fleet import Fleet
from autoscaler.core.load.gathering import gather
from autoscaler.core.load.observation import Samples, lookback_s
from autoscaler.core.load.presets import Kind
from autoscaler.core.model import Question, WorkloadKey
from autoscaler.core.targets.inventory import Inventory
from autoscaler.core.targets.pods import OwnedPod
from autoscaler.core.targets.target import Target
from autoscaler.shell.announcer import Announcer
from autoscaler.shell.connection import Access
from autoscaler.shell.gauges import gauges
from autoscaler.shell.history import History
from autoscaler.shell.looking import Looking
from autoscaler.shell.prometheus import Prometheus
from tests.integration import remote_write

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from autoscaler.core.model import Decision

TICK_S = 2
_A, _P = "autoscaling.knative.dev/", "plimsoll.dev/"
_START_S = 20  # until a new pod is ready
SLOTS = 4
BOUNDS_S = (0.5, 1.0, 1.5, 2.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 60.0, math.inf)
_SUFFIXES = "bcdfghjklmnpqrstvwxz2456789"


@dataclass(frozen=True)
class Kindof:
    """A kind of workload: its annotations, its load (requests at once) over time, and how it is scraped.

    With a `service_s` the load is arrivals a second: requests take so long, `SLOTS` at once on a pod, and wait for it.
    A quota may let no more than `most_pods` be made.
    """

    name: str
    annotations: dict[str, str]
    load: Callable[[int, random.Random], float]
    scraped_every_s: int = 1
    holes: bool = False
    service_s: float = 0.0
    most_pods: int | None = None


def _steady(_: int, chance: random.Random) -> float:
    return 30 + chance.uniform(-2, 2)


def _waves(second: int, chance: random.Random) -> float:
    return 40 + 30 * math.sin(second / 400) + chance.uniform(-3, 3)


def _bursts(second: int, chance: random.Random) -> float:
    return (160 if second % 700 < 90 else 20) + chance.uniform(-2, 2)


def _arrivals(second: int, chance: random.Random) -> float:
    return (11 if second % 500 >= 340 else 4) + chance.uniform(-0.5, 0.5)


KINDS = (
    Kindof("steady", {f"{_A}target": "10"}, _steady),
    Kindof("bursts", {f"{_A}target": "10"}, _bursts),
    Kindof("delayed", {f"{_A}target": "10", f"{_A}scale-down-delay": "2m"}, _bursts),
    Kindof("counted", {f"{_A}target": "10", f"{_A}metric": "rps"}, _waves, scraped_every_s=5),
    Kindof(
        "gpu",
        {
            f"{_A}target": "10",
            f"{_A}window": "180s",
            f"{_A}panic-window-percentage": "13",
            f"{_A}scale-down-delay": "60s",
        },
        _waves,
        scraped_every_s=2,
    ),
    Kindof("slow", {f"{_A}target": "10"}, _waves, scraped_every_s=15),
    Kindof("holes", {f"{_A}target": "10"}, _bursts, holes=True),
    Kindof("weighted", {f"{_A}target": "10", f"{_A}metric-aggregation-algorithm": "weighted-exponential"}, _waves),
    Kindof(
        "offered",
        {f"{_A}target": "10", f"{_P}count-starting-replicas": "true", f"{_P}panic-exit-hold": "60s"},
        _bursts,
    ),
    Kindof(
        "starved",
        {f"{_A}target": "10", f"{_P}count-starting-replicas": "true", f"{_P}start-deadline": "150s"},
        _waves,
        most_pods=3,
    ),
    Kindof("rated", {f"{_A}target": "10", f"{_P}rate-period": "30s"}, _bursts),
    Kindof(
        "latency",
        {f"{_P}metric": "latency", f"{_P}latency-target-ms": "5000", f"{_A}max-scale": "40"},
        _arrivals,
        service_s=2.0,
    ),
    Kindof("observed", {f"{_A}target": "10", f"{_A}scale-down-delay": "1m", f"{_P}mode": "observe"}, _bursts),
)


@dataclass
class Pod:
    """A pod of the world; `ready_at_s` is when it becomes ready."""

    name: str
    created_s: int
    ready_at_s: int
    ended: float = 0.0
    latency_s: float = 0.0
    within: list[float] = field(default_factory=lambda: [0.0] * len(BOUNDS_S))

    def end(self, count: float, service_s: float, waited_s: float) -> None:
        """Let requests end that waited so long and then took half as long to half as long again."""
        self.ended += count
        self.latency_s += count * (waited_s + service_s)
        for number, bound_s in enumerate(BOUNDS_S):
            self.within[number] += count * min(max((bound_s - waited_s) / service_s - 0.5, 0.0), 1.0)


@dataclass
class Served:
    """A workload of the world."""

    kind: Kindof
    key: WorkloadKey
    replicas: int
    pods: list[Pod] = field(default_factory=list)
    queue: float = 0.0

    def second(self, ready: list[Pod], load: float) -> tuple[float, float]:
        """Let a second pass on the ready pods; return the requests in flight, and of them those that wait."""
        service_s = self.kind.service_s
        if not service_s:
            for pod in ready:
                pod.ended += load / len(ready)
            return load, load * 0.1
        ends = min(self.queue + load, len(ready) * SLOTS / service_s)
        self.queue += load - ends
        for pod in ready:
            pod.end(ends / len(ready), service_s, self.queue / ends)
        return self.queue + ends * service_s, self.queue


class Running:
    """The autoscaler, but for its loops: it is told the time, and asks a real Prometheus at that time."""

    def __init__(self, source: Prometheus, served: list[Served], created_s: int) -> None:
        self.source = source
        self.inventory, self.fleet, self.in_force = Inventory(), Fleet(), InForce()
        for name in MAPS:
            self.in_force.drop_map(name)
        self.looking = Looking(self.in_force, self.fleet, Announcer(lambda _: None), lambda *_: None, lambda _: "")
        self._created_s = created_s
        self._keys = {each.key.uid: each.key for each in served}
        self._last: dict[Question, tuple[Samples, int]] = {}

    def show(self, shown: Mapping[str, tuple[int, dict[str, str], tuple[OwnedPod, ...]]]) -> None:
        """Show what the cluster shows: of each workload its replicas, annotations and pods."""
        for uid, (replicas, told, _) in shown.items():
            self.inventory.put_target(Target(self._keys[uid], replicas, told, self._created_s))
        self.inventory.only_pods(pod for _, _, pods in shown.values() for pod in pods)

    async def replay(self, now_ms: int) -> bool:
        """Read the past up to now."""
        history = History(self.source, self.inventory, self.in_force, self.fleet, self.looking, now_ms=lambda: now_ms)
        read = await history.replay()
        for question, asked in self.source._asked.items():
            if asked.last is not None:
                self._last[question] = asked.last, asked.lookback_s
        return read

    async def tick(self, now_ms: int) -> dict[str, Decision]:
        """Tick; return what was decided, by name."""
        answers = {}
        for uid in self.inventory.sights():
            for question in self.in_force.workload(self.inventory.targets[uid]).questions:
                if question not in answers:
                    answers[question] = await self._answer(question, now_ms / 1000)
        looks = {
            uid: self.looking.look(self.inventory.targets[uid], sight, answers, "", now_ms)
            for uid, sight in self.inventory.sights().items()
        }
        self.fleet.tick(now_ms, looks)
        return {self._keys[uid].name: decision for uid in looks if (decision := self.fleet.decision(uid)) is not None}

    def page(self) -> str:
        """Return what stands on the metrics page for each workload."""
        return gauges(self.fleet.figures(), self._keys.get)

    async def _answer(self, question: Question, now_s: float) -> Samples:
        selection = self.source.selection(question)
        last, asked_s = self._last.get(question, (None, 0))
        rates = any(term.kind is Kind.COUNTER for term in selection.terms)
        length_s = lookback_s(last, asked_s, float(TICK_S), rates=rates)
        samples = gather(selection, await self.source.past(selection.query(length_s), now_s, 10.0))
        self._last[question] = samples, length_s
        return samples


@dataclass
class World:
    """The workloads, and the Prometheus that scrapes them and the autoscaler (every `own_s` seconds)."""

    url: str
    begin_s: int
    own_s: int
    seed: int = 1
    served: list[Served] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)  # noqa: S311  a story, no secret
        for kind in KINDS:
            key = WorkloadKey(f"uid-{kind.name}", "ns", kind.name)
            one = Served(kind, key, 3)
            for _ in range(3):
                self._add(one, self.begin_s - 1000)
            self.served.append(one)

    def second(self, now_s: int) -> None:
        """Let one second pass: pods serve, and are scraped."""
        samples: list[remote_write.Sample] = []
        for one in self.served:
            ready = [pod for pod in one.pods if pod.ready_at_s <= now_s]
            load = one.kind.load(now_s - self.begin_s, self.chance)
            in_flight, waits = one.second(ready, load)
            if now_s % one.kind.scraped_every_s:
                continue
            if one.kind.holes and (now_s - self.begin_s) % 600 in range(300, 330):
                continue
            for number, pod in enumerate(ready):
                if one.kind.holes and number == 0 and (now_s - self.begin_s) % 900 in range(600, 640):
                    continue  # a part
                labels = {"namespace": "ns", "pod": pod.name}
                at_s = now_s + 0.25
                waiting = waits / len(ready)
                samples += [
                    (labels | {"__name__": "vllm:num_requests_running"}, at_s, in_flight / len(ready) - waiting),
                    (labels | {"__name__": "vllm:num_requests_waiting"}, at_s, waiting),
                    (labels | {"__name__": "vllm:request_success_total"}, at_s, pod.ended),
                ]
                if one.kind.service_s:
                    samples += _histogram(labels, at_s, pod)
        if samples:
            remote_write.write(self.url, samples)

    def scrape(self, now_s: float, page: str) -> None:
        """Scrape the autoscaler's page."""
        samples: list[remote_write.Sample] = [
            ({"__name__": "plimsoll_autoscaler_leader", "job": "plimsoll", "instance": "one"}, now_s, 1.0)
        ]
        for line in page.splitlines():
            if line.startswith("#"):
                continue
            name, _, value = line.rpartition(" ")
            metric, _, rest = name.partition("{")
            labels = dict(pair.split("=", 1) for pair in rest.rstrip("}").split(",") if pair)
            samples.append(
                (
                    {key: text.strip('"') for key, text in labels.items()}
                    | {"__name__": metric, "job": "plimsoll", "instance": "one"},
                    now_s,
                    float(value),
                )
            )
        remote_write.write(self.url, samples)

    def obey(self, now_s: int, decided: Mapping[str, Decision]) -> None:
        """Give workloads the replicas that were decided: new pods start, of too many the newest go."""
        for one in self.served:
            # What is only observed is scaled by another, by the clock.
            other = 12 if now_s // 400 % 2 else 5
            decision = decided[one.kind.name]
            one.replicas = other if decision.inputs.observed else decision.desired
            one.pods = one.pods[: one.replicas]
            most = one.replicas if one.kind.most_pods is None else min(one.replicas, one.kind.most_pods)
            while len(one.pods) < most:
                self._add(one, now_s)

    def shown(self, now_s: int) -> dict[str, tuple[int, dict[str, str], tuple[OwnedPod, ...]]]:
        """Return what the cluster shows."""
        return {
            one.key.uid: (
                one.replicas,
                one.kind.annotations,
                tuple(
                    OwnedPod(
                        pod.name,
                        one.key.uid,
                        pod.name,
                        pod.ready_at_s <= now_s,
                        "ns",
                        starting=pod.ready_at_s > now_s,
                        created_s=pod.created_s,
                        ready_since_s=pod.ready_at_s,
                    )
                    for pod in one.pods
                ),
            )
            for one in self.served
        }

    def _add(self, one: Served, now_s: int) -> None:
        name = "".join(self.chance.choice(_SUFFIXES) for _ in range(5))
        one.pods.append(Pod(f"{one.kind.name}-6b8d7c5f9-{name}", now_s, now_s + _START_S))


def _histogram(labels: dict[str, str], at_s: float, pod: Pod) -> list[remote_write.Sample]:
    name = "vllm:e2e_request_latency_seconds"
    return [
        (labels | {"__name__": f"{name}_count"}, at_s, pod.ended),
        (labels | {"__name__": f"{name}_sum"}, at_s, pod.latency_s),
        *(
            (labels | {"__name__": f"{name}_bucket", "le": str(bound_s).replace("inf", "+Inf")}, at_s, count)
            for bound_s, count in zip(BOUNDS_S, pod.within, strict=True)
        ),
    ]


@dataclass
class Outcome:
    """How many decisions were compared, and how many came out otherwise, by workload; `first` of them in words."""

    compared: int = 0
    other: Counter[str] = field(default_factory=Counter)
    restarts: int = 0
    first: list[str] = field(default_factory=list)
    panics: int = 0
    changes: int = 0


def played(url: str, begin_s: int, *, length_s: int, every_s: int, own_s: int) -> Outcome:
    """Let an autoscaler run for so long, and another that is restarted every so often; compare all that they decide."""
    return asyncio.run(_played(World(url, begin_s, own_s), length_s, every_s))


@dataclass
class Gap:
    """What was decided of the latency workload before a gap, and after it: by one that reads the past, and by one that
    knows none.
    """

    before: Decision
    after: list[Decision]
    unknowing: list[Decision]


def after_gap(url: str, begin_s: int, *, length_s: int, gap_s: int, then_s: int) -> Gap:
    """Let an autoscaler run for so long, none for the gap, in which replicas stay, and then one that starts."""
    return asyncio.run(_after_gap(World(url, begin_s, TICK_S), length_s, gap_s, then_s))


async def _after_gap(world: World, length_s: int, gap_s: int, then_s: int) -> Gap:
    source = Prometheus(Access(world.url))
    first, again, unknowing = (Running(source, world.served, world.begin_s - 1000) for _ in range(3))
    away_s = world.begin_s + length_s
    back_s = away_s + gap_s
    gap: Gap | None = None
    for now_s in range(world.begin_s, back_s + then_s):
        world.second(now_s)
        tick_s = now_s + 1
        if (tick_s - world.begin_s) % TICK_S or away_s < tick_s < back_s:
            continue
        shown = world.shown(tick_s)
        if tick_s == back_s:
            again.show(shown)
            assert await again.replay(1000 * tick_s)
        running = first if tick_s <= away_s else again
        running.show(shown)
        decided = await running.tick(1000 * tick_s)
        if tick_s <= away_s:
            world.scrape(tick_s + 0.5, running.page())
            gap = Gap(decided["latency"], [], [])
        elif gap is not None:
            unknowing.show(shown)
            gap.unknowing.append((await unknowing.tick(1000 * tick_s))["latency"])
            gap.after.append(decided["latency"])
        world.obey(tick_s, decided)
    assert gap is not None
    return gap


async def _played(world: World, length_s: int, every_s: int) -> Outcome:
    source = Prometheus(Access(world.url))
    begin_s = world.begin_s
    uninterrupted = Running(source, world.served, begin_s - 1000)
    decided: dict[int, dict[str, Decision]] = {}
    shown = {}
    for now_s in range(begin_s, begin_s + length_s):
        world.second(now_s)
        if (now_s + 1 - begin_s) % TICK_S:
            continue
        tick_s = now_s + 1
        shown[tick_s] = world.shown(tick_s)
        uninterrupted.show(shown[tick_s])
        decided[tick_s] = await uninterrupted.tick(1000 * tick_s)
        world.obey(tick_s, decided[tick_s])
        if (tick_s - begin_s) % world.own_s < TICK_S:
            world.scrape(tick_s + 0.5, uninterrupted.page())
    return await _restarted(source, world, decided, shown, every_s)


async def _restarted(
    source: Prometheus,
    world: World,
    decided: dict[int, dict[str, Decision]],
    shown: dict[int, dict[str, tuple[int, dict[str, str], tuple[OwnedPod, ...]]]],
    every_s: int,
) -> Outcome:
    outcome = Outcome()
    ticks = sorted(decided)
    running: Running | None = None
    for tick_s in ticks:
        since_s = (tick_s - world.begin_s) % every_s
        if tick_s - world.begin_s >= every_s and since_s < TICK_S:
            running = Running(source, world.served, world.begin_s - 1000)
            running.show(shown[tick_s])
            assert await running.replay(1000 * tick_s)
            outcome.restarts += 1
        if running is None:
            continue
        running.show(shown[tick_s])
        again = await running.tick(1000 * tick_s)
        for name, decision in decided[tick_s].items():
            outcome.compared += 1
            outcome.panics += decision.panic_since_ms is not None
            outcome.changes += decision.desired != decision.inputs.current
            mine, theirs = (
                (each.desired, each.wanted, each.mode, each.panic_since_ms, each.floor)
                for each in (again[name], decision)
            )
            if mine != theirs:
                outcome.other[name] += 1
                outcome.first.append(f"{name}, {since_s} s after a restart: {mine} in place of {theirs}")
    return outcome
