"""A cluster in which room is made: train pods that run, inference that waits, kube-scheduler, and the API server."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec.structs import replace

from extender.core.answers import BindTo, Chosen
from extender.core.gang.surroundings import Seen, Surroundings
from extender.core.ledger.nodes import GpuNode, alike
from extender.core.model import Membership, PodKey, SeenPod
from extender.core.predicates.budgets import Budget
from extender.core.predicates.demands import PodDemands, Resident
from extender.core.predicates.lodgers import Facts
from extender.core.predicates.nodes import NodeFacts
from extender.core.predicates.scene import Scene
from extender.core.predicates.selectors import Labels
from extender.core.preemption.moment import Moment
from extender.core.preemption.settings import Settings as Preemption
from extender.core.quota.projects import Project, Projects
from extender.core.scheduling import Scheduling
from extender.core.settings import Settings
from kube.gpus import MiB, MilliGpu, Share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extender.core.preemption.moves import Moves
    from kube.gpus import GpuRequest

SERVE, TRAIN, BUILD = "plimsoll-inference", "plimsoll-train", "plimsoll-build"
PRIORITIES = {SERVE: 125, BUILD: 100, TRAIN: 50}
_BEGAN = datetime(2026, 1, 1, tzinfo=UTC).timestamp()


def part(milli: int) -> Share:
    """Ask for a part of one GPU, or for one."""
    return Share(1, MilliGpu(milli))


def whole(gpus: int = 1) -> Share:
    """Ask for whole GPUs."""
    return Share(gpus, MilliGpu(1000))


class Cluster:
    """What the API server holds; `now` in seconds. Each namespace is a project of that name.

    `grace_s`: how long pods take to leave. `budgets`: what its eviction goes by, and is told to the extender.
    """

    def __init__(
        self, *, nodes: int = 1, gpus: int = 1, cpu: int = 64_000, quotas: dict[str, int] | None = None, **tuned: object
    ) -> None:
        self.scheduling = Scheduling(settings=Settings(preemption=Preemption(**{"delay_s": 0.0, **tuned})))  # type: ignore[arg-type]
        self.scheduling.nodes_are(GpuNode(f"n{number}", alike(gpus, MiB(16_384)), cpu=cpu) for number in range(nodes))
        every = {"search": 100, "vision": 100} if quotas is None else quotas
        self.scheduling.projects_are(
            Projects(tuple(Project(one, gpu * 1000, (), (one,)) for one, gpu in every.items()))
        )
        self.cpu = cpu
        self.pods: dict[str, SeenPod] = {}
        self.owners: dict[str, str] = {}
        self.labels: dict[str, Labels] = {}
        self.demands: dict[str, PodDemands] = {}
        self.started: dict[str, float] = {}
        self.ends: dict[str, float] = {}
        self.budgets: list[Budget] = []
        self.refuses: set[str] = set()
        """Pods, by name, that the API server does not evict."""
        self.now = 0.0
        self.grace_s = 2.0
        self.told: list[tuple[str, str, str]] = []
        self.evicted: list[str] = []
        self.created = 0
        self.withdrawn = 0
        """Counted by whoever deletes pods for which others may have left."""

    # --- what is there ---

    @property
    def nodes(self) -> list[str]:
        return sorted(node.name for node in self.scheduling.ledger.nodes())

    def add_node(self, name: str, gpus: int = 1) -> None:
        """Let a node come."""
        self.scheduling.node_seen(GpuNode(name, alike(gpus, MiB(16_384)), cpu=self.cpu))

    def pod(
        self,
        name: str,
        request: GpuRequest,
        *,
        by: str = SERVE,
        of: str = "search",
        priority: int | None = None,
        cpu: int = 100,
        gang: tuple[str, int] | None = None,
        owner: str = "",
        labels: dict[str, str] | None = None,
    ) -> SeenPod:
        """Create a pod."""
        self.created += 1
        uid = f"{name}-{self.created:04}"
        created = _written(self.now)
        pod = SeenPod(
            PodKey(uid, of, name),
            request,
            cpu=cpu,
            created=created,
            priority_class=by,
            priority=PRIORITIES[by] if priority is None else priority,
            gang=None if gang is None else Membership(*gang),
            gated=gang is not None,
            version=str(self.created),
        )
        self.owners[uid], self.labels[uid] = owner, Labels(labels)
        self.demands[uid] = PodDemands(Resident(of, Labels(labels), (("cpu", cpu),)))
        return self._put(pod)

    def train(self, name: str, request: GpuRequest, node: str = "n0", **says: object) -> SeenPod:
        """Create a train pod that runs on a node."""
        pod = self.pod(name, request, **{"by": TRAIN, "of": "vision", **says})  # type: ignore[arg-type]
        runs = self.schedule(pod, node)
        assert runs, f"{name} has no room on {node}"
        return self.pods[pod.key.uid]

    def named(self, name: str) -> SeenPod:
        """Return the last pod of a name."""
        return next(pod for pod in reversed(self.pods.values()) if pod.key.name == name)

    def running(self) -> list[str]:
        """Return the names of all pods that run and are not leaving."""
        return sorted(pod.key.name for pod in self.pods.values() if pod.node and not pod.leaving)

    # --- what happens ---

    def delete(self, pod: SeenPod) -> None:
        """Let a pod begin to leave; without a node it is gone at once."""
        if not pod.node:
            self._gone(pod)
            return
        self.ends[pod.key.uid] = self.now + self.grace_s
        self._put(replace(pod, leaving=True))

    def look(self) -> Moves:
        """Let the extender plan."""
        self.scheduling.plans()
        checks = self.surroundings()
        steps = self.scheduling.plan_gangs(checks, self.now)
        for step in steps.let_go:
            pod = self.pods.get(step.pod.uid)
            if pod is not None and pod.gang is not None and pod.gated:
                self._put(replace(pod, gated=False, gang=replace(pod.gang, planned=step.planned)))
        for mark in steps.mark:
            pod = self.pods[mark.pod.uid]
            assert pod.gang is not None
            self._put(replace(pod, gang=replace(pod.gang, whole=True)))
        moves = self.scheduling.make_room(checks, Moment(self.now, _BEGAN + self.now))
        for one in (*steps.tell, *moves.tell):
            self.told += [(one.pods[0].name if one.pods else "", one.reason, one.sentence)]
        return moves

    def carry_out(self, moves: Moves, most: int = 10_000) -> None:
        """Evict as the API server does: those whose budget does not allow it are refused."""
        for plan in moves.displace:
            for one in plan[:most]:
                if not self._evict(one.pod):
                    break

    def turn(self, seconds: float = 1.0) -> None:
        """Let time go by: pods leave, the extender plans, kube-scheduler places."""
        self.now += seconds
        self.leave()
        self.carry_out(self.look())
        self.place()

    def leave(self) -> None:
        """Let those be gone whose grace is over."""
        for uid in [uid for uid, at in self.ends.items() if at <= self.now]:
            del self.ends[uid]
            self._gone(self.pods[uid])

    def place(self) -> None:
        """Let kube-scheduler try every pod that waits."""
        for pod in sorted(self.pods.values(), key=lambda pod: (-pod.priority, pod.created, pod.key.uid)):
            if not pod.node and not pod.gated:
                self.schedule(pod)

    def schedule(self, pod: SeenPod, node: str = "") -> bool:
        """Filter and bind one pod; tell whether it has a node then. `node`: the only one that suits it."""
        pinned = node or (pod.gang.planned.node if pod.gang is not None and pod.gang.planned is not None else "")
        fits = self.surroundings().fits(pod)
        columns = self.scheduling.ledger.columns
        offered = [name for name in self.nodes if pinned in ("", name) and fits[columns[name]]]
        answer = self.scheduling.filter(pod, offered, self.now) if offered else None
        to = self.scheduling.bind(pod.key.uid, answer.nodes[0], self.now) if isinstance(answer, Chosen) else None
        if not isinstance(to, BindTo):
            return False
        self.scheduling.bound(pod.key.uid)
        self.started[pod.key.uid] = self.now
        self._put(replace(pod, node=to.node, placed=to.placed))
        return True

    # --- how ---

    def surroundings(self) -> Surroundings:
        """Return what kube-scheduler looks at."""
        facts = {uid: self._facts(pod) for uid, pod in self.pods.items() if pod.node}
        nodes = [NodeFacts(name, allocatable=(("cpu", self.cpu), ("pods", 110))) for name in self.nodes]
        scene = Scene(nodes, [(one.resident, one.node) for one in facts.values()], {})
        demands = {uid: self.demands[uid] for uid, pod in self.pods.items() if not pod.node}
        seen = Seen(scene, demands, facts, tuple(self.budgets))
        return Surroundings(lambda: seen, self.scheduling.ledger, self.created)

    def _facts(self, pod: SeenPod) -> Facts:
        uid = pod.key.uid
        resident = Resident(pod.key.namespace, self.labels[uid], (("cpu", pod.cpu),), leaving=pod.leaving)
        started = _written(self.started[uid])
        return Facts(
            resident,
            pod.node,
            pod.priority,
            started,
            self.owners[uid],
            int(self.grace_s),
            ready=True,
            guarded=not pod.leaving,
        )

    def _evict(self, key: PodKey) -> bool:
        pod = self.pods.get(key.uid)
        if pod is None or pod.leaving:
            return True
        counting = [
            at
            for at, one in enumerate(self.budgets)
            if one.namespace == key.namespace and one.selector.accepts(self.labels[key.uid])
        ]
        if key.name in self.refuses or any(self.budgets[at].allowed < 1 for at in counting):
            self.scheduling.preemptions.refused(key.uid, f"pod {key.name}: not now", self.scheduling.ledger, self.now)
            return False
        for at in counting:
            one = self.budgets[at]
            self.budgets[at] = Budget(one.namespace, one.name, one.selector, one.allowed - 1)
        self.evicted.append(key.name)
        self.scheduling.preemptions.evicted(key.uid, frozenset(self.pods), self.now)
        self.delete(pod)
        return True

    def _put(self, pod: SeenPod) -> SeenPod:
        self.created += 1
        self.pods[pod.key.uid] = seen = replace(pod, version=str(self.created))
        self.scheduling.pod_seen(seen)
        return seen

    def _gone(self, pod: SeenPod) -> None:
        self.pods.pop(pod.key.uid, None)
        if pod.node:
            self.scheduling.pod_seen(replace(pod, ended=True))
        self.scheduling.pod_gone(pod.key.uid, self.now, ended=bool(pod.node))


def until(cluster: Cluster, names: Sequence[str], turns: int = 20) -> int:
    """Let time go by until all these run; return how many turns that took."""
    for count in range(turns):
        if set(names) <= set(cluster.running()):
            return count
        cluster.turn()
    raise AssertionError(f"{names} do not run after {turns} turns, but {cluster.running()}; {cluster.told}")


def _written(at: float) -> str:
    return datetime.fromtimestamp(_BEGAN + at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
