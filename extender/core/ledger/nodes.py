"""What is a node to the ledger? Its devices by name, and what else a pod takes of it."""

from __future__ import annotations

from dataclasses import dataclass

from kube.gpus import NO_MIB, MiB

ENDLESS = 2**40
"""Milli-CPU or MiB of a node that said nothing of them: more than any pod asks for."""


@dataclass(frozen=True, slots=True)
class Device:
    """One GPU: its UUID, or its index as text where no UUID is known; the MiB it has, 0 where nobody said.

    `closed` says why it takes no new pod, in words for people; "" where it does. What is on it stays counted.
    """

    name: str
    memory: MiB = NO_MIB
    closed: str = ""


@dataclass(frozen=True, slots=True)
class GpuNode:
    """A node whose devices we name, in the order of their indices; allocatable `cpu` in milli-CPU, `memory` in MiB."""

    name: str
    devices: tuple[Device, ...]
    model: str = ""
    cpu: int = ENDLESS
    memory: int = ENDLESS

    def place_of(self, device: str) -> int | None:
        """Return the index of a device, or None where the node has none of that name.

        A pod that was bound before the UUIDs were known names its device by index: it still counts.
        """
        for index, one in enumerate(self.devices):
            if one.name == device:
                return index
        return int(device) if device.isdecimal() and int(device) < len(self.devices) else None


def alike(count: int, memory: MiB = NO_MIB) -> tuple[Device, ...]:
    """Return `count` devices of `memory` MiB each, named by their indices."""
    return tuple(Device(str(index), memory) for index in range(count))
