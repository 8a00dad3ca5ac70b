"""What enforces shares on a node, and does a share go there? Decided from what is really there.

NvFractions comes before HAMi where both are ready: the driver holds its limit, HAMi's a library that a program may
leave out. A share goes where nothing enforces it only if the operator said so (`enforcement: none`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extender.core.inventory.facts import MEMORY, NVFRACTIONS_READY
from extender.core.ledger.nodes import Backend
from kube.gpus import BY_HAMI, ENFORCEMENT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extender.core.inventory.facts import NodeFacts
    from extender.core.ledger.nodes import Device

NOTHING = "nothing enforces a share there"


def enforced(node: NodeFacts, devices: Sequence[Device], *, required: bool) -> tuple[Backend, str]:
    """Return what enforces shares on a node, and why none goes there, "" where they do.

    `required`: whether no share goes where nothing enforces it.
    """
    backend, without = _there(node, devices)
    return backend, without if required else ""


def _there(node: NodeFacts, devices: Sequence[Device]) -> tuple[Backend, str]:
    condition = next((name for name in NVFRACTIONS_READY if name in node.conditions), "")
    if condition and node.conditions[condition] == "True":
        if all(device.memory for device in devices):
            return Backend.NVFRACTIONS, ""
        # Its limits are in MiB, and it gives a container without one no devices either.
        without = f"{NOTHING}: NvFractions counts in MiB, and its GPUs' are not known (no label {MEMORY})"
    elif condition:
        without = f"{NOTHING}: its condition {condition} is {node.conditions[condition]}"
    else:
        without = NOTHING
    if node.hami:
        return Backend.HAMI, f"HAMi enforces shares there, only of pods with the annotation {ENFORCEMENT}: {BY_HAMI}"
    return Backend.NONE, without
