"""What happened in a cluster? Nodes, pods, and the order in which the pods come, read from lines of text.

The format is that of the openb trace (cluster-trace-gpu-v2023): two tables in CSV, whose columns may stand in any order
beside others, and a list: the first line gives a rank to each node, in the order of the nodes' names; each further line
is one arriving pod, as a row of the table of pods, from 0.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING

from extender.core.ledger.nodes import GpuNode, alike
from extender.core.model import Shape
from kube.gpus import MOST_DEVICES, WHOLE, MilliGpu, Share

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_NODE_COLUMNS = ("sn", "cpu_milli", "memory_mib", "gpu", "model")
_POD_COLUMNS = ("name", "cpu_milli", "memory_mib", "num_gpu", "gpu_milli")
_MODELS = "gpu_spec"
_MOST = 2**31 - 1
_SHOWN = 64


class BadInput(Exception):  # noqa: N818  somebody else's fault, told to a person
    """A file that cannot be used; the message is one sentence that says what happens now."""

    def __init__(self, file: str, problem: str) -> None:
        super().__init__(f"{file}{problem}; nothing was replayed")


def broken(file: str, line: int, what: str, value: str, rule: str) -> BadInput:
    """Return what is wrong with a file whose line breaks a rule."""
    shown = value if len(value) <= _SHOWN else f"{value[:_SHOWN]}..."
    return BadInput(file, f', line {line}: {what} "{shown}" must be {rule}')


@dataclass(frozen=True, slots=True)
class Trace:
    """A cluster and its pods. `arrivals`: rows of `pods`. The first node by name is the one with the least rank."""

    nodes: tuple[GpuNode, ...]
    pods: tuple[Shape, ...]
    arrivals: tuple[int, ...]

    @property
    def capacity(self) -> int:
        """All milli-GPU there are."""
        return sum(len(node.devices) for node in self.nodes) * WHOLE


def nodes_in(file: str, lines: Iterable[str]) -> tuple[GpuNode, ...]:
    """Return the nodes of a table, sorted by name, which is `sn`."""
    found: dict[str, GpuNode] = {}
    for line, row in _rows(file, lines, _NODE_COLUMNS):
        name = row["sn"]
        if not name or name in found:
            raise broken(file, line, "sn", name, "a name that no other node has")
        devices = _whole(file, line, row, "gpu", most=MOST_DEVICES)
        cpu, memory = _whole(file, line, row, "cpu_milli"), _whole(file, line, row, "memory_mib")
        found[name] = GpuNode(name, alike(devices), row["model"], cpu, memory)
    if not any(node.devices for node in found.values()):
        raise broken(file, 1, "gpu", "0", "above 0 on at least one node")
    return tuple(found[name] for name in sorted(found))


def pods_in(file: str, lines: Iterable[str]) -> tuple[Shape, ...]:
    """Return the pods of a table, in the order of the file."""
    pods = tuple(_pod(file, line, row) for line, row in _rows(file, lines, _POD_COLUMNS))
    if not any(pod.request for pod in pods):
        raise broken(file, 1, "num_gpu", "0", "above 0 for at least one pod")
    return pods


def trace_of(nodes: Sequence[GpuNode], pods: tuple[Shape, ...], file: str, lines: Iterable[str]) -> Trace:
    """Return the trace of `nodes` (sorted by name) and `pods` in the order that `lines` of `file` give."""
    numbered = enumerate(lines, 1)
    ranks = _ranks(file, next(numbered, (1, ""))[1], len(nodes))
    arrivals: list[int] = []
    for line, text in numbered:
        if not text.strip():
            continue
        row = _number(text.strip(), len(pods) - 1)
        if row is None:
            raise broken(
                file, line, "row", text.strip(), f"a row of the table of pods, a whole number from 0 to {len(pods) - 1}"
            )
        arrivals.append(row)
    if not arrivals:
        raise broken(file, 2, "row", "", "there: at least one pod has to arrive")
    if not any(pods[row].request for row in arrivals):
        raise broken(file, 2, "row", str(arrivals[0]), "that of a pod with a GPU, here or in another line")
    width = len(str(max(ranks)))
    named = (
        GpuNode(f"{rank:0{width}}-{node.name}", node.devices, node.model, node.cpu, node.memory)
        for rank, node in zip(ranks, nodes, strict=True)
    )
    return Trace(tuple(sorted(named, key=lambda node: node.name)), pods, tuple(arrivals))


def _ranks(file: str, text: str, nodes: int) -> list[int]:
    ranks: dict[int, None] = {}
    for word in text.split():
        rank = _number(word, _MOST)
        if rank is None or rank in ranks:
            raise broken(file, 1, "rank", word, "a whole number that no other node has")
        ranks[rank] = None
    if len(ranks) != nodes:
        raise broken(file, 1, "number of ranks", str(len(ranks)), f"that of the nodes, {nodes}")
    return list(ranks)


def _pod(file: str, line: int, row: Mapping[str, str]) -> Shape:
    devices = _whole(file, line, row, "num_gpu", most=MOST_DEVICES)
    cpu, memory = _whole(file, line, row, "cpu_milli"), _whole(file, line, row, "memory_mib")
    if not devices:
        return Shape(None, cpu, memory)
    milli = _whole(file, line, row, "gpu_milli", least=1, most=WHOLE)
    models = tuple(sorted({model for model in row.get(_MODELS, "").split("|") if model}))
    return Shape(Share(devices, MilliGpu(milli)), cpu, memory, models)


def _rows(file: str, lines: Iterable[str], wanted: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield each row below the head with its line, by column."""
    reader = csv.reader(lines)
    try:
        head = next(reader, [])
        missing = [column for column in wanted if column not in head]
        if missing:
            raise broken(file, 1, "head", ",".join(head), f"a list of columns with {missing[0]} among them")
        for row in reader:
            if row and len(row) != len(head):
                raise broken(file, reader.line_num, "row", ",".join(row), f"one of {len(head)} values, as the head has")
            if row:
                yield reader.line_num, dict(zip(head, row, strict=True))
    except csv.Error as error:
        raise broken(file, reader.line_num, "text", str(error), "CSV") from error


def _whole(  # noqa: PLR0913  where it stands and what bounds it
    file: str, line: int, row: Mapping[str, str], column: str, *, least: int = 0, most: int = _MOST
) -> int:
    number = _number(row[column].strip(), most)
    if number is None or number < least:
        raise broken(file, line, column, row[column], f"a whole number from {least} to {most}")
    return number


def _number(text: str, most: int) -> int | None:
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(most))):
        return None
    return int(text) if int(text) <= most else None
