"""What would the fleet decide? One workload after the other, with plain numbers and lists for all that is remembered.

Only `observe`, which turns samples into a load a second, is the product's own: it knows one workload at a time too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from autoscaler.core.load.observation import NO_SAMPLES, LastKnown, observe
from autoscaler.core.model import (
    OFFERED,
    SECOND_NS,
    Averaging,
    Decision,
    Estimate,
    Inputs,
    Mode,
    Policy,
    Seen,
    Signal,
)
from tests.autoscaler.core.twin import Counted, Decider, Maximum, Window

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from autoscaler.core.decisions.look import Look
    from autoscaler.core.model import SecondOfLoad

LONGEST_CATCH_UP_S = 600
LARGEST_CORRECTION_S = 5  # a clock that is set back by more begins anew
BUCKET_MS = 2000  # of the scale-down delay


@dataclass
class Measured:
    """What was measured of one workload, and the law that goes by it."""

    stable: Window
    panic: Window
    ever: bool = False
    part_s: int | None = None
    nothing_s: int | None = None
    law: Decider | None = None

    @classmethod
    def nothing(cls, policy: Policy) -> Measured:
        return cls(Window(policy.stable_window_s), Window(policy.panic_window_s))

    def average(self, window: Window, averaging: Averaging, second: int) -> float | None:
        if not self.ever:
            return None
        return window.weighted(second) if averaging is Averaging.WEIGHTED_EXPONENTIAL else window.average(second)

    def seen(self, second: int) -> Seen:
        """Return how the worst second of the panic window was measured."""
        if self.nothing_s is not None and self.nothing_s > second - self.panic.length:
            return Seen.NOTHING
        if self.part_s is not None and self.part_s > second - self.panic.length:
            return Seen.PART
        return Seen.ALL


@dataclass
class Offering:
    """What is measured beside the load of one workload, where the offered load decides."""

    drain_s: int
    windows: dict[Signal, Measured]
    known: dict[Signal, LastKnown] = field(default_factory=dict)
    hole_s: dict[Signal, int] = field(default_factory=dict)
    last_load: float | None = None

    @classmethod
    def of(cls, policy: Policy) -> Offering | None:
        if policy.load_estimate is Estimate.BACKLOG:
            return None
        return cls(policy.drain_period_s, {signal: Measured.nothing(policy) for signal in OFFERED})

    def resize(self, policy: Policy, now_ms: int) -> None:
        self.drain_s = policy.drain_period_s
        for measured in self.windows.values():
            measured.stable.resize(policy.stable_window_s, now_ms)
            measured.panic.resize(policy.panic_window_s, now_ms)

    def record(self, look: Look, seconds: range, loads: Sequence[SecondOfLoad]) -> None:
        for signal in (Signal.ENDED, Signal.WAITING):
            before, measured = self.known.get(signal, LastKnown()), self.windows[signal]
            asked = seconds if measured.ever else seconds[-1:]
            samples = look.signals.get(signal, NO_SAMPLES)
            self.known[signal], told = observe(samples, look.places, before, asked)
            for one in told:
                self._put(signal, one.second, one.load)
                if one.seen is not Seen.ALL:
                    self.hole_s[signal] = one.second
        for one in loads:
            if self.last_load is not None:
                self._put(Signal.GROWTH, one.second, one.load - self.last_load)
            self.last_load = one.load

    def _put(self, signal: Signal, second: int, value: float) -> None:
        measured = self.windows[signal]
        measured.ever = True
        measured.stable.record(second, value)
        measured.panic.record(second, value)

    def loads(self, inputs: Inputs, second: int) -> tuple[float | None, float | None]:
        """Return the offered loads over both windows."""
        for signal, measured in self.windows.items():
            hole_s = self.hole_s.get(signal)
            if not measured.ever or (hole_s is not None and hole_s > second - measured.panic.length):
                return None, None
        if inputs.stable is None or inputs.panic is None:
            return None, None
        waiting, ended, grown = (self.windows[each] for each in (Signal.WAITING, Signal.ENDED, Signal.GROWTH))
        ended_s, running = ended.stable.average(second), inputs.stable - waiting.stable.average(second)
        if min(ended_s, running) * ended.stable.length < 1:
            return None, None
        service_s = running / ended_s
        stable, panic = (
            min(load, service_s * (max(0.0, e.average(second) + g.average(second)) + w.average(second) / self.drain_s))
            for load, e, g, w in (
                (inputs.stable, ended.stable, grown.stable, waiting.stable),
                (inputs.panic, ended.panic, grown.panic, waiting.panic),
            )
        )
        return stable, panic


@dataclass
class Workload:
    """All that is remembered of one workload."""

    policy: Policy
    query: str
    initialised: bool
    measured: Measured
    delay: Maximum
    known: LastKnown = field(default_factory=LastKnown)
    standing: int = 0
    observed: bool = False
    decided_ms: int | None = None
    offering: Offering | None = None
    bases: list[tuple[int, int]] = field(default_factory=list)  # bucket and counted replicas, of the rate period
    left: tuple[int, int] | None = None  # when a panic ended that holds, and the replicas asked for

    def __post_init__(self) -> None:
        self.offering = Offering.of(self.policy)

    def follow(self, policy: Policy, query: str, now_ms: int, bucket: int) -> None:
        """Go by another policy, `bucket` being that of the last tick."""
        if policy.metric is not self.policy.metric or query != self.query:
            self.known = LastKnown()
            self.measured = Measured.nothing(policy)
            self.offering = self.left = None
        self.measured.stable.resize(policy.stable_window_s, now_ms)
        self.measured.panic.resize(policy.panic_window_s, now_ms)
        # A longer delay does not bring back what the shorter one had forgotten.
        shorter = min(math.ceil(delay_s / 2) for delay_s in (self.policy.scale_down_delay_s, policy.scale_down_delay_s))
        kept = [(index, value) for index, value in self.delay.entries if index > bucket - shorter]
        self.delay = Maximum(policy.scale_down_delay_s, kept)
        period = min(math.ceil(each.rate_period_s / 2) for each in (self.policy, policy))
        self.bases = [(index, base) for index, base in self.bases if index > bucket - period]
        self.policy, self.query = policy, query
        if policy.load_estimate is Estimate.BACKLOG:
            self.offering = None
        elif self.offering is None:
            self.offering = Offering.of(policy)
        else:
            self.offering.resize(policy, now_ms)

    def record(self, look: Look, seconds: range) -> None:
        measured = self.measured
        # What was before the first measurement is not caught up with.
        self.known, loads = observe(look.samples, look.places, self.known, seconds if measured.ever else seconds[-1:])
        for one in loads:
            measured.ever = True
            measured.stable.record(one.second, one.load)
            measured.panic.record(one.second, one.load)
            if one.seen is Seen.PART:
                measured.part_s = one.second
            if one.seen is Seen.NOTHING:
                measured.nothing_s = one.second
        if self.offering is not None:
            self.offering.record(look, seconds, loads)

    def decide(self, look: Look, at_ms: int) -> Decision:
        """Decide, and remember what was decided; the decision has no reason."""
        if self.observed and not look.observed:
            self.standing, self.measured.law, self.left, self.bases = 0, None, None, []
            self.delay = Maximum(self.policy.scale_down_delay_s)
        self.observed = bool(look.observed)
        inputs = self._inputs(look, at_ms)
        asked, ready, base = self._counted(inputs)
        standing = max(asked, inputs.standing)
        excess, wanted, mode, replicas = None, standing, Mode.HELD, standing
        if self._asks_the_law(look, inputs):
            assert self.measured.law is not None
            assert inputs.stable is not None
            assert inputs.panic is not None
            was_since_ms = self.measured.law.panic_since_ms
            stable = inputs.stable if inputs.offered_stable is None else inputs.offered_stable
            panic = inputs.panic if inputs.offered_panic is None else inputs.offered_panic
            now = max(1, base)
            counted = Counted(now, inputs.fewest or now, inputs.most or now)
            fresh, excess = self.measured.law.decide(self.policy, stable, panic, ready, at_ms, counted=counted)
            if self.policy.reachable and self.policy.scale_down_delay_s:
                self.delay.record(at_ms, fresh)
            ends = was_since_ms is not None and self.measured.law.panic_since_ms is None
            if ends and self.policy.panic_exit_hold_s:
                self.left = at_ms, asked
            wanted = max(fresh, self._held_after_panic(at_ms), inputs.delayed)
            if inputs.seen is not Seen.PART or wanted >= standing:
                mode = Mode.STABLE if self.measured.law.panic_since_ms is None else Mode.PANIC
                replicas = wanted
        desired = self._placed(look, asked, max(1, self._bounded(replicas)))
        if look.leave or look.current == 0:
            desired = look.current
        self.standing = desired
        self.decided_ms = self.decided_ms if mode is Mode.HELD else at_ms
        self.initialised = self.initialised or look.ready >= max(1, self._least_at_first())
        panic_since_ms, floor = self._panic()
        if not self._holds(at_ms):
            self.left = None
        left_ms, left_at = self.left or (None, 0)
        return Decision(inputs, mode, wanted, desired, excess, panic_since_ms, floor, "", left_ms, left_at)

    def _holds(self, at_ms: int) -> bool:
        over = self.measured.law is not None and self.measured.law.panic_since_ms is not None
        return self.left is not None and not over and self.left[0] + 1000 * self.policy.panic_exit_hold_s > at_ms

    def _held_after_panic(self, at_ms: int) -> int:
        return math.floor(self.left[1] / self.policy.max_scale_down_rate) if self.left and self._holds(at_ms) else 0

    def _inputs(self, look: Look, at_ms: int) -> Inputs:
        second, averaging = at_ms // 1000 - 1, self.policy.averaging
        inputs = Inputs(
            at_ms=at_ms,
            policy=self.policy,
            current=look.current,
            ready=look.ready,
            stable=self.measured.average(self.measured.stable, averaging, second),
            panic=self.measured.average(self.measured.panic, averaging, second),
            seen=self.measured.seen(second),
            hold=look.hold,
            leave=look.leave,
            observed=look.observed,
            delayed=self.delay.highest(at_ms) if self.policy.reachable else 0,
            standing=self.standing,
            initialised=self.initialised,
            starting=look.starting if self.policy.count_starting_replicas else 0,
            panic_left_ms=self.left[0] if self.left else None,
            panic_left_at=self.left[1] if self.left else 0,
            asking=look.placement is not None and look.placement.fits is None,
            placed=look.placement.placed if look.placement else 0,
            fits=look.placement.fits if look.placement else None,
            misfit=look.placement.misfit if look.placement else "",
        )
        fewest, most = self._bases(inputs, at_ms)
        inputs = replace(inputs, fewest=fewest, most=most)
        if self.offering is not None:
            stable, panic = self.offering.loads(inputs, second)
            inputs = replace(inputs, offered_stable=stable, offered_panic=panic)
        if self.measured.law is None and self._asks_the_law(look, inputs):
            self.measured.law = Decider.first(max(look.ready, look.current), at_ms)
        panic_since_ms, floor = self._panic()
        return replace(inputs, panic_since_ms=panic_since_ms, floor=floor)

    def _counted(self, inputs: Inputs) -> tuple[int, int, int]:
        """Return the replicas asked for, the ready ones and those with the starting, as if we were obeyed."""
        there = inputs.current, inputs.ready, inputs.ready + inputs.starting
        if not self.observed or not inputs.standing:
            return there
        return inputs.standing, min(there[1], inputs.standing), min(there[2], inputs.standing)

    def _bases(self, inputs: Inputs, at_ms: int) -> tuple[int, int]:
        if not self.policy.rate_period_s:
            return 0, 0
        bucket, buckets = at_ms // BUCKET_MS, math.ceil(self.policy.rate_period_s / 2)
        _, _, base = self._counted(inputs)
        self.bases.append((bucket, max(1, base)))
        self.bases = [(index, base) for index, base in self.bases if index > bucket - buckets]
        counts = [base for _, base in self.bases]
        return min(counts), max(counts)

    def _asks_the_law(self, look: Look, inputs: Inputs) -> bool:
        unmeasured = inputs.stable is None or inputs.seen is Seen.NOTHING
        return not (unmeasured or look.hold or look.leave or look.current == 0)

    def _panic(self) -> tuple[int | None, int]:
        law = self.measured.law
        return (None, 0) if law is None else (law.panic_since_ms, law.floor)

    def _bounded(self, replicas: int) -> int:
        least = self._least() if self.initialised else self._least_at_first()
        if replicas < least:
            return least
        return min(replicas, self.policy.max_scale or replicas)

    def _placed(self, look: Look, asked: int, replicas: int) -> int:
        placement = look.placement
        if placement is None:
            return replicas
        most = 0 if placement.fits is None else placement.placed + placement.fits
        least = self._least() if self.initialised else self._least_at_first()
        return replicas if replicas <= asked else max(min(replicas, most), min(replicas, least), asked)

    def _least(self) -> int:
        return self.policy.min_scale if self.policy.reachable else 0

    def _least_at_first(self) -> int:
        initial = self.policy.initial_scale
        return max(self._least(), initial) if initial > 1 and self.policy.reachable else self._least()


class FleetTwin:
    """The workloads by UID."""

    def __init__(self) -> None:
        self.workloads: dict[str, Workload] = {}
        self._newest_s: int | None = None
        self._bucket = 0

    def follow(self, uid: str, policy: Policy, now_ms: int, *, query: str = "", created_s: int = 0) -> None:
        if uid in self.workloads:
            self.workloads[uid].follow(policy, query, now_ms, self._bucket)
            return
        old = now_ms * 10**6 - created_s * SECOND_NS > policy.progress_deadline_ns
        self.workloads[uid] = Workload(policy, query, old, Measured.nothing(policy), Maximum(policy.scale_down_delay_s))

    def forget(self, uid: str) -> None:
        del self.workloads[uid]

    def tick(self, at_ms: int, looks: Mapping[str, Look]) -> dict[str, Decision]:
        """Decide for every workload; all are looked at."""
        newest_s = at_ms // 1000 - 1
        if self._newest_s is not None and newest_s < self._newest_s - LARGEST_CORRECTION_S:
            self._begin_anew()
        self._set_delays_back(at_ms // BUCKET_MS)
        last_s = newest_s - 1 if self._newest_s is None else self._newest_s
        seconds = range(max(last_s, newest_s - LONGEST_CATCH_UP_S) + 1, newest_s + 1)
        self._newest_s = max(last_s, newest_s)
        decisions = {}
        for uid, look in looks.items():
            self.workloads[uid].record(look, seconds)
            decisions[uid] = self.workloads[uid].decide(look, at_ms)
        return decisions

    def _begin_anew(self) -> None:
        self._newest_s = None
        for workload in self.workloads.values():
            workload.measured = Measured.nothing(workload.policy)
            workload.delay = Maximum(workload.policy.scale_down_delay_s)
            workload.bases, workload.left = [], None
            workload.offering = Offering.of(workload.policy)

    def _set_delays_back(self, bucket: int) -> None:
        """Let what is remembered keep its age where the clock is set back."""
        back = max(0, self._bucket - bucket)
        for workload in self.workloads.values():
            entries = [(index - back, value) for index, value in workload.delay.entries]
            workload.delay = Maximum(workload.policy.scale_down_delay_s, entries)
            workload.bases = [(index - back, base) for index, base in workload.bases]
        self._bucket = bucket
