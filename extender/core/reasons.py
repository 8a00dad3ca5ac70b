"""Why does a pod not fit? The reason of one node, and, counted over all of them, one sentence for people.

A reason names no node: nodes that refuse for the same reason are counted together, by us and by kube-scheduler.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from heapq import nsmallest
from typing import TYPE_CHECKING

import numpy as np

from extender.core.model import share_on
from kube.gpus import WHOLE, MemoryShare, Share

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from extender.core.ledger.ledger import Ledger
    from extender.core.ledger.nodes import GpuNode
    from extender.core.model import Shape

NOT_OURS = "its GPUs are not Plimsoll's to give (no label plimsoll.dev/devices: owned)"
OURS_ALONE = "its GPUs are given by Plimsoll alone; a namespace asks for them with the label plimsoll.dev/managed"
_UNMAPPED = "a pod uses GPUs of it and nobody knows which"
_NO_ROOM = "the pod does not fit"

_TOLD = 5
"""Reasons in a sentence: more of them nobody reads."""
_EXAMPLES = 3
_TOO_SMALL = WHOLE + 1


@dataclass(frozen=True, slots=True)
class Misfits:
    """A reason, how many nodes have it, and some of those, by name."""

    reason: str
    nodes: int
    examples: tuple[str, ...] = ()


def misfits(ledger: Ledger, shape: Shape, nodes: Sequence[str], left_out: Mapping[str, str]) -> dict[str, str]:
    """Return why a pod has no room on each of `nodes`, on which it has none; `left_out`: why nodes are not ours."""
    request = shape.request
    assert request is not None  # noqa: S101  a pod without GPUs has room everywhere
    columns = ledger.columns_of(nodes)
    known = columns >= 0
    fitting, large = _counts(ledger, request, columns)
    said: dict[tuple[int, int, int], str] = {}
    reasons: dict[str, str] = {}
    rows = zip(nodes, known.tolist(), fitting.tolist(), large.tolist(), strict=True)
    for name, ours, count, enough in rows:
        if not ours:
            reasons[name] = left_out.get(name, NOT_OURS)
            continue
        node = ledger.node(name)
        assert node is not None  # noqa: S101  it has a column
        if bars := node.bars(shape):
            reasons[name] = bars
            continue
        if name in ledger.barred and (barred := _barred(ledger, node, request, count)):
            reasons[name] = barred
            continue
        if len(node.devices) < request.devices:
            has = "1 GPU" if len(node.devices) == 1 else f"{len(node.devices)} GPUs"
            reasons[name] = f"it has {has}, {request.devices} wanted"
            continue
        memory = max(device.memory for device in node.devices) if enough < request.devices else 0
        key = (count, enough, memory)
        if key not in said:
            said[key] = _shortage(request, count, enough, memory)
        reasons[name] = said[key]
    return reasons


def other_models(ledger: Ledger, models: Sequence[str], offered: Sequence[str]) -> tuple[Misfits, ...]:
    """Return how many of our nodes that were not offered have another model than the `models` that a pod accepts."""
    if not models:
        return ()
    here = np.ones(len(ledger.model), dtype=bool)
    columns = ledger.columns_of(offered)
    here[columns[columns >= 0]] = False
    counts = np.bincount(ledger.model[here & (ledger.model >= 0)], minlength=len(ledger.models))
    wanted = " or ".join(models)
    return tuple(
        Misfits(f"model {wanted} wanted, {model or 'unknown'} found", int(count))
        for model, count in zip(ledger.models, counts, strict=True)
        if count and model not in models
    )


def counted(reasons: Mapping[str, str]) -> tuple[Misfits, ...]:
    """Return the reasons of nodes, most nodes first, then by words."""
    found: dict[str, list[str]] = {}
    for node, reason in reasons.items():
        found.setdefault(reason, []).append(node)
    return ordered(
        # By name: kube-scheduler asks in another order each time.
        Misfits(reason, len(nodes), tuple(nsmallest(_EXAMPLES, nodes)))
        for reason, nodes in found.items()
    )


def ordered(groups: Iterable[Misfits]) -> tuple[Misfits, ...]:
    """Return groups, most nodes first, then by words."""
    return tuple(sorted(groups, key=lambda group: (-group.nodes, group.reason)))


def sentence(groups: Sequence[Misfits], not_offered: int) -> str:
    """Return the reasons as one sentence; `not_offered` nodes of ours kube-scheduler did not ask about."""
    parts = [f"{_nodes(group.nodes)}: {group.reason}" for group in groups[:_TOLD]]
    if len(groups) > _TOLD:
        rest = groups[_TOLD:]
        more = "1 more reason" if len(rest) == 1 else f"{len(rest)} more reasons"
        parts.append(f"and {more} of {_nodes(sum(group.nodes for group in rest))}")
    if not_offered:
        parts.append(
            f"{_nodes(not_offered)}: not asked about by kube-scheduler (CPU, memory, taints, selectors), whose own "
            "Event says why"
        )
    return "; ".join(parts) or "there is no node with GPUs of ours"


def asks(request: Share | MemoryShare) -> str:
    """Return what is asked for, for people."""
    if isinstance(request, Share) and request.milli == WHOLE:
        return "1 GPU" if request.devices == 1 else f"{request.devices} GPUs"
    of = "a GPU" if request.devices == 1 else f"each of {request.devices} GPUs"
    if isinstance(request, MemoryShare):
        return f"{request.memory} MiB of {of}"
    return f"{gpus(request.milli)} of {of}"


def gpus(milli: int) -> str:
    """Return milli-GPU in GPUs, with no more digits than it has."""
    return str(milli // WHOLE) if milli % WHOLE == 0 else f"{milli / WHOLE:.3f}".rstrip("0")


def _counts(
    ledger: Ledger, request: Share | MemoryShare, columns: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return how many devices of each node have room, and how many are large enough, each of shape [nodes]."""
    free = ledger.free[:, columns]
    if isinstance(request, Share):
        return (free >= request.milli).sum(axis=0), np.full(len(columns), request.devices)
    memory = ledger.device_memory[:, columns].astype(np.int64)
    large = memory >= request.memory
    milli = np.where(large, -(-request.memory * WHOLE // np.maximum(memory, 1)), _TOO_SMALL)
    return (free >= milli).sum(axis=0), large.sum(axis=0)


def _barred(ledger: Ledger, node: GpuNode, request: Share | MemoryShare, fitting: int) -> str:
    """Return what bars a node that has the room; "" for nothing."""
    if not ledger.maps(node.name):
        return _UNMAPPED
    room = (WHOLE - ledger.used(node.name)).tolist()
    closed = [
        device.closed
        for device, free in zip(node.devices, room, strict=True)
        if device.closed and (share := share_on(request, device.memory)) is not None and free >= share.milli
    ]
    if fitting + len(closed) < request.devices:
        return ""
    count = f"{len(closed)} of its {len(node.devices)} GPUs"
    return f"{count} {'takes' if len(closed) == 1 else 'take'} no new pod ({_most(closed)})"


def _shortage(request: Share | MemoryShare, fitting: int, large: int, memory: int) -> str:
    if large < request.devices:
        assert isinstance(request, MemoryShare)  # noqa: S101  a share of milli-GPU suits every model
        if large:
            return f"{large} of {request.devices} devices have {request.memory} MiB"
        has = f"{memory} MiB" if memory else "unknown memory (no label nvidia.com/gpu.memory)"
        return f"its GPUs have {has}, {request.memory} MiB wanted"
    if fitting >= request.devices:
        return _NO_ROOM
    if isinstance(request, Share) and request.milli == WHOLE:
        return "no whole GPU free" if request.devices == 1 else f"{fitting} of {request.devices} whole GPUs free"
    room = f"{request.milli} milli-GPU" if isinstance(request, Share) else f"{request.memory} MiB"
    if request.devices == 1:
        return f"no device with {room} free"
    return f"{fitting} of {request.devices} devices with {room} free"


def _most(texts: Sequence[str]) -> str:
    return min(Counter(texts).items(), key=lambda pair: (-pair[1], pair[0]))[0]


def _nodes(count: int) -> str:
    return "1 node" if count == 1 else f"{count} nodes"
