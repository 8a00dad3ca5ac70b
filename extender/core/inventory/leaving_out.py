"""Which nodes that the operator gave us can we not name the GPUs of, and what is to be done about it?

A device that we name must be one GPU, and ours alone. GPUs that are split or shared below us, or given out by another,
are left out with their whole node.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from extender.core.inventory.facts import (
    COUNT,
    GKE_PARTITION,
    GKE_SHARING,
    HAMI_DEVICES,
    MIG_RESOURCES,
    MIG_STATE,
    OWNED,
    PRODUCT,
    REPLICAS,
    SHARED_GPU,
    SHARING,
)
from kube.gpus import MOST_DEVICES, VENDOR_GPU

if TYPE_CHECKING:
    from extender.core.inventory.facts import NodeFacts

_OPT_OUT = f"remove the node's label {OWNED[0]}, and its GPUs are the device plugin's to give"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A node that the operator gave us and whose GPUs we cannot name: why, and what to do about it."""

    reason: str
    remedy: str


def left_out(node: NodeFacts) -> LeftOut | None:
    """Return why the GPUs of a node that was given to us cannot be named; None where they can."""
    return _split(node) or _shared(node) or _given_out_by_dra(node) or _unknown(node)


def _split(node: NodeFacts) -> LeftOut | None:
    # The strategy alone says nothing: GPU operators set it on nodes without MIG too.
    where = ""
    product = node.labels.get(PRODUCT, "")
    if "-MIG-" in product:
        where = f"{PRODUCT}: {product}"
    elif node.labels.get(GKE_PARTITION):
        where = f"{GKE_PARTITION}: {node.labels[GKE_PARTITION]}"
    for resource in sorted(node.capacity):
        if resource.startswith(MIG_RESOURCES) and node.capacity[resource]:
            where = where or f"{resource}: {node.capacity[resource]}"
    for gpu in (*(node.hami or ()), *node.dra):
        if gpu.split:
            where = where or f"device {gpu.name}"
    if where:
        return LeftOut(f"its GPUs are split by MIG ({where})", f"turn MIG off on the node, or {_OPT_OUT}")
    if node.labels.get(MIG_STATE) in ("pending", "rebooting"):
        state = node.labels[MIG_STATE]
        return LeftOut(f"MIG is being set up or taken down on it ({MIG_STATE}: {state})", "wait until that is done")
    return None


def _shared(node: NodeFacts) -> LeftOut | None:
    where = ""
    labels = node.labels
    if node.number(REPLICAS) > 1:
        where = f"{REPLICAS}: {labels[REPLICAS]}"
    elif labels.get(SHARING, "none") not in ("", "none"):
        where = f"{SHARING}: {labels[SHARING]}"
    elif labels.get(GKE_SHARING):
        where = f"{GKE_SHARING}: {labels[GKE_SHARING]}"
    elif labels.get(PRODUCT, "").endswith("-SHARED"):
        where = f"{PRODUCT}: {labels[PRODUCT]}"
    elif node.capacity.get(SHARED_GPU, 0):
        where = f"{SHARED_GPU}: {node.capacity[SHARED_GPU]}"
    elif node.hami is None and not node.hami_problem:
        there, offered = node.number(COUNT), node.capacity.get(VENDOR_GPU, 0)
        if there and offered > there and offered % there == 0:
            where = f"{VENDOR_GPU}: {offered}, and {COUNT}: {there}"
    if not where:
        return None
    return LeftOut(
        f"its device plugin gives each GPU to several pods, by time-slicing or MPS ({where})",
        f"turn sharing off in the device plugin's configuration for the node, or {_OPT_OUT}",
    )


def _given_out_by_dra(node: NodeFacts) -> LeftOut | None:
    if not node.dra or node.hami is not None or node.capacity.get(VENDOR_GPU, 0):
        return None
    return LeftOut(
        f"its GPUs ({len(node.dra)}) are given out by a DRA driver (it has ResourceSlices and no {VENDOR_GPU})",
        f"run the device plugin on the node in place of the DRA driver's GPUs, or {_OPT_OUT}",
    )


def _unknown(node: NodeFacts) -> LeftOut | None:
    if node.hami_problem:
        return LeftOut(
            f"its annotation {HAMI_DEVICES} cannot be read: {node.hami_problem}",
            "remove the annotation; HAMi's device plugin, if it runs there, writes it anew",
        )
    if node.hami == ():
        return LeftOut(f"HAMi's device plugin found no GPU ({HAMI_DEVICES})", "see that its driver runs")
    known = node.hami or node.dra
    count = len(known) or node.capacity.get(VENDOR_GPU, 0)
    if not count:
        return LeftOut(
            f"no GPU of it is known (status.capacity has no {VENDOR_GPU})",
            "see that its driver and its device plugin run",
        )
    if count > MOST_DEVICES:
        return LeftOut(
            f"it says that it has {count} GPUs, and at most {MOST_DEVICES} of a node are named",
            f"if its device plugin gives each GPU to several pods, turn that off, or {_OPT_OUT}",
        )
    there = node.number(COUNT)
    if not known and there and there != count:
        return LeftOut(
            f"which of its GPUs are meant is not known ({VENDOR_GPU}: {count}, and {COUNT}: {there})",
            "see that its device plugin offers every GPU of the node, and that feature discovery runs",
        )
    return None
