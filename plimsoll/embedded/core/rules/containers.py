"""What may stand in a pod's containers: names, images, and resources of which requests and limits fit each other?

After kubernetes' pkg/apis/core/validation (validateContainers, validateResourceRequirements).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plimsoll.embedded.core.notation.names import dns_label, qualified_name
from plimsoll.embedded.core.notation.quantities import amount

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from plimsoll.embedded.core.problem import Object

Cause = tuple[str, str, str]

_HUGE_PAGES = "hugepages-"
_OF_CONTAINERS = ("cpu", "ephemeral-storage", "memory")
_STANDARD = (
    "configmaps", "cpu", "ephemeral-storage", "limits.cpu", "limits.ephemeral-storage", "limits.memory", "memory",
    "persistentvolumeclaims", "pods", "replicationcontrollers", "requests.cpu", "requests.ephemeral-storage",
    "requests.memory", "requests.storage", "resourcequotas", "secrets", "services", "services.loadbalancers",
    "services.nodeports", "storage",
)  # fmt: skip


def containers_of(spec: Object, path: str = "spec") -> Iterator[tuple[str, Object]]:
    """Yield a pod's containers, each with its path; init containers come first."""
    for key in ("initContainers", "containers"):
        for index, container in enumerate(spec.get(key, ())):
            yield f"{path}.{key}[{index}]", container


def bad_containers(spec: Object, path: str) -> Iterator[Cause]:
    """Yield what is wrong with a pod's containers and init containers."""
    if not spec.get("containers"):
        yield f"{path}.containers", "FieldValueRequired", "Required value"
    seen: set[str] = set()
    for key in ("containers", "initContainers"):
        for index, container in enumerate(spec.get(key, ())):
            where, name = f"{path}.{key}[{index}]", container.get("name", "")
            yield from _bad_name(where, name, seen)
            seen.add(name)
            if not container.get("image"):
                yield f"{where}.image", "FieldValueRequired", "Required value"
            yield from bad_resources(f"{where}.resources", container.get("resources", {}))


def bad_resources(where: str, resources: Mapping[str, Any]) -> Iterator[Cause]:
    """Yield what is wrong with the requests and limits of a container."""
    limits, requests = resources.get("limits", {}), resources.get("requests", {})
    for key, quantity in limits.items():
        yield from _bad_quantity(f"{where}.limits[{key}]", key, quantity)
    for key, quantity in requests.items():
        yield from _bad_quantity(f"{where}.requests[{key}]", key, quantity)
        yield from _bad_request(where, key, quantity, limits.get(key))
    asked = limits.keys() | requests.keys()
    if any(key.startswith(_HUGE_PAGES) for key in asked) and not asked & {"cpu", "memory"}:
        yield where, "FieldValueForbidden", "Forbidden: HugePages require cpu or memory"


def _bad_name(where: str, name: str, seen: set[str]) -> Iterator[Cause]:
    if not name:
        yield f"{where}.name", "FieldValueRequired", "Required value"
    elif rule := dns_label(name):
        yield f"{where}.name", "FieldValueInvalid", f'Invalid value: "{name}": {rule}'
    elif name in seen:
        yield f"{where}.name", "FieldValueDuplicate", f'Duplicate value: "{name}"'


def _bad_quantity(where: str, resource: str, quantity: str) -> Iterator[Cause]:
    for rule in _bad_resource(resource):
        yield where, "FieldValueInvalid", f'Invalid value: "{resource}": {rule}'
    if amount(quantity) < 0:
        sentence = f'Invalid value: "{quantity}": must be greater than or equal to 0'
        yield where, "FieldValueInvalid", sentence
    if not _overcommittable(resource) and amount(quantity).denominator != 1:
        yield where, "FieldValueInvalid", f'Invalid value: "{quantity}": must be an integer'


def _bad_resource(resource: str) -> Iterator[str]:
    """Yield what is wrong with a resource's name."""
    if rule := qualified_name(resource):
        yield rule
    elif "/" not in resource and resource not in _STANDARD and not resource.startswith(_HUGE_PAGES):
        yield "must be a standard resource type or fully qualified"
    if "/" not in resource:
        if resource not in _OF_CONTAINERS and not resource.startswith(_HUGE_PAGES):
            yield "must be a standard resource for containers"
    elif "kubernetes.io/" not in resource and (
        resource.startswith("requests.") or qualified_name(f"requests.{resource}")
    ):
        yield "doesn't follow extended resource name standard"


def _bad_request(where: str, resource: str, request: str, limit: str | None) -> Iterator[Cause]:
    if limit is None:
        if not _overcommittable(resource):
            sentence = "Required value: Limit must be set for non overcommitable resources"
            yield f"{where}.limits", "FieldValueRequired", sentence
    elif not _overcommittable(resource) and amount(request) != amount(limit):
        sentence = f'Invalid value: "{request}": must be equal to {resource} limit of {limit}'
        yield f"{where}.requests", "FieldValueInvalid", sentence
    elif amount(request) > amount(limit):
        sentence = f'Invalid value: "{request}": must be less than or equal to {resource} limit of {limit}'
        yield f"{where}.requests", "FieldValueInvalid", sentence


def _overcommittable(resource: str) -> bool:
    """Tell whether more may be used than was asked for: of the resources that Kubernetes itself knows."""
    return not resource.startswith(_HUGE_PAGES) and ("/" not in resource or "kubernetes.io/" in resource)
