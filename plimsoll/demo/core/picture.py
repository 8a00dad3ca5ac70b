"""What is true at one moment of the demo, and what has been so far? The view draws it, the report remembers it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plimsoll.demo.core.gpus import GpuNode


@dataclass(frozen=True, slots=True)
class Standing:
    """The standing decision of the autoscaler about one workload, as it tells it at /decisions."""

    namespace: str
    name: str
    ready: int
    current: int
    desired: int
    stable: float | None
    panic: float | None
    mode: str
    reason: str
    decided_at: float


@dataclass(frozen=True, slots=True)
class Notice:
    """A Kubernetes Event, `at_s` seconds after the story began."""

    at_s: float
    about: str
    reason: str
    message: str
    warning: bool


@dataclass(frozen=True, slots=True)
class Traffic:
    """The requests so far, and those sent in the last second."""

    per_s: int
    in_flight: int
    served: int
    failed: int


@dataclass(frozen=True, slots=True)
class Picture:
    """One moment, `at_s` seconds after the story began; `left_s` is an estimate."""

    at_s: float
    phase: str
    left_s: float
    standings: Mapping[str, Standing]
    nodes: tuple[GpuNode, ...]
    notices: tuple[Notice, ...]
    traffic: Traffic


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one request."""

    workload: str
    sent_s: float
    latency_s: float
    served: bool


@dataclass(frozen=True, slots=True)
class Change:
    """The autoscaler changed its mind about a workload."""

    at_s: float
    workload: str
    before: int
    after: int
    mode: str
    reason: str


@dataclass(slots=True)
class History:
    """Everything that has been seen: a picture a second, each change of a decision, each answer."""

    pictures: list[Picture] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)

    def add(self, picture: Picture) -> tuple[Change, ...]:
        """Remember a picture; return what the autoscaler decided anew since the one before."""
        before = self.pictures[-1].standings if self.pictures else picture.standings
        self.pictures.append(picture)
        changes = tuple(
            Change(picture.at_s, name, before[name].desired, now.desired, now.mode, now.reason)
            for name, now in sorted(picture.standings.items())
            if name in before and (now.desired, now.mode) != (before[name].desired, before[name].mode)
        )
        self.changes.extend(changes)
        return changes
