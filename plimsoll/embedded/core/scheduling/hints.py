"""Which change in the cluster may help which rejected pod? kube-scheduler's events, and its filters' queueing hints.

A pod that an extender rejected is helped by any event: nobody asks the extender. A filter of ours is helped only by
what its hint says. Source: kubernetes' pkg/scheduler/framework/events.go and the plugins' EventsToRegister.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from plimsoll.embedded.core.scheduling import fitting, node_affinity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plimsoll.embedded.core.scheduling.views import NodeView, PodView


class Change(Enum):
    """What happened; the comment says to what."""

    POD_BOUND = "a pod was bound"
    POD_LEFT = "a bound pod was deleted, or a binding given up"
    POD_SHRANK = "a pod asks for less"
    POD_TOLERATES = "a pod has further tolerations"
    POD_CHANGED = "anything else about a pod"
    NODE_ADDED = "a node was added"
    NODE_LEFT = "a node was deleted"
    NODE_ROOM = "a node's allocatable changed"
    NODE_LABELS = "a node's labels changed"
    NODE_TAINTS = "a node's taints changed, or it is schedulable again"
    NODE_CONDITIONS = "a condition of a node changed"
    NODE_ANNOTATIONS = "a node's annotations changed"


@dataclass(frozen=True, slots=True)
class Event:
    """A change and what it is about, before and after."""

    change: Change
    pod: PodView | None = None
    old_pod: PodView | None = None
    node: NodeView | None = None
    old_node: NodeView | None = None


def of_node(old: NodeView, new: NodeView) -> Iterator[Event]:
    """Yield what changed about a node."""
    changes = {
        Change.NODE_TAINTS: (old.unschedulable and not new.unschedulable) or old.taints != new.taints,
        Change.NODE_ROOM: old.allocatable != new.allocatable,
        Change.NODE_LABELS: old.labels != new.labels,
        Change.NODE_CONDITIONS: old.conditions != new.conditions,
        Change.NODE_ANNOTATIONS: old.annotations != new.annotations,
    }
    for change, happened in changes.items():
        if happened:
            yield Event(change, node=new, old_node=old)


def of_pod(old: PodView, new: PodView) -> Iterator[Event]:
    """Yield what changed about a pod, bound or not; there is always something."""
    shrank = any(new.requests.get(resource, 0) < count for resource, count in old.requests.items())
    tolerates = len(new.tolerations) != len(old.tolerations)
    if shrank:
        yield Event(Change.POD_SHRANK, pod=new, old_pod=old)
    if tolerates:
        yield Event(Change.POD_TOLERATES, pod=new, old_pod=old)
    if not shrank and not tolerates:
        yield Event(Change.POD_CHANGED, pod=new, old_pod=old)


def may_help(event: Event, pod: PodView, rejected_by: frozenset[str]) -> bool:
    """Tell whether an event may let a pod fit that these filters rejected."""
    return any(_HINTS[each](event, pod) for each in rejected_by)


def _extender(_event: Event, _pod: PodView) -> bool:
    return True


def _not_done(event: Event, _pod: PodView) -> bool:
    return event.change is Change.POD_LEFT


def _resources(event: Event, pod: PodView) -> bool:
    match event.change:
        case Change.POD_LEFT | Change.NODE_TAINTS:
            return True
        case Change.POD_SHRANK:
            return _gave_room(event, pod)
        case Change.NODE_ADDED:
            return event.node is not None and fitting.is_room(pod, event.node)
        case Change.NODE_ROOM:
            return event.node is not None and fitting.is_room(pod, event.node) and _has_more(event, pod)
    return False


def _gave_room(event: Event, pod: PodView) -> bool:
    new, old = event.pod, event.old_pod
    assert new is not None  # noqa: S101  an event of a pod
    assert old is not None  # noqa: S101  likewise
    if new.uid == pod.uid:
        return True
    return bool(new.node) and any(old.requests.get(each, 0) > new.requests.get(each, 0) for each in pod.requests)


def _has_more(event: Event, pod: PodView) -> bool:
    assert event.node is not None  # noqa: S101  an event of a node
    assert event.old_node is not None  # noqa: S101  likewise
    new, old = event.node.allocatable, event.old_node.allocatable
    return any(new.get(each, 0) > old.get(each, 0) for each in ("pods", *pod.requests))


def _unschedulable(event: Event, pod: PodView) -> bool:
    match event.change:
        case Change.NODE_ADDED:
            return event.node is not None and not event.node.unschedulable
        case Change.NODE_TAINTS if event.node and event.old_node:
            return event.old_node.unschedulable and not event.node.unschedulable
        case Change.POD_TOLERATES if event.pod:
            return event.pod.uid == pod.uid and fitting.tolerates(event.pod, fitting.UNSCHEDULABLE_TAINT)
    return False


def _taints(event: Event, pod: PodView) -> bool:
    match event.change:
        case Change.NODE_ADDED | Change.NODE_TAINTS if event.node:
            was_away = event.old_node is None or fitting.untolerated(pod, event.old_node)
            return was_away and not fitting.untolerated(pod, event.node)
        case Change.POD_TOLERATES if event.pod:
            return event.pod.uid == pod.uid
    return False


def _affinity(event: Event, pod: PodView) -> bool:
    match event.change:
        case Change.NODE_TAINTS:
            return True
        case Change.NODE_ADDED | Change.NODE_LABELS if event.node:
            return _suits(pod, event.node) and (event.old_node is None or not _suits(pod, event.old_node))
    return False


def _name(event: Event, _pod: PodView) -> bool:
    return event.change in (Change.NODE_ADDED, Change.NODE_TAINTS)


def _suits(pod: PodView, node: NodeView) -> bool:
    return node_affinity.matches(pod.spec, node.name, node.labels)


# Where a filter hears of added nodes but not of taints, kube-scheduler has every change of taints help it.
_HINTS = {
    fitting.EXTENDER: _extender,
    fitting.NOT_DONE: _not_done,
    fitting.RESOURCES: _resources,
    fitting.UNSCHEDULABLE: _unschedulable,
    fitting.TAINTS: _taints,
    fitting.AFFINITY: _affinity,
    fitting.NAME: _name,
}
