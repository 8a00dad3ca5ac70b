"""What does a pod ask of GPUs? Its annotations, read into one value or refused with the rule that they break.

Milli-GPU: one GPU is 1000; a share is an integer, so that shares add up exactly.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NewType

if TYPE_CHECKING:
    from collections.abc import Mapping

MilliGpu = NewType("MilliGpu", int)
MiB = NewType("MiB", int)

WHOLE = MilliGpu(1000)
MOST_DEVICES = 64
"""The most devices of one node that we name: four times what servers have."""

FRACTION = "gpu-fraction"
MEMORY = "gpu-memory"
NUM_DEVICES = "gpu-fraction-num-devices"
CONTAINER = "gpu-fraction-container-name"
GPUS = "plimsoll.dev/gpus"
DEVICES = "plimsoll.dev/devices"
MILLI = "plimsoll.dev/gpu-milli"
MARKER = "plimsoll.dev/gpu"
VENDOR_GPU = "nvidia.com/gpu"

_SHARE = re.compile(r"0?\.([0-9]{1,3})0*")
_NUMBER = re.compile(r"[0-9]{1,10}")
_SHOWN = 64  # characters of a value in a message: the rest is no help, and a message goes out once a node

_SHARE_RULE = "a decimal, 0 < x < 1, a multiple of 0.001"
_COUNT_RULE = f"a whole number from 1 to {MOST_DEVICES}"


@dataclass(frozen=True, slots=True)
class PodKey:
    """Which pod: the UID decides, the names are for people."""

    uid: str
    namespace: str
    name: str


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
    """`milli` of each of these devices of a node, by index."""

    devices: tuple[int, ...]
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
    asked = [key for key in (FRACTION, MEMORY, GPUS) if key in annotations]
    if not asked:
        return Malformed(MARKER, "1", f"accompanied by {FRACTION}, {MEMORY} or {GPUS}, which say how much")
    if len(asked) > 1:
        return Malformed(asked[0], annotations[asked[0]], f"the only one of its kind: {asked[1]} is there too")
    if VENDOR_GPU in resources:
        return Malformed(asked[0], annotations[asked[0]], f"used without {VENDOR_GPU}: the one asks for a share, the "
                         "other for whole GPUs")  # fmt: skip
    container = annotations.get(CONTAINER)
    if container is not None and container not in containers:
        return Malformed(CONTAINER, container, f"the name of a container of the pod ({', '.join(containers)})")
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


def share_on(request: Share | MemoryShare, device_memory: MiB) -> Share | None:
    """Return the request in milli-GPU of a model with `device_memory` MiB (0 = unknown), or None if it has too little.

    Rounded up: the shares of a device then never add up to more memory than it has, whatever mixes on it.
    """
    if isinstance(request, Share):
        return request
    if request.memory > device_memory:
        return None
    return Share(request.devices, MilliGpu(-(-request.memory * WHOLE // device_memory)))


def written(placement: Placement) -> dict[str, str]:
    """Return the annotations that record a placement on its pod."""
    return {DEVICES: ",".join(map(str, placement.devices)), MILLI: str(placement.milli)}


def placement_in(annotations: Mapping[str, str]) -> Placement | None:
    """Return the placement that `written` recorded, or None where there is none that can be read."""
    if DEVICES not in annotations or MILLI not in annotations:
        return None
    texts, text = annotations[DEVICES].split(","), annotations[MILLI]
    milli = _whole_number(text, WHOLE)
    if milli is None or not all(_NUMBER.fullmatch(one) and int(one) < MOST_DEVICES for one in texts):
        return None
    return Placement(tuple(map(int, texts)), MilliGpu(milli))


def _milli(text: str) -> MilliGpu | None:
    found = _SHARE.fullmatch(text.strip())
    milli = int(found[1].ljust(3, "0")) if found else 0
    return MilliGpu(milli) if milli else None


def _whole_number(text: str, most: int) -> int | None:
    found = _NUMBER.fullmatch(text.strip())
    number = int(found[0]) if found else 0
    return number if 1 <= number <= most else None
