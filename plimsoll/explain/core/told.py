"""What does the autoscaler tell?"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from autoscaler.core.decisions.record import Record
    from autoscaler.core.targets.holdings import GpuUse


@dataclass(frozen=True, slots=True)
class ToldOne:
    """Of one workload: its standing record and last changes, oldest first; `since_ms`: since when it knows anything.

    `follows` names the autoscaler that leads, "" where the one that was asked does.
    """

    standing: Record
    changes: tuple[Record, ...]
    since_ms: int
    follows: str = ""


@dataclass(frozen=True, slots=True)
class ToldAll:
    """Of all workloads: their standing records, and what they use of GPUs, by UID."""

    records: tuple[Record, ...]
    since_ms: int
    gpus: Mapping[str, GpuUse] = field(default_factory=dict)
