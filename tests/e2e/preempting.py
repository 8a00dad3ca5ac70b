"""What becomes of a preemption when the extender is struck in its midst? One round, for the test and the measurement.

Train pods of half a GPU fill the cluster. Deployments make them, so that a new one wants the room of each that leaves,
and at once. A gang of inference pods comes that needs whole GPUs. When a watch shows the given moment, the extender is
killed, or stopped; a while later it is started again, or goes on. The round ends when the gang runs whole and nothing
is promised any more.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
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

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from deploy.local import LocalCluster
    from kube.client import Api

NODES, GPUS, MEMBERS, EACH = 4, 8, 8, 2
TRAIN = NODES * GPUS * EACH
NEEDED = MEMBERS * EACH
TUNED = {"preemption-delay": "0s", "mode": None, "preemption-scope": None}
_MAP = "/api/v1/namespaces/plimsoll-system/configmaps/config-extender"
_LEAVES_AFTER = {"quick": "300ms", "slow": "2s"}  # so that some are gone while others are leaving
_AWAY_S = 2.0
_SETTLED_S = 2.0  # eight looks of the planner


class Mishap(Enum):
    """What happens to the extender."""

    KILLED = "killed"
    STOPPED = "stopped"


class Phase(Enum):
    """What is counted until it happens, each with how many there are at most to count."""

    LEAVING = "leaving"
    GONE = "gone"
    LET_GO = "let go"

    @property
    def most(self) -> int:
        """How many pods come that far; by the last of them the phase is over."""
        return MEMBERS - 1 if self is Phase.LET_GO else NEEDED - 1


@dataclass(frozen=True, slots=True)
class Point:
    """The moment at which so many pods are in a phase."""

    phase: Phase
    count: int

    def __str__(self) -> str:
        return f"{self.count} {self.phase.value}"


@dataclass(frozen=True, slots=True)
class Round:
    """What one round found.

    `leaving`, `gone`, `let_go`: what the watch had shown when it struck. `evicted`: all train pods that ever left.
    `bound`: members with a node at the end; `promised`: what is held for pods that are not bound; `seconds`: from the
    moment at which the extender was there again until the gang ran.
    """

    leaving: int
    gone: int
    let_go: int
    evicted: int
    bound: int
    promised: int
    seconds: float


@dataclass(slots=True)
class Seen:
    """What a watch has shown of a namespace, by UID; `of`: at what moment `strike` is called."""

    leaving: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    let_go: set[str] = field(default_factory=set)

    def count(self, phase: Phase) -> int:
        """Return how many pods have come to a phase."""
        return len({Phase.LEAVING: self.leaving, Phase.GONE: self.gone, Phase.LET_GO: self.let_go}[phase])

    def take(self, pod: Pod, *, gone: bool) -> None:
        """Take note of a pod as it is now."""
        if (pod.metadata.labels or {}).get(GANG):
            if not pod.spec.scheduling_gates:
                self.let_go.add(pod.metadata.uid)
            return
        if gone or pod.metadata.deletion_timestamp is not None:
            self.leaving.add(pod.metadata.uid)
        if gone:
            self.gone.add(pod.metadata.uid)


def points(seed: int, rounds: int) -> list[Point]:
    """Return so many moments at random, of each phase as many."""
    chance = random.Random(seed)  # noqa: S311  points in time
    every = [list(Phase)[number % len(Phase)] for number in range(rounds)]
    return [Point(phase, chance.randint(1, phase.most)) for phase in every]


def spec(name: str) -> ClusterSpec:
    """Return the cluster of such rounds."""
    return ClusterSpec(name=name, nodes=NODES, gpus_per_node=GPUS, prometheus=False, default_scheduler=False)


def tune(cluster: LocalCluster, **settings: str | None) -> None:
    """Set keys of config-extender, with underscores for their hyphens; the others are as in all of these rounds."""
    pods.patch(cluster, _MAP, {"data": {**TUNED, **{key.replace("_", "-"): value for key, value in settings.items()}}})


def of_kind(kind: str, one: dict[str, Any]) -> dict[str, Any]:
    """Make a pod one of a kind."""
    one["spec"]["priorityClassName"] = f"plimsoll-{kind}"
    return one


def struck(cluster: LocalCluster, namespace: str, mishap: Mishap, point: Point) -> Round:
    """Run one round in a namespace that is empty, and of a project that the gang is within the quota of."""
    for name, after in _LEAVES_AFTER.items():
        _create_train(cluster, namespace, name, TRAIN // len(_LEAVES_AFTER), after)
    pods.wait_until("all train runs", lambda: len(gangs.bound(cluster, namespace)) == TRAIN)
    happened = threading.Event()
    at_strike: list[Seen] = []

    def strike(seen: Seen) -> None:
        if mishap is Mishap.KILLED:
            cluster.kill("extender")
        else:
            cluster.pause("extender")
        at_strike.append(Seen(set(seen.leaving), set(seen.gone), set(seen.let_go)))
        happened.set()

    with watching(cluster, namespace, point, strike) as seen:
        pods.create(cluster, namespace, [of_kind("inference", one) for one in gangs.members("g", MEMBERS)])
        assert happened.wait(60.0), f"never came to {point}"
        time.sleep(_AWAY_S)
        if mishap is Mishap.KILLED:
            cluster.start_extender()
        else:
            cluster.resume("extender")
        seconds = pods.wait_until("the gang runs", lambda: len(gangs.bound(cluster, namespace, "g")) == MEMBERS, 120.0)
        pods.wait_until("nothing is promised", lambda: promised(cluster) == 0)
        time.sleep(_SETTLED_S)
    (then,) = at_strike
    return Round(
        len(then.leaving),
        len(then.gone),
        len(then.let_go),
        len(seen.leaving),
        len(gangs.bound(cluster, namespace, "g")),
        promised(cluster),
        seconds,
    )


def promised(cluster: LocalCluster) -> int:
    """Return how many pods that are not bound the extender keeps devices for."""
    return sum(count for state, count in pods.holdings(cluster).items() if state in {"reserved", "nominated"})


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
