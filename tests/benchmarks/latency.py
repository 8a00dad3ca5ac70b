"""How often does the latency law keep its target, beside a ratio controller on the same requests?

Requests of a trace come to replicas that take a minute to start and work on a few at once (`queueing`). The target is
1.5 times the 95th percentile of the service time without waiting. The law looks every 2 s at what the servers export;
the ratio controller is the HPA's: every 15 s the ready replicas times latency over target, 10 % tolerance, 300 s of
stabilisation downwards, at most doubling (or four more) at a time. Both may ask for at most so many times
what the busiest minute of the trace keeps busy, and a third that has the most all the time shows how many intervals
can be kept at all.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from math import ceil, inf
from statistics import median, quantiles
from typing import TYPE_CHECKING

from autoscaler.core.law.latency import bound, decide
from autoscaler.core.law.latency_terms import Aim, Memory, Phase, Seen
from tests.benchmarks import traces
from tests.benchmarks.queueing import VLLM_BUCKETS_S, Disturbance, Plant, Queueing, Request, Routing, run

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_BEGIN_S = 1_000_000.0
_STABLE_S, _PANIC_S = 60, 6
_SHARE = 0.05
_LIMITS, _BEGINNINGS, _SEEDS = (1, 4, 8, 16), (1, 4), (1, 2, 3)
_KEPT = 0.9
_TIMES = (2, 8)
_MADE_UP_S = 3420.0
MADE_UP: dict[str, Callable[[float], float]] = {
    "steady": lambda _: 8.0,
    "step": lambda at_s: 12.0 if 1200 <= at_s < 2400 else 4.0,
    "bursts": lambda at_s: 12.0 if at_s % 400 < 60 else 1.0,
}
"""Arrivals a second."""

_FIRST_S = 300.0  # intervals from here on count


@dataclass
class History:
    """What all servers exported together, look by look."""

    times: list[float] = field(default_factory=list)
    ended: list[float] = field(default_factory=list)
    duration: list[float] = field(default_factory=list)
    buckets: list[list[float]] = field(default_factory=list)
    in_flight: list[float] = field(default_factory=list)
    _of_replica: dict[int, tuple[int, float, tuple[int, ...]]] = field(default_factory=dict)

    def look(self, queueing: Queueing) -> None:
        """Read every page; what a replica that is gone had counted stays counted."""
        pages = queueing.exported()
        self._of_replica |= {page.number: (page.ended, page.sum_s, page.buckets) for page in pages}
        known = self._of_replica.values()
        self.times.append(queueing.now_s)
        self.ended.append(sum(one[0] for one in known))
        self.duration.append(sum(one[1] for one in known))
        self.buckets.append([sum(each) for each in zip(*(one[2] for one in known), strict=True)])
        self.in_flight.append(sum(page.running + page.waiting for page in pages))

    def before(self, length_s: float) -> int:
        """Return the place of the look so long before the last one, of the first one at most."""
        return max(0, bisect_right(self.times, self.times[-1] - length_s + 1e-9) - 1)

    def slow(self, since: int, target_s: float) -> float:
        """Return how many requests since a look were slower than the target, by the buckets."""
        counts = [now - then for now, then in zip(self.buckets[-1], self.buckets[since], strict=True)]
        at = next(i for i, upper in enumerate(VLLM_BUCKETS_S) if upper >= target_s)
        upper, lower = VLLM_BUCKETS_S[at], VLLM_BUCKETS_S[at - 1] if at else 0.0
        within = counts[at] if upper == inf else counts[at] * (upper - target_s) / (upper - lower)
        return sum(counts[at + 1 :]) + within

    def percentile(self, since: int) -> float | None:
        """Return the 95th percentile since a look by the buckets, None without requests."""
        counts = [now - then for now, then in zip(self.buckets[-1], self.buckets[since], strict=True)]
        wanted, below = 0.95 * sum(counts), 0.0
        if not wanted:
            return None
        for number, count in enumerate(counts):
            if below + count >= wanted:
                lower = VLLM_BUCKETS_S[number - 1] if number else 0.0
                upper = VLLM_BUCKETS_S[number]
                return lower if upper == inf else lower + (upper - lower) * (wanted - below) / count
            below += count
        return None


class Law:
    """The product's law; `phases` are those that it went through, and when."""

    def __init__(self, target_s: float, most: int) -> None:
        panic_s = min(_STABLE_S, max(_PANIC_S, round(target_s * 2 / 3)))
        self._aim = Aim(target_s, _SHARE, _STABLE_S, panic_s, 1, most)
        self._memory, self._history = Memory(), History()
        self.phases: list[tuple[float, Phase]] = []
        self.bound = 0

    def decide(self, queueing: Queueing) -> int | None:
        """Look, and decide."""
        history, aim = self._history, self._aim
        history.look(queueing)
        stable, panic = history.before(aim.stable_s), history.before(aim.panic_s)
        if stable == len(history.times) - 1:
            return None
        over_s, over_panic_s = (history.times[-1] - history.times[since] for since in (stable, panic))
        recent = history.in_flight[panic + 1 :]
        seen = Seen(
            at_ms=round(1000 * (_BEGIN_S + queueing.now_s)),
            ended=(history.ended[-1] - history.ended[stable]) / over_s,
            grown=(history.in_flight[-1] - history.in_flight[stable]) / over_s,
            slow=history.slow(stable, aim.target_s) / over_s,
            duration=(history.duration[-1] - history.duration[stable]) / over_s,
            ended_now=(history.ended[-1] - history.ended[panic]) / over_panic_s,
            grown_now=(history.in_flight[-1] - history.in_flight[panic]) / over_panic_s,
            in_flight=sum(recent) / len(recent),
            ready=queueing.ready,
            current=queueing.requested,
        )
        before = self._memory.phase
        self._memory, wanted = decide(self._memory, aim, seen)
        if self._memory.phase is not Phase.KEPT:
            self.bound = max(self.bound, bound(self._memory))
        if self._memory.phase is not before:
            self.phases.append((queueing.now_s, self._memory.phase))
        return wanted


