from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class State(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STATE_UNSPECIFIED: _ClassVar[State]
    STATE_RESERVED: _ClassVar[State]
    STATE_BINDING: _ClassVar[State]
    STATE_BOUND: _ClassVar[State]
    STATE_QUARANTINED: _ClassVar[State]
    STATE_NOMINATED: _ClassVar[State]

class PreemptionStage(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PREEMPTION_STAGE_UNSPECIFIED: _ClassVar[PreemptionStage]
    PREEMPTION_STAGE_EVICTING: _ClassVar[PreemptionStage]
    PREEMPTION_STAGE_LEAVING: _ClassVar[PreemptionStage]
    PREEMPTION_STAGE_READY: _ClassVar[PreemptionStage]

class Stage(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STAGE_UNSPECIFIED: _ClassVar[Stage]
    STAGE_WAITING: _ClassVar[Stage]
    STAGE_PLANNED: _ClassVar[Stage]
    STAGE_SHORT: _ClassVar[Stage]
    STAGE_WHOLE: _ClassVar[Stage]
    STAGE_STOPPED: _ClassVar[Stage]
STATE_UNSPECIFIED: State
STATE_RESERVED: State
STATE_BINDING: State
STATE_BOUND: State
STATE_QUARANTINED: State
STATE_NOMINATED: State
PREEMPTION_STAGE_UNSPECIFIED: PreemptionStage
PREEMPTION_STAGE_EVICTING: PreemptionStage
PREEMPTION_STAGE_LEAVING: PreemptionStage
PREEMPTION_STAGE_READY: PreemptionStage
STAGE_UNSPECIFIED: Stage
STAGE_WAITING: Stage
STAGE_PLANNED: Stage
STAGE_SHORT: Stage
STAGE_WHOLE: Stage
STAGE_STOPPED: Stage

class FitsRequest(_message.Message):
    __slots__ = ("shape", "most", "preempt")
    SHAPE_FIELD_NUMBER: _ClassVar[int]
    MOST_FIELD_NUMBER: _ClassVar[int]
    PREEMPT_FIELD_NUMBER: _ClassVar[int]
    shape: PodShape
    most: int
    preempt: bool
    def __init__(self, shape: _Optional[_Union[PodShape, _Mapping]] = ..., most: _Optional[int] = ..., preempt: _Optional[bool] = ...) -> None: ...

class PodShape(_message.Message):
    __slots__ = ("namespace", "pod_json")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    POD_JSON_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    pod_json: bytes
    def __init__(self, namespace: _Optional[str] = ..., pod_json: _Optional[bytes] = ...) -> None: ...

class FitsResponse(_message.Message):
    __slots__ = ("count", "reason", "victims")
    COUNT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    VICTIMS_FIELD_NUMBER: _ClassVar[int]
    count: int
    reason: str
    victims: _containers.RepeatedCompositeFieldContainer[Victim]
    def __init__(self, count: _Optional[int] = ..., reason: _Optional[str] = ..., victims: _Optional[_Iterable[_Union[Victim, _Mapping]]] = ...) -> None: ...

class DevicesRequest(_message.Message):
    __slots__ = ("node", "model")
    NODE_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    node: str
    model: str
    def __init__(self, node: _Optional[str] = ..., model: _Optional[str] = ...) -> None: ...

class DevicesResponse(_message.Message):
    __slots__ = ("nodes",)
    NODES_FIELD_NUMBER: _ClassVar[int]
    nodes: _containers.RepeatedCompositeFieldContainer[Node]
    def __init__(self, nodes: _Optional[_Iterable[_Union[Node, _Mapping]]] = ...) -> None: ...

class WatchDevicesRequest(_message.Message):
    __slots__ = ("node", "model")
    NODE_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    node: str
    model: str
    def __init__(self, node: _Optional[str] = ..., model: _Optional[str] = ...) -> None: ...

class WatchDevicesResponse(_message.Message):
    __slots__ = ("nodes", "gone", "whole")
    NODES_FIELD_NUMBER: _ClassVar[int]
    GONE_FIELD_NUMBER: _ClassVar[int]
    WHOLE_FIELD_NUMBER: _ClassVar[int]
    nodes: _containers.RepeatedCompositeFieldContainer[Node]
    gone: _containers.RepeatedScalarFieldContainer[str]
    whole: bool
    def __init__(self, nodes: _Optional[_Iterable[_Union[Node, _Mapping]]] = ..., gone: _Optional[_Iterable[str]] = ..., whole: _Optional[bool] = ...) -> None: ...

class Node(_message.Message):
    __slots__ = ("name", "model", "devices", "left_out", "unmapped")
    NAME_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    LEFT_OUT_FIELD_NUMBER: _ClassVar[int]
    UNMAPPED_FIELD_NUMBER: _ClassVar[int]
    name: str
    model: str
    devices: _containers.RepeatedCompositeFieldContainer[Device]
    left_out: str
    unmapped: _containers.RepeatedCompositeFieldContainer[Holding]
    def __init__(self, name: _Optional[str] = ..., model: _Optional[str] = ..., devices: _Optional[_Iterable[_Union[Device, _Mapping]]] = ..., left_out: _Optional[str] = ..., unmapped: _Optional[_Iterable[_Union[Holding, _Mapping]]] = ...) -> None: ...

class Device(_message.Message):
    __slots__ = ("name", "memory_mib", "free_milli", "closed", "holdings")
    NAME_FIELD_NUMBER: _ClassVar[int]
    MEMORY_MIB_FIELD_NUMBER: _ClassVar[int]
    FREE_MILLI_FIELD_NUMBER: _ClassVar[int]
    CLOSED_FIELD_NUMBER: _ClassVar[int]
    HOLDINGS_FIELD_NUMBER: _ClassVar[int]
    name: str
    memory_mib: int
    free_milli: int
    closed: str
    holdings: _containers.RepeatedCompositeFieldContainer[Holding]
    def __init__(self, name: _Optional[str] = ..., memory_mib: _Optional[int] = ..., free_milli: _Optional[int] = ..., closed: _Optional[str] = ..., holdings: _Optional[_Iterable[_Union[Holding, _Mapping]]] = ...) -> None: ...

class Holding(_message.Message):
    __slots__ = ("namespace", "name", "uid", "milli", "memory_mib", "state")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    UID_FIELD_NUMBER: _ClassVar[int]
    MILLI_FIELD_NUMBER: _ClassVar[int]
    MEMORY_MIB_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    name: str
    uid: str
    milli: int
    memory_mib: int
    state: State
    def __init__(self, namespace: _Optional[str] = ..., name: _Optional[str] = ..., uid: _Optional[str] = ..., milli: _Optional[int] = ..., memory_mib: _Optional[int] = ..., state: _Optional[_Union[State, str]] = ...) -> None: ...

class ProjectsRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ProjectsResponse(_message.Message):
    __slots__ = ("projects",)
    PROJECTS_FIELD_NUMBER: _ClassVar[int]
    projects: _containers.RepeatedCompositeFieldContainer[Project]
    def __init__(self, projects: _Optional[_Iterable[_Union[Project, _Mapping]]] = ...) -> None: ...

class Project(_message.Message):
    __slots__ = ("name", "quota_milli", "namespaces", "inference_milli", "build_milli", "foreign_milli", "train_milli", "over_milli", "waiting_pods", "waiting_milli", "models")
    NAME_FIELD_NUMBER: _ClassVar[int]
    QUOTA_MILLI_FIELD_NUMBER: _ClassVar[int]
    NAMESPACES_FIELD_NUMBER: _ClassVar[int]
    INFERENCE_MILLI_FIELD_NUMBER: _ClassVar[int]
    BUILD_MILLI_FIELD_NUMBER: _ClassVar[int]
    FOREIGN_MILLI_FIELD_NUMBER: _ClassVar[int]
    TRAIN_MILLI_FIELD_NUMBER: _ClassVar[int]
    OVER_MILLI_FIELD_NUMBER: _ClassVar[int]
    WAITING_PODS_FIELD_NUMBER: _ClassVar[int]
    WAITING_MILLI_FIELD_NUMBER: _ClassVar[int]
    MODELS_FIELD_NUMBER: _ClassVar[int]
    name: str
    quota_milli: int
    namespaces: _containers.RepeatedScalarFieldContainer[str]
    inference_milli: int
    build_milli: int
    foreign_milli: int
    train_milli: int
    over_milli: int
    waiting_pods: int
    waiting_milli: int
    models: _containers.RepeatedCompositeFieldContainer[ModelQuota]
    def __init__(self, name: _Optional[str] = ..., quota_milli: _Optional[int] = ..., namespaces: _Optional[_Iterable[str]] = ..., inference_milli: _Optional[int] = ..., build_milli: _Optional[int] = ..., foreign_milli: _Optional[int] = ..., train_milli: _Optional[int] = ..., over_milli: _Optional[int] = ..., waiting_pods: _Optional[int] = ..., waiting_milli: _Optional[int] = ..., models: _Optional[_Iterable[_Union[ModelQuota, _Mapping]]] = ...) -> None: ...

class ModelQuota(_message.Message):
    __slots__ = ("model", "quota_milli", "used_milli")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    QUOTA_MILLI_FIELD_NUMBER: _ClassVar[int]
    USED_MILLI_FIELD_NUMBER: _ClassVar[int]
    model: str
    quota_milli: int
    used_milli: int
    def __init__(self, model: _Optional[str] = ..., quota_milli: _Optional[int] = ..., used_milli: _Optional[int] = ...) -> None: ...

class ExplainRequest(_message.Message):
    __slots__ = ("namespace", "name")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    name: str
    def __init__(self, namespace: _Optional[str] = ..., name: _Optional[str] = ...) -> None: ...

class ExplainResponse(_message.Message):
    __slots__ = ("namespace", "name", "uid", "asks", "waits", "placed", "since_ms", "project", "kind", "gang", "preemption", "eviction")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    UID_FIELD_NUMBER: _ClassVar[int]
    ASKS_FIELD_NUMBER: _ClassVar[int]
    WAITS_FIELD_NUMBER: _ClassVar[int]
    PLACED_FIELD_NUMBER: _ClassVar[int]
    SINCE_MS_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    GANG_FIELD_NUMBER: _ClassVar[int]
    PREEMPTION_FIELD_NUMBER: _ClassVar[int]
    EVICTION_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    name: str
    uid: str
    asks: str
    waits: Waits
    placed: Placed
    since_ms: int
    project: str
    kind: str
    gang: Gang
    preemption: Preemption
    eviction: Eviction
    def __init__(self, namespace: _Optional[str] = ..., name: _Optional[str] = ..., uid: _Optional[str] = ..., asks: _Optional[str] = ..., waits: _Optional[_Union[Waits, _Mapping]] = ..., placed: _Optional[_Union[Placed, _Mapping]] = ..., since_ms: _Optional[int] = ..., project: _Optional[str] = ..., kind: _Optional[str] = ..., gang: _Optional[_Union[Gang, _Mapping]] = ..., preemption: _Optional[_Union[Preemption, _Mapping]] = ..., eviction: _Optional[_Union[Eviction, _Mapping]] = ...) -> None: ...

class Preemption(_message.Message):
    __slots__ = ("stage", "reason", "observed", "victims", "there", "candidates", "passed_over", "made_ms")
    STAGE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    OBSERVED_FIELD_NUMBER: _ClassVar[int]
    VICTIMS_FIELD_NUMBER: _ClassVar[int]
    THERE_FIELD_NUMBER: _ClassVar[int]
    CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    PASSED_OVER_FIELD_NUMBER: _ClassVar[int]
    MADE_MS_FIELD_NUMBER: _ClassVar[int]
    stage: PreemptionStage
    reason: str
    observed: bool
    victims: _containers.RepeatedCompositeFieldContainer[Victim]
    there: int
    candidates: int
    passed_over: _containers.RepeatedCompositeFieldContainer[Victim]
    made_ms: int
    def __init__(self, stage: _Optional[_Union[PreemptionStage, str]] = ..., reason: _Optional[str] = ..., observed: _Optional[bool] = ..., victims: _Optional[_Iterable[_Union[Victim, _Mapping]]] = ..., there: _Optional[int] = ..., candidates: _Optional[int] = ..., passed_over: _Optional[_Iterable[_Union[Victim, _Mapping]]] = ..., made_ms: _Optional[int] = ...) -> None: ...

class Victim(_message.Message):
    __slots__ = ("namespace", "name", "uid", "node", "milli", "devices", "priority", "project", "borrowed", "ran_s", "together")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    UID_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    MILLI_FIELD_NUMBER: _ClassVar[int]
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    BORROWED_FIELD_NUMBER: _ClassVar[int]
    RAN_S_FIELD_NUMBER: _ClassVar[int]
    TOGETHER_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    name: str
    uid: str
    node: str
    milli: int
    devices: int
    priority: int
    project: str
    borrowed: bool
    ran_s: int
    together: int
    def __init__(self, namespace: _Optional[str] = ..., name: _Optional[str] = ..., uid: _Optional[str] = ..., node: _Optional[str] = ..., milli: _Optional[int] = ..., devices: _Optional[int] = ..., priority: _Optional[int] = ..., project: _Optional[str] = ..., borrowed: _Optional[bool] = ..., ran_s: _Optional[int] = ..., together: _Optional[int] = ...) -> None: ...

class Eviction(_message.Message):
    __slots__ = ("victim", "made_for", "project", "because", "others", "candidates", "passed_over", "planned_ms", "evicted_ms", "observed")
    VICTIM_FIELD_NUMBER: _ClassVar[int]
    MADE_FOR_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    BECAUSE_FIELD_NUMBER: _ClassVar[int]
    OTHERS_FIELD_NUMBER: _ClassVar[int]
    CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    PASSED_OVER_FIELD_NUMBER: _ClassVar[int]
    PLANNED_MS_FIELD_NUMBER: _ClassVar[int]
    EVICTED_MS_FIELD_NUMBER: _ClassVar[int]
    OBSERVED_FIELD_NUMBER: _ClassVar[int]
    victim: Victim
    made_for: str
    project: str
    because: str
    others: _containers.RepeatedScalarFieldContainer[str]
    candidates: int
    passed_over: _containers.RepeatedCompositeFieldContainer[Victim]
    planned_ms: int
    evicted_ms: int
    observed: bool
    def __init__(self, victim: _Optional[_Union[Victim, _Mapping]] = ..., made_for: _Optional[str] = ..., project: _Optional[str] = ..., because: _Optional[str] = ..., others: _Optional[_Iterable[str]] = ..., candidates: _Optional[int] = ..., passed_over: _Optional[_Iterable[_Union[Victim, _Mapping]]] = ..., planned_ms: _Optional[int] = ..., evicted_ms: _Optional[int] = ..., observed: _Optional[bool] = ...) -> None: ...

class Gang(_message.Message):
    __slots__ = ("name", "stage", "needed", "bound", "promised", "waiting", "reason", "since_ms", "undone", "kept_nodes")
    NAME_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    NEEDED_FIELD_NUMBER: _ClassVar[int]
    BOUND_FIELD_NUMBER: _ClassVar[int]
    PROMISED_FIELD_NUMBER: _ClassVar[int]
    WAITING_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    SINCE_MS_FIELD_NUMBER: _ClassVar[int]
    UNDONE_FIELD_NUMBER: _ClassVar[int]
    KEPT_NODES_FIELD_NUMBER: _ClassVar[int]
    name: str
    stage: Stage
    needed: int
    bound: int
    promised: int
    waiting: int
    reason: str
    since_ms: int
    undone: int
    kept_nodes: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, name: _Optional[str] = ..., stage: _Optional[_Union[Stage, str]] = ..., needed: _Optional[int] = ..., bound: _Optional[int] = ..., promised: _Optional[int] = ..., waiting: _Optional[int] = ..., reason: _Optional[str] = ..., since_ms: _Optional[int] = ..., undone: _Optional[int] = ..., kept_nodes: _Optional[_Iterable[str]] = ...) -> None: ...

class Waits(_message.Message):
    __slots__ = ("reason", "misfits", "offered", "not_offered", "first_asked_ms", "last_asked_ms", "asked")
    REASON_FIELD_NUMBER: _ClassVar[int]
    MISFITS_FIELD_NUMBER: _ClassVar[int]
    OFFERED_FIELD_NUMBER: _ClassVar[int]
    NOT_OFFERED_FIELD_NUMBER: _ClassVar[int]
    FIRST_ASKED_MS_FIELD_NUMBER: _ClassVar[int]
    LAST_ASKED_MS_FIELD_NUMBER: _ClassVar[int]
    ASKED_FIELD_NUMBER: _ClassVar[int]
    reason: str
    misfits: _containers.RepeatedCompositeFieldContainer[Misfit]
    offered: int
    not_offered: int
    first_asked_ms: int
    last_asked_ms: int
    asked: int
    def __init__(self, reason: _Optional[str] = ..., misfits: _Optional[_Iterable[_Union[Misfit, _Mapping]]] = ..., offered: _Optional[int] = ..., not_offered: _Optional[int] = ..., first_asked_ms: _Optional[int] = ..., last_asked_ms: _Optional[int] = ..., asked: _Optional[int] = ...) -> None: ...

class Misfit(_message.Message):
    __slots__ = ("reason", "nodes", "examples")
    REASON_FIELD_NUMBER: _ClassVar[int]
    NODES_FIELD_NUMBER: _ClassVar[int]
    EXAMPLES_FIELD_NUMBER: _ClassVar[int]
    reason: str
    nodes: int
    examples: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, reason: _Optional[str] = ..., nodes: _Optional[int] = ..., examples: _Optional[_Iterable[str]] = ...) -> None: ...

class Placed(_message.Message):
    __slots__ = ("node", "devices", "milli", "memory_mib", "state", "model", "weighed", "by_plan")
    NODE_FIELD_NUMBER: _ClassVar[int]
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    MILLI_FIELD_NUMBER: _ClassVar[int]
    MEMORY_MIB_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    WEIGHED_FIELD_NUMBER: _ClassVar[int]
    BY_PLAN_FIELD_NUMBER: _ClassVar[int]
    node: str
    devices: _containers.RepeatedScalarFieldContainer[str]
    milli: int
    memory_mib: int
    state: State
    model: str
    weighed: Weighed
    by_plan: bool
    def __init__(self, node: _Optional[str] = ..., devices: _Optional[_Iterable[str]] = ..., milli: _Optional[int] = ..., memory_mib: _Optional[int] = ..., state: _Optional[_Union[State, str]] = ..., model: _Optional[str] = ..., weighed: _Optional[_Union[Weighed, _Mapping]] = ..., by_plan: _Optional[bool] = ...) -> None: ...

class Weighed(_message.Message):
    __slots__ = ("at_ms", "score", "offered", "fitted", "others", "because")
    AT_MS_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    OFFERED_FIELD_NUMBER: _ClassVar[int]
    FITTED_FIELD_NUMBER: _ClassVar[int]
    OTHERS_FIELD_NUMBER: _ClassVar[int]
    BECAUSE_FIELD_NUMBER: _ClassVar[int]
    at_ms: int
    score: int
    offered: int
    fitted: int
    others: _containers.RepeatedCompositeFieldContainer[Considered]
    because: str
    def __init__(self, at_ms: _Optional[int] = ..., score: _Optional[int] = ..., offered: _Optional[int] = ..., fitted: _Optional[int] = ..., others: _Optional[_Iterable[_Union[Considered, _Mapping]]] = ..., because: _Optional[str] = ...) -> None: ...

class Considered(_message.Message):
    __slots__ = ("node", "score")
    NODE_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    node: str
    score: int
    def __init__(self, node: _Optional[str] = ..., score: _Optional[int] = ...) -> None: ...
