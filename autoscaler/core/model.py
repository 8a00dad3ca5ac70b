"""Which words does the autoscaler think in?

Times are Unix time in whole milliseconds (`_ms`), lengths in whole seconds (`_s`) or nanoseconds (`_ns`): integers
wherever something is compared.
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003  records are read by their types
from dataclasses import dataclass, field
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
    LATENCY = "latency"
    """The load is requests in flight, and how many a replica may have follows from latency (`plimsoll.dev/metric`)."""


class Averaging(Enum):
    """How a window averages (`autoscaling.knative.dev/metric-aggregation-algorithm`)."""

    LINEAR = "linear"
    WEIGHTED_EXPONENTIAL = "weighted-exponential"


class Estimate(Enum):
    """What is taken for the load in concurrency (`load-estimate`)."""

    BACKLOG = "backlog"
    """The requests that a server has, those that wait included."""
    OFFERED = "offered"
    """Arrivals times service time, and what is needed to work off those that wait."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The resolved parameters of one workload (kpa-spec section 3).

    `target` is the load that one replica should carry, utilisation included, and `total` the same without it;
    `target_burst_capacity` -1 means unlimited, 0 off; `panic_threshold` is a fraction (2.0 = 200 %);
    `activation_scale` 0 is off; `max_scale` 0 means no bound. Not the original's, each off by default:
    `count_starting_replicas`, for no longer than `start_deadline_s` each; `load_estimate`, with `drain_period_s` for
    what waits; `panic_exit_hold_s` and `rate_period_s`, 0 for off. For the metric latency: `latency_percentile` percent
    of the requests are to be within `latency_target_ms`, or, `latency_by_mean`, all of them on average.
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
    count_starting_replicas: bool = False
    start_deadline_s: int = 600
    load_estimate: Estimate = Estimate.BACKLOG
    drain_period_s: int = 60
    panic_exit_hold_s: int = 0
    rate_period_s: int = 0
    drain_aware_scale_down: bool = False
    limit_to_placeable: bool = False
    latency_target_ms: float = 0.0
    latency_percentile: float = 95.0
    latency_by_mean: bool = False


class Signal(Enum):
    """What may be measured of a workload beside the load that decides."""

    ENDED = "ended"
    """Requests that ended, a second."""
    WAITING = "waiting"
    """Requests that a server has taken and does not work on yet."""
    GROWTH = "growth"
    """How much the load grew in each second; it follows from the load itself, and is not asked for."""
    SECONDS = "seconds"
    """How many seconds the requests that ended in a second had taken together."""
    SLOW = "slow"
    """Requests that ended and had taken longer than the latency target, a second."""
    IN_FLIGHT = "in-flight"
    """Requests that a server has at one moment, where the load is something else."""


OFFERED = (Signal.ENDED, Signal.WAITING, Signal.GROWTH)
"""What the offered load is worked out from."""


def signals(policy: Policy) -> tuple[Signal, ...]:
    """Return what has to be measured beside the load to decide by a policy."""
    if policy.metric is Metric.LATENCY:
        measured = (Signal.ENDED, Signal.GROWTH, Signal.SECONDS)
        return measured if policy.latency_by_mean else (*measured, Signal.SLOW)
    offered = OFFERED if policy.load_estimate is Estimate.OFFERED else ()
    beside = policy.metric is Metric.RPS and policy.drain_aware_scale_down
    return (*offered, Signal.IN_FLIGHT) if beside else offered


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: the series of a preset for a metric, of all workloads at once; or one workload's own `query`.

    `waiting`: only those of the requests that wait. `part`: of the metric latency, which of its series.
    """

    metric: Metric = Metric.CONCURRENCY
    preset: str = "vllm"
    query: str = ""
    waiting: bool = False
    part: Signal | None = None


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
    decide nothing, `leave`, a reason to leave the replicas to whoever else sets them, and `observed`, who sets them
    while nothing of what is decided is carried out.
    Remembered: `panic_since_ms` (None outside panic), the panic's `floor`, `delayed` (the most that was wanted within
    the scale-down delay, 0 without one), `standing` (the last decision's replicas, 0 before the first) and whether the
    workload was ever `initialised` (reached its initial scale).

    For the keys that are not the original's: `starting` replicas that are on their way (0 where they do not count);
    the `fewest` and the `most` counted replicas within the rate period (those of now without one); `offered_stable` and
    `offered_panic`, the offered load that decides in place of the averages (None: they do); `panic_left_ms`, when a
    panic ended that still holds (None: none does), and `panic_left_at` how many replicas asked for. Where replicas are
    limited to what can be placed: whether the extender is being asked (`asking`), before which nothing rises; or how
    many replicas were `placed` when so many more `fits` (None: no bound is known), for want of what (`misfit`).

    For the metric latency, by name: what was seen (`latency`: the fields of `law.latency.Seen` and `percentile_s`;
    empty where it was not measured, `short_s` where the histogram ends below the target) and remembered (`learned`),
    and the one replica that is `slowest`, "" where it is not one alone.
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
    starting: int = 0
    fewest: int = 0
    most: int = 0
    offered_stable: float | None = None
    offered_panic: float | None = None
    panic_left_ms: int | None = None
    panic_left_at: int = 0
    asking: bool = False
    placed: int = 0
    fits: int | None = None
    misfit: str = ""
    observed: str = ""
    latency: Mapping[str, float] = field(default_factory=dict)
    learned: Mapping[str, float] = field(default_factory=dict)
    slowest: str = ""

    @property
    def placement(self) -> Placement | None:
        """What bounds the replicas besides the policy."""
        if not self.asking and self.fits is None:
            return None
        return Placement(self.placed, self.fits, self.misfit)

    @property
    def by_latency(self) -> bool:
        """Whether the law of latency decides."""
        return self.policy.metric is Metric.LATENCY

    @property
    def as_if(self) -> bool:
        """Whether the law goes on as if its last decision had been carried out, while another sets the replicas."""
        return bool(self.observed) and self.standing > 0

    @property
    def asked_for(self) -> int:
        """The replicas asked for that the law goes by."""
        return self.standing if self.as_if else self.current

    @property
    def kept(self) -> int:
        """The replicas that stay where nothing is decided: a person may have raised the count meanwhile."""
        return max(self.asked_for, self.standing)

    @property
    def counted(self) -> int:
        """The ready replicas that the law goes by: while another sets them, no more than we had decided on."""
        return min(self.ready, self.standing) if self.as_if else self.ready

    @property
    def counted_starting(self) -> int:
        """The starting replicas that count beside those."""
        return min(self.starting, self.standing - self.counted) if self.as_if else self.starting


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done with one workload.

    `wanted` is what the law asked for before the workload's bounds, `desired` what the workload gets;
    `excess_burst_capacity` is None where the law was not asked; `panic_since_ms`, `floor`, `panic_left_ms` and
    `panic_left_at` are remembered for the next decision. `unhelped`: more replicas do not bring latency to its target.
    """

    inputs: Inputs
    mode: Mode
    wanted: int
    desired: int
    excess_burst_capacity: int | None
    panic_since_ms: int | None
    floor: int
    reason: str
    panic_left_ms: int | None = None
    panic_left_at: int = 0
    unhelped: bool = False
