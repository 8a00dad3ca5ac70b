"""What does a pod ask of GPUs, and what does it hold? Its annotations, read into one value or refused with their rule.

One vocabulary, read in one place by whoever places pods and by whoever counts what they hold; nothing is chosen here.

Milli-GPU: one GPU is 1000; a share is an integer, so that shares add up exactly.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NewType, Self

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

MilliGpu = NewType("MilliGpu", int)
MiB = NewType("MiB", int)

WHOLE = MilliGpu(1000)
NO_MIB = MiB(0)
MOST_DEVICES = 64
"""The most devices of one node that we name: four times what servers have."""

FRACTION = "gpu-fraction"
MEMORY = "gpu-memory"
NUM_DEVICES = "gpu-fraction-num-devices"
CONTAINER = "gpu-fraction-container-name"
GPUS = "plimsoll.dev/gpus"
DEVICES = "plimsoll.dev/devices"
MILLI = "plimsoll.dev/gpu-milli"
ENFORCEMENT = "plimsoll.dev/enforcement"
BY_HAMI = "hami"
MARKER = "plimsoll.dev/gpu"
VENDOR_GPU = "nvidia.com/gpu"

_SHARE = re.compile(r"0?\.([0-9]{1,3})0*")
_NUMBER = re.compile(r"[0-9]{1,10}")
_DEVICE = re.compile(
    r"[0-9]|[1-5][0-9]|6[0-3]|[A-Za-z][A-Za-z0-9_.:-]{3,79}"
)  # an index, or a UUID as NVIDIA and HAMi write it
_REMEMBERED, _REMEMBERED_LENGTH = 4096, 512  # texts, characters of one: anybody may write any length
_SHOWN = 64  # characters of a value in a message: the rest is no help, and a message goes out once a node

_SHARE_RULE = "a decimal, 0 < x < 1, a multiple of 0.001"
_COUNT_RULE = f"a whole number from 1 to {MOST_DEVICES}"


class Asking(msgspec.Struct, frozen=True, gc=False):
    """The annotations by which a pod asks for GPUs, as they are written; None where one is not there."""

    fraction: str | None = msgspec.field(default=None, name=FRACTION)
    memory: str | None = msgspec.field(default=None, name=MEMORY)
    num_devices: str | None = msgspec.field(default=None, name=NUM_DEVICES)
    container: str | None = msgspec.field(default=None, name=CONTAINER)
    gpus: str | None = msgspec.field(default=None, name=GPUS)
    enforcement: str | None = msgspec.field(default=None, name=ENFORCEMENT)

    @classmethod
    def of(cls, annotations: Mapping[str, str] | None) -> Self:
        """Return what speaks of GPUs among all the annotations of an object."""
        return msgspec.convert(annotations or {}, cls)


class GpuAnnotations(Asking, frozen=True, gc=False):
    """The annotations of a pod that speak of GPUs: by which it asks, and what was written when it was bound."""

    devices: str | None = msgspec.field(default=None, name=DEVICES)
    milli: str | None = msgspec.field(default=None, name=MILLI)


# Structs, not dataclasses: what has a shape is looked up by it many times a pod, and their hash costs a tenth.
class Share(msgspec.Struct, frozen=True, gc=False):
    """`milli` of each of `devices` different GPUs of one node."""

    devices: int
    milli: MilliGpu


class MemoryShare(msgspec.Struct, frozen=True, gc=False):
    """`memory` MiB of each of `devices` different GPUs of one node; the GPU model turns them into milli-GPU."""

    devices: int
    memory: MiB


class Placement(msgspec.Struct, frozen=True, gc=False):
    """`milli` of each of these devices of a node, by name: the GPU's UUID, or its index where no UUID was known."""

    devices: tuple[str, ...]
    milli: MilliGpu


class Unmapped(msgspec.Struct, frozen=True, gc=False):
    """Whole GPUs that the kubelet's device plugin picks: on nodes whose devices are not ours to name."""


class Malformed(msgspec.Struct, frozen=True, gc=False):
    """An annotation that breaks its rule."""

    key: str
    value: str
    rule: str

    def __str__(self) -> str:
        value = self.value if len(self.value) <= _SHOWN else f"{self.value[:_SHOWN]}..."
        return f'{self.key}: "{value}" must be {self.rule}'


GpuRequest = Share | MemoryShare | Unmapped


