"""How many pods a second does kube-scheduler bind with the extender, and how many without any?

Both arms in the same run, in turn: the same stock kube-scheduler, the same settings (every node is looked at), the same
pods but for the GPU share. In the arm without it the extender does not run at all. Each burst is created while its
scheduler is paused, so that creating costs neither arm anything: a rate is pods divided by the time from the
scheduler's awakening to the last pod's binding, as a watch sees it. A second burst comes at a steady pace to a
scheduler that runs: what somebody waits who creates a pod.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any

from deploy.local import ClusterSpec, LocalCluster
from tests.benchmarks.binding_burst import Burst, Ground, at_a_pace, at_once, emptied
from tests.e2e import pods as e2e

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from kube.client import Api

_MEASURED = ("kube-scheduler", "extender", "kube-apiserver", "etcd", "all others")


@dataclass(frozen=True, slots=True)
class Size:
    """How large the cluster is, how many pods come at once, and how many one after the other."""

    nodes: int = 1000
    gpus_per_node: int = 8
    pods: int = 2000
    rounds: int = 5
    paced: int = 200
    a_second: int = 20


@dataclass(frozen=True, slots=True)
class Arm:
    """One way to bind: which scheduler's process, and what its pods ask for."""

    title: str
    scheduler: str
    namespace: str
    labels: dict[str, str]
    annotations: dict[str, str]
    extender: bool


WITH = Arm("with it", "scheduler", "with", {"plimsoll.dev/managed": "true"}, {"gpu-fraction": "0.25"}, extender=True)
WITHOUT = Arm("without any extender", "default-scheduler", "without", {}, {}, extender=False)


@dataclass(frozen=True, slots=True)
class Bursts:
    """What the rounds of one arm found, in their order: pods that came at once, and at a pace."""

    at_once: tuple[Burst, ...]
    at_a_pace: tuple[Burst, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """Both arms, and the milli-GPU of the fullest device after any burst."""

    with_extender: Bursts
    without: Bursts
    fullest: int

    @property
    def ratio(self) -> float:
        """Return the median over the rounds of the rate with over the rate without."""
        pairs = zip(self.with_extender.at_once, self.without.at_once, strict=True)
        return median(one.rate / other.rate for one, other in pairs)


def table(progress: Callable[[str], None], size: Size | None = None) -> list[str]:
    """Return the lines of the table, the last one about how they were measured."""
    size = size or Size()
    found = measure(progress, size)
    arms = (found.without, found.with_extender)
    rows = [
        ("pods bound per second: median (least to most)", [_spread(arm.at_once) for arm in arms]),
        ("all at once, created to bound, s: p50, p99", [_waited(arm.at_once, 1, ".1f") for arm in arms]),
        (f"{size.a_second} a second, created to bound, ms: p50, p99",
         [_waited(arm.at_a_pace, 1000, ".0f") for arm in arms]),
        *((f"CPU a pod, ms: {name}", [_cost(arm.at_once, name) for arm in arms]) for name in _MEASURED),
    ]  # fmt: skip
    sizes = (
        f"{size.rounds} rounds of {size.pods} pods at once and {size.paced} at a pace, "
        f"{size.nodes} nodes of {size.gpus_per_node} GPUs."
    )
    return [
        f"| | {WITHOUT.title} | {WITH.title} |",
        "|---|---:|---:|",
        *(f"| {title} | {' | '.join(cells)} |" for title, cells in rows),
        f"| **with over without**, median of the rounds' ratios | | **{found.ratio:.2f}** |",
        f"| fullest device after any burst, milli-GPU | | {found.fullest} |",
        "",
        sizes,
    ]


def measure(progress: Callable[[str], None], size: Size) -> Found:
    """Run all rounds on a cluster of their own."""
    spec = ClusterSpec(name="bars-binding", nodes=size.nodes, gpus_per_node=size.gpus_per_node, prometheus=False)
    with LocalCluster.start(spec, progress=progress) as cluster:
        for arm in (WITH, WITHOUT):
            cluster.call(lambda api, arm=arm: _create_namespace(api, arm))  # type: ignore[misc]
        found: dict[str, list[tuple[Burst, Burst]]] = {WITH.title: [], WITHOUT.title: []}
        fullest = 0
        for number in range(-1, size.rounds):  # the first round warms both up and does not count
            for arm in (WITH, WITHOUT) if number % 2 else (WITHOUT, WITH):
                bursts, full = _round(cluster, arm, size)
                fullest = max(fullest, full)
                progress(f"round {number + 1} of {size.rounds}, {arm.title}: {bursts[0].rate:.0f} pods/s")
                if number >= 0:
                    found[arm.title].append(bursts)
        return Found(_bursts(found[WITH.title]), _bursts(found[WITHOUT.title]), fullest)


def _round(cluster: LocalCluster, arm: Arm, size: Size) -> tuple[tuple[Burst, Burst], int]:
    """Return both bursts of a round, and the milli-GPU on its fullest device."""
    if arm.extender:
        cluster.start_extender()
    bursts, fullest = cluster.call(lambda api: _both(Ground(cluster, api, arm.scheduler, arm.namespace), arm, size))
    if arm.extender:
        cluster.stop("extender")
    return bursts, fullest


async def _both(ground: Ground, arm: Arm, size: Size) -> tuple[tuple[Burst, Burst], int]:
    wanted = [_pod(arm, number) for number in range(size.pods)]
    once = await at_once(ground, wanted)
    fullest = max(e2e.used(ground.cluster).values(), default=0)
    await emptied(ground)
    pace = await at_a_pace(ground, wanted[: size.paced], size.a_second)
    await emptied(ground)
    return (once, pace), fullest


def _bursts(rounds: Iterable[tuple[Burst, Burst]]) -> Bursts:
    once, pace = zip(*rounds, strict=True)
    return Bursts(once, pace)


def _spread(bursts: Iterable[Burst]) -> str:
    rates = [burst.rate for burst in bursts]
    return f"{median(rates):.0f} ({min(rates):.0f} to {max(rates):.0f})"


def _waited(bursts: Iterable[Burst], unit: float, form: str) -> str:
    """Return percentiles of all pods of all rounds."""
    points = quantiles((seconds * unit for burst in bursts for seconds in burst.waited), n=100)
    return f"{points[49]:{form}}, {points[98]:{form}}"


def _cost(bursts: Iterable[Burst], name: str) -> str:
    return f"{median(burst.cpu_s[name] / len(burst.waited) for burst in bursts) * 1000:.2f}"


async def _create_namespace(api: Api, arm: Arm) -> None:
    body = {"metadata": {"name": arm.namespace, "labels": arm.labels}}
    await api.request("POST", "/api/v1/namespaces", body=body)


def _pod(arm: Arm, number: int) -> dict[str, Any]:
    pod = e2e.pod(f"p{number:04}", arm.annotations)
    pod["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "100m", "memory": "128Mi"}}
    return pod
