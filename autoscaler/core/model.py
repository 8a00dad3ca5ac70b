"""Which words does the autoscaler think in?

Times are Unix time in whole milliseconds (`_ms`), lengths in whole seconds (`_s`) or nanoseconds (`_ns`): integers
wherever something is compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

SECOND_NS = 10**9

MOST_REPLICAS = 2**31 - 1
"""What a replica count can be."""


@dataclass(frozen=True, slots=True)
class WorkloadKey:
    """Which workload: the UID decides, the other fields are for people and paths.

    `api_version` and `kind` as the object itself writes them ("apps/v1", "Deployment"); `resource` is the plural in
    its path ("deployments").
    """

    uid: str
    namespace: str
    name: str
    api_version: str = "apps/v1"
    kind: str = "Deployment"
    resource: str = "deployments"

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class Metric(Enum):
    """What load is counted in (`autoscaling.knative.dev/metric`)."""

    CONCURRENCY = "concurrency"
    RPS = "rps"


class Averaging(Enum):
    """How a window averages (`autoscaling.knative.dev/metric-aggregation-algorithm`)."""

    LINEAR = "linear"
    WEIGHTED_EXPONENTIAL = "weighted-exponential"


@dataclass(frozen=True, slots=True)
class Policy:
    """The resolved parameters of one workload (kpa-spec section 3).

    `target` is the load that one replica should carry, utilisation included, and `total` the same without it;
    `target_burst_capacity` -1 means unlimited, 0 off; `panic_threshold` is a fraction (2.0 = 200 %);
    `activation_scale` 0 is off; `max_scale` 0 means no bound.
    """

    metric: Metric = Metric.CONCURRENCY
    averaging: Averaging = Averaging.LINEAR
    target: float = 70.0
    total: float = 100.0
    target_burst_capacity: float = 211.0
    panic_threshold: float = 2.0
    stable_window_s: int = 60
    panic_window_s: int = 6
    max_scale_up_rate: float = 1000.0
    max_scale_down_rate: float = 2.0
    scale_down_delay_s: int = 0
    activation_scale: int = 0
    initial_scale: int = 1
    min_scale: int = 0
    max_scale: int = 0
    enable_scale_to_zero: bool = True
    scale_to_zero_grace_period_ns: int = 30 * SECOND_NS
    scale_to_zero_pod_retention_period_ns: int = 0
    progress_deadline_ns: int = 600 * SECOND_NS
    activator_capacity: float = 100.0
    reachable: bool = True
    drain_aware_scale_down: bool = False
    limit_to_placeable: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: the series of a preset for a metric, of all workloads at once; or one workload's own `query`."""

    metric: Metric = Metric.CONCURRENCY
    preset: str = "vllm"
    query: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """How a workload's load is measured; `key` is its name where a preset's series know no pods."""

    question: Question
    key: str = ""


class Seen(Enum):
    """How much of a second's load was measured."""

    ALL = "all"
    PART = "part"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class SecondOfLoad:
    """The load of one workload in the second that begins at Unix time `second`."""

    second: int
    load: float
    seen: Seen


class Mode(Enum):
    """How a decision came about."""

    STABLE = "stable"
    PANIC = "panic"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class Placement:
    """What the extender said: so many `fits` besides those that were `placed` then, and why no more: `misfit`.

    `fits` None: it is being asked.
    """

    placed: int
    fits: int | None = None
    misfit: str = ""


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything that one decision rests on: the same inputs give the same decision, whenever it is made again.

    Seen at `at_ms`: `current` replicas asked for, `ready` ones, the window averages (None where nothing was measured
    yet), and how the worst second of the panic window was measured. From outside, "" for none: `hold`, a reason to
    decide nothing, and `leave`, a reason to leave the replicas to whoever else sets them.
    Remembered: `panic_since_ms` (None outside panic), the panic's `floor`, `delayed` (the most that was wanted within
    the scale-down delay, 0 without one), `standing` (the last decision's replicas, 0 before the first) and whether the
    workload was ever `initialised` (reached its initial scale).
    Of places, where the policy limits replicas to what can be placed: `asking` the extender for them, before which
    nothing rises; or `placed` replicas held one when so many more `fits` (None: no bound is known), for want of
    `misfit`.
    """

    at_ms: int
    policy: Policy
    current: int
    ready: int
    stable: float | None
    panic: float | None
    seen: Seen
    hold: str = ""
    leave: str = ""
    panic_since_ms: int | None = None
    floor: int = 0
    delayed: int = 0
    standing: int = 0
    initialised: bool = True
    asking: bool = False
    placed: int = 0
    fits: int | None = None
    misfit: str = ""

    @property
    def placement(self) -> Placement | None:
        """What bounds the replicas besides the policy."""
        if not self.asking and self.fits is None:
            return None
        return Placement(self.placed, self.fits, self.misfit)


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done with one workload.

    `wanted` is what the law asked for before the workload's bounds, `desired` what the workload gets;
    `excess_burst_capacity` is None where the law was not asked; `panic_since_ms` and `floor` are remembered for the
    next decision.
    """

    inputs: Inputs
    mode: Mode
    wanted: int
    desired: int
    excess_burst_capacity: int | None
    panic_since_ms: int | None
    floor: int
    reason: str
