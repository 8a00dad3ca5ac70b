"""Which devices are there, who holds them, and what would a new pod find? One value a node, as people read it."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from kube.gpus import NO_MIB, MiB, MilliGpu

if TYPE_CHECKING:
    from collections.abc import Mapping

    from extender.core.ledger.holding import Holding, State
    from extender.core.ledger.ledger import Ledger
    from extender.core.ledger.nodes import GpuNode
    from extender.core.model import PodKey


@dataclass(frozen=True, slots=True)
class Held:
    """What one pod holds of one device; `memory` in MiB, 0 where it asked for a share."""

    pod: PodKey
    milli: MilliGpu
    state: State
    memory: MiB = NO_MIB


@dataclass(frozen=True, slots=True)
class MappedDevice:
    """One device: its name and MiB (0 = unknown), what a new pod may have of it or why nothing, and who holds it."""

    name: str
    memory: MiB
    free: MilliGpu
    closed: str = ""
    held: tuple[Held, ...] = ()


@dataclass(frozen=True, slots=True)
class MappedNode:
    """One node: its devices in the order of their indices; `left_out` says why none is named, "" where they are.

    `unmapped` are pods of which nobody knows the devices: as long as there are any, no device takes a new pod.
    """

    name: str
    model: str = ""
    devices: tuple[MappedDevice, ...] = ()
    left_out: str = ""
    unmapped: tuple[Held, ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which nodes somebody wants to see: patterns with * and ? of the node's name and of its model; "" = all."""

    node: str = ""
    model: str = ""

    def takes(self, name: str, model: str) -> bool:
        """Tell whether a node is one of them, whatever the case of its letters."""
        return like(name, self.node) and like(model, self.model)


@dataclass(frozen=True, slots=True)
class Stamp:
    """What of a node is seen here: equal as long as nothing of that has changed."""

    node: GpuNode | None
    holdings: tuple[Holding, ...] = ()
    left_out: str = ""


@dataclass(frozen=True, slots=True)
class DeviceMap:
    """Every node with GPUs; `left_out`: those whose devices nobody names, each with the reason."""

    ledger: Ledger
    left_out: Mapping[str, str] = field(default_factory=dict)

    def names(self, wanted: Wanted) -> tuple[str, ...]:
        """Return the wanted nodes by name."""
        named = {node.name for node in self.ledger.nodes() if wanted.takes(node.name, node.model)}
        others = {name for name in self.left_out if wanted.takes(name, "")}
        return tuple(sorted(named | others))

    def stamp(self, name: str) -> Stamp | None:
        """Return what is to be compared; None where there is no such node."""
        node = self.ledger.node(name)
        if node is not None:
            return Stamp(node, tuple(self.ledger.holdings_on(name)))
        return Stamp(None, (), self.left_out[name]) if name in self.left_out else None

    def node(self, name: str) -> MappedNode | None:
        """Return one node as it is now; None where there is none."""
        node = self.ledger.node(name)
        if node is None:
            return MappedNode(name, left_out=self.left_out[name]) if name in self.left_out else None
        holdings = sorted(self.ledger.holdings_on(name), key=lambda held: (held.pod.namespace, held.pod.name))
        places = node.places
        on: list[list[Held]] = [[] for _ in node.devices]
        for holding in holdings:
            for device in holding.devices or ():
                place = places.get(device)
                if place is not None:
                    on[place].append(_held(holding))
        devices = tuple(
            MappedDevice(device.name, device.memory, MilliGpu(int(free)), device.closed, tuple(held))
            for device, free, held in zip(node.devices, self.ledger.room(name), on, strict=True)
        )
        unmapped = tuple(_held(holding) for holding in holdings if not node.maps(holding.devices))
        return MappedNode(name, node.model, devices, unmapped=unmapped)


def _held(holding: Holding) -> Held:
    return Held(holding.pod, holding.milli, holding.state, holding.device_memory)


def like(text: str, pattern: str) -> bool:
    """Tell whether a name is one of those that people mean by a pattern with * and ?; "" means all."""
    return not pattern or fnmatchcase(text.casefold(), pattern.casefold())
