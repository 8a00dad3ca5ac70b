"""How much of the GPUs of the openb trace is allocated, beside what was published, and what does a decision cost?

Pods that come and stay, ten seeds, beside the published policies; pods that come and go, beside best fit and FGD
replayed in the same program on the same pods; and the CPU time of a decision.
"""

from __future__ import annotations

import math
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from statistics import stdev
from typing import TYPE_CHECKING, TypeVar

from extender.replay.churn import Churn, Load, churn
from extender.replay.inflation import Inflation, inflate
from extender.replay.policies import OURS, POLICIES
from tests.benchmarks import openb

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from tests.benchmarks.openb import Published

Job = TypeVar("Job")
Done = TypeVar("Done")

_PROCESSES = 2
_LOADS = (90, 97)
_CHURN_SEEDS = (42,)
_CHURN_HOURS = 3.0
_ABSENT = "PLIMSOLL_OPENB does not name a folder with the openb trace: nothing was measured."


@dataclass(frozen=True, slots=True)
class Stay:
    """One replay of pods that stay: what was allocated at `openb.PERCENTS`, and what decisions took."""

    name: str
    learn: bool
    allocated: tuple[float, ...]
    refused_fitting: int
    mean_us: float
    p99_us: float


@dataclass(frozen=True, slots=True)
class Go:
    """One replay of pods that come and go."""

    name: str
    percent: int
    policy: str
    allocated: float
    stranded: float
    refused_fitting: int


def staying(say: Callable[[str], None]) -> list[str]:
    """Measure pods that come and stay, with the typical pods of the list."""
    return _staying(say, learn=False)


def learning(say: Callable[[str], None]) -> list[str]:
    """Measure pods that come and stay, with typical pods learned on the way."""
    return _staying(say, learn=True)


def leaving(say: Callable[[str], None]) -> list[str]:
    """Measure pods that come and go."""
    where = openb.folder()
    if where is None:
        say(_ABSENT)
        return [_ABSENT]
    names = openb.lists(where)
    jobs = [
        (where, name, seed, percent, policy)
        for name in names
        for percent in _LOADS
        for policy in (OURS, "fgd", "best-fit")
        for seed in _CHURN_SEEDS
    ]
    goes = _run(_go, jobs, say)
    fitting = sum(one.refused_fitting for one in goes)
    return [*_go_table(names, goes), "", f"Refused although it fitted: {fitting}, in {len(goes)} replays."]


def cost(say: Callable[[str], None]) -> list[str]:
    """Measure what a decision costs: one replay at a time, so that it has a core to itself."""
    where = openb.folder()
    if where is None:
        say(_ABSENT)
        return [_ABSENT]
    jobs = [(where, name, openb.SEEDS[0], learn) for name in openb.lists(where) for learn in (False, True)]
    stays = _run(_stay, jobs, say, processes=1)
    lines = ["| list | typical pods | mean, us of CPU | 99th percentile |", "|---|---|---:|---:|"]
    lines += [
        f"| {one.name} | {'learned' if one.learn else 'known'} | {one.mean_us:.0f} | {one.p99_us:.0f} |"
        for one in stays
    ]
    known = _mean(one.mean_us for one in stays if not one.learn)
    return [*lines, "", f"On average {known:.0f} us where the typical pods are known."]


def _staying(say: Callable[[str], None], *, learn: bool) -> list[str]:
    where = openb.folder()
    if where is None:
        say(_ABSENT)
        return [_ABSENT]
    names = openb.lists(where)
    stays = _run(_stay, [(where, name, seed, learn) for name in names for seed in openb.SEEDS], say)
    fitting = sum(one.refused_fitting for one in stays)
    counted = f"Refused although it fitted: {fitting}, in {len(stays)} replays."
    return [*_stay_table(where, names, stays), "", counted]


def _run(
    play: Callable[[Job], Done], jobs: Sequence[Job], say: Callable[[str], None], processes: int = _PROCESSES
) -> list[Done]:
    done: list[Done] = []
    with ProcessPoolExecutor(processes) as pool:
        for number, one in enumerate(pool.map(play, jobs), 1):
            done.append(one)
            say(f"packing: {number} of {len(jobs)}: {one}")
    return done


def _stay(job: tuple[Path, str, int, bool]) -> Stay:
    where, name, seed, learn = job
    trace = openb.trace(where, name, seed)
    one: Inflation = inflate(
        trace, OURS, POLICIES[OURS], learn=learn, clock=time.process_time_ns, heard=lambda *_: None
    )
    at = tuple(one.at(percent) or 0.0 for percent in openb.PERCENTS)
    return Stay(name, learn, at, one.refused_fitting, one.cost.mean, one.cost.p99)


def _go(job: tuple[Path, str, int, int, str]) -> Go:
    where, name, seed, percent, policy = job
    load = Load(percent, _CHURN_HOURS, seed)
    trace = openb.trace(where, name, seed)
    one: Churn = churn(
        trace, policy, POLICIES[policy], load, learn=False, clock=time.process_time_ns, heard=lambda *_: None
    )
    return Go(name, percent, policy, one.allocated, one.stranded, one.refused_fitting)


def _stay_table(where: Path, names: Sequence[str], stays: Sequence[Stay]) -> list[str]:
    percents = "".join(f" @{percent} |" for percent in openb.PERCENTS)
    lines = [f"| list | policy |{percents}", f"|---|---|{'---:|' * len(openb.PERCENTS)}"]
    for name in names:
        ours = [one.allocated for one in stays if one.name == name]
        columns = list(zip(*ours, strict=True))
        lines.append(_row(name, "**Plimsoll**", [_mean(column) for column in columns]))
        lines.append(_row(name, "its standard error", [_standard_error(column) for column in columns]))
        lines += [_row(name, f"{one.policy}, published", one.allocated) for one in _best_first(where, name)]
        bounds = [openb.BOUNDS.get((name, percent)) for percent in openb.PERCENTS]
        if any(bounds):
            lines.append(_row(name, "upper bound", bounds))
    return lines


def _go_table(names: Sequence[str], goes: Sequence[Go]) -> list[str]:
    lines = [
        "| list | offered | Plimsoll | FGD | best fit | stranded GPU-hours: Plimsoll | FGD | best fit |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name in names:
        for percent in _LOADS:
            cells: dict[str, list[str]] = {"allocated": [], "stranded": []}
            for policy in (OURS, "fgd", "best-fit"):
                played = [one for one in goes if (one.name, one.percent, one.policy) == (name, percent, policy)]
                cells["allocated"].append(f"{_mean(one.allocated for one in played):.2f}")
                cells["stranded"].append(f"{_mean(one.stranded for one in played):.0f}")
            ours, *others = cells["allocated"]
            lines.append(f"| {name} | {percent} | **{ours}** | {' | '.join((*others, *cells['stranded']))} |")
    return lines


def _best_first(where: Path, name: str) -> list[Published]:
    return sorted(openb.published(where, name), key=lambda one: -one.allocated[-1])


def _row(name: str, policy: str, values: Iterable[float | None]) -> str:
    cells = "".join(" |" if value is None else f" {value:.2f} |" for value in values)
    return f"| {name} | {policy} |{cells}"


def _standard_error(values: Sequence[float]) -> float:
    return stdev(values) / math.sqrt(len(values))


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found)
