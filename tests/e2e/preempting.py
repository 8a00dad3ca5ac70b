"""What becomes of a preemption when the extender is struck in its midst? One round, for the test and the measurement.

Train pods of half a GPU fill the cluster. Deployments make them, so that a new one wants the room of each that leaves,
and at once. Inference pods come that need whole GPUs, as a gang or each for itself. When a watch shows the given
moment, the extender is killed, or stopped; a while later it is started again, or goes on. The round ends when all of
these run and nothing is promised any more.
"""

from __future__ import annotations

import asyncio
import random
import re
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from deploy.local import ClusterSpec
from kube.gangs import GANG
from kube.objects import Pod
from kube.watch import Gone, Relisted, watch
from tests.e2e import gangs, pods
from tests.e2e.test_projects import configure, of_kind, project

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from deploy.local import LocalCluster
    from kube.client import Api

NODES, GPUS, MEMBERS, EACH = 4, 8, 8, 2
TRAIN = NODES * GPUS * EACH
NEEDED = MEMBERS * EACH
TUNED = {"preemption-delay": "0s", "mode": None, "preemption-scope": None}
_QUOTA = 'plimsoll_extender_project_quota_gpus{project="serving"} %.1f\n'
_MAP = "/api/v1/namespaces/plimsoll-system/configmaps/config-extender"
_LEAVES_AFTER = {"quick": "300ms", "slow": "1200ms"}  # so that some are gone while others are leaving
_AWAY_S = (0.3, 1.6)  # there are victims still, or none any more, when it comes back
_SERVES = "example.com/serves"
_SETTLED_S = 1.0  # four looks of the planner


class Mishap(Enum):
    """What happens to the extender."""

    KILLED = "killed"
    STOPPED = "stopped"


class Phase(Enum):
    """How far pods come. `SENT`: inference that kube-scheduler has, as its gang was let go; else: that has a node."""

    LEAVING = "leaving"
    GONE = "gone"
    SENT = "sent"

    @property
    def most(self) -> int:
        """The last count at which more are to come."""
        return MEMBERS - 1 if self is Phase.SENT else NEEDED - 1


@dataclass(frozen=True, slots=True)
class Point:
    """The moment at which so many pods have come to a phase; then the extender is away for `away_s` seconds."""

    phase: Phase
    count: int
    away_s: float
    gang: bool

    def __str__(self) -> str:
        return f"{self.count} {self.phase.value}, {'a gang' if self.gang else 'single pods'}, away {self.away_s:g} s"


@dataclass(frozen=True, slots=True)
class Round:
    """What one round found.

    `shown`: how many pods the watch had shown in each phase when it struck. `evicted`: all train pods that ever left.
    `bound`: inference pods with a node at the end; `promised`: what is held for pods that are not bound; `seconds`:
    from the moment at which the extender was there again until they ran.
    """

    shown: dict[Phase, int]
    evicted: int
    bound: int
    promised: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Seen:
    """The pods that a watch has shown in each phase, by UID; once they were there they stay."""

    pods: dict[Phase, set[str]] = field(default_factory=lambda: {phase: set() for phase in Phase})

    def count(self, phase: Phase) -> int:
        """Return how many pods have come to a phase."""
        return len(self.pods[phase])

    def take(self, pod: Pod, *, gone: bool) -> None:
        """Take note of a pod as it is now."""
        uid = pod.metadata.uid
        if _SERVES in (pod.metadata.annotations or {}):
            in_gang = GANG in (pod.metadata.labels or {})
            if pod.spec.node_name or (in_gang and not pod.spec.scheduling_gates):
                self.pods[Phase.SENT].add(uid)
            return
        if gone or pod.metadata.deletion_timestamp is not None:
            self.pods[Phase.LEAVING].add(uid)
        if gone:
            self.pods[Phase.GONE].add(uid)


def points(seed: int, rounds: int) -> list[Point]:
    """Return so many moments at random: of each phase as many, for gangs and single pods in turn."""
    chance = random.Random(seed)  # noqa: S311  points in time
    phases = [list(Phase)[number % len(Phase)] for number in range(rounds)]
    return [
        Point(phase, chance.randint(1, phase.most), chance.choice(_AWAY_S), gang=number % 2 == 0)
        for number, phase in enumerate(phases)
    ]


def spec(name: str) -> ClusterSpec:
    """Return the cluster of such rounds."""
    return ClusterSpec(name=name, nodes=NODES, gpus_per_node=GPUS, prometheus=False, default_scheduler=False)


def tune(cluster: LocalCluster, **settings: str | None) -> None:
    """Set keys of config-extender, with underscores for their hyphens; the others are as in all of these rounds."""
    pods.patch(cluster, _MAP, {"data": {**TUNED, **{key.replace("_", "-"): value for key, value in settings.items()}}})


def serving(cluster: LocalCluster, namespace: str, quota: int = 2 * MEMBERS, *others: dict[str, Any]) -> None:
    """Let a namespace be of a project with a quota."""
    configure(cluster, [project("serving", quota, namespace), *others])

    pods.wait_until("the quota is in force", lambda: _QUOTA % quota in _metrics(cluster))


