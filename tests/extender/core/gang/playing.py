"""A cluster in which gangs are played: pods, their controllers, kube-scheduler, and the extender's core in between."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Self

import numpy as np
from msgspec.structs import replace

from extender.core.answers import BindTo, Chosen
from extender.core.ledger.nodes import GpuNode, alike
from extender.core.model import Membership, PodKey, SeenPod
from extender.core.predicates.resources import ONE_POD, PODS, Remaining
from extender.core.scheduling import Scheduling
from kube.gangs import Planned
from kube.gpus import MiB, MilliGpu, Share

if TYPE_CHECKING:
    from collections.abc import Hashable

    from numpy.typing import NDArray

    from extender.core.gang.steps import Steps
    from extender.core.ledger.ledger import Ledger
    from extender.core.predicates.budgets import Budget
    from extender.core.predicates.lodgers import Facts
    from kube.gpus import GpuRequest, Malformed

WHOLE = Share(1, MilliGpu(1000))


class Anywhere:
    """Checks by which every node suits but the `refused` ones, and all is known of a pod but `unknown_of`."""

    version = 0

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.refused: set[str] = set()
        self.unknown_of: dict[str, str] = {}

    def copy(self) -> Self:
        return self

    def unknown(self, pod: SeenPod) -> str:
        return self.unknown_of.get(pod.key.name, "")

    def fits(self, pod: SeenPod) -> NDArray[np.bool_]:
        del pod
        fits = np.ones(self.ledger.free.shape[1], dtype=np.bool_)
        fits[[self.ledger.columns[name] for name in self.refused if name in self.ledger.columns]] = False
        return fits

    def could(self, pod: SeenPod) -> NDArray[np.bool_]:
        return self.fits(pod)

    def alone(self, pod: SeenPod) -> NDArray[np.bool_]:
        return self.fits(pod)

    def why(self, pod: SeenPod, node: str) -> str:
        del pod
        return "it is refused" if node in self.refused else ""

    def place(self, pod: SeenPod, node: str) -> None:
        """Nothing depends on who is there."""

    def without(self, uids: frozenset[str]) -> Self:
        del uids
        return self

    def left(self, pod: SeenPod) -> Remaining:
        free = np.full((1, self.ledger.free.shape[1]), 1000, dtype=np.int64)
        return Remaining((PODS,), np.where(self.fits(pod), free, 0), np.ones(1, dtype=np.int64))

    def demands_of(self, pod: SeenPod) -> Hashable:
        return pod.key.uid

    def facts(self, uid: str) -> Facts | None:
        del uid
        return None

    def requests_of(self, uid: str) -> tuple[tuple[str, int], ...]:
        del uid
        return (ONE_POD,)

    @property
    def budgets(self) -> tuple[Budget, ...]:
        return ()

    def counted_in(self, uid: str) -> tuple[int, ...] | None:
        del uid
        return ()


class Cluster:
    """What the API server holds; `now` in seconds."""

    def __init__(self, *, nodes: int, gpus: int = 1) -> None:
        self.scheduling = Scheduling()
        self.scheduling.nodes_are(GpuNode(f"n{number}", alike(gpus, MiB(16384))) for number in range(nodes))
        self.checks = Anywhere(self.scheduling.ledger)
        self.pods: dict[str, SeenPod] = {}
        self.now = 0.0
        self.told: list[tuple[str, str]] = []
        self.evicted: list[str] = []
        self.refuses: set[str] = set()
        """Nodes on which kube-scheduler places no pod, whatever was planned."""
        self.created = 0

    @property
    def nodes(self) -> list[str]:
        return sorted(node.name for node in self.scheduling.ledger.nodes())

    def put(self, pod: SeenPod) -> SeenPod:
        self.pods[pod.key.uid] = pod
        self.scheduling.pod_seen(pod)
        return pod

    def create(
        self,
        gang: str,
        least: int | Malformed,
        count: int = 1,
        *,
        request: GpuRequest | Malformed | None = WHOLE,
        gated: bool = True,
        owned: bool = True,
        priority: int = 0,
    ) -> list[SeenPod]:
        made = []
        for _ in range(count):
            self.created += 1
            name = f"{gang}-{self.created:03}"
            member = Membership(gang, least, owned)
            created = f"2026-01-01T00:00:{self.created:06}Z"
            made.append(
                self.put(
                    SeenPod(
                        PodKey(name, "default", name),
                        request,
                        gated=gated,
                        cpu=100,
                        created=created,
                        priority=priority,
                        gang=member,
                    )
                )
            )
        return made

    def single(self, name: str, request: GpuRequest = WHOLE) -> SeenPod:
        return self.put(SeenPod(PodKey(name, "default", name), request, created=f"2026-01-01T00:01:{name}"))

    def delete(self, uid: str, *, again: bool = False) -> None:
        """Delete a pod; `again`: its controller makes it anew."""
        pod = self.pods.pop(uid)
        if pod.node:
            self.scheduling.pod_seen(replace(pod, ended=True))
        self.scheduling.pod_gone(uid, self.now, ended=bool(pod.node))
        if again and pod.gang is not None:
            self.create(pod.gang.gang, pod.gang.least, request=pod.request, priority=pod.priority)

    def steps(self) -> Steps:
        return self.scheduling.plan_gangs(self.checks, self.now)

    def carry_out(self, steps: Steps, *, most: int = 10_000) -> None:
        """Do what is to be done, of what lets pods go at `most` so much."""
        for step in steps.let_go[:most]:
            pod = self.pods.get(step.pod.uid)
            if pod is not None and pod.gang is not None and pod.gated:
                self.put(replace(pod, gated=False, gang=replace(pod.gang, planned=step.planned)))
        for shown in steps.show:
            pod = self.pods[shown.pod.uid]
            assert pod.gang is not None
            self.put(replace(pod, gated=False, gang=replace(pod.gang, shown=True)))
        for back in steps.take_back:
            pod = self.pods[back.pod.uid]
            assert pod.gang is not None
            if back.anew:
                self.delete(back.pod.uid, again=True)
            else:
                self.put(replace(pod, gang=replace(pod.gang, planned=None)))
        for eviction in steps.evict:
            self.evicted.append(eviction.pod.name)
            self.delete(eviction.pod.uid, again=True)
        for mark in steps.mark:
            pod = self.pods[mark.pod.uid]
            assert pod.gang is not None
            self.put(replace(pod, gang=replace(pod.gang, whole=True)))
        self.told += [(one.reason, one.sentence) for one in steps.tell]

    def turn(self, seconds: float = 1.0, *, most: int = 10_000) -> None:
        """Let a second go by: the extender plans, kube-scheduler places."""
        self.now += seconds
        self.carry_out(self.steps(), most=most)
        for pod in sorted(self.pods.values(), key=lambda pod: pod.key.uid):
            if not pod.node and not pod.gated and not pod.leaving:
                self.schedule(pod)

    def schedule(self, pod: SeenPod) -> bool:
        """Filter and bind one pod as kube-scheduler does; tell whether it has a node then."""
        pinned = pod.gang.planned.node if pod.gang is not None and pod.gang.planned is not None else ""
        offered = [node for node in self.nodes if node not in self.refuses and pinned in ("", node)]
        answer = self.scheduling.filter(pod, offered, self.now) if offered else None
        to = self.scheduling.bind(pod.key.uid, answer.nodes[0], self.now) if isinstance(answer, Chosen) else None
        if not isinstance(to, BindTo):
            if pod.gang is not None:
                self.put(replace(pod, gang=replace(pod.gang, unschedulable="0/1 nodes are available")))
            return False
        self.scheduling.bound(pod.key.uid)
        self.put(replace(pod, node=to.node, placed=to.placed))
        return True

    def bound(self, gang: str = "") -> list[str]:
        return sorted(
            pod.key.name
            for pod in self.pods.values()
            if pod.node and (not gang or (pod.gang is not None and pod.gang.gang == gang))
        )

    def held(self) -> dict[str, int]:
        """Return the milli-GPU that is held of each device that is not free."""
        held: dict[str, int] = defaultdict(int)
        for holding in self.scheduling.ledger.holdings():
            for device in holding.devices or ():
                held[f"{holding.node}/{device}"] += holding.milli
        return dict(held)


__all__ = ["WHOLE", "Anywhere", "Cluster", "Planned"]
