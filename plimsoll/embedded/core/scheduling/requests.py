"""How much does a pod ask for, and how much has a node? Whole numbers, as kube-scheduler counts them.

After component-helpers' resource.PodRequests and the scheduler's Resource: cpu counts in thousandths, everything else
in ones, each rounded up. Limits do not count: the API server has copied them to requests where there were none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plimsoll.embedded.core.notation.quantities import amount

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plimsoll.embedded.core.problem import Object

Amounts = dict[str, int]

PODS = "pods"
# What a container counts as in scores where it asks for nothing: else nodes full of such pods would look empty.
_SCORED_LEAST = {"cpu": 100, "memory": 200 * 2**20}
_NATIVE = ("cpu", "memory", "ephemeral-storage")
_OF_WHOLE_POD = ("cpu", "memory")  # and huge pages: what a pod's own resources may say


def requests_of(spec: Object) -> Amounts:
    """Return what a pod takes of its node; zeros and what kube-scheduler does not count are left out."""
    return _total(spec, {})


def scored_requests_of(spec: Object) -> Amounts:
    """Return what a pod counts as in scores."""
    total = _total(spec, _SCORED_LEAST)
    return {resource: total.get(resource, 0) for resource in _SCORED_LEAST}


def allocatable_of(node: Object) -> Amounts:
    """Return what a node has for pods; "pods" is how many of them."""
    offered = (node.get("status") or {}).get("allocatable") or {}
    return {name: _count(name, quantity) for name, quantity in offered.items() if name == PODS or _is_counted(name)}


def _total(spec: Object, least: Amounts) -> Amounts:
    running: Amounts = {}
    for container in spec.get("containers") or ():
        _add(running, {**least, **_requests(container)})
    starting: Amounts = {}
    beside: Amounts = {}  # sidecars that have started already
    for container in spec.get("initContainers") or ():
        own = {**least, **_requests(container)}
        if container.get("restartPolicy") == "Always":
            _add(running, own)
            _add(beside, own)
            _raise(starting, beside)
        else:
            _raise(starting, _sum(own, beside))
    _raise(running, starting)
    for resource, quantity in ((spec.get("resources") or {}).get("requests") or {}).items():
        if resource in _OF_WHOLE_POD or resource.startswith("hugepages-"):
            running[resource] = _count(resource, quantity)
    for resource, quantity in (spec.get("overhead") or {}).items():
        running[resource] = running.get(resource, 0) + _count(resource, quantity)
    return {resource: count for resource, count in running.items() if count > 0 and _is_counted(resource)}


def _requests(container: Mapping[str, Any]) -> Amounts:
    asked = (container.get("resources") or {}).get("requests") or {}
    return {resource: _count(resource, quantity) for resource, quantity in asked.items()}


def _count(resource: str, quantity: str) -> int:
    exact = amount(quantity) * (1000 if resource == "cpu" else 1)
    return -(-exact.numerator // exact.denominator)


def _is_counted(resource: str) -> bool:
    return resource in _NATIVE or "/" in resource or resource.startswith(("hugepages-", "attachable-volumes-"))


def _add(to: Amounts, more: Amounts) -> None:
    for resource, count in more.items():
        to[resource] = to.get(resource, 0) + count


def _sum(one: Amounts, other: Amounts) -> Amounts:
    total = dict(one)
    _add(total, other)
    return total


def _raise(to: Amounts, least: Amounts) -> None:
    for resource, count in least.items():
        if count > to.get(resource, 0):
            to[resource] = count
