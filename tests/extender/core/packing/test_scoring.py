"""A score is what the typical pods lose, and what is charged for scarce models, starved GPUs and the order of nodes."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from extender.core.model import Shape, share_on
from extender.core.packing.capacity import PLACES, Kind
from extender.core.packing.fragmentation import Usable
from extender.core.packing.scoring import MISFIT, Room, Scores, score, standing
from extender.core.packing.settings import Settings, Strategy
from extender.core.packing.typical import ALL
from kube.gpus import MiB
from tests.extender.core.packing.clusters import rooms, shape, shapes
from tests.extender.core.packing.test_fragmentation import twin, typical

T4 = Kind("T4", MiB(16_000))


def room(free: list[int], *, cpu: int = 16_000, order: int = 0, pressure: int = 0) -> Room:
    column = np.array([free], dtype=np.uint16).T
    values = (16_000, len(free), 0, order, pressure)
    return Room(
        column, np.full(column.shape, 16_000, dtype=np.int32), np.array([cpu]), *np.array(values)[:, np.newaxis]
    )


def scored(asked: Shape, where: Room, settings: Settings, lesson: list[Shape] | None = None) -> Scores:
    return score(asked, where, Usable(typical(lesson or []), [T4]), settings)


BARE = Settings(pressure=0, starvation=0, order=0)


@given(shapes, rooms, st.lists(shapes, max_size=5), st.sampled_from([0, 4000, 16_000]))
def test_the_bare_score_is_the_fragmentation_that_a_pod_takes_away(
    asked: Shape, free: list[int], lesson: list[Shape], cpu: int
) -> None:
    found = scored(asked, room(free, cpu=cpu), BARE, lesson)
    if found.score[0] == MISFIT:
        return
    rest = list(free)
    milli = 0
    if asked.request is not None:
        share = share_on(asked.request, MiB(16_000))
        assert share is not None
        milli = share.milli * share.devices
        one = found.one(0)
        assert one is not None
        for row in one.rows:
            rest[row] -= share.milli
    learned = typical(lesson)
    before = sum(free) * ALL - twin(learned, T4, cpu, free)
    after = sum(rest) * ALL - twin(learned, T4, cpu - asked.cpu, rest)
    assert sum(rest) == sum(free) - milli
    assert found.score[0] == (before - after) // ALL
    assert (found.free[0], found.before[0], found.after[0]) == (
        sum(free),
        sum(free) * ALL - before,
        sum(rest) * ALL - after,
    )


@given(st.sampled_from([100, 300, 810, 1000]), rooms, st.lists(shapes, max_size=5))
def test_no_other_device_would_leave_less_fragmentation(milli: int, free: list[int], lesson: list[Shape]) -> None:
    found = scored(shape(1, milli), room(free), BARE, lesson)
    if found.score[0] == MISFIT:
        return
    learned = typical(lesson)

    def used(device: int) -> tuple[int, int, int]:
        rest = [left - milli * (at == device) for at, left in enumerate(free)]
        return twin(learned, T4, 15_000, rest), -free[device], -device

    one = found.one(0)
    assert one is not None
    assert one.rows == (max((at for at, left in enumerate(free) if left >= milli), key=used),)


def test_pressure_is_charged_for_the_gpus_taken() -> None:
    settings = Settings(pressure=600, starvation=0, order=0)
    _, pressure = standing(settings, np.array([1500]), np.array([0]))
    charges = scored(shape(2, 500), room([1000, 1000], pressure=int(pressure[0])), settings).charges
    assert [charge.item() for charge in charges] == [900, 0, 0]
    assert scored(shape(0, 0), room([1000], pressure=int(pressure[0])), settings).charges[0].tolist() == [0]


def test_gpus_without_cpu_are_charged_by_their_share_of_the_node() -> None:
    settings = Settings(pressure=0, starvation=800, order=0)
    # Half of the GPUs stay free, and a quarter of the CPU: a quarter of the node is starved.
    found = scored(shape(1, 1000, cpu=4000), room([1000, 1000], cpu=8000), settings)
    assert int(found.charges[1][0]) == 200


def test_later_places_are_charged_more() -> None:
    settings = Settings(pressure=0, starvation=0, order=400)
    order, _ = standing(settings, np.array([0]), np.array([PLACES // 2]))
    assert scored(shape(1, 100), room([1000], order=int(order[0])), settings).charges[2].tolist() == [200]


def test_fgd_scores_as_it_was_published() -> None:
    # int(100 * sigmoid(fragmentation taken away, in GPUs)): nothing is typical, so a pod takes away what it takes.
    found = scored(shape(1, 1000), room([1000, 1000]), Settings(strategy=Strategy.FGD))
    assert found.score.tolist() == [73]


def test_best_fit_scores_as_it_was_published() -> None:
    # int(100 * (1 - (12/128 + 1/8) / 2)): of 16 cores and 2 GPUs, 12 and 1 are left.
    found = scored(shape(1, 1000, cpu=4000), room([1000, 1000]), Settings(strategy=Strategy.BEST_FIT))
    assert found.score.tolist() == [89]
