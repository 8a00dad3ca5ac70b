"""Which device has how much room? The law: a device's room is what it has minus what is held on it, never adjusted.

Every change recomputes the devices of one node from the holdings on that node, so that no order of events, repeated or
late, can make the ledger drift. What is held is held until the pod is known to be gone.

What is nominated holds nothing yet: it counts beside what others hold, as what they leave is not to go to anybody else.

A device is full when its thousand milli-GPU are held, or its MiB: a pod that asked for MiB holds a share rounded up, so
that with ours the first comes first; pods of another scheduler may hold more memory than share.
"""

from __future__ import annotations

from contextlib import contextmanager
from heapq import heappop, heappush
from typing import TYPE_CHECKING

import numpy as np

from extender.core.ledger.columns import Columns
from extender.core.ledger.holding import State
from kube.gpus import WHOLE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from numpy.typing import NDArray

    from extender.core.ledger.holding import Holding
    from extender.core.ledger.nodes import GpuNode

_NOMINATED = State.NOMINATED  # looked up at its class it costs more than all else
_CHANGES = 4096  # pods, remembered one by one: who missed more looks at all of them


class Ledger(Columns):
    """The room of every device, in `Columns`, and whose it is."""

    def __init__(self) -> None:
        super().__init__()
        self._nodes: dict[str, GpuNode] = {}
        self._holdings: dict[str, Holding] = {}
        self._on_node: dict[str, dict[str, Holding]] = {}
        self._expiring: dict[str, Holding] = {}
        self._ends: list[tuple[float, str]] = []  # a heap of when which may end; what ended otherwise is still in it
        self._overfull: dict[str, tuple[tuple[str, int], ...]] = {}
        self._used: dict[str, list[int]] = {}
        self._unmapped: set[str] = set()
        self._to_recompute: dict[str, None] | None = None  # nodes, while many holdings change at once
        self.freed = 0
        """Grows with each change that may have made room."""
        self.barred: set[str] = set()
        """Nodes of which something is not to be had whatever is free: closed devices, or a pod on unknown ones."""
        self.version = 0
        """Grows with each change of a node or a holding, also of how sure that is."""
        self.hardware = 0
        """Grows with each change of which GPUs there are: their models, their names and the MiB that they have."""
        self._models: dict[str, str] = {}
        self._changed_pods: dict[str, None] | None = None

    def copy(self) -> Ledger:
        """Return a ledger that says the same and changes apart from this one: to see what would be."""
        assert self._to_recompute is None  # noqa: S101  its room is that of before, as long as many holdings change
        other: Ledger = self._copy_columns()
        other._nodes, other._holdings = self._nodes.copy(), self._holdings.copy()
        other._on_node = {name: holdings.copy() for name, holdings in self._on_node.items()}
        other._expiring, other._ends = self._expiring.copy(), self._ends.copy()
        other._overfull, other._used = self._overfull.copy(), self._used.copy()
        other._unmapped, other.barred = self._unmapped.copy(), self.barred.copy()
        other._models, other._changed_pods = self._models.copy(), None
        other.hardware = self.hardware
        return other

    def put_node(self, node: GpuNode) -> None:
        """Take note of a node; what is already known to be held on it counts at once."""
        known = self._nodes.get(node.name)
        if known == node:
            return
        self._nodes[node.name] = node
        self.version += 1
        if known is None or (known.model, known.memories, known.places) != (node.model, node.memories, node.places):
            self._hardware_changed(node.name)
            self._models[node.name] = node.model
        self._put(node)
        self.freed += 1
        self._recompute(node.name)

    def drop_node(self, name: str) -> None:
        """Forget a node's devices; the holdings on it stay, in case it comes back with its pods."""
        if self._nodes.pop(name, None) is not None:
            self.version += 1
            self.barred.discard(name)
            self._overfull.pop(name, None)
            self._unmapped.discard(name)
            del self._used[name]
            self._drop(name)
            self._hardware_changed(name)
            if name not in self._on_node:
                del self._models[name]

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Compute each node once, at the end, whose holdings change inside; until then its room is that of before."""
        assert self._to_recompute is None  # noqa: S101  one change of many does not begin in another
        self._to_recompute = {}
        try:
            yield
        finally:
            changed, self._to_recompute = self._to_recompute, None
            self._recompute_all(changed)

    def hold(self, holding: Holding) -> None:
        """Make `holding` the only one of its pod."""
        uid = holding.pod.uid
        known = self._holdings.get(uid)
        if known is not None and known.node != holding.node:
            self.release(uid)
        self._holdings[uid] = holding
        if known is None or known != holding:
            self.version += 1
            self._pod_changed(uid)
        on_node = self._on_node.get(holding.node)
        if on_node is None:
            self._on_node[holding.node] = {uid: holding}
        else:
            on_node[uid] = holding
        if holding.expires:
            self._expiring[uid] = holding
            heappush(self._ends, (holding.expires_at, uid))
        elif known is not None:
            self._expiring.pop(uid, None)
        if known is None or not known.same_room(holding):
            self.freed += known is not None
            self._recompute(holding.node)

    def release(self, uid: str) -> None:
        """End what a pod holds, if anything."""
        holding = self._holdings.pop(uid, None)
        if holding is not None:
            self.version += 1
            self._pod_changed(uid)
            self._expiring.pop(uid, None)
            on_node = self._on_node[holding.node]
            del on_node[uid]
            if not on_node:
                del self._on_node[holding.node]
                if holding.node not in self._nodes:
                    self._models.pop(holding.node, None)
            self.freed += 1
            self._recompute(holding.node)

    def expire(self, now: float) -> None:
        """End the holdings whose time has passed at `now` seconds."""
        while self._ends and self._ends[0][0] <= now:
            _, uid = heappop(self._ends)
            holding = self._expiring.get(uid)
            if holding is not None and holding.expires_at <= now:
                self.release(uid)

    def unmapped(self) -> int:
        """Return how many pods use devices that nobody knows; each closes its node."""
        return sum(
            not self._nodes[name].maps(holding.devices) for name in self._unmapped for holding in self.holdings_on(name)
        )

    def maps(self, name: str) -> bool:
        """Tell whether it is known of every pod on a known node which devices it has."""
        return name not in self._unmapped

    def holding(self, uid: str) -> Holding | None:
        """Return what a pod holds."""
        return self._holdings.get(uid)

    def holdings(self) -> Iterable[Holding]:
        """Return every holding."""
        return self._holdings.values()

    def holdings_on(self, node: str) -> Iterable[Holding]:
        """Return every holding on a node."""
        return self._on_node.get(node, {}).values()

    def changed_pods(self) -> Collection[str] | None:
        """Return the pods whose holdings, or the GPUs that they are on, changed since this was asked last, by UID.

        None where they are too many to remember, as before the first time. There is one asker.
        """
        changed, self._changed_pods = self._changed_pods, {}
        return changed

    def model_of(self, name: str) -> str:
        """Return the model of a node's GPUs; of a node that is gone, what it was as long as something is held there."""
        return self._models.get(name, "")

    def node(self, name: str) -> GpuNode | None:
        """Return a node whose devices we name."""
        return self._nodes.get(name)

    def nodes(self) -> Iterable[GpuNode]:
        """Return every node whose devices we name."""
        return self._nodes.values()

    def room(self, name: str) -> NDArray[np.uint16]:
        """Return the free milli-GPU of each device of a known node, shape [devices of the node]."""
        return self.free[: len(self._nodes[name].devices), self.columns[name]]

    def used(self, name: str) -> NDArray[np.int64]:
        """Return the milli-GPU held on each device of a known node, shape [devices]; may exceed 1000."""
        return np.array(self._used[name], dtype=np.int64)

    def has_left(self, holding: Holding) -> bool:
        """Tell whether others left what a pod is nominated to: its devices are there and open, and have room for it."""
        node = self._nodes.get(holding.node)
        if node is None or holding.devices is None or node.name in self._unmapped:
            return False
        used, places = self._used[node.name], node.open_places(holding.devices)
        return places is not None and all(used[place] + holding.milli <= WHOLE for place in places)

    def overfull(self) -> Iterator[tuple[str, str, int]]:
        """Yield (node, device, milli held) for each device that holds more than it has; there should be none."""
        for name, devices in self._overfull.items():
            for device, used in devices:
                yield name, device, used

    def _hardware_changed(self, name: str) -> None:
        self.hardware += 1
        for uid in self._on_node.get(name, ()):
            self._pod_changed(uid)

    def _pod_changed(self, uid: str) -> None:
        if self._changed_pods is not None:
            self._changed_pods[uid] = None
            if len(self._changed_pods) > _CHANGES:
                self._changed_pods = None

    def _recompute(self, name: str) -> None:
        if self._to_recompute is not None:
            self._to_recompute[name] = None
            return
        node = self._nodes.get(name)
        if node is not None:
            self._write(name, *self._room_on(node))

    def _recompute_all(self, names: Iterable[str]) -> None:
        nodes = [node for node in map(self._nodes.get, names) if node is not None]
        self._write_all([node.name for node in nodes], [self._room_on(node) for node in nodes])

    def _room_on(self, node: GpuNode) -> tuple[list[int], int, int]:
        """Return the room of a node, as it is written; and take note of what else its holdings come to."""
        name = node.name
        used, cpu, ram, mapped, nominated = self._held_on(node)
        self._used[name] = used
        self._note_overfull(node, used)
        closed = node.closed
        self._unmapped.discard(name)
        if not mapped:
            self._unmapped.add(name)
        if closed or not mapped:
            self.barred.add(name)
        else:
            self.barred.discard(name)
        free = [WHOLE - held if held < WHOLE else 0 for held in used] if mapped else [0] * len(used)
        for holding in nominated:
            for index in map(node.places.get, holding.devices or ()):
                if index is not None:
                    free[index] = max(0, free[index] - holding.milli)
        for index in closed:
            free[index] = 0
        return free, node.cpu - cpu, node.memory - ram

    def _held_on(self, node: GpuNode) -> tuple[list[int], int, int, bool, list[Holding]]:
        """Return what is held: milli-GPU of each device, milli-CPU and MiB of the node; and if it is known on which.

        Last, who is nominated to what others leave: of the node's CPU and memory it counts already.
        """
        place, memories = node.places.get, node.memories
        milli = [0] * len(memories)
        cpu = ram = 0
        mapped, in_mib = True, False
        nominated: list[Holding] = []
        for holding in self.holdings_on(node.name):
            cpu += holding.cpu
            ram += holding.memory
            if holding.state is _NOMINATED:
                nominated.append(holding)
                continue
            devices = holding.devices
            if devices is None:
                mapped = False
                continue
            share, asked = holding.milli, holding.device_memory
            for device in devices:
                index = place(device)
                if index is None:
                    mapped = mapped and node.maps((device,))
                elif not asked:
                    milli[index] += share
                elif memories[index]:
                    milli[index] += share
                    in_mib = True
                else:
                    milli[index] += share or WHOLE
        if in_mib:  # shares alone never come to more MiB than milli-GPU
            self._count_mib(node, milli)
        return milli, cpu, ram, mapped, nominated

    def _count_mib(self, node: GpuNode, milli: list[int]) -> None:
        """Raise the milli-GPU held of each device to what the MiB held of it come to."""
        place, memories = node.places.get, node.memories
        memory = [0] * len(memories)
        for holding in self.holdings_on(node.name):
            if holding.nominated:
                continue
            for device in holding.devices or ():
                index = place(device)
                if index is not None:
                    memory[index] += holding.device_memory or holding.milli * memories[index] // WHOLE
        for index, mib in enumerate(memory):
            if memories[index]:
                milli[index] = max(milli[index], -(-mib * WHOLE // memories[index]))

    def _note_overfull(self, node: GpuNode, used: list[int]) -> None:
        self._overfull.pop(node.name, None)
        if used and max(used) > WHOLE:
            over = [(device.name, held) for device, held in zip(node.devices, used, strict=True) if held > WHOLE]
            self._overfull[node.name] = tuple(over)