def gpu_request(
    asking: Asking, resources: frozenset[str], containers: tuple[str, ...]
) -> GpuRequest | Malformed | None:
    """Return what a pod asks for, or None where it asks for no GPU of ours.

    The marker resource is the sign: admission puts it on every pod that is ours, and on no other.
    `resources` are the names of the resources of all its containers, `containers` the containers' names.
    """
    if MARKER not in resources:
        return Unmapped() if VENDOR_GPU in resources else None
    asked = share_asked(asking)
    if asked is None:
        return Malformed(MARKER, "1", f"accompanied by {FRACTION}, {MEMORY} or {GPUS}, which say how much")
    through = asking.enforcement
    if through is not None and through != BY_HAMI:
        return Malformed(ENFORCEMENT, through, f"{BY_HAMI}, or left out")
    if VENDOR_GPU in resources and not by_kubelet(asking):
        key, text = _amounts(asking)[0]
        return Malformed(key, text, f"used without {VENDOR_GPU}: the one asks for a share, the other for whole GPUs")
    container = asking.container
    if container is not None and container not in containers:
        return Malformed(CONTAINER, container, f"the name of a container of the pod ({', '.join(containers)})")
    return asked


def by_kubelet(asking: Asking) -> bool:
    """Tell whether a pod of ours asks the kubelet for its devices too, so that it calls HAMi's device plugin."""
    return asking.enforcement == BY_HAMI


def share_asked(asking: Asking) -> Share | MemoryShare | Malformed | None:
    """Return what the annotations alone ask for, whoever placed the pod; None where they ask for nothing."""
    amounts = _amounts(asking)
    if not amounts:
        return None
    key, text = amounts[0]
    if len(amounts) > 1:
        return Malformed(key, text, f"the only one of its kind: {amounts[1][0]} is there too")
    if key == GPUS:
        count = _whole_number(text, MOST_DEVICES)
        return Malformed(GPUS, text, _COUNT_RULE) if count is None else Share(count, WHOLE)
    number = asking.num_devices
    devices = 1 if number is None else _whole_number(number, MOST_DEVICES)
    if devices is None:
        return Malformed(NUM_DEVICES, str(number), _COUNT_RULE)
    if key == FRACTION:
        milli = _milli(text)
        return Malformed(FRACTION, text, _SHARE_RULE) if milli is None else Share(devices, milli)
    memory = _whole_number(text, 2**31 - 1)
    if memory is None:
        return Malformed(MEMORY, text, "a whole number of MiB, at least 1")
    return MemoryShare(devices, MiB(memory))


def held(annotations: GpuAnnotations, whole: int) -> MilliGpu:
    """Return what a bound pod holds; `whole` GPUs are those of its containers' limits.

    What was written when it was bound counts first, then what its annotations ask for, then its limits. A gpu-memory
    without what was written holds a share that nobody knows: none is counted.
    """
    placed = placement_in(annotations)
    if placed is not None:
        return MilliGpu(len(placed.devices) * placed.milli)
    asked = share_asked(annotations)
    if isinstance(asked, Share):
        return MilliGpu(asked.devices * asked.milli)
    return MilliGpu(whole * WHOLE)


def written(placement: Placement) -> dict[str, str]:
    """Return the annotations that record a placement on its pod."""
    return {DEVICES: ",".join(placement.devices), MILLI: str(placement.milli)}


def placement_in(annotations: GpuAnnotations) -> Placement | None:
    """Return the placement that `written` recorded, or None where there is none that can be read."""
    devices, milli = annotations.devices, annotations.milli
    if devices is None or milli is None:
        return None
    short = len(devices) + len(milli) <= _REMEMBERED_LENGTH
    return _remembered_placement(devices, milli) if short else _read_placement(devices, milli)


def _read_placement(devices: str, share: str) -> Placement | None:
    names = devices.split(",")
    milli = _whole_number(share, WHOLE)
    if milli is None or len(names) > MOST_DEVICES or not all(map(is_device, names)):
        return None
    return Placement(tuple(names), MilliGpu(milli))


_remembered_placement = lru_cache(_REMEMBERED)(_read_placement)  # a list names the same devices again and again


def is_device(name: str) -> bool:
    """Tell whether a device may bear this name, so that what `written` records of it can be read back."""
    return _DEVICE.fullmatch(name) is not None


def _amounts(asking: Asking) -> list[tuple[str, str]]:
    """Return each of the annotations that say how much, by its key; one of them should be there."""
    told = ((FRACTION, asking.fraction), (MEMORY, asking.memory), (GPUS, asking.gpus))
    return [(key, text) for key, text in told if text is not None]


def _milli(text: str) -> MilliGpu | None:
    found = _SHARE.fullmatch(text.strip())
    milli = int(found[1].ljust(3, "0")) if found else 0
    return MilliGpu(milli) if milli else None


def _whole_number(text: str, most: int) -> int | None:
    found = _NUMBER.fullmatch(text.strip())
    number = int(found[0]) if found else 0
    return number if 1 <= number <= most else None
