"""Which fields of a pod does the extender read? These; all others are passed over while decoding.

Thousands of pods are listed at once, and one comes with every question of kube-scheduler. Annotations are read by name:
a dict of all those that a pod has takes twice as long to make.
"""

from __future__ import annotations

import msgspec

from extender.core.quota.projects import LABEL
from extender.shell.hami import ALLOCATED
from kube.gangs import GANG, LEAST, PLAN, SHOWN, WHOLE_ONCE
from kube.gpus import GpuAnnotations
from kube.objects import Bare, BareMeta, BarePodSpec, Object, Running, SchedulingGate

_MIRROR = "kubernetes.io/config.mirror"


class Annotations(GpuAnnotations, frozen=True, gc=False):
    """annotations of a Pod.

    Those of gangs are as `kube.gangs` says. `allocated`: the devices that HAMi's scheduler gave it; `mirror`: it is
    there where a kubelet runs the pod from a file.
    """

    gang_min: str | None = msgspec.field(default=None, name=LEAST)
    gang_plan: str | None = msgspec.field(default=None, name=PLAN)
    gang_shown: str | None = msgspec.field(default=None, name=SHOWN)
    gang_whole: str | None = msgspec.field(default=None, name=WHOLE_ONCE)
    allocated: str | None = msgspec.field(default=None, name=ALLOCATED)
    mirror: str | None = msgspec.field(default=None, name=_MIRROR)


NO_ANNOTATIONS = Annotations()
NOTHING = msgspec.Raw(b"null")


class Labels(Object):
    """labels of a Pod."""

    project: str = msgspec.field(default="", name=LABEL)
    gang: str | None = msgspec.field(default=None, name=GANG)


class Meta(BareMeta):
    """metadata of a Pod; what only gangs are asked about stays undecoded."""

    annotations: Annotations | None = None
    labels: Labels | None = None
    owner_references: msgspec.Raw = NOTHING


class SchedulingGroup(Object):
    """The group of pods that kube-scheduler plans by itself."""

    pod_group_name: str = ""


class Spec(BarePodSpec):
    """spec of a Pod."""

    node_name: str = ""
    priority: int | None = None
    priority_class_name: str = ""
    scheduling_gates: list[SchedulingGate] | None = None
    scheduling_group: SchedulingGroup | None = None


class ContainerState(Object):
    """Whether a container runs."""

    running: Running | None = None


class ContainerStatus(Object):
    """Whether one container of a pod runs."""

    state: ContainerState | None = None


class Status(Object):
    """status of a Pod: whether it has ended; what only gangs are asked about stays undecoded."""

    phase: str = ""
    conditions: msgspec.Raw = NOTHING
    container_statuses: list[ContainerStatus] | None = None
    init_container_statuses: list[ContainerStatus] | None = None


class Pod(Bare):
    """v1 Pod."""

    metadata: Meta
    spec: Spec = msgspec.field(default_factory=Spec)
    status: Status = msgspec.field(default_factory=Status)
