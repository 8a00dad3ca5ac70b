"""A small world over time, and who decides in it: Plimsoll, or the law of the original fed as the original is fed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from autoscaler.core.decisions.fleet import Fleet
from autoscaler.core.decisions.look import Look
from autoscaler.core.law import kpa
from autoscaler.core.law.delay import Delays
from autoscaler.core.law.window import Windows
from autoscaler.core.load.gathering import gather, gathered_values
from autoscaler.core.load.observation import NO_SAMPLES, Samples
from autoscaler.core.load.queries import OWN_QUERY, Selection, TargetLabels, signal_question
from autoscaler.core.model import Placement, Question, Signal
from autoscaler.core.targets.starting import Starts
from autoscaler.core.targets.target import Sight

if TYPE_CHECKING:
    from autoscaler.core.model import Policy

BEGIN = 1_000_000
TICK_S = 2
RECENT_S = 40

_SELECTION = Selection.of(Question(), TargetLabels(replicas=("prometheus_replica",)))
_SEEN_BY = {"all": ("a",), "some": ("a",), "none": (), "twice": ("a", "b"), "late": ("a",)}


@dataclass
class World:
    """A workload whose replicas become ready `start` seconds after they are asked for, and go at once.

    `history` has what was scraped in each second: the load by pod, as often as there are Prometheuses that saw it.
    At most `room` replicas can be placed, and the extender `answers` how many; others wait for room.
    `received` has the load of each report that arrived in a second, and `signals` what the workload's own query said.
    `served` has what servers with a limit of requests at once told in each second: who waits, who has ended so far.
    """

    start: int
    ready: int
    asked: int
    coming: list[int] = field(default_factory=list)
    history: list[list[dict[str, float]]] = field(default_factory=list)
    received: list[list[float]] = field(default_factory=list)
    signals: list[tuple[float, float]] = field(default_factory=list)
    served: list[tuple[float, float]] = field(default_factory=list)
    backlog: float = 0.0
    room: int | None = None
    answers: bool = True
    _on_its_way: list[float] = field(default_factory=list)

    def second(self, now: int, load: float, seen: str, signal: float | None = None) -> None:
        """Let one second pass, and remember what was scraped and received in it."""
        self.ready += sum(at <= now for at in self.coming)
        self.coming = [at for at in self.coming if at > now]
        self._place(now)
        shown = min(1, self.ready) if seen == "some" else self.ready
        self.history.append([{f"p{i}": load / self.ready for i in range(shown)} for _ in _SEEN_BY[seen]])
        self._on_its_way += [sum(by_pod.values()) for by_pod in self.history[-1]]
        arrived, self._on_its_way = ([], self._on_its_way) if seen == "late" else (self._on_its_way, [])
        self.received.append(arrived)
        if signal is not None:
            self.signals.append((now + 1.0, signal))

    def serve(self, now: int, arrivals: float, service_s: float, limit: float) -> None:
        """Let one second pass: `arrivals` requests come that take `service_s` each, `limit` at once on a replica."""
        ended = min(self.backlog, self.ready * limit) / service_s
        self.backlog += arrivals - ended
        waiting = max(0.0, self.backlog - self.ready * limit)
        self.served.append((waiting, (self.served[-1][1] if self.served else 0.0) + ended))
        self.second(now, self.backlog, "all")

    def told(self, signal: Signal, now: int) -> Samples:
        """Return what Prometheus has of a signal in the last 40 seconds: of one pod, for all of them."""
        question = signal_question(signal, Question())
        assert question is not None
        selection, number = Selection.of(question), [Signal.WAITING, Signal.ENDED].index(signal)
        seconds = list(enumerate(self.served, now - len(self.served)))[-RECENT_S:]
        name = {"__name__": selection.terms[0].metric, "namespace": "ns"}
        return gather(
            selection,
            (
                ({**name, "pod": f"p{pod}"}, tuple((at + 0.5, told[number] / self.ready) for at, told in seconds))
                for pod in range(self.ready)
            ),
        )

    def scale(self, now: int, replicas: int) -> None:
        """Ask for replicas; what was to come goes first."""
        gone = max(0, self.placed - replicas)
        kept = max(0, len(self.coming) - gone)
        self.ready -= gone - (len(self.coming) - kept)
        self.coming = self.coming[:kept]
        self.asked = replicas
        self._place(now)

    @property
    def placed(self) -> int:
        return self.ready + len(self.coming)

    def _place(self, now: int) -> None:
        room = self.asked if self.room is None else min(self.asked, self.room)
        self.coming += [now + self.start] * (room - self.placed)

    def samples(self, now: int) -> Samples:
        """Return what Prometheus has of the last 40 seconds."""
        begin = now - len(self.history)
        series: dict[tuple[str, str], list[tuple[float, float]]] = {}
        for i, scraped in list(enumerate(self.history))[-RECENT_S:]:
            for by, loads in zip(_SEEN_BY["twice"], scraped, strict=False):
                for pod, load in loads.items():
                    series.setdefault((pod, by), []).append((begin + i + 0.5, load))
        name = {"__name__": "vllm:num_requests_running", "namespace": "ns"}
        return gather(
            _SELECTION,
            (({**name, "pod": pod, "prometheus_replica": by}, tuple(them)) for (pod, by), them in series.items()),
        )


@dataclass(frozen=True)
class Told:
    """What somebody decided: replicas, how, and why."""

    replicas: int
    mode: str
    reason: str


class Decider(Protocol):
    """Whoever decides."""

    def follow(self, policy: Policy, now: int) -> None:
        """Go by a policy from now on."""

    def restart(self) -> None:
        """Forget everything but what the cluster shows."""

    def decide(self, world: World, now: int, seen: str) -> Told:
        """Decide at a tick."""


class Plimsoll:
    """The product."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self.restart()

    def restart(self) -> None:
        self._fleet, self._starts = Fleet(), Starts()
        self._asked = False
        self.follow(self._policy, BEGIN)

    def follow(self, policy: Policy, now: int) -> None:
        self._policy = policy
        self._fleet.follow("a", policy, 1000 * now)

    def decide(self, world: World, now: int, seen: str) -> Told:
        samples, places = world.samples(now), tuple(("ns", f"p{i}") for i in range(world.ready))
        if world.signals:
            samples, places = gathered_values(world.signals[-RECENT_S:]), (OWN_QUERY,)
        if seen in {"none", "late"}:
            samples = NO_SAMPLES
        signals = {signal: world.told(signal, now) for signal in (Signal.WAITING, Signal.ENDED) if world.served}
        created = sorted(at - world.start for at in world.coming)
        sight = Sight("ns", "a", world.asked, tuple(name for _, name in places[: world.ready]), tuple(created))
        placement = self._placement(world) if self._policy.limit_to_placeable else None
        look = Look(
            world.asked,
            world.ready,
            samples,
            places,
            starting=self._starts.starting("a", sight, self._policy.start_deadline_s, now),
            signals=signals,
            placement=placement,
        )
        self._fleet.tick(1000 * now, {"a": look})
        self._asked = "a" in self._fleet.rising()
        decision = self._fleet.decision("a")
        assert decision is not None
        return Told(decision.desired, decision.mode.value, decision.reason)

    def _placement(self, world: World) -> Placement | None:
        """Return what the extender said since it was asked at the last tick."""
        if not self._asked:
            return Placement(0)
        fits = None if world.room is None else max(0, world.room - world.placed)
        return None if fits is None or not world.answers else Placement(world.placed, fits, "no GPU is free")


