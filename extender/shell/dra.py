"""Which GPUs has a DRA driver published for a node? Read as inventory and for their health alone, never allocated.

After NVIDIA's k8s-dra-driver-gpu, cmd/gpu-kubelet-plugin/deviceinfo.go: attributes type, uuid, productName, and either
index (its betas) or pcieBusID, by whose order NVML counts; capacity memory. Its health check taints devices.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extender.core.inventory.facts import KnownGpu
from kube.gpus import MiB, is_device
from kube.quantities import mebibytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kube.slices import BasicDevice, DeviceTaint, ResourceSlice, SliceDevice

DRIVER = "gpu.nvidia.com"

_CLOSING = ("NoSchedule", "NoExecute")  # None is said too, and is there to be read by people only


def gpus_in(slices: Sequence[ResourceSlice]) -> tuple[KnownGpu, ...] | None:
    """Return the GPUs in the slices of one node; None while the driver is writing them, and some are missing."""
    generation = max((one.spec.pool.generation for one in slices), default=0)
    newest = [one for one in slices if one.spec.pool.generation == generation]
    if newest and len(newest) < newest[0].spec.pool.resource_slice_count:
        return None
    devices = [device for one in newest for device in one.spec.devices or ()]
    places = _places(devices)
    found = (_gpu(device, places.get(device.name)) for device in devices)
    return tuple({gpu.name: gpu for gpu in found if gpu is not None}.values())


def _gpu(device: SliceDevice, index: int | None) -> KnownGpu | None:
    kind, uuid = _text(device, "type"), _text(device, "uuid")
    if kind not in ("gpu", "mig") or not is_device(uuid):
        return None  # handed through to a virtual machine, or a part that could be made and is not
    traits = _traits(device)
    memory = (traits.capacity or {}).get("memory")
    return KnownGpu(
        uuid,
        MiB(mebibytes(memory.value) if memory else 0),
        _text(device, "productName"),
        index,
        _closed(traits.taints or ()),
        split=kind == "mig",
    )


def _places(devices: Iterable[SliceDevice]) -> dict[str, int]:
    """Return the index of each whole GPU by the device's name, as far as it can be known."""
    gpus = [device for device in devices if _text(device, "type") == "gpu"]
    told = {device.name: _number(device, "index") for device in gpus}
    if all(index is not None for index in told.values()):
        return {name: index for name, index in told.items() if index is not None}
    buses = {device.name: _text(device, "pcieBusID").lower() for device in gpus}
    if all(buses.values()):
        return {name: place for place, name in enumerate(sorted(buses, key=lambda name: (buses[name], name)))}
    return {}


def _closed(taints: Iterable[DeviceTaint]) -> str:
    closing = sorted(
        f"{taint.key}={taint.value}:{taint.effect}" if taint.value else f"{taint.key}:{taint.effect}"
        for taint in taints
        if taint.effect in _CLOSING
    )
    return f"tainted by its DRA driver: {', '.join(closing)}" if closing else ""


def _traits(device: SliceDevice) -> BasicDevice:
    return device.basic or device


def _text(device: SliceDevice, attribute: str) -> str:
    found = (_traits(device).attributes or {}).get(attribute)
    return (found.string or "") if found else ""


def _number(device: SliceDevice, attribute: str) -> int | None:
    found = (_traits(device).attributes or {}).get(attribute)
    return found.int_ if found else None
