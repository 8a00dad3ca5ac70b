"""What does a pod template ask for? Read as if admission had seen the pod and its controller had made it already."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from msgspec.structs import replace

from extender.core.inventory.facts import PRODUCT
from extender.core.model import Ask, Shape
from extender.core.quota.projects import LABEL
from kube.affinity import accepted
from kube.gangs import GANG, LEAST, least_of
from kube.gpus import FRACTION, MARKER, MEMORY, VENDOR_GPU, Asking, Malformed, Unmapped, by_kubelet, gpu_request
from kube.nesting import UNREADABLE
from kube.objects import BarePodSpec, Named
from kube.resources import requests_of
from kube.taints import BY_DEFAULT, Toleration


class _TemplateSpec(BarePodSpec):
    priority_class_name: str = ""
    tolerations: list[Toleration] | None = None


class _Template(Named):
    spec: _TemplateSpec = msgspec.field(default_factory=_TemplateSpec)


_template = msgspec.json.Decoder(_Template)


class UnplaceableError(Exception):
    """No pod of this template will ever be placed; the message says why."""


@dataclass(frozen=True, slots=True)
class Templated:
    """What the pods of a template take, which taints of nodes they bear, and what decides their project and kind."""

    shape: Shape
    tolerations: tuple[Toleration, ...]
    project: str = ""
    priority_class: str = ""
    gang: tuple[str, int] | None = None
    """The gang that they are members of, by name, and how many of it are needed at once."""

    def ask(self, namespace: str) -> Ask | None:
        """Return what each of them asks of its project in a namespace; None: nobody says in which."""
        shape = self.shape
        if not namespace or shape.request is None:
            return None
        return Ask(namespace, self.project, self.priority_class, shape.request, models=shape.models)


def templated(pod_json: bytes) -> Templated:
    """Return what the pods of a template take and bear.

    Raises:
        UnplaceableError: the template cannot be read, breaks a rule, or asks for no GPU.
    """
    try:
        pod = _template.decode(pod_json)
    except UNREADABLE as error:
        raise UnplaceableError(f"the pod template cannot be read: {error}") from error
    asking = Asking.of(pod.metadata.annotations)
    taken = requests_of(pod.spec)
    asked = {MARKER} if asking.fraction is not None or asking.memory is not None else set()
    if asked and taken.gpus:
        asked.add(VENDOR_GPU)
    elif taken.gpus:
        # As admission does: whole GPUs of our pods are asked for in an annotation.
        asked, asking = {MARKER}, replace(asking, gpus=str(taken.gpus))
    containers = (*pod.spec.containers, *(pod.spec.init_containers or ()))
    request = gpu_request(asking, frozenset(asked), tuple(one.name for one in containers))
    if isinstance(request, Malformed):
        raise UnplaceableError(str(request))
    if request is None or isinstance(request, Unmapped):
        raise UnplaceableError(f"its pods ask for no GPU: none of {FRACTION}, {MEMORY} and {VENDOR_GPU} is there")
    shape = Shape(request, taken.cpu, taken.memory, accepted(pod.spec, PRODUCT), by_kubelet(asking))
    return Templated(
        shape,
        (*(pod.spec.tolerations or ()), *BY_DEFAULT),
        (pod.metadata.labels or {}).get(LABEL, ""),
        pod.spec.priority_class_name,
        _gang(pod),
    )


def _gang(pod: _Template) -> tuple[str, int] | None:
    name = (pod.metadata.labels or {}).get(GANG)
    if name is None:
        return None
    least = least_of((pod.metadata.annotations or {}).get(LEAST))
    if isinstance(least, Malformed):
        raise UnplaceableError(str(least))
    return name, least
