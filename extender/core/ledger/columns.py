"""How is the room of thousands of nodes stored, so that a question about all of them is a few array operations?"""

from __future__ import annotations

from itertools import repeat, zip_longest
from typing import TYPE_CHECKING

import numpy as np

from extender.core.ledger.names import NameTable, PackedNames
from extender.core.ledger.nodes import Backend

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from extender.core.ledger.nodes import GpuNode
    from extender.core.model import Shape

_ROWS, _COLUMNS = 8, 64
_NO_MODEL = -1
_NO_COLUMN = -1


class Columns:
    """Arrays in which a column is a node and a row one device index, devices-major: a question walks memory in order.

    - `free`: uint16, shape [devices, nodes], milli-GPU that a new pod may take; 0 for a device that a node does not
      have, that takes no new pod, and in unused columns.
    - `device_memory`: int32, shape [devices, nodes], MiB that each device has; 0 = unknown.
    - `cpu_free`, `memory_free`: int64, shape [nodes], milli-CPU and MiB; negative where others overfilled the node.
    - `model`: int16, shape [nodes], place of the node's GPU model in `models`; -1 in unused columns.
    - `shares`, `hami`: bool, shape [nodes], whether shares of a device are given there, and whether HAMi gives them.
    - `changed`: int64, shape [nodes], `generation` at the last change of the column.

    They are replaced when they grow: nobody keeps one from call to call.
    """

    def __init__(self) -> None:
        self.free: NDArray[np.uint16] = np.zeros((_ROWS, _COLUMNS), dtype=np.uint16)
        self.device_memory: NDArray[np.int32] = np.zeros((_ROWS, _COLUMNS), dtype=np.int32)
        self.cpu_free: NDArray[np.int64] = np.zeros(_COLUMNS, dtype=np.int64)
        self.memory_free: NDArray[np.int64] = np.zeros(_COLUMNS, dtype=np.int64)
        self.model: NDArray[np.int16] = np.full(_COLUMNS, _NO_MODEL, dtype=np.int16)
        self.shares: NDArray[np.bool_] = np.zeros(_COLUMNS, dtype=np.bool_)
        self.hami: NDArray[np.bool_] = np.zeros(_COLUMNS, dtype=np.bool_)
        self.changed: NDArray[np.int64] = np.zeros(_COLUMNS, dtype=np.int64)
        self.generation = 0
        """Grows with every change of a column."""
        self.columns: dict[str, int] = {}
        self.models: list[str] = []
        self._names = [""] * _COLUMNS
        self._unused = list(range(_COLUMNS - 1, -1, -1))
        self._table: NameTable | None = None  # made anew when it is wanted, after nodes came or went

    def columns_of(self, nodes: Sequence[str]) -> NDArray[np.int64]:
        """Return the column of each of `nodes`, shape [len(nodes)]; -1 for nodes that are not ours."""
        if isinstance(nodes, PackedNames):
            if self._table is None:
                self._table = NameTable(self.columns)
            return self._table.find(nodes)
        return np.fromiter(map(self.columns.get, nodes, repeat(_NO_COLUMN)), dtype=np.int64, count=len(nodes))

    def takes(self, shape: Shape) -> NDArray[np.bool_]:
        """Tell which columns take such a pod at all, as `GpuNode.bars` does; shape [columns]."""
        if shape.by_kubelet:
            return self.hami
        return self.shares if shape.shares else np.ones(len(self.shares), dtype=np.bool_)

    def name_of(self, column: int) -> str:
        """Return the node of a used column."""
        return self._names[column]

    def _put(self, node: GpuNode) -> None:
        """Give a node its column, or its column new devices; `_write` follows."""
        if node.name not in self.columns:
            if not self._unused:
                self._grow(rows=len(self.free), columns=2 * self.free.shape[1])
            self.columns[node.name] = self._unused.pop()
            self._table = None
        if len(node.devices) > len(self.free):
            self._grow(rows=len(node.devices), columns=self.free.shape[1])
        if node.model not in self.models:
            self.models.append(node.model)
        column = self.columns[node.name]
        self._names[column] = node.name
        self.model[column] = self.models.index(node.model)
        self.shares[column] = not node.closed_to_shares
        self.hami[column] = node.backend is Backend.HAMI
        self.device_memory[:, column] = 0
        self.device_memory[: len(node.devices), column] = [device.memory for device in node.devices]

    def _write(self, name: str, free: Sequence[int], cpu: int, memory: int) -> None:
        """Write the room of a node, `free` in milli-GPU, shape [devices of the node]."""
        column = self.columns[name]
        self.free[: len(free), column] = free
        self.free[len(free) :, column] = 0
        self.cpu_free[column] = cpu
        self.memory_free[column] = memory
        self._changed(column)

    def _write_all(self, names: Sequence[str], rooms: Sequence[tuple[Sequence[int], int, int]]) -> None:
        """Write the rooms of different nodes, each as `_write` takes it."""
        if not names:
            return
        columns = [self.columns[name] for name in names]
        free, cpu, memory = zip(*rooms, strict=True)
        rows = zip_longest(*free, fillvalue=0)
        self.free[:, columns] = 0
        by_row = np.array(list(rows), dtype=np.uint16).reshape(-1, len(columns))
        self.free[: len(by_row), columns] = by_row
        self.cpu_free[columns] = cpu
        self.memory_free[columns] = memory
        self.changed[columns] = range(self.generation + 1, self.generation + len(columns) + 1)
        self.generation += len(columns)

    def _drop(self, name: str) -> None:
        column = self.columns.pop(name)
        self._table = None
        self._names[column] = ""
        self.free[:, column] = 0
        self.device_memory[:, column] = 0
        self.cpu_free[column] = self.memory_free[column] = 0
        self.model[column] = _NO_MODEL
        self._unused.append(column)
        self._changed(column)

    def _changed(self, column: int) -> None:
        self.generation += 1
        self.changed[column] = self.generation

    def _grow(self, *, rows: int, columns: int) -> None:
        known = self.free.shape[1]
        more = ((0, rows - len(self.free)), (0, columns - known))
        self.free = np.pad(self.free, more)
        self.device_memory = np.pad(self.device_memory, more)
        self.cpu_free = np.pad(self.cpu_free, more[1])
        self.memory_free = np.pad(self.memory_free, more[1])
        self.shares = np.pad(self.shares, more[1])
        self.hami = np.pad(self.hami, more[1])
        self.model = np.pad(self.model, more[1], constant_values=_NO_MODEL)
        self.changed = np.pad(self.changed, more[1])
        self._names.extend([""] * (columns - known))
        self._unused.extend(range(columns - 1, known - 1, -1))
