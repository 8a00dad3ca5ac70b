"""Which fields of a ResourceSlice do we read? Exactly these: what a DRA driver says of the devices of a node."""

from __future__ import annotations

import msgspec

from kube.objects import Named, Object


class DeviceAttribute(Object):
    """One attribute of a device: a text or a number; what else it may be is passed over."""

    string: str | None = None
    int_: int | None = msgspec.field(default=None, name="int")


class DeviceCapacity(Object):
    """How much of something a device has: a quantity."""

    value: str = "0"


class DeviceTaint(Object):
    """Why a device is not for everybody."""

    key: str = ""
    value: str = ""
    effect: str = ""


class BasicDevice(Object):
    """What a device is like."""

    attributes: dict[str, DeviceAttribute] | None = None
    capacity: dict[str, DeviceCapacity] | None = None
    taints: list[DeviceTaint] | None = None


class SliceDevice(BasicDevice):
    """One device of a ResourceSlice; in v1beta1 all but its name stands one level deeper."""

    name: str = ""
    basic: BasicDevice | None = None


class ResourcePool(Object):
    """The pool that a slice is a part of: a driver writes all slices of it anew with a higher generation."""

    name: str = ""
    generation: int = 0
    resource_slice_count: int = 1


class ResourceSliceSpec(Object):
    """spec of a ResourceSlice."""

    driver: str = ""
    node_name: str = ""
    pool: ResourcePool = msgspec.field(default_factory=ResourcePool)
    devices: list[SliceDevice] | None = None


class ResourceSlice(Named):
    """resource.k8s.io ResourceSlice, v1 and its betas."""

    spec: ResourceSliceSpec = msgspec.field(default_factory=ResourceSliceSpec)
