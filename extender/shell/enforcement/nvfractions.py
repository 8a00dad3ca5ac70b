"""How does NvFractions read what a container may use? From annotations of the pod, for each container its own.

Its plugin of the container runtime (fractiond) makes NVIDIA_VISIBLE_DEVICES of the devices and a limit of the driver's
of the memory, and looks at the devices only where there is a memory: whole GPUs are written with all that they have.
Source: kai-gpu-fractioning, fractiond's annotations.go and plugin.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from extender.core.enforcement.granting import Grant


def written(grant: Grant) -> dict[str, str]:
    """Return the annotations of a grant.

    There is one limit for all devices of a container: that of the smallest.
    """
    found: dict[str, str] = {}
    for one in grant.containers:
        if one.parts:
            memory = f"{min(part.memory for part in one.parts)}Mi"
            key = f"{grant.prefix}{one.container}"
            found[f"{key}.gpus.devices"] = ",".join(part.device for part in one.parts)
            found[f"{key}.gpu-memory.request"] = memory
            found[f"{key}.gpu-memory.limit"] = memory
    return found
