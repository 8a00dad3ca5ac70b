"""Which pods will come? Those that came, the later ones counting more: the most popular are typical.

Integers throughout, so that the same pods in the same order always teach the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from msgspec.structs import replace

from extender.core.model import Shape, is_short
from kube.gpus import WHOLE, MemoryShare, Share

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ALL = 2**20
"""What the popularity of all typical pods adds up to."""

GRAIN = 16  # a pod counts so much: halving then forgets it in four steps, not at once
_MOST_SHAPES = 1024  # remembered at once; the rarest go first
_MOST_TYPICAL = 256
_A_WHOLE_GPU = Shape(Share(1, WHOLE))
_ALWAYS = ALL // 50


@dataclass(frozen=True, slots=True)
class Popular:
    """A typical pod, and its part of `ALL`."""

    shape: Shape
    popularity: int


def with_a_whole_gpu(typical: Sequence[Popular]) -> tuple[Popular, ...]:
    """Return `typical` and, for a fiftieth of all, a pod of one whole GPU.

    One is always thought possible, whatever came: fractions fill started devices before they start another.
    """
    others = tuple(Popular(one.shape, one.popularity * (ALL - _ALWAYS) // ALL) for one in typical)
    return (*others, Popular(_A_WHOLE_GPU, ALL - sum(one.popularity for one in others)))


class Experience:
    """How often each shape of a pod was seen; bounded. The pods' memory (RAM) is left out: it refuses few."""

    def __init__(self, memory: int) -> None:
        self._memory = memory * GRAIN
        self._seen: dict[Shape, int] = {}
        self._total = 0

    def remember(self, memory: int) -> None:
        """Let what was learned count half after `memory` pods from now on."""
        self._memory = memory * GRAIN

    def add(self, shape: Shape, pods: int = 1) -> None:
        """Take note of `pods` pods of a shape; not of one that names more models than are kept."""
        if not is_short(shape.models):
            return
        shape = _without_memory(shape)
        self._seen[shape] = self._seen.get(shape, 0) + pods * GRAIN
        self._total += pods * GRAIN
        if self._total >= 2 * self._memory:
            self._keep((one, count // 2) for one, count in self._seen.items())
        if len(self._seen) > _MOST_SHAPES:
            self._keep(self._by_popularity()[: _MOST_SHAPES * 3 // 4])

    def remove(self, shape: Shape) -> None:
        """Take back a pod that was taken note of and never ran."""
        if not is_short(shape.models):
            return
        shape = _without_memory(shape)
        taken = min(self._seen.get(shape, 0), GRAIN)
        if taken:
            self._total -= taken
            self._seen[shape] -= taken
            if not self._seen[shape]:
                del self._seen[shape]

    def copy(self) -> Experience:
        """Return the same experience, to grow apart from this one."""
        other = Experience(0)
        other._memory, other._seen, other._total = self._memory, self._seen.copy(), self._total
        return other

    @property
    def pods(self) -> int:
        """How many pods what is remembered comes to."""
        return self._total // GRAIN

    def seen(self) -> Iterable[tuple[Shape, int]]:
        """Return each shape and how much it counts."""
        return self._seen.items()

    def typical(self, share: int) -> tuple[Popular, ...]:
        """Return the most popular shapes that make up `share` percent of the pods, those without GPUs among them."""
        chosen: list[tuple[Shape, int]] = []
        covered = 0
        for shape, count in self._by_popularity()[:_MOST_TYPICAL]:
            if covered * 100 >= share * self._total:
                break
            chosen.append((shape, count))
            covered += count
        return tuple(Popular(shape, count * ALL // covered) for shape, count in chosen)

    def _by_popularity(self) -> list[tuple[Shape, int]]:
        return sorted(self._seen.items(), key=lambda one: (-one[1], _key(one[0])))

    def _keep(self, counts: Iterable[tuple[Shape, int]]) -> None:
        self._seen = {shape: count for shape, count in counts if count}
        self._total = sum(self._seen.values())


@lru_cache(_MOST_SHAPES)  # thousands of pods have a few dozen shapes
def _without_memory(shape: Shape) -> Shape:
    return replace(shape, memory=0)


def milli_asked(shape: Shape) -> int:
    """Return the milli-GPU that a pod asks for; half of each device where the share depends on the model."""
    match shape.request:
        case Share(devices, milli):
            return devices * milli
        case MemoryShare(devices, _):
            return devices * WHOLE // 2
        case None:
            return 0


def _key(shape: Shape) -> tuple[int, int, int, int, tuple[str, ...]]:
    """Return what brings shapes into an order."""
    match shape.request:
        case Share(devices, milli):
            return 1, devices, milli, shape.cpu, shape.models
        case MemoryShare(devices, memory):
            return 2, devices, memory, shape.cpu, shape.models
        case None:
            return 0, 0, 0, shape.cpu, shape.models
