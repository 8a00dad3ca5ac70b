"""What does it cost to plan who leaves, on 500 full nodes of 8 GPUs, for a gang of 512 pods, or for one pod?

Each run makes the cluster anew: every GPU is full of train pods, whole or in halves, of two projects, one of which has
a quota. What is measured is the CPU time of the look that plans: who may leave, the search, the check of the whole plan
by all that kube-scheduler looks at, and the promises. The predicates' own preparation, once after a change of the
cluster, is told apart, as in `gang_planning`.
"""

from __future__ import annotations

import gc
import time
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from extender.core.gang.surroundings import Seen, Surroundings
from extender.core.ledger.nodes import GpuNode, alike
from extender.core.model import Membership, PodKey, SeenPod
from extender.core.predicates.demands import PodDemands, Resident
from extender.core.predicates.lodgers import Facts
from extender.core.predicates.nodes import NodeFacts
from extender.core.predicates.scene import Scene
from extender.core.predicates.selectors import Labels
from extender.core.preemption.moment import Moment
from extender.core.quota.projects import Project, Projects
from extender.core.scheduling import Scheduling
from kube.gpus import MiB, MilliGpu, Placement, Share

if TYPE_CHECKING:
    from collections.abc import Callable

NODES, GPUS, RUNS, SEED = 500, 8, 9, 1
_SERVE, _TRAIN = "plimsoll-inference", "plimsoll-train"
_UNIX = 1_767_225_600.0  # 2026-01-01


@dataclass(frozen=True, slots=True)
class Arm:
    """One kind of cluster, and for whom room is made: so many `pods` of so many `gpus`, as a gang or not."""

    title: str
    milli: int
    """What each train pod holds of its GPU."""
    pods: int = 512
    gpus: int = 1
    gang: bool = True


ARMS = (
    Arm("a gang of 512 of 1 GPU, 4,000 train pods", 1000),
    Arm("a gang of 512 of 1 GPU, 8,000 train pods in halves", 500),
    Arm("a gang of 250 of 8 GPUs, 4,000 train pods", 1000, pods=250, gpus=8),
    Arm("one pod of 1 GPU, 8,000 train pods in halves", 500, pods=1, gang=False),
    Arm("250 pods of 8 GPUs one by one, 4,000 train pods", 1000, pods=250, gpus=8, gang=False),
)


def table(progress: Callable[[str], None]) -> list[str]:
    """Return the lines of the table, the last one about how they were measured."""
    found: dict[str, list[tuple[float, float, int]]] = {arm.title: [] for arm in ARMS}
    for number in range(RUNS):
        for arm in ARMS:
            found[arm.title].append(measured(arm))
        progress(f"run {number + 1} of {RUNS}: {[round(runs[-1][1]) for runs in found.values()]} ms")
    rows = [
        f"| {title} | {round(median(left for _, _, left in runs))} | "
        f"{_spread([plan for _, plan, _ in runs])} | {_spread([prepare for prepare, _, _ in runs])} |"
        for title, runs in found.items()
    ]
    return [
        "| | pods that leave | planning, ms of CPU | preparing the predicates, ms of CPU |",
        "|---|---:|---:|---:|",
        *rows,
        "",
        f"Medians of {RUNS} interleaved runs (least to most); {NODES} nodes of {GPUS} GPUs.",
    ]


def measured(arm: Arm) -> tuple[float, float, int]:
    """Return what preparing and planning cost, in ms of CPU, and how many pods leave."""
    scheduling = Scheduling()
    names = [f"node-{number:04}" for number in range(NODES)]
    scheduling.nodes_are(GpuNode(name, alike(GPUS, MiB(81_920)), "A100", cpu=96_000, memory=2**20) for name in names)
    projects = [Project("serving", 4_000_000, (), ("serving",))]
    projects += [Project(name, quota, (), (name,)) for name, quota in (("vision", 2_000_000), ("speech", 0))]
    scheduling.projects_are(Projects(tuple(projects)))
    nodes = [NodeFacts(name, Labels({}), (("cpu", 96_000), ("memory", 2**40), ("pods", 250))) for name in names]
    facts = _fill(scheduling, names, arm)
    waiting = [_waiting(number, arm) for number in range(arm.pods)]
    for pod in waiting:
        scheduling.pod_seen(pod)
    requests = (("cpu", 4000), ("memory", 2**34))
    demands = dict.fromkeys((pod.key.uid for pod in waiting), PodDemands(Resident("serving", Labels({}), requests)))
    gc.collect()
    began = time.process_time()
    scene = Scene(nodes, [(one.resident, one.node) for one in facts.values()], {})
    prepared = time.process_time()
    seen = Seen(scene, demands, facts, ())
    left: set[str] = set()
    checks = Surroundings(lambda: seen, scheduling.ledger, 1)
    for look in range(100):
        scheduling.plan_gangs(checks, 1.0 + look)
        moves = scheduling.make_room(checks, Moment(1.0 + look, _UNIX + 86_400.0))
        left |= {one.pod.uid for plan in moves.displace for one in plan}
        if sum(held.nominated for held in scheduling.ledger.holdings()) == arm.pods:
            break
    ended = time.process_time()
    return (prepared - began) * 1000, (ended - prepared) * 1000, len(left)


def _fill(scheduling: Scheduling, names: list[str], arm: Arm) -> dict[str, Facts]:
    facts = {}
    resident = {team: Resident(team, Labels({}), (("cpu", 1000), ("memory", 2**30))) for team in ("vision", "speech")}
    for place, name in enumerate(names):
        for device in range(GPUS):
            for part in range(1000 // arm.milli):
                team = ("vision", "speech")[(place + device) % 2]
                uid = f"{name}-{device}-{part}"
                placed = Placement((str(device),), MilliGpu(arm.milli))
                request = Share(1, MilliGpu(arm.milli))
                key = PodKey(uid, team, uid)
                scheduling.pod_seen(
                    SeenPod(key, request, name, placed, cpu=1000, memory=1024, priority_class=_TRAIN, priority=50)
                )
                started = f"2026-01-01T{(place * 7 + device) % 24:02}:{part:02}:{place % 60:02}Z"
                facts[uid] = Facts(resident[team], name, 50, started)
    return facts


def _waiting(number: int, arm: Arm) -> SeenPod:
    key = PodKey(f"uid-{number:04}", "serving", f"serve-{number:04}")
    return SeenPod(
        key,
        Share(arm.gpus, MilliGpu(1000)),
        gated=arm.gang,
        cpu=4000,
        memory=16_384,
        created="2026-01-01T00:00:00Z",
        priority_class=_SERVE,
        priority=125,
        gang=Membership("gang", arm.pods) if arm.gang else None,
    )


def _spread(found: list[float]) -> str:
    return f"{median(found):.0f} ({min(found):.0f} to {max(found):.0f})"
