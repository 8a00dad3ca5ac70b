"""How many replicas keep requests within a latency target? A load per replica that is learned, and latency corrects it.

Latency itself is no measure of need: it lags by what it measures, it is flat until a server is full, and above that it
grows with the queue, not with the need. So the law scales by load, as for concurrency, and learns what a replica can
carry (docs/decisions/0013-latency.md):

- Demand is arrivals a second times the service time, learned while the target was met; its highest values of the last
  ten stable windows stay, of the last thirty where it comes in bursts (`held`).
- `per_replica` is the demand that one replica may carry: raised slowly while the target is met and it is nearly
  carried, lowered at a miss that is not explained by demand above it. What saturated replicas worked off is its
  ceiling.
- Missed is a target when slow requests outweigh what the percentile allows, added up over time so that the noise of few
  requests is none; or when what is in flight cannot be worked off within the target.
- Where a miss stays though everything asked for is ready, half as many replicas more are tried, once. If that does not
  help, latency is not load-related here: the trial is taken back, and it is said.
- While missing, replicas are never more than three times what the demand needed when the target was met, or what keeps
  up with it where it never was. After ten stable windows a miss is given up, after thirty where replicas are still
  starting. What was carried before is gone back to once the target is kept again.
- Replicas rise at once, and fall after five stable windows, by one step a window. As long as the target is kept they do
  not rise again within five windows of a fall: a steady load has no two turns within them.
"""

from __future__ import annotations

from dataclasses import replace
from math import ceil, exp, floor, inf

from autoscaler.core.law.bursts import WINDOWS_HELD, held
from autoscaler.core.law.latency_terms import Aim, Memory, Phase, Seen

MOST_TIMES = 3
"""While missing, replicas are at most so many times those that the demand needed when the target was met.

Where it never was: so many times those that keep up with the demand, by what saturated replicas worked off.
"""

_OF_CEILING = 0.95  # a saturated replica's pace leaves no room for chance
_BACK = 0.95
_OF_MISSED = 0.8
_WHEN_UNKNOWN = 2.0
_TRIAL = 1.5
_HYSTERESIS = 0.95
_DOWN_AFTER = 5  # stable windows since the last rise
_GATE = 1.15  # how nearly per_replica has to be carried to be raised
_STEP_KNOWN, _STEP_FREE, _STEP_REGAINED = 0.02, 0.10, 0.25  # by how much a window, with and without a known ceiling
_PUSH_BELOW = 0.5  # far below what it may carry, few slow requests do not hold it back
_DRAIN_WINDOWS = 2.0
_DEBT_MISSED, _DEBT_MET, _DEBT_MOST = 3.0, 1.0, 6.0  # requests
_PRIOR = 20  # requests by which a share of few is drawn to none
_ENOUGH, _FEW, _MANY = 20, 8, 60  # requests from which a time, and a pace, are believed
_LEAST_PRESSED = 3.0
_STARTING_TIMES = 3.0  # so many times longer a miss may last while replicas are starting


def decide(memory: Memory, aim: Aim, seen: Seen) -> tuple[Memory, int]:
    """Return what is remembered now, and the replicas that are wanted; `memory` stays as it is."""
    look = _Look(replace(memory), aim, seen)
    look.judge()
    look.learn()
    look.adapt()
    return look.memory, look.replicas()


def bound(memory: Memory) -> int:
    """Return the most replicas that are asked for while the target is missed; 0 where nothing is known yet."""
    if memory.proven <= 0:
        return 0
    return max(MOST_TIMES * ceil(held(memory.peaks) / memory.proven), 1)


