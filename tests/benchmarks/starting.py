"""How far do replicas overshoot while others start, by the original's law and with the keys that are not its?

Requests of a trace come to replicas that take a minute to start and work on a few requests at once (`queueing`); each
law looks every 2 s at what the servers tell, once a second, and is obeyed. The true need is what the original's law
asks for at most where replicas start at once: then nothing piles up. Rates, windows and targets are the defaults.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from autoscaler.core.decisions.fleet import Fleet
from autoscaler.core.decisions.look import Look
from autoscaler.core.load.observation import Samples, Steps
from autoscaler.core.model import Estimate, Policy, Signal
from tests.benchmarks import traces
from tests.benchmarks.queueing import Plant, Queueing, run

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from autoscaler.core.load.queries import Place
    from tests.benchmarks.queueing import Request

_BEGIN_S = 1_000_000
_COLD_START_S = 60.0
_RECENT = 20
_SEEDS = (1, 2, 3)
_KEPT = 0.9  # of the requests, another nine of ten with each seed
_LIMITS = (1, 4, 8)
_UTILISATION = 0.7
_HEADS = (
    "trace",
    "requests at once",
    "true need",
    "original: peak",
    "starting replicas count, backlog: peak",
    "starting replicas count: peak",
    "replica-minutes (original)",
    "mean wait, s (original)",
)
_ANYWHERE: Place = ("", "all")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one run: the most replicas asked for, what they cost, and how long requests waited on average."""

    peak: int
    replica_minutes: float
    wait_s: float


class Law:
    """The fleet with one workload, fed with what all servers tell together."""

    def __init__(self, policy: Policy) -> None:
        self._fleet = Fleet()
        self._fleet.follow("a", policy, 1000 * _BEGIN_S)
        self._times: list[float] = []
        self._told: dict[str, list[float]] = {"load": [], "waiting": [], "ended": []}
        self._ended: dict[int, int] = {}

    def decide(self, queueing: Queueing) -> int | None:
        """Look, and decide in every second second."""
        pages = queueing.exported()
        before = sum(self._ended.values())
        self._ended |= {page.number: page.ended for page in pages}
        self._times.append(_BEGIN_S + queueing.now_s)
        waiting = sum(page.waiting for page in pages)
        self._told["waiting"].append(waiting)
        self._told["load"].append(waiting + sum(page.running for page in pages))
        self._told["ended"].append(float(sum(self._ended.values()) - before))
        if round(queueing.now_s) % 2:
            return None
        look = Look(
            queueing.requested,
            queueing.ready,
            self._samples("load"),
            (_ANYWHERE,),
            starting=queueing.requested - queueing.ready,
            signals={Signal.WAITING: self._samples("waiting"), Signal.ENDED: self._samples("ended")},
        )
        self._fleet.tick(round(1000 * (_BEGIN_S + queueing.now_s)), {"a": look})
        decision = self._fleet.decision("a")
        return decision.desired if decision else None

    def _samples(self, what: str) -> Samples:
        times = self._times[-_RECENT:]
        steps = Steps(times, self._told[what][-_RECENT:], [1] * len(times), 1, 1.0)
        return Samples({_ANYWHERE: steps}, 1.0)


def policies(limit: int) -> dict[str, Policy]:
    """Return the laws that are compared, for replicas that work on `limit` requests at once."""
    original = Policy(target=max(_UTILISATION * limit, 0.01), total=float(limit))
    return {
        "original": original,
        "backlog": replace(original, count_starting_replicas=True),
        "starting": replace(original, count_starting_replicas=True, load_estimate=Estimate.OFFERED),
    }


def played(policy: Policy, requests: Sequence[Request], limit: int, *, cold_start_s: float = _COLD_START_S) -> Outcome:
    """Let one law scale the replicas that answer the requests."""
    queueing = Queueing(Plant(limit=limit, cold_start_s=cold_start_s), requests, replicas=1)
    changes = run(queueing, Law(policy).decide, requests[-1].at_s, every_s=1.0)
    waits = [one.waited_s for one in queueing.ended]
    return Outcome(
        max(replicas for _, replicas in changes), queueing.replica_seconds / 60, sum(waits) / max(1, len(waits))
    )


def true_need(requests: Sequence[Request], limit: int) -> int:
    """Return the most replicas that the original's law asks for where replicas start at once."""
    return played(policies(limit)["original"], requests, limit, cold_start_s=0.0).peak


def table(say: Callable[[str], None]) -> list[str]:
    """Play every trace, limit and seed with each law; return the table."""
    absent = traces.absent()
    lines = [
        f"| {' | '.join(_HEADS)} |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name in traces.FILES:
        if name in absent:
            lines.append(f"| {name} | not measured: the trace is not at hand | | | | | | |")
            continue
        for limit in _LIMITS:
            runs = []
            for seed in _SEEDS:
                requests = traces.requests(name, keep=_KEPT, seed=seed)
                runs.append(
                    (
                        true_need(requests, limit),
                        {law: played(policy, requests, limit) for law, policy in policies(limit).items()},
                    )
                )
            lines.append(_row(name, limit, runs))
            say(lines[-1])
    seeds = ", ".join(map(str, _SEEDS))
    lines += ["", f"{_COLD_START_S:g} s to start; seeds {seeds}, each with another {_KEPT:.0%} of the requests."]
    return lines


def _row(name: str, limit: int, runs: Sequence[tuple[int, dict[str, Outcome]]]) -> str:
    peaks = [
        _range([by_law[law].peak / need for need, by_law in runs], "{:.2f}x")
        for law in ("original", "backlog", "starting")
    ]
    minutes, waits = (
        [_range([getattr(by_law[law], field) for _, by_law in runs], form) for law in ("starting", "original")]
        for field, form in (("replica_minutes", "{:.0f}"), ("wait_s", "{:.1f}"))
    )
    need = _range([need for need, _ in runs], "{:.0f}")
    cells = (name, str(limit), need, *peaks, f"{minutes[0]} ({minutes[1]})", f"{waits[0]} ({waits[1]})")
    return f"| {' | '.join(cells)} |"


def _range(values: Sequence[float], form: str) -> str:
    least, most = form.format(min(values)), form.format(max(values))
    return least if least == most else f"{least} to {most}"
