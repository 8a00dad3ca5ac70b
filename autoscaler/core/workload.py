"""What is decided for one workload at one tick? Observation, windows, law, holds and bounds, in this order.

The laws:
- No data is never zero: while a second within the panic window was not measured, the standing decision is held.
- Part of the data never scales down.
- Whatever the law wants, min-scale and max-scale hold, min-scale first.
- A workload that somebody scaled to zero is left alone, and the last replica stays: going to zero and back needs the
  activator.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from autoscaler.core import kpa
from autoscaler.core.model import Decision, Load, Mode, Policy, Seen
from autoscaler.core.observation import LastKnown, Samples, observe
from autoscaler.core.window import LoadWindow

_LONGEST_CATCH_UP_S = 600  # seconds written at one tick after a long stop of the program
_CLOCK_STEP_S = 5  # a clock that is corrected by less stands still for us, no more


@dataclass(frozen=True, slots=True)
class Sight:
    """What the cluster shows of a workload: its namespace, requested replicas, and the names of its ready pods."""

    namespace: str
    current: int
    ready: tuple[str, ...]


@dataclass(slots=True)
class Workload:
    """What is remembered of one workload; owned by one caller, changed by `tick` alone."""

    policy: Policy
    window: LoadWindow
    panic: kpa.Panic | None = None
    known: LastKnown = field(default_factory=LastKnown)
    standing: Decision | None = None

    @classmethod
    def first_seen(cls, policy: Policy) -> Workload:
        """Return the memory of a workload that is new to us."""
        return cls(policy, LoadWindow(policy.stable_window_s))

    def follow(self, policy: Policy) -> None:
        """Take new parameters over; what was measured stays."""
        if policy.stable_window_s != self.window.length:
            self.window = self.window.resized(policy.stable_window_s)
        self.policy = policy

    def tick(self, sight: Sight, samples: Samples, now: float, hold: str | None = None) -> Decision:
        """Return, and remember, what is to be done at `now` (Unix seconds); `hold` is a reason to decide nothing."""
        newest = int(now) - 1  # the last second that is over
        if self.window.last is not None and newest < self.window.last - _CLOCK_STEP_S:
            # The clock was set back: what is remembered lies in the future, and is not to be waited for.
            self.window, self.panic = LoadWindow(self.policy.stable_window_s), None
        last = self.window.last
        first = newest if last is None else max(last + 1, newest - _LONGEST_CATCH_UP_S + 1)
        self.known, seconds = observe(samples, sight.namespace, sight.ready, self.known, range(first, newest + 1))
        for second in seconds:
            self.window.record(second)
        self.standing = self._decide(sight, now, hold)
        return self.standing

    def _decide(self, sight: Sight, now: float, hold: str | None) -> Decision:
        policy, window, ready = self.policy, self.window, len(sight.ready)
        stable, panic = window.average(policy.stable_window_s), window.average(policy.panic_window_s)
        # A person may have raised the count meanwhile: what is held is never less than what is there.
        standing = max(sight.current, 0 if self.standing is None else self.standing.desired)
        held = Decision(now, Mode.HELD, "", standing, standing, sight.current, ready, stable=stable, panic=panic)
        if sight.current == 0:
            return replace(held, reason="somebody scaled it to zero; autoscaling resumes above zero", desired=0)
        if hold is not None:
            return self._bounded(replace(held, reason=f"held: {hold}"))
        if stable is None or panic is None:
            return self._bounded(replace(held, reason="held: no sample of its load has been seen yet"))
        if window.seen(policy.panic_window_s) is Seen.NOTHING:
            return self._bounded(replace(held, reason=f"held: no samples; last known load {_short(panic)}"))
        load = Load(stable, panic, ready)
        if self.panic is None:
            # The replicas that are still starting count here too: after a restart in a surge they are most of all.
            self.panic = kpa.first_panic(max(ready, sight.current), now)
        self.panic, wanted = kpa.decide(policy, self.panic, load, now)
        if wanted.replicas < standing and window.seen(policy.panic_window_s) is Seen.PART:
            reason = (
                f"held: some ready pods sent no samples; {wanted.replicas} wanted, part of the data never scales down"
            )
            return self._bounded(replace(held, reason=reason))
        return self._bounded(
            replace(
                held,
                mode=Mode.PANIC if wanted.panicking else Mode.STABLE,
                wanted=wanted.replicas,
                desired=wanted.replicas,
                reason=_reason(policy, wanted, load),
            )
        )

    def _bounded(self, decision: Decision) -> Decision:
        policy = self.policy
        least = max(1, policy.min_scale)
        if decision.desired < least:
            why = "min-scale" if policy.min_scale else "the last replica stays, as zero needs the activator"
            return replace(decision, desired=least, reason=f"{decision.reason}; raised to {least}: {why}")
        most = max(policy.max_scale, least)
        if policy.max_scale and decision.desired > most:
            return replace(decision, desired=most, reason=f"{decision.reason}; lowered to {most}: max-scale")
        return decision


def _reason(policy: Policy, wanted: kpa.Wanted, load: Load) -> str:
    """Return the decision as a sentence with the numbers that made it."""
    target = f"target {_short(policy.target)} each"
    if not wanted.panicking:
        return f"stable: load {_short(load.stable)} over {policy.stable_window_s}s, {target}: {wanted.replicas}"
    burst = f"load {_short(load.panic)} over {policy.panic_window_s}s, {target}"
    if wanted.replicas > max(wanted.panic, wanted.stable):
        return f"panic: kept at {wanted.replicas}, its highest; {burst}"
    return f"panic: {burst}, {load.ready} ready: {wanted.replicas}"


def _short(number: float) -> str:
    """Return a number as a person wants to read it; the exact one stands in the decision."""
    return f"{number:.2f}".rstrip("0").rstrip(".")