class Ratio:
    """The HPA's law."""

    def __init__(self, target_s: float, most: int) -> None:
        self._target_s, self._most = target_s, most
        self._history = History()
        self._wanted: list[tuple[float, int]] = []
        self._next_s = 0.0

    def decide(self, queueing: Queueing) -> int | None:
        """Look, and decide every 15 s."""
        self._history.look(queueing)
        if queueing.now_s < self._next_s:
            return None
        self._next_s = queueing.now_s + 15.0
        latency_s = self._history.percentile(self._history.before(_STABLE_S))
        if latency_s is None:
            return None
        ratio, current = latency_s / self._target_s, queueing.requested
        wanted = current if abs(ratio - 1) <= 0.1 else ceil(ratio * queueing.ready)
        self._wanted = [(at, count) for at, count in self._wanted if at > queueing.now_s - 300]
        self._wanted.append((queueing.now_s, wanted))
        if wanted < current:
            wanted = min(current, max(count for _, count in self._wanted))
        return max(1, min(wanted, max(2 * current, current + 4), self._most))


@dataclass(frozen=True, slots=True)
class Outcome:
    """The share of one-minute intervals within the target, and what the replicas cost."""

    within: float
    replica_minutes: float


def target_of(requests: Sequence[Request]) -> float:
    """Return 1.5 times the 95th percentile of the service time."""
    return 1.5 * quantiles([request.service_s for request in requests], n=20)[-1]