class _Look:
    """One decision: what follows from what is seen, and the memory that it changes."""

    def __init__(self, memory: Memory, aim: Aim, seen: Seen) -> None:
        self.memory, self.aim, self.seen = memory, aim, seen
        self.now_s = seen.at_ms / 1000
        # A stop of ours, or a hold, is not a time in which anything was seen.
        self.passed_s = 0.0 if memory.at_s <= 0 else min(max(0.0, self.now_s - memory.at_s), aim.stable_s)
        if memory.at_s <= 0:
            memory.raised_s = self.now_s  # who begins anew waits before replicas fall
        memory.at_s = self.now_s
        self.base = max(1, seen.ready)
        self.arrivals = max(seen.ended + seen.grown, 0.0)
        self.arrivals_now = max(seen.ended_now + seen.grown_now, 0.0)
        window_s = aim.stable_s
        self.excess = (seen.slow - aim.share * seen.ended) * window_s  # requests slower than allowed, in a window
        self.slow_share = seen.slow * window_s / (seen.ended * window_s + _PRIOR)
        self.latency_s = seen.in_flight / max(self.arrivals, 1e-9)  # by Little's law
        self.behind = self.arrivals > 1.2 * seen.ended

    @property
    def known(self) -> bool:
        """Whether the service time is known; until then demand is counted in arrivals a second."""
        return self.memory.service_s > 0

    @property
    def service_s(self) -> float:
        return self.memory.service_s if self.known else 1.0

    # --- is the target met? ---

    def judge(self) -> None:
        memory, seen, window_s = self.memory, self.seen, self.aim.stable_s
        owed = memory.debt + (seen.slow - self.aim.share * seen.ended) * self.passed_s
        memory.debt = min(max(0.0, owed) * exp(-self.passed_s / (WINDOWS_HELD * window_s)), _DEBT_MOST)
        if memory.ready != seen.ready:
            memory.ready, memory.ready_since_s = seen.ready, self.now_s
            memory.patient_since_s, memory.best_s = self.now_s, 0.0
        self.pressed = seen.in_flight > max(seen.ended_now * self.aim.target_s, _LEAST_PRESSED)
        if self.pressed:
            memory.pressed_s += self.passed_s
            memory.pressed_last_s = self.now_s
            self._pace()
        else:
            memory.pressed_s = memory.pressed_ended = 0.0
        self.missed = memory.debt >= _DEBT_MISSED or memory.pressed_s >= self.aim.target_s
        self.met = memory.debt < _DEBT_MET and not self.pressed
        self.calm = self.met and self.slow_share <= self.aim.share / 2
        better = memory.best_s <= 0 or self.latency_s < 0.9 * memory.best_s
        if seen.ready < seen.current or better:
            self._be_patient()
        self.stuck = self.now_s - memory.patient_since_s >= window_s

    def _be_patient(self) -> None:
        """Give what is there now a window to get better."""
        self.memory.patient_since_s, self.memory.best_s = self.now_s, self.latency_s

    def _pace(self) -> None:
        """Take note of what saturated replicas work off, once they have been saturated for as long as requests take."""
        memory, seen = self.memory, self.seen
        window_s = self.aim.stable_s
        takes_s = min(seen.in_flight / max(self.arrivals, self.arrivals_now, 1e-9), window_s)
        least_s = max(takes_s, self.service_s if self.known else min(self.aim.target_s, window_s)) + self.aim.panic_s
        if min(memory.pressed_s, self.now_s - memory.ready_since_s) <= least_s:
            return
        worked = seen.ended_now * self.service_s
        draining = self.arrivals < seen.ended / 1.2
        if self.behind or draining or worked * memory.paced_replicas > self.base * memory.paced_ended:
            fade = exp(-self.passed_s / (WINDOWS_HELD * window_s))
            memory.paced_ended = memory.paced_ended * fade + worked * self.passed_s
            memory.paced_replicas = memory.paced_replicas * fade + self.base * self.passed_s
            memory.pressed_ended += seen.ended_now * self.passed_s

    # --- what can a replica carry? ---

    def learn(self) -> None:
        self._learn_service()
        self.demand = min(self.arrivals_now * self.service_s, self.seen.in_flight) if self.known else self.arrivals_now
        memory = self.memory
        window = int(self.now_s // self.aim.stable_s)
        shift = min(max(window - memory.window, 0), len(memory.peaks))
        peaks = (*memory.peaks[shift:], *(0.0,) * shift)
        memory.window, memory.peaks = window, (*peaks[:-1], max(peaks[-1], self.demand))
        self.held = held(memory.peaks)
        if memory.pressed_ended >= _FEW and memory.paced_replicas >= _ENOUGH:
            self._learn_ceiling()

    def _learn_service(self) -> None:
        memory, seen, window_s = self.memory, self.seen, self.aim.stable_s
        if not (self.calm and seen.ended > 0):
            if not self.known and not self.calm:
                memory.met_for_s = memory.met_ended = memory.met_duration = 0.0
            return
        full = seen.ended * window_s >= 5 or memory.met_ended >= _ENOUGH
        fade = exp(-self.passed_s / (2 * window_s)) if full else 1.0
        memory.met_ended = memory.met_ended * fade + seen.ended * self.passed_s
        memory.met_duration = memory.met_duration * fade + seen.duration * self.passed_s
        memory.met_for_s += self.passed_s
        if self.known:
            memory.service_s = memory.met_duration / memory.met_ended if memory.met_ended else memory.service_s
        elif memory.met_ended >= _ENOUGH and memory.met_for_s >= window_s:
            # From now on demand is counted in requests at once: so is what was learned.
            memory.service_s = factor = memory.met_duration / memory.met_ended
            memory.per_replica *= factor
            memory.ceiling *= factor
            memory.proven *= factor
            memory.paced_ended *= factor
            memory.peaks = tuple(peak * factor for peak in memory.peaks)

    def _learn_ceiling(self) -> None:
        memory = self.memory
        memory.ceiling = memory.paced_ended / memory.paced_replicas
        usable = _OF_CEILING * memory.ceiling
        if memory.per_replica <= 0:
            memory.per_replica = usable
        elif memory.phase is not Phase.TRIED:
            few = memory.pressed_ended < _ENOUGH and self.known
            sure = not few and (self.behind or memory.pressed_ended >= _MANY)
            memory.per_replica = usable if sure else max(memory.per_replica, usable)
        if memory.proven <= 0:
            memory.proven = memory.ceiling
        elif not self.known:
            memory.proven = max(memory.proven, memory.ceiling)

    # --- does the load explain it? ---

    def adapt(self) -> None:
        memory = self.memory
        if memory.per_replica <= 0:
            self._begin()
        elif self.missed:
            self._miss()
        else:
            if memory.phase is not Phase.KEPT and self.met:
                self._recover()
            if memory.phase is Phase.KEPT and self.met:
                self._raise()
        if memory.phase in {Phase.MISSED, Phase.TRIED} and self._over():
            if memory.trial_per_replica > 0:
                memory.per_replica, memory.trial_per_replica = memory.trial_per_replica, 0.0
            memory.phase = Phase.GIVEN_UP

    def _begin(self) -> None:
        memory = self.memory
        if self.met and self.known:
            memory.per_replica = self.held / self.base
        elif self.missed and not self.pressed and self.now_s - memory.pressed_last_s < self.aim.stable_s:
            # A burst was too much, and too short to tell what saturated replicas can: twice as many, for the next one.
            memory.per_replica = self.held / self.base / _WHEN_UNKNOWN
            memory.ceiling = memory.per_replica / _OF_CEILING
            memory.phase, memory.missed_since_s = Phase.MISSED, self.now_s
            self._be_patient()
        elif self.missed and self.stuck and not self.pressed and self.excess >= 2:
            memory.per_replica = memory.proven = self.held / self.base
        if memory.per_replica <= 0:
            self._wait()

    def _wait(self) -> None:
        """Nothing is known of what a replica carries: say so where nothing ends for as long as a miss may last."""
        memory = self.memory
        if not self.missed:
            memory.phase, memory.missed_since_s = Phase.KEPT, 0.0
        elif memory.missed_since_s <= 0:
            memory.missed_since_s = self.now_s
        elif self._over():
            memory.phase = Phase.GIVEN_UP

    def _recover(self) -> None:
        """The target is kept again."""
        memory = self.memory
        if memory.phase is Phase.GIVEN_UP:
            # It was not the load: what saturated replicas worked off meanwhile says nothing of what they can now.
            memory.ceiling, memory.paced_ended, memory.paced_replicas = memory.kept_ceiling, 0.0, 0.0
            memory.regained = memory.kept_per_replica
        memory.phase, memory.trial_per_replica = Phase.KEPT, 0.0

    def _raise(self) -> None:
        memory, free = self.memory, self.memory.ceiling <= 0
        below = free or memory.per_replica < _OF_CEILING * memory.ceiling
        regains = memory.per_replica < memory.regained
        push = 1 - self.slow_share / (self.aim.share / 2)
        if not free and below:
            push = max(push, 0.0)
        if below and push > 0:
            push = max(push, _PUSH_BELOW)
        if regains or self.held / self.base * _GATE >= memory.per_replica or push < 0:
            step = _STEP_REGAINED if regains else _STEP_FREE if below else _STEP_KNOWN
            memory.per_replica *= 1 + step * self.passed_s / self.aim.stable_s * max(-1.0, min(1.0, push))
        carried = (
            max(memory.peaks[-WINDOWS_HELD - 1 : -1]) if free else 0.8 * min(self.demand, memory.ceiling * self.base)
        )
        memory.per_replica = max(memory.per_replica, carried / self.base)
        memory.proven = memory.per_replica
        if self.known and not regains:
            memory.kept_per_replica, memory.kept_ceiling, memory.regained = memory.per_replica, memory.ceiling, 0.0

    def _miss(self) -> None:
        memory, base = self.memory, self.base
        if memory.phase is Phase.KEPT:
            memory.phase, memory.missed_since_s = Phase.MISSED, self.now_s
            self._be_patient()
            memory.regained = 0.0
            if self.known and memory.paced_replicas <= _ENOUGH:
                self._guess_ceiling()
            if self.demand <= memory.per_replica * base:  # more than that explains it by itself
                memory.per_replica = self._less(memory.per_replica)
        waited = self.now_s - memory.patient_since_s >= self.aim.stable_s
        carried = self.demand <= 1.05 * memory.per_replica * base
        if memory.phase is Phase.MISSED and waited and memory.trial_per_replica <= 0 and carried:
            if self.excess >= 2 or memory.pressed_ended >= _FEW:
                self._try()
        elif memory.phase is Phase.TRIED and self.stuck and self.seen.current <= self.seen.ready:
            self._judge_trial()

    def _try(self) -> None:
        memory = self.memory
        memory.trial_per_replica, memory.trial_latency_s = memory.per_replica, self.latency_s
        memory.trial_slow = self.slow_share
        if memory.ceiling <= 0:
            memory.per_replica = max(memory.per_replica, self.held / self.base)
        if memory.pressed_ended >= _FEW:
            usable = _OF_CEILING * memory.ceiling
            memory.per_replica = max(min(memory.per_replica, usable), memory.per_replica / 2)
        else:
            memory.per_replica /= _TRIAL
        memory.phase = Phase.TRIED
        self._be_patient()

    def _judge_trial(self) -> None:
        memory = self.memory
        better = self.latency_s < 0.9 * memory.trial_latency_s or self.slow_share < 0.8 * memory.trial_slow
        if not better:
            memory.per_replica = memory.trial_per_replica
        elif memory.ceiling <= 0:
            memory.ceiling = memory.per_replica / _OF_CEILING
        memory.phase = Phase.MISSED if better else Phase.GIVEN_UP
        memory.trial_per_replica = 0.0
        self._be_patient()

    def _guess_ceiling(self) -> None:
        """Take what was carried at a miss for the ceiling, roughly, until saturated replicas tell it better."""
        memory = self.memory
        carried = min(self.held / self.base, max(memory.per_replica, self.demand / self.base))
        memory.ceiling = min(_OF_MISSED * carried, memory.ceiling or inf)
        memory.per_replica = min(memory.per_replica, memory.ceiling)

    def _less(self, per_replica: float) -> float:
        ceiling = self.memory.ceiling
        if ceiling <= 0:
            return per_replica * _BACK
        return max(min(per_replica * _BACK, _OF_CEILING * ceiling), min(per_replica, _OF_CEILING * ceiling))

    def _over(self) -> bool:
        lasted = (self.now_s - self.memory.missed_since_s) / (WINDOWS_HELD * self.aim.stable_s)
        return lasted > (1.0 if self.seen.ready >= self.seen.current else _STARTING_TIMES)

    # --- how many, then? ---

    def replicas(self) -> int:
        """Return the replicas that are wanted."""
        memory, aim, current = self.memory, self.aim, self.seen.current
        if memory.per_replica <= 0:
            return current
        plan = (self.held + self._drain()) / max(memory.per_replica, 1e-9)
        if memory.phase is not Phase.KEPT and memory.proven > 0:
            plan = min(plan, bound(memory))
        wanted = ceil(plan - 1e-9)
        if wanted < current:
            wanted = self._fallen(plan)
        elif wanted > current and memory.ceiling <= 0 and memory.phase is not Phase.TRIED:
            # Never saturated, never tried: nothing says yet that more replicas would help.
            wanted = current
        elif wanted > current and memory.phase is Phase.KEPT and self._fell_lately():
            wanted = current
        wanted = max(aim.least, 1, min(wanted, aim.most or wanted))
        if wanted > current:
            memory.raised_s = self.now_s
        return wanted

    def _fell_lately(self) -> bool:
        """Tell whether replicas fell a moment ago: what is kept all the same needs no turn so soon."""
        return self.now_s - self.memory.lowered_s < _DOWN_AFTER * self.aim.stable_s

    def _drain(self) -> float:
        """Return the demand that works off what waits, while missing."""
        if not (self.missed and self.memory.phase in {Phase.MISSED, Phase.TRIED}):
            return 0.0
        running = self.arrivals * (self.service_s if self.known else self.aim.target_s * 2 / 3)
        # What waits for longer may take longer: replicas that take long to start are not asked for twice.
        within_s = max(_DRAIN_WINDOWS * self.aim.stable_s, self.now_s - self.memory.missed_since_s)
        return max(0.0, self.seen.in_flight - running) * self.service_s / within_s

    def _fallen(self, plan: float) -> int:
        memory, current, window_s = self.memory, self.seen.current, self.aim.stable_s
        low = ceil(plan / _HYSTERESIS - 1e-9)
        waits = self.now_s - memory.raised_s < _DOWN_AFTER * window_s or self.now_s - memory.lowered_s < window_s
        if low >= current or waits or (self.missed and memory.phase is not Phase.GIVEN_UP):
            return current
        memory.lowered_s = self.now_s
        return max(low, floor(current / 2))
