"""How many pods a second does kube-scheduler bind with the extender, and how many without any?

The same stock kube-scheduler with the same settings (every node is looked at) in all arms, in turn: with the extender;
without any, which binds the very same pods as if they asked for no GPU; and that one on pods that ask for none, which
no admission policy marks and protects. Where there is none no extender runs. Each burst is created while its scheduler
is paused, so that creating costs no arm anything: a rate is pods divided by the time from the scheduler's awakening to
the last pod's binding, as a watch sees it. Then pods come at a steady pace to a scheduler that runs: that is what
somebody waits who creates one. Containers start later than all that.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any

from deploy.local import ClusterSpec, LocalCluster
from deploy.local.configurations import NO_EXTENDER
from tests.benchmarks.binding_burst import MEASURED, Burst, Ground, at_a_pace, at_once, emptied
from tests.e2e import pods as e2e

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from kube.client import Api

# What kubelets write would come to the arms at other times of a burst.
_STARTS_LATER = {"pod-ready.stage.kwok.x-k8s.io/delay": "30m"}


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
    """One way to bind: by which scheduler's process and profile, and what its pods ask for."""

    title: str
    process: str
    profile: str
    labels: dict[str, str]
    annotations: dict[str, str]

    @property
    def namespace(self) -> str:
        """Where its pods are."""
        return f"by-{self.profile}"


_MANAGED, _FRACTION = {"plimsoll.dev/managed": "true"}, {"gpu-fraction": "0.25"}
WITH = Arm("with the extender", "scheduler", "plimsoll", _MANAGED, _FRACTION)
WITHOUT = Arm("without, the same pods", "default-scheduler", NO_EXTENDER, _MANAGED, _FRACTION)
PLAIN = Arm("without, pods that ask for no GPU", "default-scheduler", "default-scheduler", {}, {})
ARMS = (PLAIN, WITHOUT, WITH)


@dataclass(frozen=True, slots=True)
class Bursts:
    """What the rounds of one arm found, in their order: pods that came at once, and at a pace."""

    at_once: tuple[Burst, ...]
    at_a_pace: tuple[Burst, ...]

    def over(self, other: Bursts) -> float:
        """Return the median over the rounds of our rate over the other's."""
        return median(one.rate / another.rate for one, another in zip(self.at_once, other.at_once, strict=True))


@dataclass(frozen=True, slots=True)
class Found:
    """Every arm, by its title, and the milli-GPU of the fullest device after any burst."""

    arms: dict[str, Bursts]
    fullest: int


def table(progress: Callable[[str], None], size: Size | None = None) -> list[str]:
    """Return the lines of the table, the last one about how they were measured."""
    size = size or Size()
    found = measure(progress, size)
    arms = [found.arms[arm.title] for arm in ARMS]
    rows = [
        ("pods bound per second: median (least to most)", [_spread(arm.at_once) for arm in arms]),
        ("**with the extender over without**, median of the rounds' ratios",
         [*(f"**{arms[-1].over(arm):.2f}**" for arm in arms[:-1]), ""]),
        ("all at once, created to bound, s: p50, p99", [_waited(arm.at_once, 1, ".1f") for arm in arms]),
        (f"{size.a_second} a second, created to bound, ms: p50, p99",
         [_waited(arm.at_a_pace, 1000, ".0f") for arm in arms]),
        *((f"CPU a pod, ms: {name}", [_cost(arm.at_once, name) for arm in arms]) for name in MEASURED),
        ("fullest device after any burst, milli-GPU", ["", "", str(found.fullest)]),
    ]  # fmt: skip
    sizes = (
        f"{size.rounds} rounds of {size.pods:,} pods at once and {size.paced} at a pace, "
        f"{size.nodes:,} nodes of {size.gpus_per_node} GPUs."
    )
    return [
        f"| | {' | '.join(arm.title for arm in ARMS)} |",
        "|---|---:|---:|---:|",
        *(f"| {title} | {' | '.join(cells)} |" for title, cells in rows),
        "",
        sizes,
    ]


def measure(progress: Callable[[str], None], size: Size) -> Found:
    """Run all rounds on a cluster of their own."""
    spec = ClusterSpec(name="bars-binding", nodes=size.nodes, gpus_per_node=size.gpus_per_node, prometheus=False)
    with LocalCluster.start(spec, progress=progress) as cluster:
        found: dict[str, list[tuple[Burst, Burst]]] = {arm.title: [] for arm in ARMS}
        fullest = 0
        for arm in ARMS:
            cluster.call(lambda api, arm=arm: create_namespace(api, arm))  # type: ignore[misc]
        for number in range(-1, size.rounds):  # the first round warms all up and does not count
            for arm in ARMS if number % 2 else reversed(ARMS):
                bursts, full = _round(cluster, arm, size)
                fullest = max(fullest, full)
                progress(f"round {number + 1} of {size.rounds}, {arm.title}: {bursts[0].rate:.0f} pods/s")
                if number >= 0:
                    found[arm.title].append(bursts)
        return Found({title: _bursts(rounds) for title, rounds in found.items()}, fullest)


def _round(cluster: LocalCluster, arm: Arm, size: Size) -> tuple[tuple[Burst, Burst], int]:
    """Return both bursts of a round, and the milli-GPU on its fullest device."""
    if arm is WITH:
        cluster.start_extender()
    bursts, fullest = cluster.call(lambda api: _both(Ground(cluster, api, arm.process, arm.namespace), arm, size))
    if arm is WITH:
        cluster.stop("extender")
    return bursts, fullest


async def _both(ground: Ground, arm: Arm, size: Size) -> tuple[tuple[Burst, Burst], int]:
    wanted = [a_pod(arm, number) for number in range(size.pods)]
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


async def create_namespace(api: Api, arm: Arm) -> None:
    """Create the namespace of an arm."""
    body = {"metadata": {"name": arm.namespace, "labels": arm.labels}}
    await api.request("POST", "/api/v1/namespaces", body=body)


def a_pod(arm: Arm, number: int) -> dict[str, Any]:
    """Return a pod of an arm."""
    pod = e2e.pod(f"p{number:04}", arm.annotations | _STARTS_LATER)
    pod["spec"]["schedulerName"] = arm.profile
    pod["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "100m", "memory": "128Mi"}}
    return pod
