"""Did a refused pod fit somewhere after all? A second book of every device, as plain as can be, for the replay alone.

It shares no line with ledger and packer, so that it notices what they get wrong: a refusal of what fits, a placement
that does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kube.gpus import WHOLE, Share

if TYPE_CHECKING:
    from collections.abc import Iterable

    from extender.core.ledger.nodes import GpuNode
    from extender.core.model import Shape
    from kube.gpus import Placement


class Book:
    """What is left of each node: milli-CPU, MiB, and milli-GPU by device."""

    def __init__(self, nodes: Iterable[GpuNode]) -> None:
        self._model: dict[str, str] = {}
        self._left: dict[str, list[int]] = {}
        self._devices: dict[str, list[int]] = {}
        self._unfit: set[Shape] = set()
        """Pods that fit nowhere: until room is given back they go on fitting nowhere."""
        for node in nodes:
            self._model[node.name] = node.model
            self._left[node.name] = [node.cpu, node.memory]
            self._devices[node.name] = [int(WHOLE)] * len(node.devices)

    def fits(self, shape: Shape) -> bool:
        """Tell whether there is a node where a pod fits: CPU, memory, model and enough devices."""
        if shape in self._unfit:
            return False
        devices, milli = (shape.request.devices, shape.request.milli) if isinstance(shape.request, Share) else (0, 0)
        for name, (cpu, memory) in self._left.items():
            if cpu < shape.cpu or memory < shape.memory or (shape.models and self._model[name] not in shape.models):
                continue
            if sum(free >= milli for free in self._devices[name]) >= devices:
                return True
        self._unfit.add(shape)
        return False

    def take(self, shape: Shape, node: str, placement: Placement) -> None:
        """Note a placed pod; one that was placed where it does not fit is our defect."""
        self._change(shape, node, placement, sign=-1)
        free = self._devices[node]
        if (
            min(self._left[node]) < 0
            or min(free, default=0) < 0
            or (shape.models and self._model[node] not in shape.models)
        ):
            raise AssertionError(f"{shape} was placed on {node}, where it does not fit")

    def give_back(self, shape: Shape, node: str, placement: Placement) -> None:
        """Note that a placed pod is gone."""
        self._unfit.clear()
        self._change(shape, node, placement, sign=1)

    def _change(self, shape: Shape, node: str, placement: Placement, *, sign: int) -> None:
        self._left[node][0] += sign * shape.cpu
        self._left[node][1] += sign * shape.memory
        for device in placement.devices:
            self._devices[node][int(device)] += sign * placement.milli
