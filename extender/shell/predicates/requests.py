"""How much of each resource does a pod take, and how much has a node to give? In the whole numbers that are compared.

Containers run at once, and so do sidecars; other init containers run one after the other before them, each beside the
sidecars that were started before it. What is said of the pod as a whole stands for its containers, and the overhead
comes on top. A container that is resized in place counts as the most of what it asks for, was promised and has.
Source: component-helpers' resource.PodRequests, kube-scheduler's framework.Resource.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kube.gpus import MARKER
from kube.quantities import milli
from kube.resources import SIDECAR

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kube.constraints import ConstrainedContainer, ConstrainedPod, ResizedContainer

Thousandths = dict[str, int]
"""Thousandths of each resource: finer amounts the API server does not keep, so that sums of them are exact."""

CPU = "cpu"
MOST = 2**53
"""More than anybody has of anything: sums of a thousand such stay 64-bit numbers."""

RESIZE = "PodResizePending"
"""The condition that says why a pod has not been given what it asks for by now."""

_OF_EVERY_NODE = (CPU, "memory", "ephemeral-storage")
_OF_THE_POD = (CPU, "memory")
_HUGE_PAGES, _ATTACHABLE, _QUOTA = "hugepages-", "attachable-volumes-", "requests."
_NATIVE = "kubernetes.io/"


def requested(pod: ConstrainedPod) -> tuple[tuple[str, int], ...]:
    """Return what a pod takes, without what kube-scheduler passes over (our marker, and what is no resource of it)."""
    total = _of_containers(pod)
    resources = pod.spec.resources
    if resources is not None and resources.requests:
        said = _thousandths(resources.requests)
        if pod.status.resources is not None:
            said = _resized(said, pod.status.resources.requests, pod.status.allocated_resources, pod)
        total |= {name: said.get(name, 0) for name in resources.requests if _may_be_said_of_the_pod(name)}
    total = _sum(total, _thousandths(pod.spec.overhead))
    return amounts({name: amount for name, amount in total.items() if name != MARKER and amount})


def allocatable(quantities: Mapping[str, str] | None) -> tuple[tuple[str, int], ...]:
    """Return what a node has to give, and for how many pods ("pods")."""
    return amounts(_thousandths(quantities), ("pods",))


def amounts(these: Thousandths, more: tuple[str, ...] = ()) -> tuple[tuple[str, int], ...]:
    """Return whole numbers, rounded up, of the resources that kube-scheduler compares and of `more`."""
    return tuple(
        (name, min(amount if name == CPU else -(-amount // 1000), MOST))
        for name, amount in sorted(these.items())
        if name in more or _compared(name)
    )


def _of_containers(pod: ConstrainedPod) -> Thousandths:
    given = {one.name: one for one in (*(pod.status.container_statuses or ()),)}
    given |= {one.name: one for one in (pod.status.init_container_statuses or ())}
    running: Thousandths = {}
    for container in pod.spec.containers:
        running = _sum(running, _of_container(container, given, pod))
    starting: Thousandths = {}
    beside: Thousandths = {}
    for container in pod.spec.init_containers or ():
        if container.restart_policy == SIDECAR:
            own = _of_container(container, given, pod)
            beside, running = _sum(beside, own), _sum(running, own)
            starting = _most(starting, beside)
        else:
            starting = _most(starting, _sum(_of_container(container, {}, pod), beside))
    return _most(running, starting)


def _of_container(
    container: ConstrainedContainer, given: Mapping[str, ResizedContainer], pod: ConstrainedPod
) -> Thousandths:
    asked = _thousandths(container.resources.requests if container.resources else None)
    status = given.get(container.name)
    if status is None or status.resources is None:
        return asked
    return _resized(asked, status.resources.requests, status.allocated_resources, pod)


def _resized(
    asked: Thousandths, has: Mapping[str, str] | None, promised: Mapping[str, str] | None, pod: ConstrainedPod
) -> Thousandths:
    given = _most(_thousandths(has), _thousandths(promised))
    pending = next((one.reason for one in pod.status.conditions or () if one.type == RESIZE), "")
    return given if pending == "Infeasible" else _most(asked, given)


def _may_be_said_of_the_pod(name: str) -> bool:
    return name in _OF_THE_POD or name.startswith(_HUGE_PAGES)


def _compared(name: str) -> bool:
    if name in _OF_EVERY_NODE or name.startswith((_HUGE_PAGES, _ATTACHABLE)) or _NATIVE in name:
        return True
    return "/" in name and not name.startswith(_QUOTA)


def _thousandths(quantities: Mapping[str, str] | None) -> Thousandths:
    return {name: milli(quantity) for name, quantity in (quantities or {}).items()}


def _sum(one: Thousandths, other: Thousandths) -> Thousandths:
    return {name: one.get(name, 0) + other.get(name, 0) for name in one | other}


def _most(one: Thousandths, other: Thousandths) -> Thousandths:
    return {name: max(one.get(name, 0), other.get(name, 0)) for name in one | other}
