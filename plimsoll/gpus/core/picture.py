"""How does a person read a map of devices? A few nodes with every pod; many as sums, and a line for what is in between.

Of many nodes most are full or free, and whoever looks wants the rest: those that are neither have a line each, with
one sign a device, the others are counted.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from extender.core.ledger.holding import State
from extender.core.reasons import gpus
from kube.gpus import WHOLE
from plimsoll.drawing.tables import table
from plimsoll.gpus.core.sums import Sums, by_model, closed, sums

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from extender.core.devices import Held, MappedDevice, MappedNode

FEW = 12
"""Nodes that are shown with every pod."""

_BAR = 10
_EIGHTHS = "▁▂▃▄▅▆▇█"
_FREE, _CLOSED, _USED = "·", "x", "█"
_NAMES = 8  # of nodes in one line, until the rest is counted
_SHORT_UUID = 12  # "GPU-" and eight digits, as nvidia-smi's users know them
_NONE = "no GPUs: label a node plimsoll.dev/devices=owned, or look for others with --node and --model"


def picture(nodes: Sequence[MappedNode], *, verbose: bool = False) -> str:
    """Return the map of nodes; `verbose`: with every pod, however many there are."""
    if not nodes:
        return _NONE
    ours = [node for node in nodes if not node.left_out]
    if verbose or len(ours) <= FEW:
        lines = [line for node in ours for line in (*_whole_node(node), "")]
    else:
        lines = [*table(_SUM_HEAD, map(_sum_row, by_model(ours))), "", *_overview(ours)]
    return "\n".join((*lines, *_left_out(nodes), _total(ours)))


def _whole_node(node: MappedNode) -> Iterator[str]:
    free = gpus(sum(device.free for device in node.devices))
    yield f"{node.name}  {_of(node)}: {free} free"
    names = _names(node.devices)
    rows = [_device(name, device, closed(device, node)) for name, device in zip(names, node.devices, strict=True)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield ("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))).rstrip()
    if node.unmapped:
        yield f"  on devices that nobody knows: {_pods(node.unmapped)}"


def _of(node: MappedNode) -> str:
    count = "1 GPU" if len(node.devices) == 1 else f"{len(node.devices)} GPUs"
    sizes = sorted({device.memory for device in node.devices})
    size = f" of {sizes[0]} MiB" if len(sizes) == 1 and sizes[0] else ""
    return f"{node.model or 'model unknown'}, {count}{size}"


def _device(name: str, device: MappedDevice, why: str) -> tuple[str, str, str, str]:
    free = "closed" if why else "full" if device.free == 0 else f"{gpus(device.free)} free"
    pods = "; ".join(part for part in (_pods(device.held), f"takes no new pod: {why}" if why else "") if part)
    return name, _bar(device, barred=bool(why)), free, pods


def _bar(device: MappedDevice, *, barred: bool) -> str:
    used = min(_BAR, -(-_used(device) * _BAR // WHOLE))
    return _USED * used + (_CLOSED if barred else _FREE) * (_BAR - used)


def _used(device: MappedDevice) -> int:
    return min(WHOLE, sum(held.milli for held in device.held))


def _pods(held: Iterable[Held]) -> str:
    return ", ".join(
        f"{one.pod.namespace}/{one.pod.name} {gpus(one.milli)}"
        + ("" if one.state is State.BOUND else f" ({one.state.value})")
        for one in held
    )


def _names(devices: Sequence[MappedDevice]) -> list[str]:
    """Return the names by which devices of one node are told apart: UUIDs are cut where that leaves them different."""
    short = [device.name[:_SHORT_UUID] for device in devices]
    return short if len(set(short)) == len(short) else [device.name for device in devices]


_SUM_HEAD = ("MODEL", "NODES", "GPUS", "FREE", "WHOLE", "SHARED", "CLOSED", "PODS")


def _sum_row(pair: tuple[str, Sums]) -> tuple[str, ...]:
    model, of = pair
    counts = (of.nodes, of.devices, gpus(of.free), of.whole, of.shared, of.closed, of.pods)
    return (model or "unknown", *map(str, counts))


def _overview(nodes: Sequence[MappedNode]) -> Iterator[str]:
    full = [node for node in nodes if all(device.free == 0 and not closed(device, node) for device in node.devices)]
    empty = [node for node in nodes if all(device.free == WHOLE for device in node.devices)]
    counted = {node.name for node in (*full, *empty)}
    between = [node for node in nodes if node.name not in counted]
    if between:
        rows = (
            (node.name, node.model or "unknown", _free_of(node), _signs(node), str(sums([node]).pods))
            for node in between
        )
        yield from table(("NODE", "MODEL", "FREE", "DEVICES", "PODS"), rows)
        yield f"{'':4}one sign a device, as high as it is used; {_FREE} free, {_CLOSED} takes no new pod"
        yield ""
    for word, group in (("full", full), ("free", empty)):
        for model, of in by_model(group):
            names = [node.name for node in group if node.model == model]
            yield f"{word}: {_count(of.nodes, 'node')} {model or 'unknown'}, {of.devices} GPUs: {_some(names)}"
    yield from _closed(nodes)


def _free_of(node: MappedNode) -> str:
    return f"{gpus(sum(device.free for device in node.devices))} of {len(node.devices)}"


def _signs(node: MappedNode) -> str:
    return "".join(_sign(device, barred=bool(closed(device, node))) for device in node.devices)


def _sign(device: MappedDevice, *, barred: bool) -> str:
    if barred:
        return _CLOSED
    used = _used(device)
    return _EIGHTHS[-(-used * len(_EIGHTHS) // WHOLE) - 1] if used else _FREE


def _closed(nodes: Sequence[MappedNode]) -> Iterator[str]:
    where = defaultdict(list)
    for node in nodes:
        for device, name in zip(node.devices, _names(node.devices), strict=True):
            if why := closed(device, node):
                where[why].append(f"{node.name} {name}")
    for why, places in sorted(where.items(), key=lambda pair: (-len(pair[1]), pair[0])):
        yield f"{_count(len(places), 'device')} {_take(len(places))} no new pod ({why}): {_some(places)}"


def _left_out(nodes: Sequence[MappedNode]) -> Iterator[str]:
    where = defaultdict(list)
    for node in nodes:
        if node.left_out:
            where[node.left_out].append(node.name)
    for why, names in sorted(where.items(), key=lambda pair: (-len(pair[1]), pair[0])):
        yield f"left out: {_count(len(names), 'node')} ({why}): {_some(names)}"


def _total(nodes: Sequence[MappedNode]) -> str:
    of = sums(nodes)
    closed_too = f"; {_count(of.closed, 'GPU')} {_take(of.closed)} no new pod" if of.closed else ""
    return (
        f"{_count(of.nodes, 'node')}, {_count(of.devices, 'GPU')}: {gpus(of.free)} free, {of.whole} of them whole; "
        f"{_count(of.pods, 'pod')}{closed_too}"
    )


def _some(names: Sequence[str]) -> str:
    more = len(names) - _NAMES
    return ", ".join(names[:_NAMES]) + (f" and {more} more" if more > 0 else "")


def _count(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _take(count: int) -> str:
    return "takes" if count == 1 else "take"
