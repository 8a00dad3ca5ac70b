"""The law once more, for one workload, line by line from kpa-spec and without a second thought for speed."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autoscaler.core.model import Policy


@dataclass
class Window:
    """Section 1: what was recorded in the last `length` seconds, by second."""

    length: int
    first: int | None = None
    last: int | None = None
    values: dict[int, float] = field(default_factory=dict)

    def record(self, second: int, value: float) -> None:
        if self.last is not None and second != self.last and second + self.length <= self.last:
            return
        if second != self.last:
            if self.first is None or self.first > second:
                self.first = second
            if self.last is None or second - self.last >= self.length:
                self.first, self.values = second, {}
            if self.last is None or second > self.last:
                self.last = second
        self.values[second] = self.values.get(second, 0.0) + value
        self.values = {then: those for then, those in self.values.items() if then > self.last - self.length}

    def average(self, second: int) -> float:
        if self.last is None or second - self.last >= self.length:
            return 0.0
        late = max(second - self.last, 0)
        age = self.length if self.first is None else self.last - self.first + 1
        total = sum(value for then, value in self.values.items() if then > self.last + late - self.length)
        return rounded(total / min(age, self.length - late))

    def weighted(self, second: int) -> float:
        if self.last is None:
            return 0.0
        k: float = max(1 - (1 - 0.9999) ** (1 / self.length), 0.2)
        late = max(second - self.last, 0)
        weights = (k * (1 - k) ** (late + back) for back in range(self.length - late))
        return math.fsum(self.values.get(self.last - back, 0.0) * weight for back, weight in enumerate(weights))

    def empty(self, second: int) -> bool:
        return self.last is None or second - self.last > self.length

    def resize(self, length: int, now_ms: int) -> None:
        if length == self.length:
            return
        if self.last is not None and now_ms // 1000 - self.last <= self.length:
            kept = min(length, self.length)
            self.values = {then: value for then, value in self.values.items() if then > self.last - kept}
            self.first = self.last - (self.length - 1)
        else:
            self.values, self.first = {}, None
        self.length = length


def rounded(value: float) -> float:
    """Round to six decimals, half away from zero."""
    return float(Decimal(value * 1e6).quantize(Decimal(1), ROUND_HALF_UP)) / 1e6


@dataclass
class Maximum:
    """Section 1: the largest of what was recorded in the last buckets of two seconds."""

    delay_s: int
    entries: list[tuple[int, int]] = field(default_factory=list)

    def record(self, now_ms: int, value: int) -> int:
        self.entries.append((now_ms // 2000, value))
        return self.highest(now_ms)

    def highest(self, now_ms: int) -> int:
        buckets = math.ceil(self.delay_s / 2)
        return max((value for index, value in self.entries if index > now_ms // 2000 - buckets), default=0)


@dataclass(frozen=True)
class Counted:
    """The replicas that count: now, and the fewest and the most within the rate period; at least 1 each."""

    now: int
    fewest: int
    most: int


@dataclass
class Decider:
    """Section 2, steps 1 to 8 and 10."""

    panic_since_ms: int | None
    floor: int

    @classmethod
    def first(cls, ready: int, now_ms: int) -> Decider:
        return cls(now_ms if ready > 1 else None, ready)

    def decide(
        self, policy: Policy, stable: float, panic: float, ready: int, now_ms: int, *, counted: Counted | None = None
    ) -> tuple[int, int]:
        """Return the wanted replicas and the excess burst capacity; `counted` in place of the ready replicas."""
        r = max(1, ready)
        counted = counted or Counted(r, r, r)
        up = math.ceil(policy.max_scale_up_rate * counted.fewest)
        down = math.floor(counted.most / policy.max_scale_down_rate) if policy.reachable else 0
        ds = math.ceil(stable / policy.target)
        dp = math.ceil(panic / policy.target)
        want_s = int(min(max(ds, down), up))
        want_p = int(min(max(dp, down), up))
        if policy.activation_scale > 1:
            if ds > 0 and policy.activation_scale > want_s:
                want_s = policy.activation_scale
            if dp > 0 and policy.activation_scale > want_p:
                want_p = policy.activation_scale
        over = dp / counted.now >= policy.panic_threshold
        if over:
            self.panic_since_ms = now_ms
        elif self.panic_since_ms is not None and self.panic_since_ms + 1000 * policy.stable_window_s < now_ms:
            self.panic_since_ms, self.floor = None, 0
        d = want_s
        if self.panic_since_ms is not None:
            d = max(want_s, want_p)
            self.floor = max(self.floor, d)
            d = self.floor
        if policy.target_burst_capacity == 0:
            excess = 0
        elif policy.target_burst_capacity > 0:
            excess = math.floor(ready * policy.total - policy.target_burst_capacity - panic)
        else:
            excess = -1
        return d, excess
