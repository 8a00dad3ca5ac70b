"""What is a node to the ledger? Its devices by name, and what else a pod takes of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING

from kube.gpus import NO_MIB, MiB

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from extender.core.model import Shape
    from kube.taints import Taint

ENDLESS = 2**40
"""Milli-CPU or MiB of a node that said nothing of them: more than any pod asks for."""


NO_HAMI = "no device plugin of HAMi is there, through which the pod asks (plimsoll.dev/enforcement: hami)"


class Backend(Enum):
    """What sees to it, on a node, that a pod uses the devices that it was given and no more of them than its share."""

    NVFRACTIONS = "nvfractions"
    HAMI = "hami"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Device:
    """One GPU: its UUID, or its index as text where no UUID is known; the MiB it has, 0 where nobody said.

    `closed` says why it takes no new pod, in words for people; "" where it does. What is on it stays counted.
    """

    name: str
    memory: MiB = NO_MIB
    closed: str = ""


@dataclass(frozen=True)
class GpuNode:
    """A node whose devices we name, in the order of their indices; allocatable `cpu` in milli-CPU, `memory` in MiB.

    `closed_to_shares` says why no share of a device is given there, in words for people; "" where they are. `taints`:
    those that may keep a pod away, for who counts what fits: of a pod that is placed kube-scheduler has looked at them.
    """

    name: str
    devices: tuple[Device, ...]
    model: str = ""
    cpu: int = ENDLESS
    memory: int = ENDLESS
    backend: Backend = Backend.NONE
    closed_to_shares: str = ""
    taints: tuple[Taint, ...] = ()

    def bars(self, shape: Shape) -> str:
        """Return why it takes no such pod, whatever is free; "" where it does."""
        if shape.by_kubelet:
            return "" if self.backend is Backend.HAMI else NO_HAMI
        return self.closed_to_shares if shape.shares else ""

    @cached_property
    def closed(self) -> tuple[int, ...]:
        """The indices of the devices that take no new pod."""
        return tuple(index for index, device in enumerate(self.devices) if device.closed)

    @cached_property
    def memories(self) -> tuple[MiB, ...]:
        """The MiB of each device; 0 = unknown."""
        return tuple(device.memory for device in self.devices)

    @cached_property
    def places(self) -> Mapping[str, int]:
        """The index of each device by its name, and by its index as text where no device has that name.

        A pod that was bound before the UUIDs were known names its device by index: it still counts.
        """
        by_index = {str(index): index for index in range(len(self.devices))}
        return by_index | {device.name: index for index, device in enumerate(self.devices)}

    def open_places(self, devices: Iterable[str]) -> list[int] | None:
        """Return the indices of some devices; None where one of them is not there, or takes no new pod."""
        places = [self.places.get(device) for device in devices]
        known = [place for place in places if place is not None and place not in self.closed]
        return known if len(known) == len(places) else None

    def maps(self, devices: tuple[str, ...] | None) -> bool:
        """Tell whether it is known which of this node's devices those are, for whoever holds them.

        A UUID that a node of UUIDs lacks is of a GPU that is gone, and holds no other. On a node of indices it may be
        any of them, and an index that there is none of is nobody knows which.
        """
        if devices is None:
            return False
        places = self.places
        indices = bool(self.devices) and self.devices[0].name.isdecimal()
        return all(one in places or not (indices or one.isdecimal()) for one in devices)


def alike(count: int, memory: MiB = NO_MIB) -> tuple[Device, ...]:
    """Return `count` devices of `memory` MiB each, named by their indices."""
    return tuple(Device(str(index), memory) for index in range(count))
