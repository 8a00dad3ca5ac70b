"""Why does a pod not fit? The reason of one node, and, counted over all of them, one sentence for people.

A reason names no node: nodes that refuse for the same reason are counted together, by us and by kube-scheduler.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from heapq import nsmallest
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from extender.core.model import share_on
from kube.gpus import WHOLE, MemoryShare, Share

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

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
_BITS = 8  # the devices of a node are fewer than 2^8


@dataclass(frozen=True, slots=True)
class Misfits:
    """A reason, how many nodes have it, and some of those, by name."""

    reason: str
    nodes: int
    examples: tuple[str, ...] = ()


class Reasons(Mapping[str, str]):
    """The reason of each of `nodes`: `said[which[place]]`, `which` int64, shape [nodes].

    `columns`: those of the nodes in the ledger, int64, shape [nodes]; -1 for nodes that are not ours.
    """

    def __init__(
        self, nodes: Sequence[str], columns: NDArray[np.int64], said: Sequence[str], which: NDArray[np.int64]
    ) -> None:
        self.nodes = nodes
        self.columns = columns
        self.said = said
        self.which = which
        self._by_name: dict[str, str] | None = None

    def __getitem__(self, node: str) -> str:
        if self._by_name is None:
            said = map(self.said.__getitem__, self.which.tolist())
            self._by_name = dict(zip(self.nodes, said, strict=True))
        return self._by_name[node]

    def __iter__(self) -> Iterator[str]:
        return iter(self.nodes)

    def __len__(self) -> int:
        return len(self.nodes)


def of_all(ledger: Ledger, nodes: Sequence[str], reason: str) -> Reasons:
    """Return one reason of all `nodes`."""
    return Reasons(nodes, ledger.columns_of(nodes), (reason,), np.zeros(len(nodes), dtype=np.int64))


def of_each(ledger: Ledger, reasons: Mapping[str, str]) -> Reasons:
    """Return the reasons of nodes by their names."""
    said = {reason: number for number, reason in enumerate(dict.fromkeys(reasons.values()))}
    which = np.array([said[reason] for reason in reasons.values()], dtype=np.int64)
    return Reasons(tuple(reasons), ledger.columns_of(tuple(reasons)), tuple(said), which)


def misfits(ledger: Ledger, shape: Shape, nodes: Sequence[str], left_out: Mapping[str, str]) -> Reasons:
    """Return why a pod has no room on each of `nodes`, on which it has none; `left_out`: why nodes are not ours.

    Thousands of nodes are looked at together; one by one only those that are barred, or not ours and left out.
    """
    request = shape.request
    assert request is not None  # noqa: S101  a pod without GPUs has room everywhere
    columns = ledger.columns_of(nodes)
    known = columns >= 0
    said: dict[str, int] = {}
    which = np.zeros(len(nodes), dtype=np.int64)
    others = np.flatnonzero(~known)
    if len(others):
        which[others] = said.setdefault(NOT_OURS, len(said))
        for place in others.tolist() if left_out else ():
            if reason := left_out.get(nodes[place]):
                which[place] = said.setdefault(reason, len(said))
    ours = np.flatnonzero(known)
    here = columns[ours]
    fitting, large = _counts(ledger, request, here)
    lacks = _Lacks(ledger, here, request, fitting, large)
    which[ours] = lacks.numbers(said)
    barred = np.isin(here, [ledger.columns[name] for name in ledger.barred]) | ~ledger.takes(shape).take(here)
    for place in np.flatnonzero(barred).tolist():
        node = ledger.node(ledger.name_of(int(here[place])))
        assert node is not None  # noqa: S101  it has a column
        reason = node.bars(shape) or (
            _barred(ledger, node, request, int(fitting[place])) if node.name in ledger.barred else ""
        )
        if reason:
            which[ours[place]] = said.setdefault(reason, len(said))
    return Reasons(nodes, columns, tuple(said), which)


def overlaid(ledger: Ledger, reasons: Reasons, closed: Mapping[str, str]) -> Reasons:
    """Return the same with one reason for all nodes of each model in `closed`, which takes no such pod."""
    said, which = [*reasons.said, *closed.values()], reasons.which.copy()
    for number, model in enumerate(closed, start=len(reasons.said)):
        which[(reasons.columns >= 0) & ledger.of_models((model,))[reasons.columns]] = number
    return Reasons(reasons.nodes, reasons.columns, said, which)


def kept_out(ledger: Ledger, reasons: Reasons, nodes: Collection[str], reason: str) -> Reasons:
    """Return the same with one reason for those of `nodes` that are ours."""
    columns = ledger.columns_of(sorted(nodes))
    which = np.where(np.isin(reasons.columns, columns[columns >= 0]), len(reasons.said), reasons.which)
    return Reasons(reasons.nodes, reasons.columns, (*reasons.said, reason), which)


def other_models(ledger: Ledger, models: Sequence[str], columns: NDArray[np.int64]) -> tuple[Misfits, ...]:
    """Return how many of our nodes have another model than the `models` that a pod accepts.

    Those whose `columns` are given were offered and do not count.
    """
    if not models:
        return ()
    here = np.ones(len(ledger.model), dtype=bool)
    here[columns[columns >= 0]] = False
    counts = np.bincount(ledger.model[here & (ledger.model >= 0)], minlength=len(ledger.models))
    wanted = " or ".join(models)
    return tuple(
        Misfits(f"model {wanted} wanted, {model or 'unknown'} found", int(count))
        for model, count in zip(ledger.models, counts, strict=True)
        if count and model not in models
    )


def counted(ledger: Ledger, reasons: Reasons) -> tuple[Misfits, ...]:
    """Return the reasons of nodes, most nodes first, then by words."""
    groups = ((reason, np.flatnonzero(reasons.which == number)) for number, reason in enumerate(reasons.said))
    return ordered(
        Misfits(reason, len(places), _first_names(ledger, reasons, places)) for reason, places in groups if len(places)
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


def _first_names(ledger: Ledger, reasons: Reasons, places: NDArray[np.int64]) -> tuple[str, ...]:
    """Return the first of some nodes by name: kube-scheduler asks in another order each time."""
    columns = reasons.columns.take(places)
    if (columns < 0).any():
        return tuple(nsmallest(_EXAMPLES, (reasons.nodes[place] for place in places.tolist())))
    ranks = ledger.ranks.take(columns)
    first = np.argpartition(ranks, _EXAMPLES - 1)[:_EXAMPLES] if len(ranks) > _EXAMPLES else np.arange(len(ranks))
    return tuple(ledger.name_of(int(columns[place])) for place in first[ranks[first].argsort()].tolist())


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


class _Lacks(NamedTuple):
    """What decides the reason of nodes of ours that are not barred; `here`: their columns."""

    ledger: Ledger
    here: NDArray[np.int64]
    request: Share | MemoryShare
    fitting: NDArray[np.int64]
    large: NDArray[np.int64]

    def numbers(self, said: dict[str, int]) -> NDArray[np.int64]:
        """Return the number in `said` of each node's reason, which is added where it is not there."""
        wanted = self.request.devices
        devices = self.ledger.devices.take(self.here).astype(np.int64)
        memory = self.ledger.device_memory.take(self.here, axis=1).max(axis=0, initial=0).astype(np.int64)
        memory[self.large >= wanted] = 0
        # One number for all that the words depend on: nodes with the same one have the same reason.
        alike = ((memory << _BITS | devices) << _BITS | self.fitting) << _BITS | self.large
        _, first, which = np.unique(alike, return_index=True, return_inverse=True)
        numbers = []
        for place in first.tolist():
            reason = f"it has {_gpus_there(int(devices[place]))}, {wanted} wanted"
            if devices[place] >= wanted:
                values = (int(self.fitting[place]), int(self.large[place]), int(memory[place]))
                reason = _shortage(self.request, *values)
            numbers.append(said.setdefault(reason, len(said)))
        return np.array(numbers, dtype=np.int64)[which]


def _gpus_there(count: int) -> str:
    return "1 GPU" if count == 1 else f"{count} GPUs"


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
    # With room enough beside them it is another reason that keeps the pod off: its quota, or a gang that comes first.
    if not closed or fitting + len(closed) < request.devices:
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
