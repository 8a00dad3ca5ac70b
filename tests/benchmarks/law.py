"""What does one tick of windows and law cost for all workloads, beside a scalar Go program of the same law?

Both run the same made-up workloads: steady noise around a base load of 0 to 400, half of them with a surge to five
times as much for 20 s in 300 s, ready pods around the base, one in ten with an activation scale, one in ten each with
a burst capacity of 0 or without bound, three in ten with bounds, one in twenty unreachable. A tick records two
seconds in both windows, averages them, decides, remembers for the scale-down delay and bounds. Every average and
every decision of every tick goes into a checksum, which must be the same; making up loads and checksums is no part of
the time.
"""

from __future__ import annotations

import json
import subprocess
import time
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from autoscaler.core.law import kpa
from autoscaler.core.law.delay import Delays
from autoscaler.core.law.window import Windows
from autoscaler.core.law.zero import Bounds
from autoscaler.core.model import Policy
from tests.benchmarks import go_program

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

_TWIN = "law_twin"
_SEED = 20260101
_BEGIN_S = 1_000_000
_WARM_UP, _TICKS = 100, 100
_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Setting:
    """How the workloads are scaled; the names of fields are the flags of the Go program."""

    title: str
    stable: int
    panic: int
    delay: int
    utilisation: float
    up_rate: float
    down_rate: float


