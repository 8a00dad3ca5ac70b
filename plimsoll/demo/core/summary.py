"""What came of it? The numbers that the last lines on the terminal and the report both show."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from plimsoll.demo.core.gpus import in_use, without_sharing
from plimsoll.drawing.bars import bars
from plimsoll.drawing.times import clock

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from plimsoll.demo.core.picture import Answer, History

_WIDTH, _HEIGHT = 60, 4


@dataclass(frozen=True, slots=True)
class Served:
    """The requests of one workload; latencies in seconds, None where nothing was served."""

    workload: str
    served: int
    failed: int
    p50_s: float | None
    p95_s: float | None


@dataclass(frozen=True, slots=True)
class Series:
    """One number over time, a value a second."""

    values: tuple[float, ...]

    @property
    def peak(self) -> float:
        """Return the largest value; 0 without any."""
        return max(self.values, default=0)

    @property
    def mean(self) -> float:
        """Return the average; 0 without any value."""
        return sum(self.values) / len(self.values) if self.values else 0.0


@dataclass(frozen=True, slots=True)
class Summary:
    """One run in numbers."""

    seconds: float
    requests: tuple[Served, ...]
    replicas: dict[str, Series]
    gpus: Series
    gpus_without: Series
    gpus_there: int


def summarised(history: History) -> Summary:
    """Return the numbers of a run."""
    pictures = history.pictures
    names = sorted({name for picture in pictures for name in picture.standings})
    return Summary(
        seconds=pictures[-1].at_s if pictures else 0.0,
        requests=tuple(_served(name, history.answers) for name in names),
        replicas={
            name: Series(
                tuple(float(picture.standings[name].ready) for picture in pictures if name in picture.standings)
            )
            for name in names
        },
        gpus=Series(tuple(float(in_use(picture.nodes)) for picture in pictures)),
        gpus_without=Series(tuple(float(without_sharing(picture.nodes)) for picture in pictures)),
        gpus_there=sum(len(node.devices) for node in pictures[-1].nodes) if pictures else 0,
    )


def percentile(values: Sequence[float], share: float) -> float | None:
    """Return the smallest of `values` that `share` of them do not exceed (nearest rank); None without values."""
    if not values:
        return None
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def _served(workload: str, answers: Iterable[Answer]) -> Served:
    mine = [answer for answer in answers if answer.workload == workload]
    latencies = [answer.latency_s for answer in mine if answer.served]
    return Served(
        workload=workload,
        served=len(latencies),
        failed=len(mine) - len(latencies),
        p50_s=percentile(latencies, 0.50),
        p95_s=percentile(latencies, 0.95),
    )


def summary_lines(summary: Summary) -> tuple[str, ...]:
    """Return the summary as plain text for a terminal."""
    lines = ["", f"Requests in {clock(summary.seconds)} minutes"]
    lines += [
        f"  {each.workload:<8} {each.served:>6} served {each.failed:>4} failed"
        f"   latency p50 {_seconds(each.p50_s)}, p95 {_seconds(each.p95_s)}"
        for each in summary.requests
    ]
    for name, series in summary.replicas.items():
        lines += ["", f"Ready replicas of {name}, at most {series.peak:g}"]
        drawn = bars(series.values, width=_WIDTH, height=_HEIGHT, top=series.peak)
        lines += [f"  │{line}" for line in drawn]
        width = max(len(drawn[0]), 1)
        lines.append(f"  └{'─' * width}  0:00 to {clock(summary.seconds)}")
    lines += ["", f"GPUs in use, of {summary.gpus_there}"]
    for what, series in (("with shared GPUs", summary.gpus), ("same pods, whole GPUs", summary.gpus_without)):
        lines.append(f"  {what:<22} at most {series.peak:>3.0f}   on average {series.mean:5.1f}")
    return tuple(lines)


def _seconds(value: float | None) -> str:
    return "none" if value is None else f"{value:.2f} s"
