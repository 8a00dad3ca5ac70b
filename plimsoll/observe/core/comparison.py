"""What would have been otherwise? The sums of what was decided and of what another did, over the same moments.

Only moments at which both are known are in any sum, so that a hole makes neither look cheaper.
"""

from __future__ import annotations

import operator
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from plimsoll.observe.core.history import Standing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from plimsoll.observe.core.history import Moment
    from plimsoll.observe.core.period import Period

_MINUTE_S = 60


@dataclass(frozen=True, slots=True)
class Side:
    """What was decided, or what another asked for; `gpu_minutes` is None where a replica's GPUs are unknown."""

    replica_minutes: float
    gpu_minutes: float | None
    peak: int
    changes: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both sides, and of how many seconds what is known.

    `by_standing` says what became of each second; of those compared, the decision was `held` for some, and what was
    asked for, or ready, was `below` it for some.
    """

    decided: Side
    other: Side
    by_standing: dict[Standing, int]
    held_s: int
    asked_below_s: int
    ready_below_s: int


def compared(moments: Sequence[Moment], over: Period) -> Comparison:
    """Return the sums over all moments that can be compared."""
    seconds = Counter(moment.standing for moment in moments)
    both = [moment for moment in moments if moment.standing is Standing.COMPARED]
    per_replica = _filled(both)

    def side(replicas: Callable[[Moment], float]) -> Side:
        counts = [replicas(moment) for moment in both]
        gpus = None if per_replica is None else _minutes(map(operator.mul, counts, per_replica), over)
        changes = sum(before != after for before, after in pairwise(counts))
        return Side(_minutes(counts, over), gpus, int(max(counts, default=0)), changes)

    def lasting(true: Callable[[Moment], bool]) -> int:
        return over.step_s * sum(map(true, both))

    return Comparison(
        decided=side(lambda moment: moment.desired),
        other=side(lambda moment: moment.requested),
        by_standing={standing: over.step_s * seconds[standing] for standing in Standing},
        held_s=lasting(lambda moment: moment.held),
        asked_below_s=lasting(lambda moment: moment.requested < moment.desired),
        ready_below_s=lasting(lambda moment: moment.ready < moment.desired),
    )


def _minutes(counts: Iterable[float], over: Period) -> float:
    return sum(counts) * over.step_s / _MINUTE_S


def _filled(moments: Sequence[Moment]) -> list[float] | None:
    """Return the GPUs of one replica at each moment: the last that were known, before that the first; None for none."""
    known = next((moment.per_replica for moment in moments if moment.per_replica is not None), None)
    if known is None:
        return None
    filled = []
    for moment in moments:
        known = known if moment.per_replica is None else moment.per_replica
        filled.append(known)
    return filled
