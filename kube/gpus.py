"""What does a pod ask of GPUs, and what does it hold? Its annotations, read into one value or refused with their rule.

One vocabulary, read in one place by whoever places pods and by whoever counts what they hold; nothing is chosen here.

Milli-GPU: one GPU is 1000; a share is an integer, so that shares add up exactly.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NewType

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
ASKING = (FRACTION, MEMORY, NUM_DEVICES, CONTAINER, GPUS, ENFORCEMENT)
"""The annotations by which a pod asks: `gpu_request` reads these and no other."""
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


@dataclass(frozen=True, slots=True)
class Share:
    """`milli` of each of `devices` different GPUs of one node."""

    devices: int
    milli: MilliGpu


@dataclass(frozen=True, slots=True)
class MemoryShare:
    """`memory` MiB of each of `devices` different GPUs of one node; the GPU model turns them into milli-GPU."""

    devices: int
    memory: MiB


@dataclass(frozen=True, slots=True)
class Placement:
    """`milli` of each of these devices of a node, by name: the GPU's UUID, or its index where no UUID was known."""

    devices: tuple[str, ...]
    milli: MilliGpu


@dataclass(frozen=True, slots=True)
class Unmapped:
    """Whole GPUs that the kubelet's device plugin picks: on nodes whose devices are not ours to name."""


@dataclass(frozen=True, slots=True)
class Malformed:
    """An annotation that breaks its rule."""

    key: str
    value: str
    rule: str

    def __str__(self) -> str:
        value = self.value if len(self.value) <= _SHOWN else f"{self.value[:_SHOWN]}..."
        return f'{self.key}: "{value}" must be {self.rule}'


GpuRequest = Share | MemoryShare | Unmapped


def gpu_request(
    annotations: Mapping[str, str], resources: frozenset[str], containers: tuple[str, ...]
) -> GpuRequest | Malformed | None:
    """Return what a pod asks for, or None where it asks for no GPU of ours.

    The marker resource is the sign: admission puts it on every pod that is ours, and on no other.
    `resources` are the names of the resources of all its containers, `containers` the containers' names.
    """
    if MARKER not in resources:
        return Unmapped() if VENDOR_GPU in resources else None
    asked = share_asked(annotations)
    if asked is None:
        return Malformed(MARKER, "1", f"accompanied by {FRACTION}, {MEMORY} or {GPUS}, which say how much")
    key = _asking(annotations)[0]
    through = annotations.get(ENFORCEMENT, BY_HAMI)
    if through != BY_HAMI:
        return Malformed(ENFORCEMENT, through, f"{BY_HAMI}, or left out")
    if VENDOR_GPU in resources and not by_kubelet(annotations):
        return Malformed(key, annotations[key], f"used without {VENDOR_GPU}: the one asks for a share, the other for "
                         "whole GPUs")  # fmt: skip
    container = annotations.get(CONTAINER)
    if container is not None and container not in containers:
        return Malformed(CONTAINER, container, f"the name of a container of the pod ({', '.join(containers)})")
    return asked


def by_kubelet(annotations: Mapping[str, str]) -> bool:
    """Tell whether a pod of ours asks the kubelet for its devices too, so that it calls HAMi's device plugin."""
    return annotations.get(ENFORCEMENT) == BY_HAMI


def share_asked(annotations: Mapping[str, str]) -> Share | MemoryShare | Malformed | None:
    """Return what the annotations alone ask for, whoever placed the pod; None where they ask for nothing."""
    asked = _asking(annotations)
    if not asked:
        return None
    if len(asked) > 1:
        return Malformed(asked[0], annotations[asked[0]], f"the only one of its kind: {asked[1]} is there too")
    if asked == [GPUS]:
        count = _whole_number(annotations[GPUS], MOST_DEVICES)
        return Malformed(GPUS, annotations[GPUS], _COUNT_RULE) if count is None else Share(count, WHOLE)
    devices = _whole_number(annotations.get(NUM_DEVICES, "1"), MOST_DEVICES)
    if devices is None:
        return Malformed(NUM_DEVICES, annotations[NUM_DEVICES], _COUNT_RULE)
    if asked == [FRACTION]:
        milli = _milli(annotations[FRACTION])
        return Malformed(FRACTION, annotations[FRACTION], _SHARE_RULE) if milli is None else Share(devices, milli)
    memory = _whole_number(annotations[MEMORY], 2**31 - 1)
    if memory is None:
        return Malformed(MEMORY, annotations[MEMORY], "a whole number of MiB, at least 1")
    return MemoryShare(devices, MiB(memory))


def held(annotations: Mapping[str, str], whole: int) -> MilliGpu:
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


def placement_in(annotations: Mapping[str, str]) -> Placement | None:
    """Return the placement that `written` recorded, or None where there is none that can be read."""
    devices, milli = annotations.get(DEVICES), annotations.get(MILLI)
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


def _asking(annotations: Mapping[str, str]) -> list[str]:
    return [key for key in (FRACTION, MEMORY, GPUS) if key in annotations]


def _milli(text: str) -> MilliGpu | None:
    found = _SHARE.fullmatch(text.strip())
    milli = int(found[1].ljust(3, "0")) if found else 0
    return MilliGpu(milli) if milli else None


def _whole_number(text: str, most: int) -> int | None:
    found = _NUMBER.fullmatch(text.strip())
    number = int(found[0]) if found else 0
    return number if 1 <= number <= most else None
