"""What is seen and remembered of the workloads that are scaled by latency? A row each; rows without it cost nothing.

The laws:
- What was not measured whole is not seen: the law is then not asked.
- One replica that is slow by itself is no reason for more of them: of three or more, what the worst one did counts
  neither among the slow requests nor in their mean, and the fullest not in what lies in flight.
- A server without a histogram tells the mean alone: then that is to be within the target. As the share of slow
  requests counts what may be slow, times the mean over the target to the fourth power.
- A restart loses what one stable window of samples shows, and nothing that the law remembers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import exp, isnan
from typing import TYPE_CHECKING, TypeVar

from autoscaler.core.decisions.by_latency import LatencySeen, aim_of
from autoscaler.core.law.latency_memory import NAMES, Aim, Memory, Served
from autoscaler.core.load.slow import quantile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from autoscaler.core.load.queries import Place
    from autoscaler.core.model import Policy

Key = TypeVar("Key")

PREFIX = "latency_"
"""Before the names of what the law of latency remembers, where it is told."""

TOLD = tuple(PREFIX + name for name in NAMES)

_LEAST_REPLICAS = 3  # of two, either may be the worst
_LEAST_SLOW = 3.0  # slow requests of one replica within a stable window
_STEEPNESS = 4


@dataclass(frozen=True, slots=True)
class Flows:
    """The averages of the signals of one row, requests a second unless said; NaN where they say nothing."""

    ended_stable: float
    ended_panic: float
    grown_stable: float
    grown_panic: float
    seconds: float
    slow: float
    in_flight: float


@dataclass(frozen=True, slots=True)
class Newest:
    """What the newest samples show.

    Requests a second that `ended` at each place, those that were `slow`, the `seconds` that they took; what lies in
    flight (`loads`); and how many requests a second ended `within` each bound, of all places.
    """

    ended: Mapping[Place, float]
    seconds: Mapping[Place, float]
    slow: Mapping[Place, float]
    loads: Mapping[Place, float]
    within: Mapping[float, float]


@dataclass(slots=True)
class _Row:
    """What is remembered of one row: averages that fade with the stable window, by place and by bound."""

    aim: Aim
    by_mean: bool
    memory: Memory = field(default_factory=Memory)
    ended: dict[Place, float] = field(default_factory=dict)
    seconds: dict[Place, float] = field(default_factory=dict)
    slow: dict[Place, float] = field(default_factory=dict)
    loads: dict[Place, float] = field(default_factory=dict)
    within: dict[float, float] = field(default_factory=dict)
    seen_s: float = 0.0


class Latencies:
    """The rows that are scaled by latency."""

    def __init__(self) -> None:
        self._rows: dict[int, _Row] = {}

    def __bool__(self) -> bool:
        return bool(self._rows)

    def follow(self, row: int, policy: Policy) -> None:
        """Go by a policy from now on; what was learned stays."""
        aim = aim_of(policy)
        if aim is None:
            self._rows.pop(row, None)
        elif row in self._rows:
            self._rows[row].aim, self._rows[row].by_mean = aim, policy.latency_by_mean
        else:
            self._rows[row] = _Row(aim, policy.latency_by_mean)

    def drop(self, row: int) -> None:
        """Know nothing of a row any more."""
        self._rows.pop(row, None)

    def forget(self, rows: Sequence[int] | None = None) -> None:
        """Know nothing that was learned any more: of some rows, or of all."""
        for row in list(self._rows) if rows is None else rows:
            if row in self._rows:
                self._rows[row] = _Row(self._rows[row].aim, self._rows[row].by_mean)

    def rows(self) -> Sequence[int]:
        """Return which rows there are, in order."""
        return sorted(self._rows)

    def note(self, row: int, newest: Newest, at_s: float) -> None:
        """Take note of what the newest samples show."""
        one = self._rows[row]
        passed_s = max(0.0, at_s - one.seen_s) if one.seen_s else 0.0
        one.seen_s, fades = at_s, exp(-passed_s / one.aim.window_s)
        one.ended = _faded(one.ended, newest.ended, fades)
        one.seconds = _faded(one.seconds, newest.seconds, fades)
        one.slow = _faded(one.slow, newest.slow, fades)
        one.loads = _faded(one.loads, newest.loads, fades)
        one.within = _faded(one.within, newest.within, fades)

    def seen(self, row: int, flows: Flows, at_s: float, *, ready: int, requested: int) -> LatencySeen:
        """Return what the law is to decide on."""
        one = self._rows[row]
        slow, mean_s, crowd, slowest = self._but_for_the_worst(one, flows)
        percentile_s = quantile(one.within, one.aim.percentile) if one.within else None
        if percentile_s is None:
            percentile_s = mean_s if one.by_mean and flows.ended_stable > 0 else float("nan")
        measured = (flows.ended_stable, flows.ended_panic, flows.grown_panic, flows.seconds, flows.in_flight, slow)
        if any(isnan(value) for value in measured):
            return LatencySeen(one.aim, one.memory, None, percentile_s, slowest)
        served = Served(
            at_s=at_s,
            arriving=max(0.0, flows.ended_panic + flows.grown_panic),
            arriving_long=max(0.0, flows.ended_stable + flows.grown_stable),
            ending=flows.ended_panic,
            ending_long=flows.ended_stable,
            slow=slow,
            mean_s=mean_s,
            in_flight=flows.in_flight,
            crowd=crowd,
            ready=ready,
            requested=requested,
        )
        return LatencySeen(one.aim, one.memory, served, percentile_s, slowest)

    def remember(self, row: int, memory: Memory) -> None:
        """Go on with this at the next tick."""
        self._rows[row].memory = memory

    def told(self, row: int) -> dict[str, float]:
        """Return what the law remembers of a row, by name; nothing where it is not scaled by latency."""
        one = self._rows.get(row)
        return {PREFIX + name: value for name, value in one.memory.told().items()} if one else {}

    def recall(self, row: int, told: Mapping[str, float]) -> None:
        """Remember of a row what was told of it."""
        if row in self._rows:
            mine = {name.removeprefix(PREFIX): value for name, value in told.items() if name in TOLD}
            self._rows[row].memory = Memory.of(mine)

    @staticmethod
    def _but_for_the_worst(one: _Row, flows: Flows) -> tuple[float, float, float, str]:
        """Return slow requests a second, their mean in seconds, what lies in flight, and the replica that is alone."""
        ended, aim = flows.ended_stable, one.aim
        mean_s = flows.seconds / ended if ended > 0 else 0.0
        slow = min(ended, ended * aim.slow_share * (mean_s / aim.target_s) ** _STEEPNESS) if one.by_mean else flows.slow
        crowd, slowest = flows.in_flight, ""
        if len(one.loads) >= _LEAST_REPLICAS and (everything := sum(one.loads.values())) > 0:
            fullest = max(one.loads.values())
            crowd *= (everything - fullest) / everything * len(one.loads) / (len(one.loads) - 1)
        if len(one.slow) < _LEAST_REPLICAS or one.by_mean:
            return slow, mean_s, crowd, slowest
        worst = max(sorted(one.slow), key=one.slow.__getitem__)
        total, others = sum(one.ended.values()), sum(one.ended.values()) - one.ended.get(worst, 0.0)
        weight_s = aim.window_s  # a fading average times this is a window's sum
        if others <= 0 or one.slow[worst] * weight_s < _LEAST_SLOW:
            return slow, mean_s, crowd, slowest
        share = (sum(one.slow.values()) - one.slow[worst]) / others
        if share <= aim.slow_share < sum(one.slow.values()) / total:
            slowest = worst[1]
        mean_s = (sum(one.seconds.values()) - one.seconds.get(worst, 0.0)) / others
        return share * ended, mean_s, crowd, slowest


def _faded(kept: Mapping[Key, float], newest: Mapping[Key, float], fades: float) -> dict[Key, float]:
    """Return fading averages with the newest values in them, of what is there now; what is gone is forgotten."""
    return {key: fades * kept.get(key, 0.0) + (1.0 - fades) * value for key, value in newest.items()}
