"""Does a gang ever run in part? Two gangs of which one fits, many times; and the extender killed as it lets one go."""

from __future__ import annotations

import random
from statistics import median
from typing import TYPE_CHECKING

from deploy.local import ClusterSpec, LocalCluster
from tests.e2e import gang_killing, gangs, pods

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS, KILLS, SEED = 50, 20, 1
_NODES, _EACH = 20, 12


def two(progress: Callable[[str], None]) -> list[str]:
    """Return the lines of the table of two gangs, the last one about how they were measured."""
    chance = random.Random(SEED)  # noqa: S311  no secret
    spec = ClusterSpec(name="bars-gangs", nodes=_NODES, gpus_per_node=1, prometheus=False, default_scheduler=False)
    took, in_part = [], 0
    with LocalCluster.start(spec, progress=progress) as cluster:
        cluster.start_extender()
        for number in range(ROUNDS):
            seconds, runs = _two(cluster, f"two-{number}", chance)
            took.append(seconds)
            in_part += runs != [0, _EACH]
            progress(f"round {number + 1} of {ROUNDS}: {runs} after {seconds:.1f} s")
    return [
        "| | |",
        "|---|---|",
        f"| two gangs of {_EACH} on {_NODES} GPUs, created at once, rounds | {ROUNDS} |",
        f"| rounds in which not exactly one ran whole and the other held nothing | {in_part} |",
        f"| s until one ran: median, most | {median(took):.1f}, {max(took):.1f} |",
        "",
        f"Seed {SEED}.",
    ]


def killed(progress: Callable[[str], None]) -> list[str]:
    """Return the lines of the table of kills, the last one about how they were measured."""
    chance = random.Random(SEED)  # noqa: S311  no secret
    nodes = gang_killing.MEMBERS // 8 + 1
    spec = ClusterSpec(
        name="bars-gangs-killed", nodes=nodes, gpus_per_node=8, prometheus=False, default_scheduler=False
    )
    rounds = []
    with LocalCluster.start(spec, progress=progress) as cluster:
        cluster.start_extender()
        for number in range(KILLS):
            name = f"killed-{number}"
            pods.create_namespace(cluster, name)
            rounds.append(gang_killing.killed(cluster, name, chance.randrange(1, gang_killing.LAST_POINT)))
            pods.empty(cluster, name)
            progress(f"round {number + 1} of {KILLS}: {rounds[-1]}")
    at_kill = [one.let_go_at_kill for one in rounds]
    broken = sum((one.bound, one.held) not in ((gang_killing.MEMBERS, 0), (0, 0)) for one in rounds)
    after = [one.seconds for one in rounds]
    return [
        "| | |",
        "|---|---|",
        f"| extender killed while it let a gang of {gang_killing.MEMBERS} go, rounds | {KILLS} |",
        f"| members let go at the kill: least, median, most | {min(at_kill)}, {median(at_kill):.0f}, {max(at_kill)} |",
        f"| rounds after which the gang ran neither whole nor not at all | {broken} |",
        f"| s from the kill until it ran: median, most | {median(after):.1f}, {max(after):.1f} |",
        "",
        f"Seed {SEED}.",
    ]


def _two(cluster: LocalCluster, namespace: str, chance: random.Random) -> tuple[float, list[int]]:
    """Create two gangs at once; return when one of them ran, and how many members of each have a node, fewest first."""
    pods.create_namespace(cluster, namespace)
    both = [*gangs.members("a", _EACH), *gangs.members("b", _EACH)]
    chance.shuffle(both)
    pods.create(cluster, namespace, both)
    seconds = pods.wait_until("one of them runs", lambda: len(gangs.bound(cluster, namespace)) >= _EACH, 180.0)
    pods.wait_until(
        "the other is told why",
        lambda: any(
            one.reason == "WaitsForGang" and "at once" in one.message for one in pods.events(cluster, namespace)
        ),
    )
    runs = sorted(len(gangs.bound(cluster, namespace, name)) for name in ("a", "b"))
    runs[0] += pods.holdings(cluster)["reserved"]
    pods.empty(cluster, namespace)
    return seconds, runs
