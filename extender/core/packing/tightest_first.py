"""Where does a share fit best? Best fit: on the devices that it leaves the least room on.

Order of preference, each deciding among equals of the one before: least milli-GPU left over on the chosen devices, so
that started devices fill before new ones open; least milli-GPU free on the whole node, so that started nodes fill
before empty ones; the node's name; on the node, the lowest device index.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from extender.core.model import share_on
from extender.core.packing.choice import Misfit
from kube.gpus import WHOLE, MemoryShare, MiB, Placement, Share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from extender.core.ledger.ledger import Ledger

_NO_FIT = np.int64(2**62)
_NODE_BITS = 16  # 64 devices x 1000 milli-GPU < 2^16: the second key never reaches the first


def costs(ledger: Ledger, request: Share | MemoryShare, nodes: Sequence[str]) -> NDArray[np.int64]:
    """Return the cost of placing `request` on each of `nodes`, shape [len(nodes)]; lower is better.

    Nodes where it does not fit, and nodes that the ledger does not know, cost more than `fits` accepts.
    """
    columns = ledger.columns_of(nodes)
    free = ledger.free[:, columns].astype(np.int64)
    milli = _milli_by_node(ledger, request, columns)
    milli[columns < 0] = WHOLE + 1
    # Devices with too little room sort behind all others; the request takes the tightest of the rest.
    tightest = np.sort(np.where(free >= milli, free, _NO_FIT), axis=0)[: request.devices]
    if len(tightest) < request.devices:
        return np.full(len(nodes), _NO_FIT)
    left_over = np.where(tightest[-1] == _NO_FIT, 0, tightest.sum(axis=0)) - request.devices * milli
    return np.where(tightest[-1] == _NO_FIT, _NO_FIT, (left_over << _NODE_BITS) + free.sum(axis=0))


def fits(cost: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell which of `costs` belong to nodes where the request fits."""
    return np.not_equal(cost, _NO_FIT)


def best(nodes: Sequence[str], cost: NDArray[np.int64]) -> str | None:
    """Return the node with the lowest cost, the first by name among equals, or None if it fits nowhere."""
    if len(nodes) == 0 or cost.min() == _NO_FIT:
        return None
    return min(nodes[int(i)] for i in np.flatnonzero(cost == cost.min()))


def placement(ledger: Ledger, request: Share | MemoryShare, node: str) -> Placement | Misfit:
    """Return the devices that `request` takes on `node`, or why it takes none."""
    known = ledger.node(node)
    if known is None:
        return Misfit("its GPUs are not Plimsoll's to give (no label plimsoll.dev/devices: owned)")
    memory = min((device.memory for device in known.devices), default=MiB(0))
    share = share_on(request, memory)
    if share is None:
        assert isinstance(request, MemoryShare)  # noqa: S101  a share of milli-GPU suits every model
        has = f"{memory} MiB" if memory else "unknown memory (no label nvidia.com/gpu.memory)"
        return Misfit(f"its GPUs have {has}, {request.memory} MiB wanted")
    room = ledger.room(node)
    candidates = np.flatnonzero(room >= share.milli)
    if len(candidates) < share.devices:
        wanted = "no whole GPU" if share.milli == WHOLE else f"no device with {share.milli} milli-GPU"
        if share.devices > 1:
            wanted = f"{len(candidates)} of {share.devices} devices with {share.milli} milli-GPU"
        return Misfit(f"{wanted} free")
    tightest = candidates[np.argsort(room[candidates], kind="stable")][: share.devices]
    return Placement(tuple(known.devices[index].name for index in sorted(tightest)), share.milli)


def _milli_by_node(ledger: Ledger, request: Share | MemoryShare, columns: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the milli-GPU that the request takes of each device of each node, shape [nodes]; 1001 = too small."""
    if isinstance(request, Share):
        return np.full(len(columns), int(request.milli), dtype=np.int64)
    memory = ledger.device_memory[0, columns]
    by_memory = {int(size): share_on(request, MiB(int(size))) for size in np.unique(memory)}
    shares = {size: WHOLE + 1 if share is None else int(share.milli) for size, share in by_memory.items()}
    return np.fromiter((shares[int(size)] for size in memory), dtype=np.int64, count=len(columns))
