"""What do kube-scheduler's predicates cost when a gang is planned, member by member, on 500 nodes with 4,000 pods?

Each member is asked for, put on the first node that suits it, and the next one is asked for. Beside it what it costs to
look at everything anew for a member. CPU time of the process; the pods and nodes are the same each time.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from extender.core.predicates.demands import PodDemands, Resident
from extender.core.predicates.node_affinity import NodeAffinity, NodeTerm
from extender.core.predicates.nodes import NodeFacts
from extender.core.predicates.scene import Scene
from extender.core.predicates.selectors import EVERYTHING, NO_LABELS, Labels, Operator, Requirement, Selector, equal_to
from extender.core.predicates.spread import SpreadConstraint
from extender.core.predicates.terms import PodTerm
from kube.taints import Taint, Toleration

if TYPE_CHECKING:
    from collections.abc import Callable

_NODES, _RESIDENTS, _APPS, _ROUNDS = 500, 4000, 200, 7
_ANEW = 4  # members: each costs as much as the whole gang otherwise
_HOST, _ZONE, _GPU, _NAMESPACE = "kubernetes.io/hostname", "topology.kubernetes.io/zone", "nvidia.com/gpu", "team"
_LIKE = Selector(equal_to({"app": "gang"}))
_APART = (PodTerm(_HOST, _LIKE, frozenset({_NAMESPACE})),)
_SPREAD = (SpreadConstraint(_ZONE, 1, _LIKE), SpreadConstraint(_HOST, 2, _LIKE))
_AFFINITY = NodeAffinity(EVERYTHING, (NodeTerm((Requirement(_ZONE, Operator.NOT_IN, ("z9",)),)),))


@dataclass(frozen=True, slots=True)
class Gang:
    """How many members, what they have beside requests, tolerations and node affinity, and whether all are alike."""

    title: str
    members: int
    spread: tuple[SpreadConstraint, ...] = ()
    apart: tuple[PodTerm, ...] = ()
    indexed: bool = False

    def member(self, number: int) -> PodDemands:
        """Return what one of them demands."""
        labels = {"app": "gang"} | ({"index": str(number)} if self.indexed else {})
        requests = (("cpu", 4000), ("memory", 2**34), (_GPU, 1))
        pod = Resident(_NAMESPACE, Labels(labels), requests, anti_affinity=self.apart)
        return PodDemands(pod, node_affinity=_AFFINITY, tolerations=(Toleration("gpu", "Exists"),), spread=self.spread)


GANGS = (
    Gang("nothing more", 512),
    Gang("spread over zones and hosts", 512, _SPREAD),
    Gang("one a host, by anti-affinity", 500, (), _APART),
    Gang("both", 500, _SPREAD, _APART),
    Gang("both, each with a label of its own", 500, _SPREAD, _APART, indexed=True),
)


def table(progress: Callable[[str], None]) -> list[str]:
    """Return the lines of the table."""
    rows = []
    for gang in GANGS:
        found = [_planned(gang) for _ in range(_ROUNDS)]
        anew = [_anew(gang) for _ in range(3)]
        rows.append(
            f"| {gang.title} | {gang.members} | {median(found):.1f} ({min(found):.1f} to {max(found):.1f}) "
            f"| {median(anew):.1f} |"
        )
        progress(rows[-1])
    title = "| members, beside requests, tolerations and node affinity | members | ms of CPU, all of them "
    title += "| one of them, everything looked at anew |"
    built = median(_timed(_scene) for _ in range(_ROUNDS))
    note = f"{_ROUNDS} rounds, {_NODES} nodes, {_RESIDENTS:,} pods there; building the scene took {built:.1f} ms."
    return [title, "|---|---|---|---|", *rows, "", note]


def _planned(gang: Gang) -> float:
    members = [gang.member(0)] * gang.members
    if gang.indexed:
        members = [gang.member(number) for number in range(gang.members)]
    scene = _scene().copy()
    return _timed(lambda: _place(scene, members))


def _anew(gang: Gang) -> float:
    placed = [(gang.member(number).resident, f"n{number}") for number in range(_ANEW)]
    began = time.process_time()
    for number in range(_ANEW):
        assert _scene(placed[:number]).checks(gang.member(number)).fits.any()
    return (time.process_time() - began) / _ANEW * 1000


def _place(scene: Scene, members: list[PodDemands]) -> None:
    for member in members:
        fits = scene.checks(member).fits
        node = int(fits.argmax())
        assert fits[node]
        scene.place(member, node)


def _scene(more: list[tuple[Resident, str]] | None = None) -> Scene:
    room = (("cpu", 128_000), ("ephemeral-storage", 2**40), ("memory", 2**40), (_GPU, 8), ("pods", 110))
    taints = (Taint("gpu", "true", "NoSchedule"),)
    nodes = [
        NodeFacts(f"n{number}", Labels({_HOST: f"n{number}", _ZONE: f"z{number % 5}"}), room, taints)
        for number in range(_NODES)
    ]
    apps = [
        Resident(_NAMESPACE, Labels({"app": f"a{number}"}), (("cpu", 1000), ("memory", 2**30)))
        for number in range(_APPS)
    ]
    there = [(apps[number % _APPS], f"n{number % _NODES}") for number in range(_RESIDENTS)]
    return Scene(nodes, [*there, *(more or ())], {_NAMESPACE: NO_LABELS})


def _timed(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return (time.process_time() - began) * 1000
