"""Which fields of Kubernetes' objects do we read? Exactly these; all others are passed over while decoding.

Field names follow the API (camelCase on the wire). `gc=False`: none of these can be part of a reference cycle, and
ten thousand pods would otherwise be walked by every collection.
"""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

from kube.taints import Taint


class Object(msgspec.Struct, rename="camel", gc=False):
    """The base of everything decoded here."""


class OwnerReference(Object):
    """Who made an object."""

    kind: str = ""
    name: str = ""
    uid: str = ""
    controller: bool | None = None
    api_version: str = ""


class BareMeta(Object):
    """metadata of any object, without what people and controllers wrote beside it."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None


class ObjectMeta(BareMeta):
    """metadata of any object."""

    annotations: dict[str, str] | None = None
    labels: dict[str, str] | None = None
    owner_references: list[OwnerReference] | None = None


class Bare(Object):
    """The base of every object that has metadata of its own."""

    metadata: BareMeta


class Named(Bare):
    """The base of those of which is also read whose they are."""

    metadata: ObjectMeta


class Resources(Object):
    """resources of one container: quantities as Kubernetes writes them."""

    requests: dict[str, str] | None = None
    limits: dict[str, str] | None = None


class Container(Object):
    """One container of a pod."""

    name: str = ""
    resources: Resources | None = None
    restart_policy: str = ""


class SchedulingGate(Object):
    """What holds a pod back from scheduling."""

    name: str = ""


class NodeSelectorRequirement(Object):
    """What one label or field of a node must be like."""

    key: str = ""
    operator: str = ""
    values: list[str] | None = None


class NodeSelectorTerm(Object):
    """Requirements that must all be met."""

    match_expressions: list[NodeSelectorRequirement] | None = None
    match_fields: list[NodeSelectorRequirement] | None = None


class NodeSelector(Object):
    """Terms of which one must be met."""

    node_selector_terms: list[NodeSelectorTerm] | None = None


class NodeAffinity(Object):
    """Which nodes a pod needs; what it merely prefers is passed over."""

    required: NodeSelector | None = msgspec.field(default=None, name="requiredDuringSchedulingIgnoredDuringExecution")


class Affinity(Object):
    """affinity of a Pod; that to other pods is passed over."""

    node_affinity: NodeAffinity | None = None


class BarePodSpec(Object):
    """spec of a Pod: what it takes of a node, and which nodes suit it."""

    containers: list[Container] = []
    init_containers: list[Container] | None = None
    node_selector: dict[str, str] | None = None
    affinity: Affinity | None = None
    overhead: dict[str, str] | None = None
    resources: Resources | None = None


class PodSpec(BarePodSpec):
    """spec of a Pod."""

    node_name: str = ""
    scheduler_name: str = ""
    scheduling_gates: list[SchedulingGate] | None = None


class Condition(Object):
    """One condition of an object's status."""

    type: str
    status: str
    last_transition_time: str | None = None


class Waiting(Object):
    """Why a container does not run."""

    reason: str = ""


class Running(Object):
    """That a container runs."""


class ContainerState(Object):
    """What a container does; what else it may do is passed over."""

    waiting: Waiting | None = None
    running: Running | None = None


class ContainerStatus(Object):
    """How one container of a pod is."""

    restart_count: int = 0
    state: ContainerState | None = None


class PodStatus(Object):
    """status of a Pod."""

    phase: str = ""
    conditions: list[Condition] | None = None
    container_statuses: list[ContainerStatus] | None = None
    init_container_statuses: list[ContainerStatus] | None = None


class Pod(Named):
    """v1 Pod."""

    spec: PodSpec = msgspec.field(default_factory=PodSpec)
    status: PodStatus = msgspec.field(default_factory=PodStatus)


class LeaseSpec(Object, omit_defaults=True):
    """spec of a Lease; times are RFC 3339 with microseconds."""

    holder_identity: str | None = None
    lease_duration_seconds: int | None = None
    acquire_time: str | None = None
    renew_time: str | None = None
    lease_transitions: int | None = None


