"""What did the autoscaler export of one workload, moment by moment? Series of Prometheus, put side by side.

The laws:
- No data is never zero: a sample counts until the next, and no longer than two lost scrapes; what follows is a hole.
- Where several autoscalers export the same workload the leader's word counts, else the newest.
- Only moments at which another had the replicas are compared: while Plimsoll scales by itself there is nothing to
  compare with, and where it is left alone, as at zero replicas, it decides nothing.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

from autoscaler.core.load.observation import staleness_s

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from plimsoll.observe.core.period import Period

    Labels = Mapping[str, str]
    Samples = Sequence[tuple[float, float]]

PREFIX = "plimsoll_autoscaler_"
DESIRED, REQUESTED, READY, PER_REPLICA, OBSERVING, MODE = (
    "desired_replicas", "requested_replicas", "ready_replicas", "gpus_per_replica", "observing", "mode",
)  # fmt: skip
NAMES = (DESIRED, REQUESTED, READY, PER_REPLICA, OBSERVING, MODE)
LEADER = "leader"
HELD, LEFT = "held", "left"

# Where a target has the label too, Prometheus keeps ours under the second name.
_NAMESPACE, _EXPORTED = "namespace", "exported_namespace"
_OURS = frozenset({"__name__", "workload", "kind", "mode"})


class Standing(Enum):
    """What can be said of a moment."""

    COMPARED = "compared"
    NO_DATA = "no data"
    SCALED = "scaled by Plimsoll itself"
    LEFT = "left alone"


@dataclass(frozen=True, slots=True)
class Moment:
    """One step, at its beginning: replicas decided, asked for and ready, and GPUs of one replica (None: unknown).

    Without data there are no replicas either. `held`: the decision stood because there was too little data.
    """

    at_s: int
    standing: Standing
    desired: float = 0.0
    requested: float = 0.0
    ready: float = 0.0
    per_replica: float | None = None
    held: bool = False


@dataclass(frozen=True, slots=True)
class Track:
    """One series: its samples in order of time, and for how long one counts."""

    times: Sequence[float]
    values: Sequence[float]
    hold_s: float

    def newest(self, at_s: float) -> tuple[float, float] | None:
        """Return time and value of the sample that counts at a moment, None for a hole."""
        index = bisect_right(self.times, at_s) - 1
        if index < 0 or at_s - self.times[index] > self.hold_s:
            return None
        return self.times[index], self.values[index]

    def at(self, at_s: float) -> float | None:
        """Return the value that counts at a moment, None for a hole."""
        found = self.newest(at_s)
        return None if found is None else found[1]


@dataclass(frozen=True, slots=True)
class Exported:
    """What one autoscaler exported of one workload: tracks by name, those of modes by the mode.

    `source` are the labels that tell it from another autoscaler.
    """

    source: frozenset[tuple[str, str]]
    kind: str
    tracks: Mapping[str, Track]


def namespace_of(labels: Labels) -> str:
    """Return which namespace a series of a workload speaks of."""
    return labels.get(_EXPORTED, labels.get(_NAMESPACE, ""))


def exported(
    series: Iterable[tuple[Labels, Samples]], namespace: str, replica_labels: Collection[str] = ()
) -> list[Exported]:
    """Return what each autoscaler exported of the workload of that name in `namespace`; `series` are all of its name.

    `replica_labels` differ between replicas of one Prometheus: what they say of the same is taken together.
    """
    grouped: dict[tuple[frozenset[tuple[str, str]], str], dict[str, list[tuple[float, float]]]] = {}
    for labels, samples in series:
        if namespace_of(labels) != namespace:
            continue
        name = labels["__name__"].removeprefix(PREFIX)
        ours = _OURS | {_EXPORTED if _EXPORTED in labels else _NAMESPACE, *replica_labels}
        source = frozenset(item for item in labels.items() if item[0] not in ours)
        tracks = grouped.setdefault((source, labels.get("kind", "")), {})
        tracks.setdefault(labels.get("mode", "") if name == MODE else name, []).extend(samples)
    return [
        Exported(source, kind, _tracks(tracks))
        for (source, kind), tracks in sorted(grouped.items(), key=lambda item: (sorted(item[0][0]), item[0][1]))
        if DESIRED in tracks
    ]


def leaders(series: Iterable[tuple[Labels, Samples]], replica_labels: Collection[str] = ()) -> list[Exported]:
    """Return when each autoscaler was the leader."""
    result = []
    for labels, samples in series:
        source = frozenset(item for item in labels.items() if item[0] not in {"__name__", *replica_labels})
        result.append(Exported(source, "", _tracks({LEADER: list(samples)})))
    return result


def moments(exporters: Sequence[Exported], leading: Sequence[Exported], over: Period) -> tuple[Moment, ...]:
    """Return what is known at the beginning of each step."""
    return tuple(_moment(exporters, leading, over.begin_s + step * over.step_s) for step in range(over.steps))


def _moment(exporters: Sequence[Exported], leading: Sequence[Exported], at_s: int) -> Moment:
    found = _word(exporters, leading, at_s)
    if found is None:
        return Moment(at_s, Standing.NO_DATA)

    def value(name: str) -> float | None:
        track = found.tracks.get(name)
        return None if track is None else track.at(at_s)

    desired, requested, ready, observing = (value(name) for name in (DESIRED, REQUESTED, READY, OBSERVING))
    if desired is None or requested is None or ready is None or observing is None:
        return Moment(at_s, Standing.NO_DATA)
    standing = Standing.COMPARED
    if not observing:
        standing = Standing.SCALED
    elif value(LEFT):
        standing = Standing.LEFT
    return Moment(at_s, standing, desired, requested, ready, value(PER_REPLICA), bool(value(HELD)))


def _word(exporters: Sequence[Exported], leading: Sequence[Exported], at_s: int) -> Exported | None:
    """Return whose word counts at a moment."""
    known = [(one, newest) for one in exporters if (newest := one.tracks[DESIRED].newest(at_s)) is not None]
    leads = {one.source for one, _ in known if any(_leads(leader, one, at_s) for leader in leading)}
    ranked = ((one.source in leads, newest[0], sorted(one.source), one) for one, newest in known)
    return max(ranked, key=lambda each: each[:3], default=(False, 0.0, [], None))[3]


def _leads(leader: Exported, one: Exported, at_s: int) -> bool:
    return one.source <= leader.source and leader.tracks[LEADER].at(at_s) == 1


def _tracks(samples: Mapping[str, list[tuple[float, float]]]) -> dict[str, Track]:
    ordered = {name: sorted(dict(each).items()) for name, each in samples.items()}
    apart = [after[0] - before[0] for each in ordered.values() for before, after in pairwise(each)]
    hold_s = staleness_s(median(apart) if apart else None)
    return {name: Track([at for at, _ in each], [value for _, value in each], hold_s) for name, each in ordered.items()}
