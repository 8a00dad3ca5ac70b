"""What is told: two inference workloads and a training job on a small cluster, and a load with a calm and a burst.

Every question of a user is embedded by `embed` (the prompt alone) and answered by `chat`; so both follow one trace.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from plimsoll.demo.core.arrivals import Arrival, Stretch, compressed, generated, peak, service_s, thinned

NAMESPACE = "demo"
NODES, GPUS_PER_NODE = 4, 4

_UTILIZATION = 0.7  # Knative's default: replicas are added before the last slot of the present ones is taken
_PEAK_SHARE = 0.85  # of what the most replicas can take: the rest is for bursts shorter than a peak
_SLOWEST = 5.0  # a handful of requests must not be stretched until they fill the cluster
_MOST_QUESTIONS_PER_S = 20.0  # more would measure this machine and not the cluster


@dataclass(frozen=True, slots=True)
class Workload:
    """An inference Deployment: each replica has a share of one GPU and serves `slots` requests at once."""

    name: str
    milli: int
    slots: int
    least: int
    most: int
    writes: bool
    """Whether requests ask for an answer text; an embedding has none."""


@dataclass(frozen=True, slots=True)
class Training:
    """A job on whole GPUs that shares them with nobody."""

    name: str
    pods: int
    gpus: int


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of the story; it begins `at_s` seconds after the first."""

    name: str
    at_s: float


@dataclass(frozen=True, slots=True)
class Load:
    """All arrivals of one run, the phases they make, and how much slower than real each workload's replicas serve."""

    arrivals: tuple[Arrival, ...]
    phases: tuple[Phase, ...]
    time_scale: dict[str, float]

    def phase(self, at_s: float) -> str:
        """Return the phase at `at_s` seconds after the first request could be sent."""
        return [phase.name for phase in self.phases if phase.at_s <= at_s][-1]


WORKLOADS = (
    Workload("chat", milli=250, slots=8, least=1, most=12, writes=True),
    Workload("embed", milli=500, slots=4, least=1, most=4, writes=False),
)
TRAINING = Training("train", pods=2, gpus=3)


@dataclass(frozen=True, slots=True)
class Tempo:
    """How fast the story is told: the stretches of a generated load, and the windows of the workloads.

    `panic_window_s` is what remains of the stable window after its percentage is taken.
    """

    calm: Stretch
    burst: Stretch
    calm_again: Stretch
    window_s: int
    panic_window_s: int

    @property
    def stretches(self) -> tuple[Stretch, ...]:
        """The generated load."""
        return self.calm, self.burst, self.calm_again

    @property
    def load_s(self) -> float:
        """How long the load lasts: a trace is followed for as long as a generated one."""
        return sum(stretch.seconds for stretch in self.stretches)


def _tempo(calm_s: float, burst_s: float, calm_again_s: float, *, window_s: int) -> Tempo:
    # The calm is for one replica each, so that the burst meets what it would meet at night.
    return Tempo(
        Stretch(calm_s, rate=0.7, dispersion=1),
        Stretch(burst_s, rate=18, dispersion=4),
        Stretch(calm_again_s, rate=0.7, dispersion=1),
        window_s,
        panic_window_s=3,
    )


UNHURRIED = _tempo(25, 75, 30, window_s=30)
"""Time to look; a stable window of a minute, the default, would double the wait for the way back."""
BRIEF = _tempo(8, 22, 8, window_s=12)
"""The same story in a minute, from the first request to the last replica that goes."""


def generated_load(seed: int, tempo: Tempo) -> Load:
    """Return a calm, a burst and a calm, the same for the same seed."""
    burst_s = tempo.calm.seconds
    phases = (Phase("calm", 0.0), Phase("burst", burst_s), Phase("calm again", burst_s + tempo.burst.seconds))
    return _load(generated(tempo.stretches, seed), phases, seed)


def traced_load(trace: tuple[Arrival, ...], compress: float, seed: int, *, tempo: Tempo) -> Load:
    """Return a trace that runs `compress` times as fast, for as long as the load of `tempo` lasts."""
    return _load(compressed(trace, compress, tempo.load_s), (Phase("trace", 0.0),), seed)


def whole(trace: tuple[Arrival, ...], tempo: Tempo) -> float:
    """Return how many times as fast a trace must run to be over with the load of `tempo`; never slower than real."""
    return max(1.0, (trace[-1].at_s - trace[0].at_s) / tempo.load_s)


def _load(arrivals: tuple[Arrival, ...], phases: tuple[Phase, ...], seed: int) -> Load:
    kept = thinned(arrivals, _MOST_QUESTIONS_PER_S, seed)
    return Load(kept, phases, {workload.name: _time_scale(kept, workload) for workload in WORKLOADS})


def _time_scale(arrivals: tuple[Arrival, ...], workload: Workload) -> float:
    """Return the factor on service times with which the peak takes `_PEAK_SHARE` of the most replicas."""
    busiest = peak(arrivals, lambda arrival: service_s(arrival.in_tokens, out_tokens(workload, arrival)))
    room = workload.most * workload.slots * _UTILIZATION * _PEAK_SHARE
    return min(room / busiest, _SLOWEST) if busiest else 1.0


def out_tokens(workload: Workload, arrival: Arrival) -> int:
    """Return how many tokens `workload` writes for a question."""
    return arrival.out_tokens if workload.writes else 0


def namespace() -> dict[str, Any]:
    """Return the demo's namespace: Plimsoll's admission, autoscaling and placement apply in it."""
    labels = {"plimsoll.dev/managed": "true"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}}


def inference(workload: Workload, tempo: Tempo) -> dict[str, Any]:
    """Return the Deployment of an inference workload, as an ML engineer would write it."""
    scaling = {
        "target": str(workload.slots),
        "target-utilization-percentage": f"{_UTILIZATION * 100:g}",
        "min-scale": str(workload.least),
        "max-scale": str(workload.most),
        "window": f"{tempo.window_s}s",
        "panic-window-percentage": f"{tempo.panic_window_s / tempo.window_s * 100:g}",
    }
    deployment = _deployment(workload.name, workload.least, "plimsoll-inference", {})
    deployment["metadata"]["labels"]["plimsoll.dev/autoscale"] = "true"
    deployment["metadata"]["annotations"] = {f"autoscaling.knative.dev/{key}": value for key, value in scaling.items()}
    deployment["spec"]["template"]["metadata"]["annotations"] = {"gpu-fraction": f"{workload.milli / 1000:g}"}
    return deployment


def training(job: Training) -> dict[str, Any]:
    """Return the Deployment of the training job: whole GPUs, not autoscaled."""
    return _deployment(job.name, job.pods, "plimsoll-train", {"limits": {"nvidia.com/gpu": str(job.gpus)}})


def _deployment(name: str, replicas: int, priority: str, resources: dict[str, Any]) -> dict[str, Any]:
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": {"app": name}},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "priorityClassName": priority,
                    "containers": [{"name": "model", "image": "model-server", "resources": resources}],
                },
            },
        },
    }