SETTINGS = (
    Setting("Knative's defaults, scale-down-delay 60s", 60, 6, 60, 0.7, 1000.0, 2.0),
    Setting("the GPU-tuned set", 180, 23, 60, 0.85, 20.0, 1.1),
)
WORKLOADS = (10_000, 100_000)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a tick cost in milliseconds of CPU, and one checksum a tick."""

    cpu_ms: float
    checksums: tuple[str, ...]


class Fleet:
    """The made-up workloads, and all that is remembered of them."""

    def __init__(self, setting: Setting, workloads: int) -> None:
        self.rows = np.arange(workloads, dtype=np.uint64)
        self.policies = [_policy(setting, *draws) for draws in zip(*self._draws(), strict=True)]
        self.stable, self.panic, self.delays = Windows(), Windows(), Delays()
        everyone = np.arange(workloads)
        self.stable.add(everyone, setting.stable)
        self.panic.add(everyone, setting.panic)
        self.delays.add(everyone, setting.delay)
        self.parameters = kpa.Parameters.of(self.policies)
        self.bounds = Bounds.of(self.policies)
        self.reachable = self.parameters.reachable > 0
        self.initialised = np.ones(workloads, dtype=np.bool_)
        self.state = kpa.State(np.full(workloads, kpa.NEVER), np.zeros(workloads, dtype=np.int64))
        self.base = np.floor(_share(_drawn(self.rows, 5)) * 400)
        self.surging = _drawn(self.rows, 6) % 2 == 0
        self.phase = _drawn(self.rows, 7)

    def load(self, second: int) -> NDArray[np.float64]:
        """Return the load of each workload in a second."""
        surge = self.surging & ((np.uint64(second) + self.phase) % 300 < 20)
        return np.where(surge, self.base * 5, self.base) * (0.75 + 0.5 * _share(_drawn(self.rows, 1000 + second)))

    def ready(self, second: int) -> NDArray[np.int64]:
        """Return how many pods of each workload are ready."""
        return np.ceil(self.base / 70).astype(np.int64) + (_drawn(self.rows, 1000 + second) % 3).astype(np.int64)

    def tick(self, second: int, loads: tuple[NDArray[np.float64], ...], ready: NDArray[np.int64]) -> Decided:
        """Decide for all workloads: this is what is measured."""
        for later, load in enumerate(loads):
            self.stable.record(second + later, load)
            self.panic.record(second + later, load)
        stable, panic = self.stable.average(second + 1), self.panic.average(second + 1)
        now_ms = (second + 2) * 1000
        self.state, wanted = kpa.decide(self.parameters, self.state, kpa.Loads(stable, panic, ready), now_ms=now_ms)
        delayed = self.delays.record(now_ms, wanted.replicas, where=self.reachable)
        replicas = self.bounds.bounded(delayed, self.initialised)
        return Decided(stable, panic, delayed, replicas, wanted.excess_burst_capacity, wanted.panicking)

    def _draws(self) -> list[list[int]]:
        return [
            (_drawn(self.rows, salt) % np.uint64(sides)).tolist()
            for salt, sides in ((1, 10), (2, 10), (3, 10), (4, 20))
        ]


@dataclass(frozen=True, slots=True)
class Decided:
    """What one tick says of each workload."""

    stable: NDArray[np.float64]
    panic: NDArray[np.float64]
    wanted: NDArray[np.int64]
    replicas: NDArray[np.int64]
    excess: NDArray[np.int64]
    panicking: NDArray[np.bool_]

    def checksum(self, rows: NDArray[np.uint64]) -> str:
        """Return a number that changes with any of the values."""
        total = _mixed(rows + self.stable.view(np.uint64))
        total = _mixed(total + self.panic.view(np.uint64))
        total = _mixed(total + self.wanted.view(np.uint64))
        total = _mixed(total + self.replicas.view(np.uint64))
        total = _mixed(total + self.excess.view(np.uint64) * np.uint64(2) + self.panicking)
        return f"{int(total.sum(dtype=np.uint64)):016x}"


def table(progress: Callable[[str], None]) -> list[str]:
    """Return the lines of the table, measured in rounds that alternate between both programs."""
    rows = [
        "| workloads | setting | Plimsoll, ms of CPU a tick | Go, ms of CPU a tick | ratio of the medians |",
        "|---|---|---|---|---|",
    ]
    program = go_program.built(_TWIN)
    for workloads in WORKLOADS:
        for setting in SETTINGS:
            costs: tuple[list[float], list[float]] = [], []
            for number in range(_ROUNDS):
                ours, theirs = _ours(setting, workloads), _theirs(program, setting, workloads)
                _compare(ours, theirs)
                costs[0].append(ours.cpu_ms)
                costs[1].append(theirs.cpu_ms)
                progress(
                    f"round {number + 1} of {_ROUNDS}, {workloads} workloads, {setting.title}: {ours.cpu_ms:.2f} ms"
                )
            rows.append(_row(f"{workloads:,}", setting.title, *costs))
    return [
        *rows,
        "",
        f"{_ROUNDS} rounds of {_TICKS} ticks after {_WARM_UP} others; medians (least to most); {go_program.version()}.",
    ]


def _ours(setting: Setting, workloads: int) -> Cost:
    fleet = Fleet(setting, workloads)
    spent, checksums = 0, []
    for tick in range(_WARM_UP + _TICKS):
        second = _BEGIN_S + 2 * tick
        loads, ready = (fleet.load(second), fleet.load(second + 1)), fleet.ready(second)
        began = time.process_time_ns()
        decided = fleet.tick(second, loads, ready)
        if tick >= _WARM_UP:
            spent += time.process_time_ns() - began
        checksums.append(decided.checksum(fleet.rows))
    return Cost(spent / _TICKS / 1e6, tuple(checksums))


def _theirs(program: Path, setting: Setting, workloads: int) -> Cost:
    flags = {
        "workloads": workloads,
        "warm-up": _WARM_UP,
        "ticks": _TICKS,
        "stable": setting.stable,
        "panic": setting.panic,
        "delay": setting.delay,
        "utilisation": setting.utilisation,
        "up-rate": setting.up_rate,
        "down-rate": setting.down_rate,
    }
    arguments = [f"-{name}={value}" for name, value in flags.items()]
    done = subprocess.run([program, *arguments], check=True, capture_output=True, text=True, timeout=600)
    told = json.loads(done.stdout)
    return Cost(told["cpu_ns"] / _TICKS / 1e6, tuple(told["checksums"]))


def _compare(ours: Cost, theirs: Cost) -> None:
    for tick, (one, other) in enumerate(zip(ours.checksums, theirs.checksums, strict=True)):
        if one != other:
            raise SystemExit(f"the two programs decide differently at tick {tick}: {one} and {other}")


def _row(workloads: str, title: str, ours: list[float], theirs: list[float]) -> str:
    return f"| {workloads} | {title} | {_spread(ours)} | {_spread(theirs)} | **{median(ours) / median(theirs):.2f}** |"


def _spread(costs: list[float]) -> str:
    return f"{median(costs):.2f} ({min(costs):.2f} to {max(costs):.2f})"


def _policy(setting: Setting, burst: int, activation: int, bounded: int, reachable: int) -> Policy:
    return Policy(
        target=100 * setting.utilisation,
        target_burst_capacity={0: 0.0, 1: -1.0}.get(burst, 211.0),
        stable_window_s=setting.stable,
        panic_window_s=setting.panic,
        max_scale_up_rate=setting.up_rate,
        max_scale_down_rate=setting.down_rate,
        scale_down_delay_s=setting.delay,
        activation_scale=3 if activation == 0 else 0,
        min_scale=1 if bounded < 3 else 0,
        max_scale=20 if bounded < 3 else 0,
        reachable=reachable != 0,
    )


def _mixed(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return splitmix64: a number that is as good as random, of each number."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _drawn(rows: NDArray[np.uint64], salt: int) -> NDArray[np.uint64]:
    return _mixed(_mixed(rows + np.uint64(_SEED)) + np.uint64(salt))


def _share(x: NDArray[np.uint64]) -> NDArray[np.float64]:
    return (x >> np.uint64(11)).astype(np.float64) / 2.0**53
