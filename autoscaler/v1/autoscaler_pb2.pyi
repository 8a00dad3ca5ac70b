from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Metric(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    METRIC_UNSPECIFIED: _ClassVar[Metric]
    METRIC_CONCURRENCY: _ClassVar[Metric]
    METRIC_RPS: _ClassVar[Metric]
    METRIC_LATENCY: _ClassVar[Metric]

class Estimate(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ESTIMATE_UNSPECIFIED: _ClassVar[Estimate]
    ESTIMATE_BACKLOG: _ClassVar[Estimate]
    ESTIMATE_OFFERED: _ClassVar[Estimate]

class Averaging(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    AVERAGING_UNSPECIFIED: _ClassVar[Averaging]
    AVERAGING_LINEAR: _ClassVar[Averaging]
    AVERAGING_WEIGHTED_EXPONENTIAL: _ClassVar[Averaging]

class Seen(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SEEN_UNSPECIFIED: _ClassVar[Seen]
    SEEN_ALL: _ClassVar[Seen]
    SEEN_PART: _ClassVar[Seen]
    SEEN_NOTHING: _ClassVar[Seen]

class Mode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MODE_UNSPECIFIED: _ClassVar[Mode]
    MODE_STABLE: _ClassVar[Mode]
    MODE_PANIC: _ClassVar[Mode]
    MODE_HELD: _ClassVar[Mode]
METRIC_UNSPECIFIED: Metric
METRIC_CONCURRENCY: Metric
METRIC_RPS: Metric
METRIC_LATENCY: Metric
ESTIMATE_UNSPECIFIED: Estimate
ESTIMATE_BACKLOG: Estimate
ESTIMATE_OFFERED: Estimate
AVERAGING_UNSPECIFIED: Averaging
AVERAGING_LINEAR: Averaging
AVERAGING_WEIGHTED_EXPONENTIAL: Averaging
SEEN_UNSPECIFIED: Seen
SEEN_ALL: Seen
SEEN_PART: Seen
SEEN_NOTHING: Seen
MODE_UNSPECIFIED: Mode
MODE_STABLE: Mode
MODE_PANIC: Mode
MODE_HELD: Mode

class ListWorkloadsRequest(_message.Message):
    __slots__ = ("namespace",)
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    def __init__(self, namespace: _Optional[str] = ...) -> None: ...

class ListWorkloadsResponse(_message.Message):
    __slots__ = ("records", "since_ms", "gpus")
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    SINCE_MS_FIELD_NUMBER: _ClassVar[int]
    GPUS_FIELD_NUMBER: _ClassVar[int]
    records: _containers.RepeatedCompositeFieldContainer[Record]
    since_ms: int
    gpus: _containers.RepeatedCompositeFieldContainer[GpuUse]
    def __init__(self, records: _Optional[_Iterable[_Union[Record, _Mapping]]] = ..., since_ms: _Optional[int] = ..., gpus: _Optional[_Iterable[_Union[GpuUse, _Mapping]]] = ...) -> None: ...

class GpuUse(_message.Message):
    __slots__ = ("uid", "milli_per_replica", "projects")
    UID_FIELD_NUMBER: _ClassVar[int]
    MILLI_PER_REPLICA_FIELD_NUMBER: _ClassVar[int]
    PROJECTS_FIELD_NUMBER: _ClassVar[int]
    uid: str
    milli_per_replica: int
    projects: _containers.RepeatedCompositeFieldContainer[ProjectUse]
    def __init__(self, uid: _Optional[str] = ..., milli_per_replica: _Optional[int] = ..., projects: _Optional[_Iterable[_Union[ProjectUse, _Mapping]]] = ...) -> None: ...

class ProjectUse(_message.Message):
    __slots__ = ("project", "held_milli", "milli_minutes")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    HELD_MILLI_FIELD_NUMBER: _ClassVar[int]
    MILLI_MINUTES_FIELD_NUMBER: _ClassVar[int]
    project: str
    held_milli: int
    milli_minutes: int
    def __init__(self, project: _Optional[str] = ..., held_milli: _Optional[int] = ..., milli_minutes: _Optional[int] = ...) -> None: ...

class ExplainRequest(_message.Message):
    __slots__ = ("namespace", "name", "kind")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    name: str
    kind: str
    def __init__(self, namespace: _Optional[str] = ..., name: _Optional[str] = ..., kind: _Optional[str] = ...) -> None: ...

class ExplainResponse(_message.Message):
    __slots__ = ("standing", "changes", "since_ms", "follows")
    STANDING_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    SINCE_MS_FIELD_NUMBER: _ClassVar[int]
    FOLLOWS_FIELD_NUMBER: _ClassVar[int]
    standing: Record
    changes: _containers.RepeatedCompositeFieldContainer[Record]
    since_ms: int
    follows: str
    def __init__(self, standing: _Optional[_Union[Record, _Mapping]] = ..., changes: _Optional[_Iterable[_Union[Record, _Mapping]]] = ..., since_ms: _Optional[int] = ..., follows: _Optional[str] = ...) -> None: ...

class WatchDecisionsRequest(_message.Message):
    __slots__ = ("namespace", "every_decision")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    EVERY_DECISION_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    every_decision: bool
    def __init__(self, namespace: _Optional[str] = ..., every_decision: _Optional[bool] = ...) -> None: ...

class WatchDecisionsResponse(_message.Message):
    __slots__ = ("records",)
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    records: _containers.RepeatedCompositeFieldContainer[Record]
    def __init__(self, records: _Optional[_Iterable[_Union[Record, _Mapping]]] = ...) -> None: ...

class Record(_message.Message):
    __slots__ = ("workload", "decision")
    WORKLOAD_FIELD_NUMBER: _ClassVar[int]
    DECISION_FIELD_NUMBER: _ClassVar[int]
    workload: Workload
    decision: Decision
    def __init__(self, workload: _Optional[_Union[Workload, _Mapping]] = ..., decision: _Optional[_Union[Decision, _Mapping]] = ...) -> None: ...

class Workload(_message.Message):
    __slots__ = ("uid", "namespace", "name", "api_version", "kind", "resource")
    UID_FIELD_NUMBER: _ClassVar[int]
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    API_VERSION_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    uid: str
    namespace: str
    name: str
    api_version: str
    kind: str
    resource: str
    def __init__(self, uid: _Optional[str] = ..., namespace: _Optional[str] = ..., name: _Optional[str] = ..., api_version: _Optional[str] = ..., kind: _Optional[str] = ..., resource: _Optional[str] = ...) -> None: ...

class Decision(_message.Message):
    __slots__ = ("inputs", "mode", "wanted", "desired", "excess_burst_capacity", "panic_since_ms", "floor", "reason", "panic_left_ms", "panic_left_at", "unhelped")
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    WANTED_FIELD_NUMBER: _ClassVar[int]
    DESIRED_FIELD_NUMBER: _ClassVar[int]
    EXCESS_BURST_CAPACITY_FIELD_NUMBER: _ClassVar[int]
    PANIC_SINCE_MS_FIELD_NUMBER: _ClassVar[int]
    FLOOR_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    PANIC_LEFT_MS_FIELD_NUMBER: _ClassVar[int]
    PANIC_LEFT_AT_FIELD_NUMBER: _ClassVar[int]
    UNHELPED_FIELD_NUMBER: _ClassVar[int]
    inputs: Inputs
    mode: Mode
    wanted: int
    desired: int
    excess_burst_capacity: int
    panic_since_ms: int
    floor: int
    reason: str
    panic_left_ms: int
    panic_left_at: int
    unhelped: bool
    def __init__(self, inputs: _Optional[_Union[Inputs, _Mapping]] = ..., mode: _Optional[_Union[Mode, str]] = ..., wanted: _Optional[int] = ..., desired: _Optional[int] = ..., excess_burst_capacity: _Optional[int] = ..., panic_since_ms: _Optional[int] = ..., floor: _Optional[int] = ..., reason: _Optional[str] = ..., panic_left_ms: _Optional[int] = ..., panic_left_at: _Optional[int] = ..., unhelped: _Optional[bool] = ...) -> None: ...

class Inputs(_message.Message):
    __slots__ = ("at_ms", "policy", "current", "ready", "stable", "panic", "seen", "hold", "leave", "panic_since_ms", "floor", "delayed", "standing", "initialised", "observed", "starting", "fewest", "most", "offered_stable", "offered_panic", "panic_left_ms", "panic_left_at", "latency", "learned", "slowest", "asking", "placed", "fits", "misfit")
    class LatencyEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    class LearnedEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    AT_MS_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    CURRENT_FIELD_NUMBER: _ClassVar[int]
    READY_FIELD_NUMBER: _ClassVar[int]
    STABLE_FIELD_NUMBER: _ClassVar[int]
    PANIC_FIELD_NUMBER: _ClassVar[int]
    SEEN_FIELD_NUMBER: _ClassVar[int]
    HOLD_FIELD_NUMBER: _ClassVar[int]
    LEAVE_FIELD_NUMBER: _ClassVar[int]
    PANIC_SINCE_MS_FIELD_NUMBER: _ClassVar[int]
    FLOOR_FIELD_NUMBER: _ClassVar[int]
    DELAYED_FIELD_NUMBER: _ClassVar[int]
    STANDING_FIELD_NUMBER: _ClassVar[int]
    INITIALISED_FIELD_NUMBER: _ClassVar[int]
    OBSERVED_FIELD_NUMBER: _ClassVar[int]
    STARTING_FIELD_NUMBER: _ClassVar[int]
    FEWEST_FIELD_NUMBER: _ClassVar[int]
    MOST_FIELD_NUMBER: _ClassVar[int]
    OFFERED_STABLE_FIELD_NUMBER: _ClassVar[int]
    OFFERED_PANIC_FIELD_NUMBER: _ClassVar[int]
    PANIC_LEFT_MS_FIELD_NUMBER: _ClassVar[int]
    PANIC_LEFT_AT_FIELD_NUMBER: _ClassVar[int]
    LATENCY_FIELD_NUMBER: _ClassVar[int]
    LEARNED_FIELD_NUMBER: _ClassVar[int]
    SLOWEST_FIELD_NUMBER: _ClassVar[int]
    ASKING_FIELD_NUMBER: _ClassVar[int]
    PLACED_FIELD_NUMBER: _ClassVar[int]
    FITS_FIELD_NUMBER: _ClassVar[int]
    MISFIT_FIELD_NUMBER: _ClassVar[int]
    at_ms: int
    policy: Policy
    current: int
    ready: int
    stable: float
    panic: float
    seen: Seen
    hold: str
    leave: str
    panic_since_ms: int
    floor: int
    delayed: int
    standing: int
    initialised: bool
    observed: str
    starting: int
    fewest: int
    most: int
    offered_stable: float
    offered_panic: float
    panic_left_ms: int
    panic_left_at: int
    latency: _containers.ScalarMap[str, float]
    learned: _containers.ScalarMap[str, float]
    slowest: str
    asking: bool
    placed: int
    fits: int
    misfit: str
    def __init__(self, at_ms: _Optional[int] = ..., policy: _Optional[_Union[Policy, _Mapping]] = ..., current: _Optional[int] = ..., ready: _Optional[int] = ..., stable: _Optional[float] = ..., panic: _Optional[float] = ..., seen: _Optional[_Union[Seen, str]] = ..., hold: _Optional[str] = ..., leave: _Optional[str] = ..., panic_since_ms: _Optional[int] = ..., floor: _Optional[int] = ..., delayed: _Optional[int] = ..., standing: _Optional[int] = ..., initialised: _Optional[bool] = ..., observed: _Optional[str] = ..., starting: _Optional[int] = ..., fewest: _Optional[int] = ..., most: _Optional[int] = ..., offered_stable: _Optional[float] = ..., offered_panic: _Optional[float] = ..., panic_left_ms: _Optional[int] = ..., panic_left_at: _Optional[int] = ..., latency: _Optional[_Mapping[str, float]] = ..., learned: _Optional[_Mapping[str, float]] = ..., slowest: _Optional[str] = ..., asking: _Optional[bool] = ..., placed: _Optional[int] = ..., fits: _Optional[int] = ..., misfit: _Optional[str] = ...) -> None: ...

class Policy(_message.Message):
    __slots__ = ("metric", "averaging", "target", "total", "target_burst_capacity", "panic_threshold", "stable_window_s", "panic_window_s", "max_scale_up_rate", "max_scale_down_rate", "scale_down_delay_s", "activation_scale", "initial_scale", "min_scale", "max_scale", "enable_scale_to_zero", "scale_to_zero_grace_period_ns", "scale_to_zero_pod_retention_period_ns", "progress_deadline_ns", "activator_capacity", "reachable", "count_starting_replicas", "start_deadline_s", "load_estimate", "drain_period_s", "panic_exit_hold_s", "rate_period_s", "latency_target_ms", "latency_percentile", "latency_by_mean", "drain_aware_scale_down", "limit_to_placeable")
    METRIC_FIELD_NUMBER: _ClassVar[int]
    AVERAGING_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    TARGET_BURST_CAPACITY_FIELD_NUMBER: _ClassVar[int]
    PANIC_THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    STABLE_WINDOW_S_FIELD_NUMBER: _ClassVar[int]
    PANIC_WINDOW_S_FIELD_NUMBER: _ClassVar[int]
    MAX_SCALE_UP_RATE_FIELD_NUMBER: _ClassVar[int]
    MAX_SCALE_DOWN_RATE_FIELD_NUMBER: _ClassVar[int]
    SCALE_DOWN_DELAY_S_FIELD_NUMBER: _ClassVar[int]
    ACTIVATION_SCALE_FIELD_NUMBER: _ClassVar[int]
    INITIAL_SCALE_FIELD_NUMBER: _ClassVar[int]
    MIN_SCALE_FIELD_NUMBER: _ClassVar[int]
    MAX_SCALE_FIELD_NUMBER: _ClassVar[int]
    ENABLE_SCALE_TO_ZERO_FIELD_NUMBER: _ClassVar[int]
    SCALE_TO_ZERO_GRACE_PERIOD_NS_FIELD_NUMBER: _ClassVar[int]
    SCALE_TO_ZERO_POD_RETENTION_PERIOD_NS_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_DEADLINE_NS_FIELD_NUMBER: _ClassVar[int]
    ACTIVATOR_CAPACITY_FIELD_NUMBER: _ClassVar[int]
    REACHABLE_FIELD_NUMBER: _ClassVar[int]
    COUNT_STARTING_REPLICAS_FIELD_NUMBER: _ClassVar[int]
    START_DEADLINE_S_FIELD_NUMBER: _ClassVar[int]
    LOAD_ESTIMATE_FIELD_NUMBER: _ClassVar[int]
    DRAIN_PERIOD_S_FIELD_NUMBER: _ClassVar[int]
    PANIC_EXIT_HOLD_S_FIELD_NUMBER: _ClassVar[int]
    RATE_PERIOD_S_FIELD_NUMBER: _ClassVar[int]
    LATENCY_TARGET_MS_FIELD_NUMBER: _ClassVar[int]
    LATENCY_PERCENTILE_FIELD_NUMBER: _ClassVar[int]
    LATENCY_BY_MEAN_FIELD_NUMBER: _ClassVar[int]
    DRAIN_AWARE_SCALE_DOWN_FIELD_NUMBER: _ClassVar[int]
    LIMIT_TO_PLACEABLE_FIELD_NUMBER: _ClassVar[int]
    metric: Metric
    averaging: Averaging
    target: float
    total: float
    target_burst_capacity: float
    panic_threshold: float
    stable_window_s: int
    panic_window_s: int
    max_scale_up_rate: float
    max_scale_down_rate: float
    scale_down_delay_s: int
    activation_scale: int
    initial_scale: int
    min_scale: int
    max_scale: int
    enable_scale_to_zero: bool
    scale_to_zero_grace_period_ns: int
    scale_to_zero_pod_retention_period_ns: int
    progress_deadline_ns: int
    activator_capacity: float
    reachable: bool
    count_starting_replicas: bool
    start_deadline_s: int
    load_estimate: Estimate
    drain_period_s: int
    panic_exit_hold_s: int
    rate_period_s: int
    latency_target_ms: float
    latency_percentile: float
    latency_by_mean: bool
    drain_aware_scale_down: bool
    limit_to_placeable: bool
    def __init__(self, metric: _Optional[_Union[Metric, str]] = ..., averaging: _Optional[_Union[Averaging, str]] = ..., target: _Optional[float] = ..., total: _Optional[float] = ..., target_burst_capacity: _Optional[float] = ..., panic_threshold: _Optional[float] = ..., stable_window_s: _Optional[int] = ..., panic_window_s: _Optional[int] = ..., max_scale_up_rate: _Optional[float] = ..., max_scale_down_rate: _Optional[float] = ..., scale_down_delay_s: _Optional[int] = ..., activation_scale: _Optional[int] = ..., initial_scale: _Optional[int] = ..., min_scale: _Optional[int] = ..., max_scale: _Optional[int] = ..., enable_scale_to_zero: _Optional[bool] = ..., scale_to_zero_grace_period_ns: _Optional[int] = ..., scale_to_zero_pod_retention_period_ns: _Optional[int] = ..., progress_deadline_ns: _Optional[int] = ..., activator_capacity: _Optional[float] = ..., reachable: _Optional[bool] = ..., count_starting_replicas: _Optional[bool] = ..., start_deadline_s: _Optional[int] = ..., load_estimate: _Optional[_Union[Estimate, str]] = ..., drain_period_s: _Optional[int] = ..., panic_exit_hold_s: _Optional[int] = ..., rate_period_s: _Optional[int] = ..., latency_target_ms: _Optional[float] = ..., latency_percentile: _Optional[float] = ..., latency_by_mean: _Optional[bool] = ..., drain_aware_scale_down: _Optional[bool] = ..., limit_to_placeable: _Optional[bool] = ...) -> None: ...
