"""How does HAMi's device plugin learn what to give a pod? From annotations of the pod, and from the node's lock.

The kubelet calls it for a container that asks for nvidia.com/gpu, and does not say of which pod: it takes the pod that
the lock names (older ones: the pod of the node that is in phase "allocating"), and of its containers the first that
still has devices to get. It strikes those out, and when there are none left it sets the phase to "success" and releases
the lock.
Source: HAMi's EncodePodSingleDevice and GetPendingPod, its device plugin's GetNextDeviceRequest, nodelock.go.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from extender.core.enforcement.locking import Lock
from extender.shell.hami import ALLOCATED, NVIDIA

if TYPE_CHECKING:
    from extender.core.enforcement.granting import Grant, Part

LOCK = "hami.io/mutex.lock"
TO_ALLOCATE = "hami.io/vgpu-devices-to-allocate"

_MILLI_A_CORE = 10  # HAMi counts the compute of a GPU in hundredths, and takes none for no limit


def written(grant: Grant, node: str, now: int) -> dict[str, str]:
    """Return the annotations of a grant on a node, at `now` seconds since 1970."""
    devices = "".join("".join(map(_device, one.parts)) + ";" for one in grant.containers)
    return {
        "hami.io/vgpu-node": node,
        "hami.io/vgpu-time": str(now),
        TO_ALLOCATE: devices,
        ALLOCATED: devices,
        "hami.io/bind-phase": "allocating",
        "hami.io/bind-time": str(now),
    }


def lock_in(annotations: dict[str, str]) -> Lock | None:
    """Return a node's lock; None where there is none, or one of which nobody can tell whose and since when."""
    time, _, whose = annotations.get(LOCK, "").partition(",")
    namespace, _, name = whose.partition(",")
    try:
        since = datetime.fromisoformat(time)
    except ValueError:
        return None
    return Lock(namespace, name, since.timestamp()) if since.tzinfo is not None else None


def lock_of(namespace: str, name: str, now: float) -> str:
    """Return the text of a pod's lock, taken at `now` seconds since 1970."""
    return f"{datetime.fromtimestamp(now, UTC):%Y-%m-%dT%H:%M:%SZ},{namespace},{name}"


def _device(part: Part) -> str:
    return f"{part.device},{NVIDIA},{part.memory},{max(part.milli // _MILLI_A_CORE, 1)}:"
