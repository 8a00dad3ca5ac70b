"""What does the API server show of a node's GPUs? Nodes and ResourceSlices, joined into facts for the core."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extender.core.inventory.facts import HAMI_HANDSHAKE, NVFRACTIONS_READY, OWNED, NodeFacts
from extender.core.inventory.gpus import gpus_of
from extender.core.ledger.nodes import ENDLESS
from extender.shell import dra, hami
from kube.quantities import count, mebibytes, milli
from kube.taints import that_keep_away

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from extender.core.inventory.facts import KnownGpu
    from extender.core.inventory.leaving_out import LeftOut
    from extender.core.ledger.nodes import GpuNode
    from kube.objects import Node
    from kube.slices import ResourceSlice

_OF_GPUS = "nvidia.com/"


class Inventory:
    """The nodes that the operator gave us, and what is published of their devices.

    Times: `now` in seconds on the monotonic clock, `wall` since 1970.
    """

    def __init__(self) -> None:
        self._nodes: dict[str, Node] = {}
        self._slices: dict[str, dict[str, ResourceSlice]] = {}  # by node, then by name
        self._published: dict[str, tuple[KnownGpu, ...]] = {}
        self._handshakes: dict[str, tuple[str | None, float]] = {}
        self.enforcement_required = True
        """Whether no share of a device goes where nothing enforces it."""

    def owned(self) -> tuple[str, ...]:
        """Return the nodes that were given to us, sorted."""
        return tuple(sorted(self._nodes))

    def greeting(self) -> tuple[str, ...]:
        """Return those that change by themselves, as time passes: HAMi's handshake grows old."""
        return tuple(sorted(name for name, (text, _) in self._handshakes.items() if text is not None))

    def nodes_are(self, nodes: Iterable[Node], now: float, but: Collection[str] = ()) -> None:
        """Take note of all nodes there are; `but` these stay as they are known, there or not."""
        seen = {node.metadata.name: node for node in nodes}
        for name in self.owned():
            if name not in seen and name not in but:
                self.node_gone(name)
        for name, node in seen.items():
            if name not in but:
                self.node_seen(node, now)

    def node_seen(self, node: Node, now: float) -> None:
        """Take note of a node."""
        name = node.metadata.name
        if (node.metadata.labels or {}).get(OWNED[0]) != OWNED[1]:
            self.node_gone(name)
            return
        self._nodes[name] = node
        text = (node.metadata.annotations or {}).get(HAMI_HANDSHAKE)
        if name not in self._handshakes or self._handshakes[name][0] != text:
            self._handshakes[name] = (text, now)

    def deaf_until(self, now: float) -> None:
        """Take note that nothing could be heard up to now: a handshake that did not change meanwhile is not old."""
        self._handshakes = {name: (text, now) for name, (text, _) in self._handshakes.items()}

    def node_gone(self, name: str) -> None:
        """Take note that a node is deleted, or not ours any more."""
        self._nodes.pop(name, None)
        self._handshakes.pop(name, None)

    def slices_are(self, slices: Iterable[ResourceSlice]) -> None:
        """Take note of all ResourceSlices there are."""
        self._slices.clear()
        for one in slices:
            if one.spec.driver == dra.DRIVER and one.spec.node_name:
                self._slices.setdefault(one.spec.node_name, {})[one.metadata.name] = one
        for node in {*self._slices, *self._published}:
            self._publish(node)

    def slice_seen(self, one: ResourceSlice) -> str:
        """Take note of a ResourceSlice; return the node that it speaks of, "" where that is none of ours."""
        node = one.spec.node_name
        if one.spec.driver != dra.DRIVER or not node:
            return ""
        self._slices.setdefault(node, {})[one.metadata.name] = one
        self._publish(node)
        return node

    def slice_gone(self, one: ResourceSlice) -> str:
        """Take note that a ResourceSlice is deleted; return the node that it spoke of."""
        node = one.spec.node_name
        self._slices.get(node, {}).pop(one.metadata.name, None)
        self._publish(node)
        return node

    def gpus(self, name: str, now: float, wall: float) -> GpuNode | LeftOut | None:
        """Return what a node has for us."""
        node = self._nodes.get(name)
        if node is None:
            return None
        text, since = self._handshakes[name]
        known = facts(node, self._published.get(name, ()), now - since if text is not None else 0.0)
        return gpus_of(known, wall, enforcement_required=self.enforcement_required)

    def _publish(self, node: str) -> None:
        slices = self._slices.get(node)
        if not slices:
            self._slices.pop(node, None)
            self._published.pop(node, None)
            return
        gpus = dra.gpus_in(tuple(slices.values()))
        if gpus is not None:  # else the driver is writing them: what it said before stands until it is done
            self._published[node] = gpus


def facts(node: Node, published: tuple[KnownGpu, ...], unchanged_s: float) -> NodeFacts:
    """Translate a node, with the GPUs of its ResourceSlices and how long its handshake has stood as it is."""
    annotations = node.metadata.annotations or {}
    allocatable = node.status.allocatable or {}
    registered: tuple[KnownGpu, ...] | None = None
    problem = ""
    try:
        registered = hami.devices_on(annotations)
    except hami.Unreadable as error:
        problem = str(error)
    return NodeFacts(
        name=node.metadata.name,
        labels=node.metadata.labels or {},
        capacity=_counted(node.status.capacity or allocatable),
        allocatable=_counted(allocatable),
        cpu=milli(allocatable["cpu"]) if "cpu" in allocatable else ENDLESS,
        memory=mebibytes(allocatable["memory"]) if "memory" in allocatable else ENDLESS,
        hami=registered,
        hami_problem=problem,
        handshake=hami.handshake_on(annotations, unchanged_s),
        cordoned=hami.cordoned_on(annotations),
        dra=published,
        taints=that_keep_away(node.spec.taints or (), cordoned=node.spec.unschedulable),
        conditions={one.type: one.status for one in node.status.conditions or () if one.type in NVFRACTIONS_READY},
    )


def _counted(quantities: dict[str, str]) -> dict[str, int]:
    return {name: count(text) for name, text in quantities.items() if name.startswith(_OF_GPUS)}
