"""Which device has how much room? The law: a device's room is 1000 minus what is held on it, computed, never adjusted.

Every change recomputes the devices of one node from the holdings on that node, so that no order of events, repeated or
late, can make the ledger drift. What is held is held until the pod is known to be gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np

from kube.gpus import WHOLE, MiB, MilliGpu

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from extender.core.model import PodKey


class State(Enum):
    """How sure a holding is."""

    RESERVED = "reserved"
    """Promised at filter; ends at `Holding.expires_at` unless it is bound before."""
    BINDING = "binding"
    """A Binding may have been sent and its outcome is not known: no expiry."""
    BOUND = "bound"
    """The API server says so."""


@dataclass(frozen=True, slots=True)
class Holding:
    """What one pod holds: `milli` of each device in `devices`; None = devices unknown, so none of the node is free."""

    pod: PodKey
    node: str
    devices: tuple[int, ...] | None
    milli: MilliGpu
    state: State
    expires_at: float = float("inf")


@dataclass(frozen=True, slots=True)
class GpuNode:
    """A node whose devices we name: how many there are, and the memory of each in MiB (0 = unknown)."""

    name: str
    devices: int
    device_memory: MiB


class Ledger:
    """The room of every device.

    Storage: `free`, uint16, shape [devices, columns], devices-major: one row is one device index over all nodes, so a
    question about all nodes walks memory in order. `memory`, int64, shape [columns], MiB of each device of the node.
    A column is a node; a device that a node does not have is full (0), as is every device of an unused column.
    """

    def __init__(self) -> None:
        self.free: NDArray[np.uint16] = np.zeros((8, 64), dtype=np.uint16)
        self.memory: NDArray[np.int64] = np.zeros(64, dtype=np.int64)
        self.columns: dict[str, int] = {}
        self._unused = list(range(63, -1, -1))
        self._nodes: dict[str, GpuNode] = {}
        self._holdings: dict[str, Holding] = {}
        self._on_node: dict[str, dict[str, Holding]] = {}
        self._reserved: dict[str, Holding] = {}  # those that can expire
        self.freed = 0
        """Grows with each change that may have made room."""

    def put_node(self, node: GpuNode) -> None:
        """Take note of a node; what is already known to be held on it counts at once."""
        if self._nodes.get(node.name) == node:
            return
        if node.name not in self.columns:
            if not self._unused:
                self._grow(rows=len(self.free), columns=2 * self.free.shape[1])
            self.columns[node.name] = self._unused.pop()
        if node.devices > len(self.free):
            self._grow(rows=node.devices, columns=self.free.shape[1])
        self._nodes[node.name] = node
        self.freed += 1
        self._recompute(node.name)

    def drop_node(self, name: str) -> None:
        """Forget a node's devices; the holdings on it stay, in case it comes back with its pods."""
        if self._nodes.pop(name, None) is not None:
            column = self.columns.pop(name)
            self.free[:, column] = 0
            self.memory[column] = 0
            self._unused.append(column)

    def hold(self, holding: Holding) -> None:
        """Make `holding` the only one of its pod."""
        uid = holding.pod.uid
        known = self._holdings.get(uid)
        if known is not None and known.node != holding.node:
            self.release(uid)
        self._holdings[uid] = holding
        self._on_node.setdefault(holding.node, {})[uid] = holding
        if holding.state is State.RESERVED:
            self._reserved[uid] = holding
        else:
            self._reserved.pop(uid, None)
        if known is None or (known.node, known.devices, known.milli) != (holding.node, holding.devices, holding.milli):
            self.freed += known is not None
            self._recompute(holding.node)

    def release(self, uid: str) -> None:
        """End what a pod holds, if anything."""
        holding = self._holdings.pop(uid, None)
        if holding is not None:
            self._reserved.pop(uid, None)
            on_node = self._on_node[holding.node]
            del on_node[uid]
            if not on_node:
                del self._on_node[holding.node]
            self.freed += 1
            self._recompute(holding.node)

    def expire(self, now: float) -> None:
        """End the reservations whose time has passed at `now` seconds."""
        for uid in [uid for uid, holding in self._reserved.items() if holding.expires_at <= now]:
            self.release(uid)

    def unmapped(self) -> int:
        """Return how many pods use devices that nobody knows; each closes its node."""
        return sum(holding.devices is None and holding.node in self._nodes for holding in self._holdings.values())

    def holding(self, uid: str) -> Holding | None:
        """Return what a pod holds."""
        return self._holdings.get(uid)

    def holdings(self) -> Iterable[Holding]:
        """Return every holding."""
        return self._holdings.values()

    def node(self, name: str) -> GpuNode | None:
        """Return a node whose devices we name."""
        return self._nodes.get(name)

    def nodes(self) -> Iterable[GpuNode]:
        """Return every node whose devices we name."""
        return self._nodes.values()

    def room(self, name: str) -> NDArray[np.uint16]:
        """Return the free milli-GPU of each device of a known node, shape [devices of the node]."""
        return self.free[: self._nodes[name].devices, self.columns[name]]

    def overfull(self) -> Iterator[tuple[str, int, int]]:
        """Yield (node, device, milli held) for each device that holds more than it has; there should be none."""
        for name in self._on_node:
            used = self._used(name, max(len(self.free), self._last_device(name) + 1))
            for device in np.flatnonzero(used > WHOLE):
                yield name, int(device), int(used[device])

    def _recompute(self, name: str) -> None:
        node = self._nodes.get(name)
        if node is None:
            return
        column = self.columns[name]
        self.memory[column] = node.device_memory
        self.free[:, column] = 0
        if all(holding.devices is not None for holding in self._on_node.get(name, {}).values()):
            self.free[: node.devices, column] = np.maximum(WHOLE - self._used(name, node.devices), 0)

    def _used(self, name: str, devices: int) -> NDArray[np.int64]:
        """Return the milli-GPU held on each device of a node, shape [devices]; may exceed 1000 if others bound pods."""
        used = np.zeros(devices, dtype=np.int64)
        for holding in self._on_node.get(name, {}).values():
            for device in holding.devices or ():
                if device < devices:
                    used[device] += holding.milli
        return used

    def _last_device(self, name: str) -> int:
        return max((max(h.devices, default=0) for h in self._on_node[name].values() if h.devices), default=0)

    def _grow(self, *, rows: int, columns: int) -> None:
        free = np.zeros((rows, columns), dtype=np.uint16)
        memory = np.zeros(columns, dtype=np.int64)
        known_rows, known_columns = self.free.shape
        free[:known_rows, :known_columns] = self.free
        memory[:known_columns] = self.memory
        self.free, self.memory = free, memory
        self._unused.extend(range(columns - 1, known_columns - 1, -1))
