"""Which fields of a pod say where it may run, and of what else they speak? As kube-scheduler 1.36 reads them.

`kube.objects` has a pod as whoever holds thousands of them reads it. These are read of the few that are planned at once
and, as long as there are such, of those that are there: whoever does not need them decodes the other.
"""

from __future__ import annotations

import msgspec

from kube.objects import Named, NodeSelector, NodeSelectorRequirement, Object, ObjectMeta, Resources
from kube.taints import Toleration


class Present(Object):
    """That there is something; what it says is passed over."""


class ContainerPort(Object):
    """A port of a container; `host_port` is 0 where it takes none of the node."""

    host_port: int = 0
    host_ip: str = msgspec.field(default="", name="hostIP")
    protocol: str = ""


class RestartRule(Object):
    """What is done when a container exits."""

    action: str = ""


class ConstrainedContainer(Object):
    """One container of a pod."""

    name: str = ""
    resources: Resources | None = None
    restart_policy: str = ""
    restart_policy_rules: list[RestartRule] | None = None
    ports: list[ContainerPort] | None = None


class LabelSelector(Object):
    """Which labels are meant: both parts must be met."""

    match_labels: dict[str, str] | None = None
    match_expressions: list[NodeSelectorRequirement] | None = None


class PodAffinityTerm(Object):
    """Of which pods affinity speaks; the API server has written matchLabelKeys into `label_selector`."""

    topology_key: str = ""
    label_selector: LabelSelector | None = None
    namespaces: list[str] | None = None
    namespace_selector: LabelSelector | None = None


class PodAffinity(Object):
    """Which pods a pod needs near itself, or away; what it merely prefers is passed over."""

    required: list[PodAffinityTerm] | None = msgspec.field(
        default=None, name="requiredDuringSchedulingIgnoredDuringExecution"
    )


class RequiredNodeAffinity(Object):
    """Which nodes a pod needs; what it merely prefers is passed over."""

    required: NodeSelector | None = msgspec.field(default=None, name="requiredDuringSchedulingIgnoredDuringExecution")


class ConstrainedAffinity(Object):
    """affinity of a Pod."""

    node_affinity: RequiredNodeAffinity | None = None
    pod_affinity: PodAffinity | None = None
    pod_anti_affinity: PodAffinity | None = None


class TopologySpreadConstraint(Object):
    """How evenly pods are to be spread over the values of a node label."""

    max_skew: int = 1
    topology_key: str = ""
    when_unsatisfiable: str = ""
    label_selector: LabelSelector | None = None
    min_domains: int | None = None
    node_affinity_policy: str | None = None
    node_taints_policy: str | None = None
    match_label_keys: list[str] | None = None


class ClaimSource(Object):
    """By which claim a pod has a volume."""

    claim_name: str = ""


class VolumeSource(Object):
    """Of what kind a volume is, as far as kube-scheduler makes a difference."""

    aws_elastic_block_store: Present | None = None
    azure_disk: Present | None = None
    azure_file: Present | None = None
    cinder: Present | None = None
    gce_persistent_disk: Present | None = None
    portworx_volume: Present | None = None
    vsphere_volume: Present | None = None
    iscsi: Present | None = None
    rbd: Present | None = None


class PodVolume(VolumeSource):
    """One volume of a pod."""

    name: str = ""
    persistent_volume_claim: ClaimSource | None = None
    ephemeral: Present | None = None


class PodResourceClaim(Object):
    """One ResourceClaim of a pod."""

    name: str = ""


class ConstrainedSpec(Object):
    """spec of a Pod."""

    node_name: str = ""
    containers: list[ConstrainedContainer] = msgspec.field(default_factory=list)
    init_containers: list[ConstrainedContainer] | None = None
    overhead: dict[str, str] | None = None
    resources: Resources | None = None
    node_selector: dict[str, str] | None = None
    affinity: ConstrainedAffinity | None = None
    tolerations: list[Toleration] | None = None
    topology_spread_constraints: list[TopologySpreadConstraint] | None = None
    volumes: list[PodVolume] | None = None
    host_network: bool = False
    host_users: bool | None = None
    resource_claims: list[PodResourceClaim] | None = None
    scheduling_group: Present | None = None
    priority: int | None = None
    termination_grace_period_seconds: int | None = None


class ResizedContainer(Object):
    """What one container has been given, which may be more than it asks for by now."""

    name: str = ""
    resources: Resources | None = None
    allocated_resources: dict[str, str] | None = None


class PodCondition(Object):
    """One condition of a pod, and why."""

    type: str = ""
    status: str = ""
    reason: str = ""


class ConstrainedStatus(Object):
    """status of a Pod: whether it runs or has ended, and what it has been given while it is resized."""

    phase: str = ""
    start_time: str | None = None
    conditions: list[PodCondition] | None = None
    container_statuses: list[ResizedContainer] | None = None
    init_container_statuses: list[ResizedContainer] | None = None
    resources: Resources | None = None
    allocated_resources: dict[str, str] | None = None


class ConstrainedMeta(ObjectMeta):
    """metadata of a Pod: also how long it has to end where it is being deleted."""

    deletion_grace_period_seconds: int | None = None


class ConstrainedPod(Named):
    """v1 Pod, with all that decides on which nodes it may run, and when it may have to leave its own."""

    metadata: ConstrainedMeta
    spec: ConstrainedSpec = msgspec.field(default_factory=ConstrainedSpec)
    status: ConstrainedStatus = msgspec.field(default_factory=ConstrainedStatus)


class ClaimSpec(Object):
    """spec of a PersistentVolumeClaim."""

    access_modes: list[str] | None = None
    volume_name: str = ""


class ClaimStatus(Object):
    """status of a PersistentVolumeClaim."""

    phase: str = ""


class PersistentVolumeClaim(Named):
    """v1 PersistentVolumeClaim."""

    spec: ClaimSpec = msgspec.field(default_factory=ClaimSpec)
    status: ClaimStatus = msgspec.field(default_factory=ClaimStatus)


class CsiSource(Object):
    """Whose driver a volume is reached through."""

    driver: str = ""


class VolumeNodeAffinity(Object):
    """From which nodes a volume can be reached."""

    required: NodeSelector | None = None


class VolumeSpec(VolumeSource):
    """spec of a PersistentVolume."""

    node_affinity: VolumeNodeAffinity | None = None
    csi: CsiSource | None = None


class PersistentVolume(Named):
    """v1 PersistentVolume."""

    spec: VolumeSpec = msgspec.field(default_factory=VolumeSpec)


class DriverLimit(Object):
    """How many volumes of a driver a node takes; None = any number."""

    count: int | None = None


class CsiDriver(Object):
    """One driver that a node has."""

    name: str = ""
    allocatable: DriverLimit | None = None


class CsiNodeSpec(Object):
    """spec of a CSINode."""

    drivers: list[CsiDriver] | None = None


class CsiNode(Named):
    """storage.k8s.io/v1 CSINode."""

    spec: CsiNodeSpec = msgspec.field(default_factory=CsiNodeSpec)


class DeviceClassSpec(Object):
    """spec of a DeviceClass: the extended resource that its devices are had by, too."""

    extended_resource_name: str | None = None


class DeviceClass(Named):
    """resource.k8s.io/v1 DeviceClass."""

    spec: DeviceClassSpec = msgspec.field(default_factory=DeviceClassSpec)


constrained_pod = msgspec.json.Decoder(ConstrainedPod).decode
"""Return a pod from the bytes of its JSON."""
