"""How is the room of thousands of nodes stored, so that a question about all of them is a few array operations?"""

from __future__ import annotations

from copy import copy
from itertools import repeat, zip_longest
from typing import TYPE_CHECKING, Self

import numpy as np

from extender.core.ledger.names import NameTable, PackedNames
from extender.core.ledger.nodes import Backend

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    from extender.core.ledger.nodes import GpuNode
    from extender.core.model import Shape

_ROWS, _COLUMNS = 8, 64
_NO_MODEL = -1
_NO_COLUMN = -1
_CHANGES = 64  # remembered one by one: whoever missed more looks at all columns


class Columns:
    """Arrays in which a column is a node and a row one device index, devices-major: a question walks memory in order.

    - `free`: uint16, shape [devices, nodes], milli-GPU that a new pod may take; 0 for a device that a node does not
      have, that takes no new pod, and in unused columns.
    - `device_memory`: int32, shape [devices, nodes], MiB that each device has; 0 = unknown.
    - `cpu_free`, `memory_free`: int64, shape [nodes], milli-CPU and MiB; negative where others overfilled the node.
    - `devices`: int16, shape [nodes], how many devices the node has.
    - `model`: int16, shape [nodes], place of the node's GPU model in `models`; -1 in unused columns. In `models` there
      may be some that no node has any more.
    - `shares`, `hami`: bool, shape [nodes], whether shares of a device are given there, and whether HAMi gives them.
    - `changed`: int64, shape [nodes], `generation` at the last change of the column.

    They are replaced when they grow: nobody keeps one from call to call.
    """

    def __init__(self) -> None:
        self.free: NDArray[np.uint16] = np.zeros((_ROWS, _COLUMNS), dtype=np.uint16)
        self.device_memory: NDArray[np.int32] = np.zeros((_ROWS, _COLUMNS), dtype=np.int32)
        self.cpu_free: NDArray[np.int64] = np.zeros(_COLUMNS, dtype=np.int64)
        self.memory_free: NDArray[np.int64] = np.zeros(_COLUMNS, dtype=np.int64)
        self.devices: NDArray[np.int16] = np.zeros(_COLUMNS, dtype=np.int16)
        self.model: NDArray[np.int16] = np.full(_COLUMNS, _NO_MODEL, dtype=np.int16)
        self.shares: NDArray[np.bool_] = np.zeros(_COLUMNS, dtype=np.bool_)
        self.hami: NDArray[np.bool_] = np.zeros(_COLUMNS, dtype=np.bool_)
        self.changed: NDArray[np.int64] = np.zeros(_COLUMNS, dtype=np.int64)
        self.generation = 0
        """Grows with every change of a column."""
        self.renewed = 0
        """What `generation` is at least once the last node that came, changed or went is written."""
        self.columns: dict[str, int] = {}
        self.models: list[str] = []
        self._names = [""] * _COLUMNS
        self._unused = list(range(_COLUMNS - 1, -1, -1))
        self._table: NameTable | None = None  # both made anew when they are wanted, after nodes came or went
        self._ranks: NDArray[np.int64] | None = None
        self._changes: list[int] = []

    def columns_of(self, nodes: Sequence[str]) -> NDArray[np.int64]:
        """Return the column of each of `nodes`, shape [len(nodes)]; -1 for nodes that are not ours."""
        if isinstance(nodes, PackedNames):
            if self._table is None:
                self._table = NameTable(self.columns)
            return self._table.find(nodes)
        return np.fromiter(map(self.columns.get, nodes, repeat(_NO_COLUMN)), dtype=np.int64, count=len(nodes))

    def first_of(self, columns: NDArray[np.int64]) -> int:
        """Return which of some used columns, at least one, has the name that comes first."""
        return int(columns[0]) if len(columns) == 1 else int(columns[self.ranks.take(columns).argmin()])

    @property
    def ranks(self) -> NDArray[np.int64]:
        """The place of each column among the names of all nodes, shape [columns]; of an unused one it says nothing."""
        if self._ranks is None:
            self._ranks = np.zeros(self.free.shape[1], dtype=np.int64)
            self._ranks[[self.columns[name] for name in sorted(self.columns)]] = np.arange(len(self.columns))
        return self._ranks

    def changed_since(self, generation: int) -> set[int] | None:
        """Return the columns that changed after `generation`; None where they are too many to remember."""
        count = self.generation - generation
        if count > len(self._changes):
            return None
        return set(self._changes[-count:]) if count else set()

    def takes_at(self, shape: Shape, column: int) -> bool:
        """Tell what `takes` tells, of one column."""
        if shape.by_kubelet:
            return bool(self.hami[column])
        return not shape.shares or bool(self.shares[column])

    def takes(self, shape: Shape) -> NDArray[np.bool_]:
        """Tell which columns take such a pod at all, as `GpuNode.bars` does; shape [columns]."""
        if shape.by_kubelet:
            return self.hami
        return self.shares if shape.shares else np.ones(len(self.shares), dtype=np.bool_)

    def of_models(self, models: Collection[str]) -> NDArray[np.bool_]:
        """Tell which columns are nodes with GPUs of one of `models`, shape [columns]."""
        return np.isin(self.model, [self.models.index(model) for model in models if model in self.models])

    def name_of(self, column: int) -> str:
        """Return the node of a used column."""
        return self._names[column]

    def _copy_columns(self) -> Self:
        """Return the same columns, to be changed apart; what else there is, is shared."""
        other: Self = copy(self)
        other.free, other.changed = self.free.copy(), self.changed.copy()
        other.cpu_free, other.memory_free = self.cpu_free.copy(), self.memory_free.copy()
        other.device_memory, other.devices, other.model = (
            self.device_memory.copy(),
            self.devices.copy(),
            self.model.copy(),
        )
        other.shares, other.hami = self.shares.copy(), self.hami.copy()
        other.columns, other.models = self.columns.copy(), self.models.copy()
        other._names, other._unused, other._changes = self._names.copy(), self._unused.copy(), self._changes.copy()
        return other

    def _put(self, node: GpuNode) -> None:
        """Give a node its column, or its column new devices; `_write` follows."""
        if node.name not in self.columns:
            if not self._unused:
                self._grow(rows=len(self.free), columns=2 * self.free.shape[1])
            self.columns[node.name] = self._unused.pop()
            self._table = self._ranks = None
        if len(node.devices) > len(self.free):
            self._grow(rows=len(node.devices), columns=self.free.shape[1])
        self.renewed = self.generation + 1
        column = self.columns[node.name]
        self._names[column] = node.name
        self.model[column] = _NO_MODEL
        self.model[column] = self._place_of(node.model)
        self.devices[column] = len(node.devices)
        self.shares[column] = not node.closed_to_shares
        self.hami[column] = node.backend is Backend.HAMI
        self.device_memory[:, column] = 0
        self.device_memory[: len(node.devices), column] = [device.memory for device in node.devices]

    def _place_of(self, model: str) -> int:
        """Return the place of a model; one that is new gets that of one that no node has any more, where there is one.

        Labels name models: over the life of a cluster there may be any number of them.
        """
        if model not in self.models:
            unused = set(range(len(self.models))).difference(self.model.tolist())
            if not unused:
                self.models.append(model)
            else:
                self.models[min(unused)] = model
        return self.models.index(model)

    def _write(self, name: str, free: Sequence[int], cpu: int, memory: int) -> None:
        """Write the room of a node, `free` in milli-GPU, shape [devices of the node]."""
        column = self.columns[name]
        self.free[: len(free), column] = free
        if len(free) < len(self.free):
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
        self._changed(*columns)

    def _drop(self, name: str) -> None:
        self.renewed = self.generation + 1
        column = self.columns.pop(name)
        self._table = self._ranks = None
        self._names[column] = ""
        self.free[:, column] = 0
        self.device_memory[:, column] = 0
        self.cpu_free[column] = self.memory_free[column] = 0
        self.model[column] = _NO_MODEL
        self._unused.append(column)
        self._changed(column)

    def _changed(self, *columns: int) -> None:
        """Note a change of each of these columns; nothing else raises `generation`."""
        for column in columns:
            self.generation += 1
            self.changed[column] = self.generation
        self._changes += columns
        if len(self._changes) > 2 * _CHANGES:
            del self._changes[:-_CHANGES]

    def _grow(self, *, rows: int, columns: int) -> None:
        known = self.free.shape[1]
        more = ((0, rows - len(self.free)), (0, columns - known))
        self.free = np.pad(self.free, more)
        self.device_memory = np.pad(self.device_memory, more)
        self.cpu_free = np.pad(self.cpu_free, more[1])
        self.memory_free = np.pad(self.memory_free, more[1])
        self.devices = np.pad(self.devices, more[1])
        self.shares = np.pad(self.shares, more[1])
        self.hami = np.pad(self.hami, more[1])
        self.model = np.pad(self.model, more[1], constant_values=_NO_MODEL)
        self.changed = np.pad(self.changed, more[1])
        self._names.extend([""] * (columns - known))
        self._unused.extend(range(columns - 1, known - 1, -1))
