"""What does it cost to plan a gang of 512 pods on 500 nodes of 8 GPUs, by all that is looked at?

Each run makes the cluster anew: nodes that are empty, or on which single GPUs and halves are held at random, a resident
pod for each; and a gang whose members ask for one GPU each, in one arm also spread over three zones and kept apart from
pods of another application. What is measured is the CPU time of one look at the gang: the copies, the plan and the
promises. The predicates' own preparation, once for all gangs after a change of the cluster, is told apart.
"""

from __future__ import annotations

import gc
import random
import time
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from extender.core.gang.surroundings import Seen, Surroundings
from extender.core.ledger.nodes import GpuNode, alike
from extender.core.model import Membership, PodKey, SeenPod
from extender.core.predicates.demands import PodDemands, Resident
from extender.core.predicates.nodes import NodeFacts
from extender.core.predicates.scene import Scene
from extender.core.predicates.selectors import Labels, Selector, equal_to
from extender.core.predicates.spread import SpreadConstraint
from extender.core.predicates.terms import PodTerm
from extender.core.scheduling import Scheduling
from kube.gpus import MiB, MilliGpu, Placement, Share

if TYPE_CHECKING:
    from collections.abc import Callable

NODES, GPUS, MEMBERS, RUNS, SEED = 500, 8, 512, 9, 1
_ONE = Share(1, MilliGpu(1000))
_ZONE, _HOST = "topology.kubernetes.io/zone", "kubernetes.io/hostname"


@dataclass(frozen=True, slots=True)
class Arm:
    """One kind of cluster and gang."""

    title: str
    held: float
    """How many of the GPUs others hold, of 1."""
    constrained: bool = False


ARMS = (
    Arm("empty nodes", 0.0),
    Arm("three fifths held by others", 0.6),
    Arm("the same, spread over zones and kept apart from other pods", 0.6, constrained=True),
    Arm("no room: all but 400 GPUs held", 0.9),
)


def table(progress: Callable[[str], None]) -> list[str]:
    """Return the lines of the table, the last one about how they were measured."""
    found: dict[str, list[tuple[float, float, int]]] = {arm.title: [] for arm in ARMS}
    for number in range(RUNS):
        for arm in ARMS:
            found[arm.title].append(measured(arm, SEED + number))
        progress(f"run {number + 1} of {RUNS}: {[round(runs[-1][1]) for runs in found.values()]} ms")
    rows = [
        f"| {title} | {round(median(planned for _, _, planned in runs))} | "
        f"{_spread([plan for _, plan, _ in runs])} | {_spread([prepare for prepare, _, _ in runs])} |"
        for title, runs in found.items()
    ]
    return [
        "| | pods planned | planning, ms of CPU | preparing the predicates, ms of CPU |",
        "|---|---:|---:|---:|",
        *rows,
        "",
        f"Medians of {RUNS} interleaved runs (least to most); {MEMBERS} pods, {NODES} nodes of {GPUS}, seed {SEED}.",
    ]


def measured(arm: Arm, seed: int) -> tuple[float, float, int]:
    """Return what preparing and planning cost, in ms of CPU, and how many pods were planned."""
    chance = random.Random(seed)  # noqa: S311  no secret
    scheduling = Scheduling()
    names = [f"node-{number:04}" for number in range(NODES)]
    scheduling.nodes_are(GpuNode(name, alike(GPUS, MiB(81_920)), "A100", cpu=96_000, memory=2**20) for name in names)
    nodes = [
        NodeFacts(
            name,
            Labels({_HOST: name, _ZONE: f"zone-{number % 3}"}),
            (("cpu", 96_000), ("memory", 2**40), ("pods", 250)),
        )
        for number, name in enumerate(names)
    ]
    residents = _fill(scheduling, names, arm, chance)
    members = [_member(number) for number in range(MEMBERS)]
    for pod in members:
        scheduling.pod_seen(pod)
    demands = dict.fromkeys((pod.key.uid for pod in members), _demands(constrained=arm.constrained))
    gc.collect()
    began = time.process_time()
    scene = Scene(nodes, residents, {"team": Labels({})})
    prepared = time.process_time()
    steps = scheduling.plan_gangs(Surroundings(lambda: Seen(scene, demands), scheduling.ledger, 1), 1.0)
    ended = time.process_time()
    return (prepared - began) * 1000, (ended - prepared) * 1000, len(steps.let_go)


def _fill(scheduling: Scheduling, names: list[str], arm: Arm, chance: random.Random) -> list[tuple[Resident, str]]:
    """Let others hold some of the GPUs; return what they count for."""
    residents = []
    for name in names:
        for device in range(GPUS):
            if chance.random() >= arm.held:
                continue
            uid, milli = f"{name}-{device}", MilliGpu(chance.choice((500, 1000)))
            placed = Placement((str(device),), milli)
            scheduling.pod_seen(SeenPod(PodKey(uid, "team", uid), Share(1, milli), name, placed, cpu=1000, memory=1024))
            labels = Labels({"app": chance.choice(("noisy", *("quiet",) * 49))})
            residents.append((Resident("team", labels, (("cpu", 1000), ("memory", 2**30))), name))
    return residents


def _member(number: int) -> SeenPod:
    key = PodKey(f"uid-{number:04}", "team", f"gang-{number:04}")
    created = f"2026-01-01T00:{number:06}"
    return SeenPod(key, _ONE, gated=True, cpu=4000, memory=16_384, created=created, gang=Membership("gang", MEMBERS))


def _demands(*, constrained: bool) -> PodDemands:
    labels = Labels({"app": "gang", "plimsoll.dev/gang": "gang"})
    requests = (("cpu", 4000), ("memory", 2**34))
    if not constrained:
        return PodDemands(Resident("team", labels, requests))
    noisy, itself = (Selector(equal_to({"app": app})) for app in ("noisy", "gang"))
    apart = PodTerm(_HOST, noisy, frozenset({"team"}))
    spread = SpreadConstraint(_ZONE, 5, itself)
    return PodDemands(Resident("team", labels, requests, anti_affinity=(apart,)), spread=(spread,))


def _spread(found: list[float]) -> str:
    return f"{median(found):.0f} ({min(found):.0f} to {max(found):.0f})"
