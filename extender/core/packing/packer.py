"""Which of these nodes takes a pod, and with which devices? The scores of every shape are remembered by node.

A score depends on the shape, the node and the typical pods: when a shape is asked about again, only those nodes are
scored anew that changed in between, and all of them once the typical pods were learned anew.

Among equal scores the node whose name comes first wins, whatever the order they are given in.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from extender.core import reasons
from extender.core.packing.capacity import Capacity
from extender.core.packing.choice import Choice, Misfit, RunnerUp
from extender.core.packing.fitting import fit
from extender.core.packing.fragmentation import Usable
from extender.core.packing.one_node import OneRoom, score_one, scores_plainly
from extender.core.packing.pressure import pressure, thought_of
from extender.core.packing.scoring import MISFIT, OneScore, Room, Scores, score, standing
from extender.core.packing.settings import Settings, Strategy
from extender.core.packing.typical import ALL, Experience, with_a_whole_gpu
from kube.gpus import MilliGpu, Placement, Share

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    from extender.core.ledger.ledger import Ledger
    from extender.core.model import Shape
    from extender.core.packing.capacity import Kind, Pool
    from extender.core.packing.typical import Popular
    from kube.gpus import MemoryShare

HIGHEST_SCORE = 10
"""kube-scheduler's scale of an extender's scores: integers from 0."""

_FEW = 10  # nodes that are scored one by one: of more, arrays are quicker
_MOST_SHAPES = 512  # remembered at once: of 10,000 nodes, 40 MB
_FRAGMENTATION = Strategy.FRAGMENTATION  # to look it up at its class takes its time


@dataclass(slots=True)
class _Scored:
    """The scores of a shape, int32 [columns], as they were at `generation` of the ledger and `lesson` of the packer.

    `row`: int8 [columns], the device that a pod of one device takes.
    """

    score: NDArray[np.int32]
    row: NDArray[np.int8]
    generation: int
    lesson: int


class Packer:
    """Chooses nodes and devices over a ledger; learns which pods are typical."""

    def __init__(self, ledger: Ledger, settings: Settings | None = None) -> None:
        self._ledger = ledger
        self.settings = settings or Settings()
        self._experience = Experience(self.settings.memory)
        self._unlearned = 0
        self._capacity = Capacity()
        self._capacity_version = -1
        self._typical: tuple[Popular, ...] = ()
        self._usable = Usable((), ())
        self._felt: list[int] = []
        self._fixed: NDArray[np.int64] = np.zeros((5, 0), dtype=np.int64)  # what `Room` has beside the ledger's
        self._kinds: tuple[Kind, ...] = ()
        self._lesson = 0
        self._rooms: dict[int, tuple[int, OneRoom]] = {}  # by column, with the generation of its last change
        self._scored: dict[tuple[Share | MemoryShare | None, int, bool], _Scored] = {}

    def retune(self, settings: Settings) -> None:
        """Go by other settings from now on; what was learned stays."""
        self.settings = settings
        self._experience.remember(settings.memory)
        self._unlearned = max(1, self._experience.pods)
        self._capacity_version = -1

    def over(self, ledger: Ledger) -> Packer:
        """Return a packer of the same settings and experience that chooses over a copy of this one's ledger.

        What either learns from then on is its own; scores are computed anew.
        """
        self._follow()
        other: Packer = copy(self)
        other._ledger = ledger
        other._capacity = copy(self._capacity)
        other._experience = self._experience.copy()
        other._rooms = self._rooms.copy()
        other._scored = {}
        return other

    # --- what pods come ---

    def learn(self, shape: Shape, pods: int = 1) -> None:
        """Take note that `pods` pods of a shape came; each once, when it is first seen."""
        self._experience.add(shape, pods)
        self._unlearned += pods

    def forget(self, shape: Shape) -> None:
        """Take back a pod that was learned and turned out not to be one."""
        self._experience.remove(shape)
        self._unlearned += 1

    @property
    def typical(self) -> tuple[Popular, ...]:
        """The typical pods that scores rest on, the most popular first."""
        self._follow()
        return self._typical

    @property
    def pressure(self) -> dict[Pool, int]:
        """How scarce each pool of nodes is, in thousandths: demand that cannot run everywhere, over what there is."""
        self._follow()
        return dict(zip(self._capacity.pools, self._felt, strict=True))

    def fragmentation(self) -> int:
        """Return the milli-GPU that are free and of no use to the typical pods, over all nodes."""
        self._follow()
        columns = np.flatnonzero(self._capacity.known)
        free = self._ledger.free[:, columns]
        state = self._usable.state(self._capacity.kind[columns], self._ledger.cpu_free[np.newaxis, columns], free)
        return int(free.sum(dtype=np.int64) - self._usable.of(state).sum() // ALL)

    # --- where they go ---

    def choose(self, shape: Shape, nodes: Sequence[str], closed: Collection[str] = ()) -> Choice | None:
        """Return the best of `nodes` for a pod, and its devices there; None if it fits on none of them.

        Nodes of the models in `closed` are no candidates.
        """
        columns = self._ledger.columns_of(nodes)
        if len(columns) and np.minimum.reduce(columns) < 0:
            columns = columns[columns >= 0]
        if closed:
            columns = columns[~self._ledger.of_models(closed)[columns]]
        all_scores = self._up_to_date(shape).score
        scores = all_scores.take(columns)
        best = self._best(scores, columns)
        if len(best) == 0:
            return None
        fitting = int(np.count_nonzero(scores != MISFIT))
        column = self._ledger.first_of(best)
        others = best[best != column]
        if len(others) == 0:
            np.putmask(scores, columns == column, MISFIT)
            others = self._best(scores, columns)
        runner_up = None
        if len(others):
            second = self._ledger.first_of(others)
            runner_up = RunnerUp(self._ledger.name_of(second), int(all_scores[second]))
        return self._choice(shape, column, fitting, runner_up)

    def best(self, shape: Shape, columns: NDArray[np.int64]) -> int | None:
        """Return the best of the ledger's `columns` for a pod; None if it fits on none of them."""
        best = self._best(self._up_to_date(shape).score.take(columns), columns)
        return self._ledger.first_of(best) if len(best) else None

    def fits_any(self, shape: Shape, columns: NDArray[np.int64] | None = None, closed: Collection[str] = ()) -> bool:
        """Tell whether a pod fits on any node of `columns` of the ledger (None: of all), whichever is the best.

        Nodes of the models in `closed` are no candidates.
        """
        ledger = self._ledger
        columns = np.flatnonzero(ledger.model >= 0) if columns is None else columns[ledger.model[columns] >= 0]
        if closed:
            columns = columns[~ledger.of_models(closed)[columns]]
        columns = columns[ledger.takes(shape)[columns]]
        return bool(fit(shape.request, ledger.free[:, columns], ledger.device_memory[:, columns]).fits.any())

    def scores(self, shape: Shape, nodes: Sequence[str]) -> NDArray[np.int32]:
        """Return the score of each of `nodes`, higher is better; `MISFIT`, the lowest number, where it does not fit."""
        columns = self._ledger.columns_of(nodes)
        return np.where(columns < 0, MISFIT, self._up_to_date(shape).score[columns])

    def fitting(self, shape: Shape, nodes: Sequence[str], closed: Collection[str] = ()) -> tuple[str, ...]:
        """Return those of `nodes` on which a pod fits, but for the models in `closed`."""
        scores = self.scores(shape, nodes)
        if closed:
            columns = self._ledger.columns_of(nodes)
            scores[self._ledger.of_models(closed)[columns]] = MISFIT
        return tuple(node for node, score in zip(nodes, scores.tolist(), strict=True) if score != MISFIT)

    def priorities(self, shape: Shape, nodes: Sequence[str]) -> tuple[int, ...]:
        """Return a score from 0 to 10 for each of `nodes`: 0 where it does not fit, 1 for the tenth best and below."""
        scores = self.scores(shape, nodes)
        better = np.unique(scores[scores != MISFIT])[::-1]
        rank = np.minimum(np.searchsorted(-better, -scores), HIGHEST_SCORE - 1)
        return tuple(np.where(scores == MISFIT, 0, HIGHEST_SCORE - rank).tolist())

    def placement(self, shape: Shape, node: str) -> Placement | Misfit:
        """Return the devices that a pod takes on a node, or why it takes none."""
        column = self._ledger.columns.get(node)
        placed = None if column is None else self.place(shape, column)
        if placed is not None:
            return placed
        return Misfit(reasons.misfits(self._ledger, shape, (node,), {})[node])

    def place(self, shape: Shape, column: int) -> Placement | None:
        """Return the devices that a pod takes on the node of a column, or None if it does not fit."""
        if isinstance(shape.request, Share) and shape.request.devices == 1:
            scored = self._up_to_date(shape)
            if scored.score[column] == MISFIT:
                return None
            return Placement((self._device(column, int(scored.row[column])),), shape.request.milli)
        self._follow()
        one = self._score_one(shape, column)
        return None if one is None else self._placed(shape, column, one)

    # --- how ---

    def _best(self, scores: NDArray[np.int32], columns: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return those of `columns` that have the highest of their `scores`; none where a pod fits on none of them."""
        most = scores[scores.argmax()] if len(scores) else MISFIT
        return columns[:0] if most == MISFIT else columns[scores == most]

    def _choice(self, shape: Shape, column: int, fitting: int, runner_up: RunnerUp | None) -> Choice:
        one = self._score_one(shape, column)
        assert one is not None  # noqa: S101  it was chosen because it fits
        left = one.free - len(one.rows) * one.milli
        return Choice(
            self._ledger.name_of(column),
            self._placed(shape, column, one),
            score=one.score,
            before=(one.free * ALL - one.before) // ALL,
            after=(left * ALL - one.after) // ALL,
            pressure=one.pressure,
            starvation=one.starvation,
            order=one.order,
            fitting=fitting,
            runner_up=runner_up,
        )

    def _placed(self, shape: Shape, column: int, one: OneScore) -> Placement:
        rows = one.rows if shape.request is not None else ()
        return Placement(tuple(self._device(column, row) for row in rows), MilliGpu(one.milli))

    def _device(self, column: int, row: int) -> str:
        node = self._ledger.node(self._ledger.name_of(column))
        assert node is not None  # noqa: S101  only columns of nodes have a score
        return node.devices[row].name

    def _up_to_date(self, shape: Shape) -> _Scored:
        """Return the scores of all columns as they are now."""
        self._follow()
        # What else a shape holds decides where kube-scheduler lets it go, not how good a node is.
        key = (shape.request, shape.cpu, shape.by_kubelet)
        ledger = self._ledger
        scored = self._scored.pop(key, None)
        columns = ledger.free.shape[1]
        if scored is None or scored.lesson != self._lesson or len(scored.score) != columns:
            scored = _Scored(
                np.full(columns, MISFIT, dtype=np.int32), np.zeros(columns, dtype=np.int8), -1, self._lesson
            )
            if len(self._scored) >= _MOST_SHAPES:
                del self._scored[next(iter(self._scored))]
        self._scored[key] = scored  # last in: the first is the one that was not asked about the longest
        if scored.generation < ledger.generation:
            self._score_changed(shape, scored)
            scored.generation = ledger.generation
        return scored

    def _score_changed(self, shape: Shape, scored: _Scored) -> None:
        ledger = self._ledger
        few = ledger.changed_since(scored.generation)
        if few is not None and len(few) <= _FEW and scores_plainly(shape, self.settings.strategy):
            takes = ledger.takes(shape)
            for column in few:
                one = score_one(shape, self._room(column), self._usable, self.settings) if takes[column] else None
                scored.score[column] = MISFIT if one is None else one.score
                scored.row[column] = 0 if one is None else one.rows[0]
            return
        # Columns that are no nodes are scored with the others: nobody asks about them.
        (changed,) = (ledger.changed > scored.generation).nonzero()
        scores = self._score(shape, changed)
        scored.score[changed] = scores.score
        if scores.taken.ndim == 1:
            scored.row[changed] = scores.taken

    def _score_one(self, shape: Shape, column: int) -> OneScore | None:
        if not scores_plainly(shape, self.settings.strategy):
            return self._score(shape, np.array([column])).one(0)
        if not self._ledger.takes_at(shape, column):
            return None
        return score_one(shape, self._room(column), self._usable, self.settings)

    def _room(self, column: int) -> OneRoom:
        """Return a node to be scored alone; several shapes are asked about between two changes of it."""
        ledger = self._ledger
        generation = int(ledger.changed[column])
        known = self._rooms.get(column)
        if known is not None and known[0] == generation:
            return known[1]
        there, devices, kind, order, pressure = self._fixed[:, column].tolist()
        free, cpu = ledger.free[:, column].tolist(), int(ledger.cpu_free[column])
        ours = self.settings.strategy is _FRAGMENTATION  # no other asks what was usable before
        before = self._usable.of_one(kind, cpu, free) if ours else 0
        room = OneRoom(free, cpu, there, devices, kind, order, pressure, before)
        self._rooms[column] = (generation, room)
        return room

    def _score(self, shape: Shape, columns: NDArray[np.int64]) -> Scores:
        ledger = self._ledger
        fixed = self._fixed.take(columns, axis=1)
        room = Room(
            ledger.free.take(columns, axis=1),
            ledger.device_memory.take(columns, axis=1),
            ledger.cpu_free.take(columns),
            *fixed,
        )
        scores = score(shape, room, self._usable, self.settings)
        np.putmask(scores.score, ~ledger.takes(shape).take(columns), MISFIT)
        return scores

    def _follow(self) -> None:
        """Bring up to date what every score rests on."""
        capacity = self._capacity
        capacity.follow(self._ledger)
        due = self._unlearned >= max(1, self._experience.pods // 4)
        if not due and self._capacity_version == capacity.version:
            return
        if due:
            self._typical = self._experience.typical(self.settings.typical_share)
            self._unlearned = 0
        self._capacity_version = capacity.version
        there = capacity.by_pool()
        seen = [*self._experience.seen(), *thought_of(capacity.pools, there)]
        felt = pressure(seen, capacity.pools, there)
        kinds = tuple(capacity.kinds)
        if due or felt != self._felt or kinds != self._kinds:
            self._felt, self._kinds = felt, kinds
            ours = self.settings.strategy is _FRAGMENTATION
            self._usable = Usable(with_a_whole_gpu(self._typical) if ours else self._typical, kinds)
        self._lesson += 1
        self._rooms.clear()
        felt_by_pool = np.array(felt or [0], dtype=np.int64)[capacity.pool]
        charges = standing(self.settings, felt_by_pool, capacity.places(self.settings.order))
        self._fixed = np.stack((capacity.cpu, np.maximum(capacity.devices, 1), capacity.kind, *charges))
