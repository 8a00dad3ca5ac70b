"""What is left after the extender was killed twenty times, each time while three hundred pods were being placed?"""

from __future__ import annotations

import random
from statistics import median
from typing import TYPE_CHECKING

from deploy.local import LocalCluster
from tests.e2e.killing import GPUS_PER_NODE, LAST_POINT, NODES, PODS, killed, spec

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS, SEED = 20, 1


def table(progress: Callable[[str], None]) -> list[str]:
    """Return the lines of the table, the last one about how they were measured."""
    points = random.Random(SEED)  # noqa: S311  no secret
    rounds = []
    with LocalCluster.start(spec("bars-killing"), progress=progress) as cluster:
        cluster.start_extender()
        for number in range(ROUNDS):
            rounds.append(killed(cluster, f"killed-{number}", points.randrange(1, LAST_POINT)))
            progress(f"round {number + 1} of {ROUNDS}: {rounds[-1]}")
    at_kill = [one.bound_at_kill for one in rounds]
    took = [one.seconds for one in rounds]
    return [
        "| | |",
        "|---|---|",
        f"| pods bound at the kill: least, median, most | {min(at_kill)}, {median(at_kill):.0f}, {max(at_kill)} |",
        f"| fullest device after any round, milli-GPU | {max(one.fullest for one in rounds)} |",
        f"| pods lost | {sum(one.lost for one in rounds)} |",
        f"| holdings left that are not of bound pods | {sum(one.left for one in rounds)} |",
        f"| seconds until all pods were bound: median, most | {median(took):.0f}, {max(took):.0f} |",
        "",
        f"{ROUNDS} rounds of {PODS} pods, {NODES} nodes of {GPUS_PER_NODE} GPUs, seed {SEED}.",
    ]
