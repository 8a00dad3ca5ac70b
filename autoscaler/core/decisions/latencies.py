"""What is seen and remembered of the workloads that are scaled by latency? A row each; rows without it cost nothing.

The laws:
- What was not measured whole is not seen: the law is then not asked. Nor is it where a histogram ends below the target,
  and so cannot tell which requests were slow.
- A server without a histogram tells the mean alone: then that is to be within the target. As slow counts the share of
  the requests that may be slow, times the mean over the target to the fourth power.
- Of three or more replicas one that alone keeps the percentile from its target is named: more of them do not cure it.
- A restart loses the percentile that is shown, which fills again within a stable window, and nothing of the law's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import exp, isnan, nan
from typing import TYPE_CHECKING, TypeVar

from autoscaler.core.decisions.by_latency import NAMES, LatencySeen, aim_of, recalled, told
from autoscaler.core.law.latency_terms import Aim, Memory, Seen
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
_ROUNDING = 1e-9  # bounds in milliseconds come out as seconds not quite exactly
_RATES = ("ended", "grown", "slow", "duration", "ended_now", "grown_now", "in_flight")


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

    Requests a second that `ended` at each place and those that were `slow`; how many ended `within` each bound, of all
    places; and where the histogram ends (`slow.ends_s`).
    """

    ended: Mapping[Place, float]
    slow: Mapping[Place, float]
    within: Mapping[float, float]
    ends_s: float | None = None


@dataclass(slots=True)
class _Row:
    """What is remembered of one row: averages that fade with the stable window, by place and by bound."""

    aim: Aim
    by_mean: bool
    memory: Memory = field(default_factory=Memory)
    ended: dict[Place, float] = field(default_factory=dict)
    slow: dict[Place, float] = field(default_factory=dict)
    within: dict[float, float] = field(default_factory=dict)
    ends_s: float | None = None
    seen_s: float = 0.0

    @property
    def short_s(self) -> float | None:
        """Where the histogram ends, if that is below the target."""
        reaches = self.ends_s is None or self.ends_s >= self.aim.target_s * (1 - _ROUNDING)
        return None if reaches else self.ends_s


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

    def begin_anew(self, rows: Sequence[int] | None = None) -> None:
        """Begin anew with some rows, or with all; what was learned of their replicas and demand stays."""
        for row in list(self._rows) if rows is None else rows:
            if row in self._rows:
                one = self._rows[row]
                self._rows[row] = _Row(one.aim, one.by_mean, one.memory.learned())

    def rows(self) -> Sequence[int]:
        """Return which rows there are, in order."""
        return sorted(self._rows)

    def note(self, row: int, newest: Newest, at_s: float) -> None:
        """Take note of what the newest samples show."""
        one = self._rows[row]
        passed_s = max(0.0, at_s - one.seen_s) if one.seen_s else 0.0
        one.seen_s, fades = at_s, exp(-passed_s / one.aim.stable_s)
        one.ended = _faded(one.ended, newest.ended, fades)
        one.slow = _faded(one.slow, newest.slow, fades)
        one.within = _faded(one.within, newest.within, fades)
        one.ends_s = one.ends_s if newest.ends_s is None else newest.ends_s

    def seen(self, row: int, flows: Flows, at_ms: int, *, ready: int, current: int) -> LatencySeen:
        """Return what the law is to decide on."""
        one = self._rows[row]
        ended = flows.ended_stable
        mean_s = flows.seconds / ended if ended > 0 else 0.0
        slow = (
            min(ended, ended * one.aim.share * (mean_s / one.aim.target_s) ** _STEEPNESS) if one.by_mean else flows.slow
        )
        percentile_s = _percentile_s(one, ended, mean_s)
        seen = Seen(
            at_ms=at_ms,
            ended=ended,
            grown=flows.grown_stable,
            slow=slow,
            duration=flows.seconds,
            ended_now=flows.ended_panic,
            grown_now=flows.grown_panic,
            in_flight=flows.in_flight,
            ready=ready,
            current=current,
        )
        measured = not any(isnan(getattr(seen, name)) for name in _RATES)
        short_s = one.short_s
        if short_s is not None:
            return LatencySeen(one.aim, one.memory, None, short_s=short_s)
        return LatencySeen(one.aim, one.memory, seen if measured else None, percentile_s, _slowest(one))

    def remember(self, row: int, memory: Memory) -> None:
        """Go on with this at the next tick."""
        self._rows[row].memory = memory

    def told(self, row: int) -> dict[str, float]:
        """Return what the law remembers of a row, by name; nothing where it is not scaled by latency."""
        one = self._rows.get(row)
        return {PREFIX + name: value for name, value in told(one.memory).items()} if one else {}

    def recall(self, row: int, said: Mapping[str, float]) -> None:
        """Remember of a row what was told of it."""
        if row in self._rows:
            self._rows[row].memory = recalled(_mine(said))

    def recall_lasting(self, row: int, said: Mapping[str, float]) -> None:
        """Remember of a row what still holds of what was told of it long ago."""
        if row in self._rows:
            self._rows[row].memory = recalled(_mine(said)).learned()


def _mine(said: Mapping[str, float]) -> dict[str, float]:
    return {name.removeprefix(PREFIX): value for name, value in said.items() if name in TOLD}


def _percentile_s(one: _Row, ended: float, mean_s: float) -> float:
    """Return the latency that is shown, NaN where no request is known to have ended in the stable window."""
    if not ended > 0:  # the averages fade alike: their percentile would stay as it was, however old
        return nan
    if one.by_mean:
        return mean_s
    found = quantile(one.within, 1 - one.aim.share)
    return nan if found is None else found


def _slowest(one: _Row) -> str:
    """Return the replica that alone keeps the percentile from its target, "" where there is none."""
    if len(one.slow) < _LEAST_REPLICAS:
        return ""
    worst = max(sorted(one.slow), key=one.slow.__getitem__)
    slow, ended = sum(one.slow.values()), sum(one.ended.values())
    others = ended - one.ended.get(worst, 0.0)
    # A fading average times the window is what a window holds.
    if others <= 0 or one.slow[worst] * one.aim.stable_s < _LEAST_SLOW:
        return ""
    alone = (slow - one.slow[worst]) / others <= one.aim.share < slow / ended
    return worst[1] if alone else ""


def _faded(kept: Mapping[Key, float], newest: Mapping[Key, float], fades: float) -> dict[Key, float]:
    """Return fading averages with the newest values in them, of what is there now; what is gone is forgotten."""
    return {key: fades * kept.get(key, 0.0) + (1.0 - fades) * value for key, value in newest.items()}