def most_of(requests: Sequence[Request], limit: int, times: float = 2.0) -> int:
    """Return so many times the replicas that the busiest minute keeps busy."""
    minutes: dict[int, float] = {}
    for request in requests:
        minutes[int(request.at_s // 60)] = minutes.get(int(request.at_s // 60), 0.0) + request.service_s / 60
    return ceil(times * max(minutes.values()) / limit)


def outcome(queueing: Queueing, target_s: float, until_s: float) -> Outcome:
    """Return what came of a run."""
    minutes: dict[int, list[float]] = {}
    for one in queueing.ended:
        if _FIRST_S <= one.at_s < until_s:
            minutes.setdefault(int(one.at_s // 60), []).append(one.latency_s)
    kept = [sorted(each)[ceil(0.95 * len(each)) - 1] <= target_s for each in minutes.values()]
    return Outcome(sum(kept) / len(kept), queueing.replica_seconds / 60)


def table(say: Callable[[str], None]) -> list[str]:
    """Play every trace with both; return the tables."""
    lines = [
        "| requests | at once | at most | within the target | ratio controller | always the most | minutes | ratio |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name, source in sources().items():
        if source is None:
            lines.append(f"| {name} | not measured: the trace is not at hand | | | | | | |")
            continue
        for limit in _LIMITS:
            for times in _TIMES:
                lines.append(_row(name, source, limit, times))
                say(lines[-1])
    lines += ["", *causes(say), ""]
    seeds = ", ".join(map(str, _SEEDS))
    lines.append(
        f"Seeds {seeds}, each with another {_KEPT:.0%} of a trace's requests; {_BEGINNINGS} replicas to begin with. "
        "At most: times what the busiest minute keeps busy; minutes: of replicas. What is slow: 8 requests a second of "
        "2 s, 4 at once, 5 replicas to begin with; busy with it: what the requests keep busy while it is slow."
    )
    return lines


def wrongs(target_s: float, from_s: float) -> dict[str, tuple[Routing, Disturbance]]:
    """Return what replicas do not cure, from a time on."""
    one, each = Routing.ONE_QUEUE, Routing.ROUND_ROBIN
    return {
        "the model, 3 times slower": (one, Disturbance(from_s, slower=3.0)),
        "one pod, 10 times slower, each has its turn": (each, Disturbance(from_s, bad_pod=0)),
        "one pod, 10 times slower, one queue for all": (one, Disturbance(from_s, bad_pod=0)),
        "a dependency, replicas not busy": (one, Disturbance(from_s, extra_s=2 * target_s, holds_slot=False)),
        "a dependency, replicas busy": (one, Disturbance(from_s, extra_s=2 * target_s)),
    }


def causes(say: Callable[[str], None]) -> list[str]:
    """Return the table of what replicas do not cure: the steady load, with it from the start and from 1,500 s on."""
    lines = [
        "| what is slow | from, s | busy without | with it | bound | most replicas | ratio | said after, s | turns |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for from_s in (1500.0, 0.0):
        for title in wrongs(1.0, from_s):
            lines.append(_cause(title, from_s))
            say(lines[-1])
    return lines


def _cause(title: str, from_s: float) -> str:
    busy, bounds, most, theirs, said, turned = [], [], [], [], [], []
    for seed in _SEEDS:
        requests = drawn(MADE_UP["steady"], seed)
        target_s = target_of(requests)
        routing, wrong = wrongs(target_s, from_s)[title]
        plant = Plant(limit=4, routing=routing, disturbance=wrong)
        law, ratio = Law(target_s, 0), Ratio(target_s, 1000)
        changes = run(Queueing(plant, requests, 5), law.decide, _MADE_UP_S)
        theirs.append(max(count for _, count in run(Queueing(plant, requests, 5), ratio.decide, _MADE_UP_S)))
        busy.append((_busy(requests, Disturbance()), _busy(requests, wrong)))
        bounds.append(law.bound)
        most.append(max(count for _, count in changes))
        told = [at_s - from_s for at_s, phase in law.phases if phase is Phase.GIVEN_UP and at_s >= from_s]
        said.append(f"{told[0]:.0f}" if told else "never")
        turned.append(turns(changes, 300.0))
    ranges = [_range(each, "{:.0f}") for each in (*map(list, zip(*busy, strict=True)), bounds, most, theirs)]
    return f"| {title} | {from_s:.0f} | {' | '.join(ranges)} | {', '.join(said)} | {max(turned)} |"


def _busy(requests: Sequence[Request], wrong: Disturbance) -> int:
    """Return the replicas of 4 at once that the requests keep busy on average."""
    of_each = sum(wrong.slower * one.service_s + (wrong.extra_s if wrong.holds_slot else 0.0) for one in requests)
    return ceil(of_each / _MADE_UP_S / 4)


def turns(changes: Sequence[tuple[float, int]], within_s: float) -> int:
    """Return the most changes of direction within any so many seconds."""
    moves = [(at_s, after > before) for (_, before), (at_s, after) in pairwise(changes)]
    turned = [at_s for (_, was), (at_s, now) in pairwise(moves) if was is not now]
    return max((sum(at_s <= other < at_s + within_s for other in turned) for at_s in turned), default=0)


def sources() -> dict[str, Callable[[int], list[Request]] | None]:
    """Return where requests come from, by a seed; None for a trace that is not at hand."""
    absent = traces.absent()
    found: dict[str, Callable[[int], list[Request]] | None] = {
        name: None if name in absent else partial(_kept_of, name) for name in traces.FILES
    }
    found["servegen"] = traces.servegen if traces.has_servegen() else None
    return found | {name: partial(drawn, rate) for name, rate in MADE_UP.items()}


def _kept_of(name: str, seed: int) -> list[Request]:
    return traces.requests(name, keep=_KEPT, seed=seed)


def drawn(rate: Callable[[float], float], seed: int) -> list[Request]:
    """Return requests that come by chance at a rate, with service times of 2 s (gamma, CV 0.7)."""
    draw, at_s, found = random.Random(seed), 0.0, []  # noqa: S311  a seed, for the same requests each time
    while at_s < _MADE_UP_S:
        at_s += draw.expovariate(rate(at_s))
        found.append(Request(at_s, draw.gammavariate(2.0, 1.0)))
    return found


class _Always:
    """The most replicas, all the time."""

    def __init__(self, _target_s: float, most: int) -> None:
        self.decide: Callable[[Queueing], int] = lambda _: most


def _row(name: str, source: Callable[[int], list[Request]], limit: int, times: int) -> str:
    runs: dict[type[Law | Ratio | _Always], list[Outcome]] = {Law: [], Ratio: [], _Always: []}
    for seed in _SEEDS:
        requests = source(seed)
        target_s, most = target_of(requests), most_of(requests, limit, times)
        for beginning in _BEGINNINGS:
            for who, outcomes in runs.items():
                queueing = Queueing(Plant(limit=limit), requests, beginning)
                run(queueing, who(target_s, max(most, beginning)).decide, requests[-1].at_s)
                outcomes.append(outcome(queueing, target_s, requests[-1].at_s))
    within = [_range([one.within for one in runs[who]], "{:.1%}") for who in runs]
    minutes = [_range([one.replica_minutes for one in runs[who]], "{:.0f}") for who in (Law, Ratio)]
    return f"| {name} | {limit} | {times} x | {' | '.join((*within, *minutes))} |"


def _range(values: Sequence[float], form: str) -> str:
    return f"{form.format(median(values))} ({form.format(min(values))} to {form.format(max(values))})"
