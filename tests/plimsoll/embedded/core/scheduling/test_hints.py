"""An event helps a rejected pod where kube-scheduler's queueing hints say so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from plimsoll.embedded.core.scheduling import hints
from plimsoll.embedded.core.scheduling.fitting import AFFINITY, EXTENDER, NAME, RESOURCES, TAINTS, UNSCHEDULABLE
from plimsoll.embedded.core.scheduling.hints import Change, Event, may_help
from tests.plimsoll.embedded.scheduling import node_view, pod_view

if TYPE_CHECKING:
    from plimsoll.embedded.core.scheduling.views import NodeView, PodView

TAINT = {"key": "k", "effect": "NoSchedule"}
PLAIN, CORDONED, TAINTED = node_view(), node_view(unschedulable=True), node_view(taints=[TAINT])
LABELLED, SMALL = node_view(labels={"a": "b"}), node_view(room={"cpu": "1"})
POD = pod_view("waiting", requests={"cpu": "2"}, nodeSelector={"a": "b"})
TOLERANT = pod_view("waiting", tolerations=[{"operator": "Exists"}])
OTHER = pod_view("other", node="node", requests={"cpu": "2"})
SHRUNK = pod_view("other", node="node", requests={"cpu": "1"})


def _added(**event: object) -> Event:
    return Event(Change.NODE_ADDED, **event)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("filter_", "event", "helps"),
    [
        *((EXTENDER, Event(change), True) for change in Change),
        (RESOURCES, Event(Change.POD_LEFT, old_pod=OTHER), True),
        (RESOURCES, Event(Change.POD_BOUND, pod=OTHER), False),
        (RESOURCES, Event(Change.POD_CHANGED, pod=OTHER, old_pod=OTHER), False),
        (RESOURCES, Event(Change.POD_SHRANK, pod=SHRUNK, old_pod=OTHER), True),
        (RESOURCES, Event(Change.POD_SHRANK, pod=POD, old_pod=POD), True),
        (RESOURCES, _added(node=PLAIN), True),
        (RESOURCES, _added(node=SMALL), False),
        (RESOURCES, Event(Change.NODE_ROOM, node=PLAIN, old_node=SMALL), True),
        (RESOURCES, Event(Change.NODE_ROOM, node=PLAIN, old_node=PLAIN), False),
        (RESOURCES, Event(Change.NODE_LABELS, node=LABELLED, old_node=PLAIN), False),
        (RESOURCES, Event(Change.NODE_TAINTS, node=PLAIN, old_node=PLAIN), True),
        (UNSCHEDULABLE, _added(node=PLAIN), True),
        (UNSCHEDULABLE, _added(node=CORDONED), False),
        (UNSCHEDULABLE, Event(Change.NODE_TAINTS, node=PLAIN, old_node=CORDONED), True),
        (UNSCHEDULABLE, Event(Change.NODE_TAINTS, node=PLAIN, old_node=TAINTED), False),
        (UNSCHEDULABLE, Event(Change.POD_TOLERATES, pod=TOLERANT, old_pod=POD), True),
        (UNSCHEDULABLE, Event(Change.POD_TOLERATES, pod=OTHER, old_pod=OTHER), False),
        (TAINTS, _added(node=PLAIN), True),
        (TAINTS, _added(node=TAINTED), False),
        (TAINTS, Event(Change.NODE_TAINTS, node=PLAIN, old_node=TAINTED), True),
        (TAINTS, Event(Change.NODE_TAINTS, node=TAINTED, old_node=PLAIN), False),
        (TAINTS, Event(Change.POD_TOLERATES, pod=TOLERANT, old_pod=POD), True),
        (TAINTS, Event(Change.POD_LEFT, old_pod=OTHER), False),
        (AFFINITY, _added(node=LABELLED), True),
        (AFFINITY, _added(node=PLAIN), False),
        (AFFINITY, Event(Change.NODE_LABELS, node=LABELLED, old_node=PLAIN), True),
        (AFFINITY, Event(Change.NODE_LABELS, node=LABELLED, old_node=LABELLED), False),
        (NAME, _added(node=PLAIN), True),
        (NAME, Event(Change.NODE_LABELS, node=PLAIN, old_node=PLAIN), False),
    ],
)
def test_an_event_helps(filter_: str, event: Event, helps: bool) -> None:  # noqa: FBT001  a table's column
    assert may_help(event, POD, frozenset((filter_,))) is helps


def test_it_is_enough_that_one_of_the_filters_may_change_its_mind() -> None:
    assert may_help(Event(Change.NODE_ANNOTATIONS), POD, frozenset((RESOURCES, EXTENDER)))


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        (PLAIN, node_view(), []),
        (PLAIN, CORDONED, []),  # nobody fits better on a node that was cordoned
        (CORDONED, PLAIN, [Change.NODE_TAINTS]),
        (PLAIN, TAINTED, [Change.NODE_TAINTS]),
        (PLAIN, LABELLED, [Change.NODE_LABELS]),
        (PLAIN, SMALL, [Change.NODE_ROOM]),
    ],
)
def test_a_nodes_changes_are_told_apart(old: NodeView, new: NodeView, changes: list[Change]) -> None:
    assert [event.change for event in hints.of_node(old, new)] == changes


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        (OTHER, SHRUNK, [Change.POD_SHRANK]),
        (SHRUNK, OTHER, [Change.POD_CHANGED]),
        (pod_view(), pod_view(tolerations=[{"operator": "Exists"}]), [Change.POD_TOLERATES]),
        (pod_view(), pod_view(), [Change.POD_CHANGED]),
    ],
)
def test_a_pods_changes_are_told_apart(old: PodView, new: PodView, changes: list[Change]) -> None:
    assert [event.change for event in hints.of_pod(old, new)] == changes
