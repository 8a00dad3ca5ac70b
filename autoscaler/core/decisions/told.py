"""What did an autoscaler tell of its ticks? The series that it exported, as numbers of each tick and workload.

The laws:
- Only one autoscaler is listened to: the one that said last that it leads; where none did, the one that spoke last.
- A page shows one tick: all numbers of one scrape are that tick's.
- Between two ticks that were seen, ticks went on every two seconds, with the numbers seen last.
- What was told before all of them is of use only in what lasts: `Fleet.recall_lasting` takes that.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from autoscaler.core.load.gathering import RawSeries

PREFIX = "plimsoll_autoscaler_"
LEADER = f"{PREFIX}leader"
TICK = f"{PREFIX}decisions_timestamp_seconds"
READY, REQUESTED, STANDING = (f"{PREFIX}{name}_replicas" for name in ("ready", "requested", "desired"))
REMEMBERED = f"{PREFIX}remembered"
OBSERVING = f"{PREFIX}observing"
NAMES = (LEADER, TICK, READY, REQUESTED, STANDING, REMEMBERED, OBSERVING)
"""Every series that is read back."""

SIGNS = (LEADER, TICK)
"""The series that say when an autoscaler told of a tick, and whether it led."""

TICK_MS = 2000

Identity = tuple[str, str, str]
"""Namespace, kind and name of a workload, as the series bear them."""

_INSTANCE = ("job", "instance", "pod")
_COUNTS = {READY: "ready", REQUESTED: "current", STANDING: "standing", OBSERVING: "observed"}


@dataclass(frozen=True, slots=True)
class Told:
    """What was told of ticks, oldest first: their times (Unix ms), and of each the numbers of each workload by name.

    `earlier`: where none of those ticks was told, the numbers of the last tick before them that was.
    """

    ticks: tuple[int, ...] = ()
    numbers: Mapping[int, Mapping[Identity, Mapping[str, float]]] = field(default_factory=dict)
    earlier: Mapping[Identity, Mapping[str, float]] = field(default_factory=dict)


def told(series: Iterable[RawSeries]) -> Told:
    """Return what the exported series tell."""
    listened_to = _listened_to(series)
    return _told(listened_to) if listened_to else Told()


def told_last_s(series: Iterable[RawSeries]) -> float | None:
    """Return when the one that is listened to told last as the leader, or at all (Unix seconds); None: nobody did."""
    listened_to = _listened_to(series)
    if not listened_to:
        return None
    led_s, spoke_s = _rank(listened_to)
    return led_s or spoke_s


def ticks(known: Told, from_ms: int, to_ms: int) -> list[int]:
    """Return the times of the ticks after `from_ms` and before `to_ms`: those that were told, and those between.

    After the last one that was told, and before the first, they are counted on from there; where none was told, from
    the end back.
    """
    seen = [tick for tick in known.ticks if from_ms < tick < to_ms]
    if not seen:
        return list(range(to_ms - TICK_MS, from_ms, -TICK_MS))[::-1]
    result = list(range(seen[0] - TICK_MS, from_ms, -TICK_MS))[::-1]
    for tick, following in zip(seen, (*seen[1:], to_ms), strict=True):
        # One that comes less than half a tick before the next is that one, late.
        result += range(tick, max(following - TICK_MS // 2, tick + 1), TICK_MS)
    return result


def _listened_to(series: Iterable[RawSeries]) -> list[RawSeries]:
    """Return the series of the one autoscaler that is listened to."""
    by_instance: dict[tuple[str, ...], list[RawSeries]] = defaultdict(list)
    for labels, samples in series:
        if samples:
            by_instance[tuple(labels.get(name, "") for name in _INSTANCE)].append((labels, samples))
    return max(sorted(by_instance.items()), key=lambda item: _rank(item[1]))[1] if by_instance else []


def _rank(series: list[RawSeries]) -> tuple[float, float]:
    """Return when an autoscaler said last that it leads, and when it spoke last."""
    led = [
        at for labels, samples in series if labels.get("__name__") == LEADER for at, value in samples if value == 1.0
    ]
    return max(led, default=0.0), max(samples[-1][0] for _, samples in series)


def _told(series: list[RawSeries]) -> Told:
    scraped = {
        at: round(1000 * value) for labels, samples in series if labels.get("__name__") == TICK for at, value in samples
    }
    numbers: dict[int, dict[Identity, dict[str, float]]] = {tick: {} for tick in sorted(scraped.values()) if tick}
    for labels, samples in series:
        name = _COUNTS.get(labels.get("__name__", "")) or labels.get("what", "")
        # Where Prometheus puts its target's labels first, ours is renamed.
        namespace = labels.get("exported_namespace") or labels.get("namespace", "")
        identity = namespace, labels.get("kind", ""), labels.get("workload", "")
        if not name or not identity[2]:
            continue
        for at, value in samples:
            tick = scraped.get(at)
            if tick:
                numbers[tick].setdefault(identity, {})[name] = value
    return Told(tuple(numbers), numbers)
