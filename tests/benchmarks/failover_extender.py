"""How long until the other pair places pods, when the leading kube-scheduler and its extender go, and what is lost?"""

from __future__ import annotations

import random
import tempfile
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from deploy.local import LocalCluster
from tests.e2e.killing import GPUS_PER_NODE, HELD_BACK, NODES, PODS, spec
from tests.e2e.placers import MISFORTUNES, pair_of, taken_over

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.placers import Placer
    from tests.e2e.standby import Misfortune, Pair

ROUNDS, SEED = 20, 1


def table(progress: Callable[[str], None]) -> list[str]:
    """Return the lines of the table, the last one about how they were measured."""
    lines = [
        "| the leading pair is | the other leads after, s: median (least to most) | fullest device ever | pods lost |",
        "|---|---|---:|---:|",
    ]
    with (
        LocalCluster.start(spec("bars-failover-extender"), progress=progress) as cluster,
        tempfile.TemporaryDirectory() as logs,
        pair_of(cluster, Path(logs)) as pair,
    ):
        lines += [_row(pair, misfortune, progress) for misfortune in MISFORTUNES]
    lines += [
        "",
        f"{ROUNDS} rounds each of {PODS} pods, {NODES} nodes of {GPUS_PER_NODE} GPUs, lease 8 s / 6 s / 0.5 s.",
    ]
    return lines


def _row(pair: Pair[Placer], misfortune: Misfortune, progress: Callable[[str], None]) -> str:
    points = random.Random(SEED)  # noqa: S311  no secret
    found = []
    for number in range(ROUNDS):
        namespace = f"{misfortune.name.lower().replace('_', '-')}-{number}"
        found.append(taken_over(pair, namespace, misfortune, points.randrange(1, PODS - HELD_BACK)))
        progress(f"{misfortune.value}, round {number + 1} of {ROUNDS}: {found[-1]}")
    took = [one.seconds for one in found]
    times = f"{median(took):.1f} ({min(took):.1f} to {max(took):.1f})"
    return f"| {misfortune.value} | {times} | {max(one.fullest for one in found)} | {sum(one.lost for one in found)} |"
