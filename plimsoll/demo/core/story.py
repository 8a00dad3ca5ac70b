"""What is told: two inference workloads and a training job on a small cluster, and a load with a calm and a burst.

Every question of a user is embedded by `embed` (the prompt alone) and answered by `chat`; so both follow one trace.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from plimsoll.demo.core.arrivals import Arrival, Stretch, compressed, generated, peak, service_s, thinned

NAMESPACE = "demo"
NODES, GPUS_PER_NODE = 4, 4
WINDOW_S = 30
"""The stable window of the demo's workloads; a minute, the default, would double the wait for the way back."""

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

CALM_BURST_CALM = (
    # Few enough for one replica each, so that the burst meets what it would meet at night.
    Stretch(25, rate=0.7, dispersion=1),
    Stretch(75, rate=18, dispersion=4),
    Stretch(30, rate=0.7, dispersion=1),
)
"""The load that is generated where no trace is given."""

TRACE_S = sum(stretch.seconds for stretch in CALM_BURST_CALM)
"""How long a trace is followed."""


def generated_load(seed: int) -> Load:
    """Return a calm, a burst and a calm, the same for the same seed."""
    starts = [sum(stretch.seconds for stretch in CALM_BURST_CALM[:index]) for index in range(3)]
    phases = (Phase("calm", starts[0]), Phase("burst", starts[1]), Phase("calm again", starts[2]))
    return _load(generated(CALM_BURST_CALM, seed), phases, seed)


def traced_load(trace: tuple[Arrival, ...], compress: float, seed: int) -> Load:
    """Return the first `TRACE_S` seconds of a trace that runs `compress` times as fast."""
    return _load(compressed(trace, compress, TRACE_S), (Phase("trace", 0.0),), seed)


def whole(trace: tuple[Arrival, ...]) -> float:
    """Return how many times as fast a trace must run to be over after `TRACE_S` seconds; never slower than real."""
    return max(1.0, (trace[-1].at_s - trace[0].at_s) / TRACE_S)


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


def inference(workload: Workload) -> dict[str, Any]:
    """Return the Deployment of an inference workload, as an ML engineer would write it."""
    scaling = {
        "target": str(workload.slots),
        "target-utilization-percentage": f"{_UTILIZATION * 100:g}",
        "min-scale": str(workload.least),
        "max-scale": str(workload.most),
        "window": f"{WINDOW_S}s",
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
