"""How does a replay read in a terminal, and as one line of JSON?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extender.replay.churn import Churn
    from extender.replay.inflation import Cost, Inflation

SHOWN = (80, 90, 100, 110, 120, 130)
TOLD = (90, 100, 130)


def inflation_table(replays: Sequence[Inflation]) -> list[str]:
    """Return the lines of a table: what each policy had allocated at which arrived demand."""
    head = ["policy", *(f"@{percent}" for percent in SHOWN), "first refusal", "refused", "that fitted", *_COST]
    rows = [
        [
            one.policy,
            *(_percent(one.at(percent)) for percent in SHOWN),
            "none" if one.first_failure is None else f"at {one.first_failure:.2f}",
            str(one.refused),
            str(one.refused_fitting),
            *_cost(one.cost),
        ]
        for one in replays
    ]
    return ["allocated, percent of the GPUs, at so many percent asked for:", *_aligned([head, *rows])]


def churn_table(replays: Sequence[Churn]) -> list[str]:
    """Return the lines of a table: what each policy kept allocated over time."""
    head = ["policy", "offered", "allocated", "refused", "stranded GPU-hours", "refused that fitted", *_COST]
    rows = [
        [
            one.policy,
            f"{one.load.percent}",
            _percent(one.allocated),
            _percent(one.refused_percent),
            f"{one.stranded:.1f}",
            str(one.refused_fitting),
            *_cost(one.cost),
        ]
        for one in replays
    ]
    hours = replays[0].load.hours
    return [f"over {hours:g} mean lifetimes of an hour; percent of the GPUs:", *_aligned([head, *rows])]


def inflation_json(one: Inflation) -> str:
    """Return the line for programs."""
    return json.dumps(
        {
            "allocated": {str(percent): _rounded(one.at(percent)) for percent in TOLD},
            "first_failure": _rounded(one.first_failure),
            "refused_fitting": one.refused_fitting,
            "decisions": one.cost.decisions,
            "decision_us": _cost_json(one.cost),
            "policy": one.policy,
        }
    )


def churn_json(one: Churn) -> str:
    """Return the line for programs."""
    return json.dumps(
        {
            "offered": one.load.percent,
            "allocated": _rounded(one.allocated),
            "refused": _rounded(one.refused_percent),
            "stranded_gpu_hours": _rounded(one.stranded),
            "hours": one.load.hours,
            "refused_fitting": one.refused_fitting,
            "decisions": one.cost.decisions,
            "decision_us": _cost_json(one.cost),
            "policy": one.policy,
        }
    )


_COST = ("decisions", "us mean", "us p99")


def _cost(cost: Cost) -> tuple[str, str, str]:
    return str(cost.decisions), f"{cost.mean:.0f}", f"{cost.p99:.0f}"


def _cost_json(cost: Cost) -> dict[str, float]:
    return {"mean": round(cost.mean, 1), "p99": round(cost.p99, 1)}


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if at == 0 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