class Original:
    """The original's law and feeding: what is not scraped is not recorded, and all that arrives in a second adds up."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self.restart()

    def restart(self) -> None:
        policy = self._policy
        self._stable, self._panic, self._delays = Windows(), Windows(), Delays()
        self._stable.add(0, policy.stable_window_s)
        self._panic.add(0, policy.panic_window_s)
        self._delays.add(0, policy.scale_down_delay_s)
        self._parameters = kpa.Parameters.of([policy])
        self._state: kpa.State | None = None
        self._standing = 0

    def follow(self, policy: Policy, now: int) -> None:
        """Go by a policy; its delay takes effect with the next construction alone."""
        self._stable.resize(0, policy.stable_window_s, 1000 * now)
        self._panic.resize(0, policy.panic_window_s, 1000 * now)
        self._parameters = kpa.Parameters.of([policy])
        self._policy = replace(policy, scale_down_delay_s=self._policy.scale_down_delay_s)

    def decide(self, world: World, now: int, seen: str) -> Told:
        del seen  # it cannot tell
        for back in (2, 1):
            if len(world.received) >= back and world.received[-back]:
                for windows in (self._stable, self._panic):
                    windows.record(now - back, np.array([sum(world.received[-back])]))
        ready = np.array([world.ready])
        self._state = self._state or kpa.first(ready, 1000 * now)
        if self._stable.empty(now)[0]:
            return Told(max(self._standing, world.asked), "held", "no data")
        loads = kpa.Loads(self._stable.average(now), self._panic.average(now), ready)
        self._state, wanted = kpa.decide(self._parameters, self._state, loads, now_ms=1000 * now)
        desired = int(self._delays.record(1000 * now, wanted.replicas)[0])
        policy = self._policy
        most = policy.max_scale or desired
        self._standing = max(min(desired, most), policy.min_scale, 1)
        return Told(self._standing, "panic" if wanted.panicking[0] else "stable", "")