def struck(cluster: LocalCluster, namespace: str, mishap: Mishap, point: Point) -> Round:
    """Run one round in an empty namespace whose project's quota has room for what serves."""
    for name, after in _LEAVES_AFTER.items():
        _create_train(cluster, namespace, name, TRAIN // len(_LEAVES_AFTER), after)
    pods.wait_until("all train runs", lambda: len(gangs.bound(cluster, namespace)) == TRAIN)
    happened = threading.Event()
    shown: dict[Phase, int] = {}

    def strike(seen: Seen) -> None:
        if mishap is Mishap.KILLED:
            cluster.kill("extender")
        else:
            cluster.pause("extender")
        shown.update({phase: seen.count(phase) for phase in Phase})
        happened.set()

    with watching(cluster, namespace, point, strike) as seen:
        pods.create(cluster, namespace, _serving(gang=point.gang))
        assert happened.wait(60.0), f"never came to {point}"
        time.sleep(point.away_s)
        if mishap is Mishap.KILLED:
            cluster.start_extender()
        else:
            cluster.resume("extender")
        seconds = pods.wait_until("they run", lambda: _bound(cluster, namespace) == MEMBERS, 120.0)
        pods.wait_until("nothing is promised", lambda: promised(cluster) == 0)
        time.sleep(_SETTLED_S)
    return Round(shown, seen.count(Phase.LEAVING), _bound(cluster, namespace), promised(cluster), seconds)


def promised(cluster: LocalCluster) -> int:
    """Return how many pods that are not bound the extender keeps devices for."""
    return sum(count for state, count in pods.holdings(cluster).items() if state in {"reserved", "nominated"})


def needless(cluster: LocalCluster) -> int:
    """Return how many pods were evicted for somebody who never ran, by the extender's own count since its start."""
    found = re.search(r"^plimsoll_extender_needless_evictions_total (\S+)$", _metrics(cluster), re.MULTILINE)
    assert found is not None
    return int(float(found[1]))


@contextmanager
def watching(
    cluster: LocalCluster, namespace: str, point: Point | None = None, strike: Callable[[Seen], None] | None = None
) -> Iterator[Seen]:
    """Give what a watch shows as long as the block runs; `strike` is called once, when it shows the point."""
    seen, listed, over = Seen(), threading.Event(), threading.Event()

    async def follow(api: Api) -> None:
        struck = False
        async with aclosing(watch(api, f"/api/v1/namespaces/{namespace}/pods", Pod)) as changes:
            async for change in changes:
                for pod in change.objects if isinstance(change, Relisted) else (change.object,):
                    seen.take(pod, gone=isinstance(change, Gone))
                listed.set()
                if strike is not None and point is not None and not struck and seen.count(point.phase) >= point.count:
                    struck = True
                    strike(seen)

    async def until_over(api: Api) -> None:
        following = asyncio.ensure_future(follow(api))
        ended = asyncio.ensure_future(asyncio.to_thread(over.wait))
        await asyncio.wait((following, ended), return_when=asyncio.FIRST_COMPLETED)
        if following.done():
            following.result()  # it has no end: it failed
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)

    with ThreadPoolExecutor(max_workers=1) as aside:
        done = aside.submit(cluster.call, until_over)
        try:
            assert listed.wait(30.0), "the watch shows nothing"
            yield seen
        finally:
            over.set()
        done.result()


def _metrics(cluster: LocalCluster) -> str:
    with urllib.request.urlopen(f"{cluster.extender_url}/metrics", timeout=30.0) as answer:  # noqa: S310  our own loopback
        found: bytes = answer.read()
    return found.decode()


def _serving(*, gang: bool) -> list[dict[str, Any]]:
    """Return what needs whole GPUs."""
    single = [pods.pod(f"single-{number}", gpus=1) for number in range(MEMBERS)]
    made = gangs.members("g", MEMBERS) if gang else single
    for one in made:
        one["metadata"]["annotations"][_SERVES] = ""
    return [of_kind("inference", one) for one in made]


def _bound(cluster: LocalCluster, namespace: str) -> int:
    found = pods.pods_of(cluster, namespace)
    return sum(bool(one.spec.node_name) for one in found if _SERVES in (one.metadata.annotations or {}))


def _create_train(cluster: LocalCluster, namespace: str, name: str, replicas: int, leaves_after: str) -> None:
    """Create a Deployment of train pods of half a GPU, which take so long to leave."""
    pod = of_kind("train", pods.fraction("any", "0.5"))
    pod["spec"]["terminationGracePeriodSeconds"] = 30
    labels = {"app": name}
    annotations = {**pod["metadata"]["annotations"], "pod-delete.stage.kwok.x-k8s.io/delay": leaves_after}
    made = {
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels, "annotations": annotations}, "spec": pod["spec"]},
        },
    }
    gangs.create_deployment(cluster, namespace, made)