class Lease(Named):
    """coordination.k8s.io/v1 Lease."""

    spec: LeaseSpec = msgspec.field(default_factory=LeaseSpec)


class NodeStatus(Object):
    """status of a Node: quantities as Kubernetes writes them."""

    capacity: dict[str, str] | None = None
    allocatable: dict[str, str] | None = None
    conditions: list[Condition] | None = None
    declared_features: list[str] | None = None


class NodeSpec(Object):
    """spec of a Node: which pods it keeps away."""

    unschedulable: bool = False
    taints: list[Taint] | None = None


class Node(Named):
    """v1 Node."""

    spec: NodeSpec = msgspec.field(default_factory=NodeSpec)
    status: NodeStatus = msgspec.field(default_factory=NodeStatus)


class DeploymentSpec(Object):
    """spec of a Deployment; a missing count means one."""

    replicas: int | None = None


class ManagedFields(Object):
    """Which fields of an object one manager wrote; the fields themselves stay undecoded until somebody asks."""

    manager: str = ""
    subresource: str = ""
    time: str | None = None
    fields_v1: msgspec.Raw = msgspec.Raw()


class WorkloadMeta(ObjectMeta):
    """metadata of what may be scaled: also who wrote which of its fields, and how often its spec changed."""

    generation: int = 0
    managed_fields: list[ManagedFields] | None = None


class Workload(Named):
    """Anything with a `scale` subresource; its spec is undecoded, as every kind has its own."""

    metadata: WorkloadMeta
    spec: msgspec.Raw = msgspec.Raw()


class ScaleSpec(Object):
    """spec of a Scale; a count of zero is left out on the wire."""

    replicas: int = 0


class ScaleStatus(Object):
    """status of a Scale: which pods are its own, as a label selector in text."""

    replicas: int = 0
    selector: str = ""


class Scale(Named):
    """autoscaling/v1 Scale: the subresource `scale` of a workload."""

    spec: ScaleSpec = msgspec.field(default_factory=ScaleSpec)
    status: ScaleStatus = msgspec.field(default_factory=ScaleStatus)


class CrossVersionReference(Object):
    """What an autoscaler points at, in its own namespace."""

    kind: str = ""
    name: str = ""
    api_version: str = ""


class HorizontalPodAutoscalerSpec(Object):
    """spec of a HorizontalPodAutoscaler."""

    scale_target_ref: CrossVersionReference = msgspec.field(default_factory=CrossVersionReference)


class HorizontalPodAutoscaler(Named):
    """autoscaling/v2 HorizontalPodAutoscaler."""

    spec: HorizontalPodAutoscalerSpec = msgspec.field(default_factory=HorizontalPodAutoscalerSpec)


class Deployment(Named):
    """apps/v1 Deployment."""

    spec: DeploymentSpec = msgspec.field(default_factory=DeploymentSpec)


class ReplicaSet(Named):
    """apps/v1 ReplicaSet."""


class Namespace(Named):
    """v1 Namespace."""


class ConfigMap(Named):
    """v1 ConfigMap."""

    data: dict[str, str] | None = None


class ObjectReference(Object, omit_defaults=True):
    """What an Event speaks of; a node has no namespace, and the kubelet leaves out more."""

    api_version: str = ""
    kind: str = ""
    namespace: str = ""
    name: str = ""
    uid: str = ""


class Event(Named):
    """v1 Event, as read."""

    involved_object: ObjectReference
    reason: str = ""
    message: str = ""
    type: str = ""
    count: int | None = None
    last_timestamp: str | None = None


class Status(Object):
    """v1 Status: the body of a refusal."""

    message: str = ""
    reason: str = ""
    code: int = 0


ObjectType = TypeVar("ObjectType", bound=Bare)


class ListMeta(Object):
    """metadata of a list."""

    resource_version: str = ""
    continue_: str = msgspec.field(default="", name="continue")


class ObjectList(Object, Generic[ObjectType]):
    """A list of objects of one type."""

    metadata: ListMeta
    items: list[ObjectType] | None = None


class WatchEvent(Object):
    """One line of a watch: its type, and the object still undecoded."""

    type: str
    object: msgspec.Raw
