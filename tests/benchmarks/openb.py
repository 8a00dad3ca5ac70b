"""Where is the openb trace, and what was published of it? Read where it is at hand; the repository never contains it.

`PLIMSOLL_OPENB` names its folder: nodes.csv.gz, pods_LIST.csv.gz, order/LIST.SEED.txt.gz and published.csv.
"""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from extender.replay.reading import read

if TYPE_CHECKING:
    from extender.replay.trace import Trace

SEEDS = tuple(range(42, 52))
PERCENTS = (80, 90, 100, 110, 120, 130)
BOUNDS = {("default", 130): 96.5, ("gpuspec33", 100): 96.4}
"""Upper bounds by linear programming, in percent, by list and arrived demand."""


@dataclass(frozen=True, slots=True)
class Published:
    """The mean of ten seeds that a policy of the published comparison allocated, in the order of `PERCENTS`."""

    policy: str
    allocated: tuple[float, ...]


def folder() -> Path | None:
    """Return the folder with the trace, or None where it is not at hand."""
    named = os.environ.get("PLIMSOLL_OPENB")
    return Path(named) if named and (Path(named) / "nodes.csv.gz").is_file() else None


def lists(where: Path) -> list[str]:
    """Return the names of the lists of pods, sorted."""
    return sorted(path.name.removeprefix("pods_").removesuffix(".csv.gz") for path in where.glob("pods_*.csv.gz"))


def trace(where: Path, name: str, seed: int) -> Trace:
    """Read one list in the order of one seed."""
    return read(where / "nodes.csv.gz", where / f"pods_{name}.csv.gz", where / "order" / f"{name}.{seed}.txt.gz")


def published(where: Path, name: str) -> list[Published]:
    """Return what was published for a list, by policy."""
    with (where / "published.csv").open() as lines:
        return [
            Published(
                row["policy"].partition("-")[2], tuple(float(row[f"alloc@{percent}_mean"]) for percent in PERCENTS)
            )
            for row in csv.DictReader(lines)
            if row["workload"] == f"openb_pod_list_{name}"
        ]
