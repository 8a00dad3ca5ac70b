"""How does a person read many decisions? As a table, a row a workload."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autoscaler.core.decisions.explained_law import short
from plimsoll.explain.core.times import ago, length, utc

if TYPE_CHECKING:
    from collections.abc import Mapping

    from autoscaler.core.decisions.record import Record
    from autoscaler.core.targets.holdings import GpuUse
    from plimsoll.explain.core.told import ToldAll

_HEAD = (
    "NAMESPACE/NAME",
    "KIND",
    "READY",
    "CURRENT",
    "DESIRED",
    "MODE",
    "STABLE",
    "PANIC",
    "TARGET",
    "GPUS",
    "GPU-MIN",
    "AGE",
    "REASON",
)
_RIGHT = frozenset({"READY", "CURRENT", "DESIRED", "STABLE", "PANIC", "TARGET", "GPUS", "GPU-MIN", "AGE"})


def table(told: ToldAll, now_ms: int) -> str:
    """Return the standing decisions.

    GPUS are held now, GPU-MIN were since the autoscaler began, "-" where none ever were; AGE is that of the decision.
    """
    since = f"this autoscaler knows since {utc(told.since_ms)}, {ago(told.since_ms, now_ms)}"
    if not told.records:
        return f"no workloads: label one plimsoll.dev/autoscale=true; {since}"
    rows = [_HEAD, *(_row(record, told.gpus.get(record.key.uid), now_ms) for record in told.records)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    lines = ("  ".join(map(_cell, row, _HEAD, widths)).rstrip() for row in rows)
    observed = sum(bool(record.decision.inputs.observed) for record in told.records)
    only = f", {observed} of them only observed" if observed else ""
    return "\n".join((*lines, "", f"{len(told.records)} in all{only}; {since}"))


def _row(record: Record, use: GpuUse | None, now_ms: int) -> tuple[str, ...]:
    decision, inputs = record.decision, record.decision.inputs
    return (
        str(record.key),
        record.key.kind,
        str(inputs.ready),
        str(inputs.current),
        str(decision.desired),
        decision.mode.value,
        _load(inputs.stable),
        _load(inputs.panic),
        short(inputs.policy.target),
        _gpus(use.held) if use else "-",
        _gpus(use.spent) if use else "-",
        length(now_ms - inputs.at_ms),
        decision.reason,
    )


def _load(average: float | None) -> str:
    return "-" if average is None else short(average)


def _gpus(milli: Mapping[str, int]) -> str:
    total = sum(milli.values())
    return str(total // 1000) if total % 1000 == 0 else f"{total / 1000:.3f}".rstrip("0")


def _cell(text: str, head: str, width: int) -> str:
    return text.rjust(width) if head in _RIGHT else text.ljust(width)
