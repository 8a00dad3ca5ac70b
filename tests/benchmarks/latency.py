"""How many minutes are within a latency target, and for how many replicas, beside a ratio controller on the same runs?

Requests of traces come to replicas that take a minute to start and work on a few at once, in one queue (`queueing`);
the target is one and a half times the 95th percentile of the service times. A minute counts by the requests that came in
it, from the sixth minute on; one without requests counts for neither. Both controllers have the same max-scale: twice,
and four times, the replicas that the busiest minute fills.

What replicas do not cure is played on steady load: a model that is slow whatever the load, one bad pod, and something
behind the replicas that is down.
"""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass, replace
from math import ceil
from typing import TYPE_CHECKING

from tests.benchmarks import traces
from tests.benchmarks.latency_arms import Law, Ratio, policy, share_within
from tests.benchmarks.queueing import VLLM_BUCKETS_S, Disturbance, Plant, Queueing, Request, Routing, run

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_SEEDS = (1, 2, 3)
_KEPT = 0.9
_LIMITS = (1, 4, 8, 16)
_SLOTS_AT_FIRST = (1, 4, 64)  # replicas, replicas, and slots
_ROOM = (2.0, 4.0)
_FIRST_S, _LENGTH_S, _MINUTE_S = 300.0, 3420.0, 60.0
_TARGET = 1.5
_HEADS = (
    "requests",
    "at once",
    "max-scale",
    "within: ratio",
    "within: Plimsoll",
    "replica-minutes: ratio",
    "replica-minutes: Plimsoll",
    "no replica spared",
    "no worse, no dearer",
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one run: the share of minutes within the target, replica-minutes, and the counts asked for."""

    within: float
    replica_minutes: float
    changes: tuple[tuple[float, int], ...]

    @property
    def most(self) -> int:
        """The most replicas that were asked for."""
        return max(count for _, count in self.changes)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value within which that share lies."""
    return sorted(values)[min(len(values) - 1, ceil(share * len(values)) - 1)]


def target_s(requests: Sequence[Request]) -> float:
    """Return one and a half times the 95th percentile of the service times."""
    return _TARGET * percentile([request.service_s for request in requests], 0.95)


def played(queueing: Queueing, decide: Callable[[Queueing], int | None], aim_s: float, until_s: float) -> Outcome:
    """Let one controller scale, and return what came of it."""
    changes = run(queueing, decide, until_s, every_s=1.0)
    by_minute: defaultdict[int, list[float]] = defaultdict(list)
    for one in queueing.ended:
        if _FIRST_S <= one.at_s < until_s - _MINUTE_S:
            by_minute[int(one.at_s // _MINUTE_S)].append(one.latency_s)
    return Outcome(share_within(by_minute, aim_s), queueing.replica_seconds / 60, tuple(changes))


def turns(changes: Sequence[tuple[float, int]], within_s: float = 300.0) -> int:
    """Return how many changes of direction there are at most within so many seconds."""
    ways = [(at, after > before) for (_, before), (at, after) in zip(changes, changes[1:], strict=False)]
    turned = [at for (_, way), (at, other) in zip(ways, ways[1:], strict=False) if way != other]
    return max((sum(at <= each < at + within_s for each in turned) for at in turned), default=0)


def drawn(rate: Callable[[float], float], until_s: float, seed: int, *, mean_s: float = 2.0) -> list[Request]:
    """Return requests that come by chance at `rate`, with service times of a gamma distribution (CV 0.7)."""
    draw, at_s, found = random.Random(seed), 0.0, []  # noqa: S311  a seed, for the same requests each time
    while at_s < until_s:
        at_s += draw.expovariate(max(rate(at_s), 0.01))
        found.append(Request(at_s, draw.gammavariate(2.0, mean_s / 2.0)))
    return found


SYNTHETIC: dict[str, Callable[[float], float]] = {
    "steady": lambda _: 8.0,
    "step": lambda at_s: 4.0 if at_s < 1200 or at_s > 2400 else 12.0,
    "bursts": lambda at_s: 12.0 if at_s % 400 < 60 else 1.0,
}
"""Arrivals a second."""


def _sources() -> dict[str, Callable[[int], list[Request]] | None]:
    """Return where requests come from, by seed; None for a trace that is not at hand."""
    absent = traces.absent()
    known: dict[str, Callable[[int], list[Request]] | None] = {}
    for name in traces.FILES:
        known[name] = None if name in absent else _of_trace(name)
    known["servegen"] = traces.servegen if traces.has_servegen() else None
    for name, rate in SYNTHETIC.items():
        known[name] = _of_rate(rate)
    return known


def _of_trace(name: str) -> Callable[[int], list[Request]]:
    def requests(seed: int) -> list[Request]:
        found = traces.requests(name, keep=_KEPT, seed=seed)
        offset_s = 400.0 * (seed - 1)  # another beginning with each seed, and what was cut off at the end
        length_s = found[-1].at_s
        moved = [replace(each, at_s=(each.at_s - offset_s) % length_s) for each in found]
        return sorted(moved, key=lambda request: request.at_s)

    return requests


def _of_rate(rate: Callable[[float], float]) -> Callable[[int], list[Request]]:
    return lambda seed: drawn(rate, _LENGTH_S, seed)


def table(say: Callable[[str], None]) -> list[str]:
    """Play everything with both controllers; return the table."""
    lines = [f"| {' | '.join(_HEADS)} |", "|---|---:|---:|---:|---:|---:|---:|---:|---:|"]
    for name, source in _sources().items():
        if source is None:
            lines.append(f"| {name} | not measured: the trace is not at hand | | | | | | | |")
            continue
        for limit in _LIMITS:
            for room in _ROOM:
                lines.append(_row(name, limit, room, _pairs(source, limit, room)))
                say(lines[-1])
    seeds, first = ", ".join(map(str, _SEEDS)), ", ".join(map(str, _SLOTS_AT_FIRST[:2]))
    lines += [
        "",
        f"Median (least to most) over seeds {seeds}, each with another {_KEPT:.0%} of the requests and another "
        f"beginning, and {first} or enough replicas for {_SLOTS_AT_FIRST[2]} requests at first.",
    ]
    return lines


def _pairs(source: Callable[[int], list[Request]], limit: int, room: float) -> list[tuple[Outcome, Outcome, float]]:
    """Return what the ratio controller and we did on each run, and what was possible with replicas without end."""
    found = []
    for seed in _SEEDS:
        requests = source(seed)
        aim_s, most = target_s(requests), ceil(room * busiest(requests) / limit)
        spared = played(Queueing(Plant(limit=100_000), requests, 1), lambda _: None, aim_s, _LENGTH_S).within
        for first in (*_SLOTS_AT_FIRST[:2], ceil(_SLOTS_AT_FIRST[2] / limit)):
            here = max(most, first)
            ratio, law = Ratio(aim_s, VLLM_BUCKETS_S, most=here), Law(policy(aim_s, most=here), VLLM_BUCKETS_S)
            outcomes = [
                played(Queueing(Plant(limit=limit), requests, first), each.decide, aim_s, _LENGTH_S)
                for each in (ratio, law)
            ]
            found.append((outcomes[0], outcomes[1], spared))
    return found


def busiest(requests: Sequence[Request]) -> float:
    """Return how many requests the busiest minute keeps in work at once."""
    by_minute: defaultdict[int, float] = defaultdict(float)
    for request in requests:
        by_minute[int(request.at_s // _MINUTE_S)] += request.service_s
    return max(by_minute.values()) / _MINUTE_S


def _row(name: str, limit: int, room: float, pairs: Sequence[tuple[Outcome, Outcome, float]]) -> str:
    ratios, ours = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    good = sum(o.within >= r.within and o.replica_minutes <= r.replica_minutes for r, o, _ in pairs)
    cells = (
        name,
        str(limit),
        f"{room:g}x",
        *(_spread([100 * one.within for one in each], "%") for each in (ratios, ours)),
        *(_spread([one.replica_minutes for one in each]) for each in (ratios, ours)),
        _spread([100 * pair[2] for pair in pairs], "%"),
        f"{good} of {len(pairs)}",
    )
    return f"| {' | '.join(cells)} |"


def _spread(values: Sequence[float], unit: str = "") -> str:
    ordered = sorted(values)
    median = ordered[len(ordered) // 2]
    return f"{median:.0f}{unit} ({ordered[0]:.0f} to {ordered[-1]:.0f})"


# --- what replicas do not cure ---


def causes(aim_s: float) -> dict[str, Plant]:
    """Return the replicas with what is wrong with them, from minute 25 on or from the beginning."""
    plants = {"nothing": Plant()}
    for when, from_s in (("from minute 25", 1500.0), ("from the start", 0.0)):
        plants |= {
            f"model three times slower, {when}": Plant(disturbance=Disturbance(from_s, slower=3.0)),
            f"one bad pod, its turn each round, {when}": Plant(
                routing=Routing.ROUND_ROBIN, disturbance=Disturbance(from_s, bad_pod=0)
            ),
            f"one bad pod, one queue, {when}": Plant(disturbance=Disturbance(from_s, bad_pod=0)),
            f"dependency down, slots held, {when}": Plant(disturbance=Disturbance(from_s, extra_s=2 * aim_s)),
            f"dependency down, no slot held, {when}": Plant(
                disturbance=Disturbance(from_s, extra_s=2 * aim_s, holds_slot=False)
            ),
        }
    return plants


def table_of_causes(say: Callable[[str], None]) -> list[str]:
    """Play what replicas do not cure; return the table."""
    lines = [
        "| what is wrong | ratio: most replicas | Plimsoll: most replicas | times its load at the target | "
        "said after, s | turns in 5 minutes |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    rate = SYNTHETIC["steady"]
    runs = {seed: drawn(rate, _LENGTH_S, seed) for seed in _SEEDS}
    for name in causes(1.0):
        found = []
        for requests in runs.values():
            aim_s = target_s(requests)
            plant = causes(aim_s)[name]
            law = Law(policy(aim_s), VLLM_BUCKETS_S)
            ratio = Ratio(aim_s, VLLM_BUCKETS_S, most=1000)
            ours = played(Queueing(plant, requests, 5), law.decide, aim_s, _LENGTH_S)
            theirs = played(Queueing(plant, requests, 5), ratio.decide, aim_s, _LENGTH_S)
            said = law.unhelped_since_s
            found.append((theirs.most, ours.most, None if said is None else said - plant.disturbance.from_s, ours))
        needed = ceil(busiest(runs[_SEEDS[0]]) / Plant().limit)
        said_s = [f"{each:.0f}" for _, _, each, _ in found if each is not None] or ["never"]
        cells = (
            name,
            _spread([float(one[0]) for one in found]),
            _spread([float(one[1]) for one in found]),
            f"{max(one[1] for one in found) / needed:.1f}",
            " / ".join(said_s),
            str(max(turns(one[3].changes) for one in found)),
        )
        lines.append(f"| {' | '.join(cells)} |")
        say(lines[-1])
    lines += ["", f"8 requests a second, 4 at once, 5 replicas at first, seeds {', '.join(map(str, _SEEDS))}."]
    return lines
